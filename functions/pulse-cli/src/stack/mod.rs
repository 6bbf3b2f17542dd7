//! A deployed stack, as the commands find their way about it.

mod functions;
mod lanes;
mod overview;
mod queues;
mod stage;
mod target;

pub use lanes::{Lanes, Mapping, prefix};
pub use overview::overview;
pub use queues::{Depth, depths, retention};
pub use stage::StageOption;
pub use target::{LocalRecord, Stack, Target};
