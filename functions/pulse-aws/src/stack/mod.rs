//! A deployed stack: how it is put together, by its own outputs.

mod deployed;
mod functions;
mod outputs;
mod ports;
mod queues;

pub use deployed::Stack;
pub use outputs::{StackOutputs, describe, outputs};
pub use queues::{depths, retention};
