//! A deployed stack, as the commands find their way about it.

mod functions;
mod lanes;
mod queues;
mod target;

pub use lanes::{Lanes, Mapping};
pub use queues::{Depth, depths};
pub use target::{LocalRecord, Stack, Target};
