//! One module per command.

pub mod audit;
pub mod customer;
pub mod enroll;
pub mod lanes;
pub mod local;
pub mod plan;
pub mod preview;
pub mod redrive;
pub mod settle;
pub mod simulate;
pub mod status;
pub mod unenroll;
