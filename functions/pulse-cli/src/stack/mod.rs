//! A deployed stack, as the commands find their way about it.

mod lanes;
mod queues;
mod target;

pub use lanes::{Lanes, Mapping, prefix};
pub use queues::{Depth, depths};
pub use target::{LocalRecord, Stack, Target};
