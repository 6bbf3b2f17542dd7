//! One module per command.

pub mod customer;
pub mod enroll;
pub mod local;
pub mod preview;
pub mod simulate;
pub mod status;
pub mod unenroll;
