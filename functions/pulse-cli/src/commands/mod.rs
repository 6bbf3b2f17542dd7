//! One module per command.

pub mod audit;
pub mod console;
pub mod customer;
pub mod dlq;
pub mod doctor;
pub mod enroll;
pub mod export;
pub mod forget;
pub mod lanes;
pub mod local;
pub mod opt_out;
pub mod orders;
pub mod pause;
pub mod plan;
pub mod preview;
pub mod redrive;
pub mod replay;
pub mod resume;
pub mod settle;
pub mod simulate;
pub mod status;
pub mod suppressions;
pub mod unenroll;
pub mod watch;
pub mod why;
