use std::{fmt, time::Duration};

use pulse_core::{customer::Zone, entry::StageName};

use super::campaigns::CampaignAct;
use crate::{
    queue::Disorder,
    scheduler::TargetFailure,
    world::{Down, EndpointFaults, FeedbackFaults, Noise, Ordered, PanicPlace, ProviderFaults, RecipientWays},
};

/// Something that goes wrong, or that someone does at a bad moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// When, from the start.
    pub at: Duration,
    /// For how long. No time for what happens once.
    pub lasts: Duration,
    /// The kind of fault.
    pub kind: Kind,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// The ledger throttles and loses answers.
    Ledger(Noise),
    /// Calls to queues fail and lose answers.
    Queues(Noise),
    /// Workers die, with this chance at each of their calls.
    Deaths(f64),
    /// Ticks die, with this chance at each of their calls.
    TickDeaths(f64),
    /// Workers' answers can't be read, with this chance.
    BadAnswers(f64),
    /// A provider is unreliable.
    Unreliable(StageName, ProviderFaults),
    /// A provider is out of order.
    Outage(StageName, Down),
    /// The scheduler can't reach its queue.
    SchedulerCutOff,
    /// The scheduler's invocations are refused for good.
    SchedulerRefused(TargetFailure),
    /// Batches that pollers have received never reach their functions, with this chance.
    LostBatches(f64),
    /// The tick and the audit don't run.
    NothingScheduled,
    /// An operator pauses a stage.
    Pause(StageName),
    /// Someone disables a stage's mapping in the console, and enables it at the end.
    Disable(StageName),
    /// Someone lowers a function's reserved concurrency in the console, and the mapping polls on.
    Throttle(StageName, u32),
    /// Something is wrong with what is told of mails.
    Feedback(FeedbackFaults),
    /// Someone disables the intake's mappings in the console, and enables them at the end.
    IntakeOff,
    /// Someone lowers the reserved concurrency of the intake's function, and its mappings poll on.
    IntakeThrottled(u32),
    /// The code panics on a customer.
    Panic(PanicPlace, u32),
    /// The code panics on one in so many customers.
    Panics(PanicPlace, u64),
    /// Recipients and their servers take mails otherwise than ever.
    Recipients(RecipientWays),
    /// Queues keep and hand out messages as badly as SQS may.
    Disorder(Disorder),
    /// Something is wrong with the endpoint of this number.
    Endpoint(usize, EndpointFaults),
    /// It happens once.
    Once(Act),
}

impl Kind {
    /// The stage that someone pauses by this, if it is a pause.
    #[must_use]
    pub fn pauses(&self) -> Option<StageName> {
        match self {
            Self::Pause(stage) | Self::Disable(stage) | Self::Throttle(stage, 0) => Some(*stage),
            _ => None,
        }
    }
}

/// What is done once.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// A stage's queue is purged.
    Purge(StageName),
    /// A stage's dead letters are redriven.
    Redrive(StageName),
    /// An operator starts a campaign, holds some and cancels others.
    Campaign(Box<CampaignAct>),
    /// An operator orders a redrive, and some cancel it after a while.
    Order(Ordered, Option<Duration>),
    /// Mails of unknown fate are looked up and settled.
    Settle,
    /// A deployment.
    Deploy,
    /// Someone deletes a customer's schedule.
    LoseSchedule(u32),
    /// Someone disables a customer's schedule.
    DisableSchedule(u32),
    /// A customer unsubscribes with one click.
    Click(u32),
    /// A customer leaves.
    Leave(u32),
    /// A customer comes, or comes back.
    Join(u32),
    /// A customer opts out.
    OptOut(u32),
    /// A customer wants mail again.
    OptIn(u32),
    /// A customer moves to another time zone.
    Move(u32, Zone),
    /// A customer has another address.
    NewAddress(u32),
    /// A message comes a second time, to a stage.
    Repeat(StageName, u32),
    /// A message that Pulse didn't send.
    Garbage(StageName),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", moment(self.at))?;
        match &self.kind {
            Kind::Ledger(noise) => write!(f, "the ledger fails ({noise:?})"),
            Kind::Queues(noise) => write!(f, "queues fail ({noise:?})"),
            Kind::Deaths(chance) => write!(f, "workers die at {chance:.4} of their calls"),
            Kind::TickDeaths(chance) => write!(f, "ticks die at {chance:.4} of their calls"),
            Kind::BadAnswers(chance) => write!(f, "{chance:.2} of the workers' answers can't be read"),
            Kind::Unreliable(stage, faults) => write!(f, "the {stage} provider is unreliable ({faults:?})"),
            Kind::Outage(stage, down) => write!(f, "the {stage} provider is out of order ({down:?})"),
            Kind::SchedulerCutOff => write!(f, "the scheduler can't reach its queue"),
            Kind::SchedulerRefused(TargetFailure::RoleBroken) => write!(f, "the scheduler's role is broken"),
            Kind::SchedulerRefused(_) => write!(f, "the scheduler is refused by its queue"),
            Kind::LostBatches(chance) => write!(f, "{chance:.2} of the batches never reach their function"),
            Kind::NothingScheduled => write!(f, "neither tick nor audit runs"),
            Kind::Pause(stage) => write!(f, "the {stage} stage is paused"),
            Kind::Disable(stage) => write!(f, "the {stage} stage's mapping is disabled"),
            Kind::Throttle(stage, reserved) => write!(f, "the {stage} function's reserved concurrency is {reserved}"),
            Kind::Feedback(faults) => write!(f, "what is told of mails is unreliable ({faults:?})"),
            Kind::IntakeOff => write!(f, "the intake's mappings are disabled"),
            Kind::IntakeThrottled(reserved) => {
                write!(f, "the intake function's reserved concurrency is {reserved}")
            }
            Kind::Panic(place, who) => write!(f, "the code panics on customer {who}, {place}"),
            Kind::Panics(place, one_in) => write!(f, "the code panics on one in {one_in} customers, {place}"),
            Kind::Recipients(ways) => write!(f, "recipients take mails otherwise ({ways:?})"),
            Kind::Disorder(disorder) => write!(f, "queues are out of order ({disorder:?})"),
            Kind::Endpoint(which, faults) => write!(f, "endpoint {which} is unreliable ({faults:?})"),
            Kind::Once(act) => return write!(f, "{act:?}"),
        }?;
        write!(f, " for {:.1} h", self.lasts.as_secs_f64() / 3600.0)
    }
}

fn moment(at: Duration) -> String {
    let minutes = at.as_secs() / 60;
    format!("day {} {:02}:{:02}", minutes / 1440 + 1, minutes / 60 % 24, minutes % 60)
}
