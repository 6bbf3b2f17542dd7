//! Stand-ins for the two providers, for campaigns' partner, and for another system that is told of facts: servers on this machine that answer like
//! them, as slowly as they do, and that remember what they were asked.

mod fault;
mod latency;
mod mail;
mod meter;
mod options;
mod pages;
mod partner;
mod receiver;
mod score;
mod server;

pub use fault::{StandInFault, StandInFaults};
pub use latency::StandInLatency;
pub use mail::{
    AcceptedMail, MailEvent, MailEventCounts, MailEventTarget, MailEvents, MailFates, MailShare, MailStandIn,
    TakenMails,
};
pub use meter::RequestMeter;
pub use options::{StandInOptions, StandInPlace};
pub use partner::PartnerStandIn;
pub use receiver::{ReceivedFact, ReceiverCounts, ReceiverFault, ReceiverKeys, ReceiverStandIn, UnknownFault};
pub use score::ScoreStandIn;
