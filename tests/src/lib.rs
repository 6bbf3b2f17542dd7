//! What the tests of Pulse share.

pub mod emulator;
pub mod template;
