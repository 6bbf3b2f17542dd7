//! Where customers are in a run, and what became of its mails.

use pulse_core::{feedback::FeedbackCount, why::Reason};

/// Where a customer is in a run.
#[must_use]
pub fn reason(reason: Reason) -> String {
    match reason {
        Reason::Sent => "sent".into(),
        Reason::Skipped(why) => format!("skipped: {why}"),
        Reason::NotDue => "not due yet".into(),
        Reason::Queued(stage) => format!("due, in the {stage} queue"),
        Reason::QueuedAgain(stage) => format!("queued to {stage} again, as its message was lost"),
        Reason::InHand(stage) => format!("in a worker's hands, {stage} stage"),
        Reason::Retrying(stage) => format!("retrying: {stage}"),
        Reason::PutOff(stage) => format!("put off: {stage}"),
        Reason::ToBeWoken(stage) => format!("put off until now: {stage}, tick queues it"),
        Reason::Paused(stage) => format!("due, the {stage} stage is paused"),
        Reason::Broken(stage) => format!("due, the {stage} provider is out of order"),
        Reason::Failed(stage) => format!("failed: {stage}"),
        Reason::Unknown => "in doubt".into(),
        Reason::Dropped => "accepted by the provider, and then not sent".into(),
        Reason::Unconfirmed => "unconfirmed: nobody told what became of the mail".into(),
        Reason::LeftBefore => "no entry: left before this run".into(),
        Reason::InLaterRun => "no entry: first due in a later run".into(),
        Reason::InEarlierRun => "no entry: not done with an earlier run".into(),
        Reason::NoOpenEntry => "no entry at all".into(),
        Reason::NotInRun => "no entry in this run".into(),
    }
}

/// What providers told of mails.
#[must_use]
pub fn told(count: FeedbackCount) -> &'static str {
    match count {
        FeedbackCount::Heard => "told of",
        FeedbackCount::Delivered => "delivered",
        FeedbackCount::HardBounced => "bounced: no such mailbox",
        FeedbackCount::SoftBounced => "bounced: mailbox couldn't take it",
        FeedbackCount::ReputationBounced => "bounced: sender distrusted",
        FeedbackCount::Complained => "called spam",
        FeedbackCount::Rejected => "not sent after all",
        FeedbackCount::Unsubscribed => "unsubscribed",
    }
}
