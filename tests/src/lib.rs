//! What the tests of Pulse share.

pub mod conformance;
pub mod emulator;
pub mod first_release;
pub mod house;
pub mod providers;
pub mod template;
pub mod town;
