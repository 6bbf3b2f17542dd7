//! What is told afterwards of mails: who tells it, the intake's queues, the function that reads them, and what is watched.

mod host;
mod order;
mod recipients;
mod stack;
mod told;
mod watch;

pub(super) use self::{
    recipients::Sent,
    stack::{TIMEOUT as INTAKE_TIMEOUT, deploy as deploy_intake},
};
pub use self::{
    recipients::{RecipientWays, Recipients},
    stack::{IntakeFunction, IntakeQueueStack, IntakeStack},
    told::Told,
    watch::FeedbackWatch,
};
