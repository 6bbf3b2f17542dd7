//! What the tests of Pulse share.

pub mod template;
