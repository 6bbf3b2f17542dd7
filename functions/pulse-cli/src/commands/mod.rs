//! One module per command.

pub mod audit;
pub mod customer;
pub mod enroll;
pub mod local;
pub mod preview;
pub mod redrive;
pub mod replay;
pub mod settle;
pub mod simulate;
pub mod status;
pub mod unenroll;
pub mod why;
