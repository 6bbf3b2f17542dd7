//! What is to be done for an entry: the one answer that the stage's runner acts on, a replay's preview foretells,
//! the diagnosis of dead letters goes by and `why` explains.

use std::time::Duration;

use jiff::Timestamp;

use super::{StageName, eligibility::mailable};
use crate::{
    customer::Customer,
    entry::{Entry, Progress, SkipReason},
    failure::Cause,
    ports::MailLookup,
};

/// What is known when it is decided, beside the row. Some of it is found out only when a decision asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// When the message was sent, if it was received before.
    pub repeats: Option<Timestamp>,
    /// What the provider says of an earlier call, once it was asked.
    pub look_up: Option<MailLookup>,
    /// Whether the address must not be mailed, once that was looked up.
    pub is_suppressed: Option<bool>,
    /// How its campaign stands, once that was looked up.
    pub campaign: Option<CampaignFacts>,
}

/// After so long it is looked again what became of the items before one, unless something holds them.
const OTHERS_TAKE: Duration = Duration::from_mins(10);

/// What is known of a campaign when one of its entries is decided. By default it flows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CampaignFacts {
    /// Whether its entries may go on.
    pub standing: Standing,
    /// Whether its frequency cap allows the customer another mail.
    pub cap: CapFact,
}

/// Whether a campaign's frequency cap allows a customer another mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CapFact {
    /// It does, or there is none.
    #[default]
    Allows,
    /// It does, unless mails go out about the customer's items before this one.
    AfterOthers,
    /// It doesn't.
    Reached,
}

/// Whether entries of a campaign may go on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Standing {
    /// They may.
    #[default]
    Flows,
    /// Not now: it isn't sealed yet, or is paused.
    Held,
    /// It was cancelled.
    Cancelled,
    /// It is over.
    Over(Cause),
}

/// What is to be done when a message comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing is left to do for the stage: the message may go.
    Nothing,
    /// The row waits for another stage, whose message may have been lost: that stage is sent one.
    HandOn(StageName),
    /// Another worker has it.
    InHand {
        /// Until when at most.
        lease_until: Timestamp,
    },
    /// The stage gave it up: its message is on the way to the dead-letter queue.
    GivenUp(Cause),
    /// The provider has to be asked what came of an earlier call. Decide again with the answer.
    LookUp,
    /// It has to be looked up whether the address must not be mailed. Decide again with the answer.
    CheckSuppression,
    /// It has to be looked up how its campaign stands. Decide again with the answer.
    CheckCampaign,
    /// The provider needn't be called: this is written down.
    Resolve(Resolution),
    /// Claim it, and call the provider.
    Call,
}

/// What is written down of a row without calling the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The provider has done it already.
    Accepted {
        /// The provider's own id.
        provider_id: String,
    },
    /// Whether the provider has done it can't be found out.
    Indeterminate(Cause),
    /// There is nothing to call for, rightly.
    Skip(SkipReason),
    /// It isn't its time.
    Defer {
        /// When it is.
        until: Timestamp,
    },
    /// Nobody is there to take it any more.
    GiveUp(Cause),
    /// Its score is too old: it is scored again.
    ScoreAgain {
        /// Of when the score is.
        as_of: Timestamp,
    },
    /// Its campaign holds it, until it is dispatched again.
    Hold,
    /// Its campaign is over, for this cause, or was cancelled, for none.
    CloseWithCampaign(Option<Cause>),
}

/// Whether a stage has something to do for an entry when a fresh message of it comes.
pub(crate) fn has_work(stage: StageName, entry: &Entry) -> bool {
    unless_workable(stage, entry, &Facts::default(), Timestamp::MAX) != Some(Decision::Nothing)
}

/// What a stage before the mail does: its provider isn't called for who would get no mail.
pub(super) fn before_the_mail(
    stage: StageName,
    customer: &Customer,
    entry: &Entry,
    facts: &Facts,
    now: Timestamp,
) -> Decision {
    unless_workable(stage, entry, facts, now).or_else(|| unless_campaign_flows(entry, facts, now)).unwrap_or_else(
        || match mailable(customer) {
            Ok(_) => Decision::Call,
            Err(reason) => Decision::Resolve(Resolution::Skip(reason)),
        },
    )
}

/// What any stage does for an entry that its campaign doesn't let go on; `None` for one that may, or is of a month.
pub(super) fn unless_campaign_flows(entry: &Entry, facts: &Facts, now: Timestamp) -> Option<Decision> {
    if !entry.id().run.is_campaign() {
        return None;
    }
    let Some(campaign) = &facts.campaign else { return Some(Decision::CheckCampaign) };
    let resolution = match &campaign.standing {
        Standing::Flows => match campaign.cap {
            CapFact::Allows => return None,
            CapFact::AfterOthers => {
                Resolution::Defer { until: now.saturating_add(OTHERS_TAKE).unwrap_or(Timestamp::MAX) }
            }
            CapFact::Reached => Resolution::Skip(SkipReason::FrequencyCap),
        },
        Standing::Held => Resolution::Hold,
        Standing::Cancelled => Resolution::CloseWithCampaign(None),
        Standing::Over(cause) => Resolution::CloseWithCampaign(Some(cause.clone())),
    };
    Some(Decision::Resolve(resolution))
}

/// What any stage does for an entry that isn't its own to work on now; `None` for one that is: it waits for
/// the stage, was brought back to it, or the worker that had claimed it is dead.
pub(super) fn unless_workable(stage: StageName, entry: &Entry, facts: &Facts, now: Timestamp) -> Option<Decision> {
    let is_here = entry.at() == stage;
    Some(match entry.progress() {
        Progress::Waiting if is_here => return None,
        // The worker before may have died between writing where the entry goes and queueing it there. A second
        // message for the same entry does no harm.
        Progress::Waiting => Decision::HandOn(entry.at()),
        Progress::Claimed { lease_until } if is_here && *lease_until > now => {
            Decision::InHand { lease_until: *lease_until }
        }
        // One that was brought back since is a new message (Amazon SQS Developer Guide, "Learn how to configure a
        // dead-letter queue redrive"). How often it was received doesn't tell: a receive counts though no worker ever
        // saw it, as when its poller was scaled in, or the function was throttled or failed to start.
        Progress::Failed { cause, at } if is_here && facts.repeats.is_some_and(|sent_at| sent_at <= *at) => {
            Decision::GivenUp(cause.clone())
        }
        Progress::Failed { .. } if entry.is_closed_by_feedback() || entry.id().run.is_campaign() => Decision::Nothing,
        Progress::Claimed { .. } | Progress::Failed { .. } if is_here => return None,
        _ => Decision::Nothing,
    })
}
