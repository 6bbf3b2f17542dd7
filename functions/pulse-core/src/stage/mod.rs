//! The two stages and the worker that drives a batch of messages through one.

mod delivery;
mod eligibility;
mod email;
mod put_off;
mod score;
mod verdict;
mod worker;

pub use delivery::Delivery;
pub(crate) use eligibility::mailable;
pub(crate) use email::KEYS_REMEMBERED;
pub use email::{EmailPolicy, EmailStage};
pub use score::ScoreStage;
pub use verdict::{Verdict, Wait};
pub use worker::{Stage, Task, Worked, Worker, WorkerSettings};
