use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use pulse_core::customer::CustomerId;
use serde::Serialize;

/// What must always hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promise {
    /// Every active customer has exactly one live schedule, at their slot, and exactly one open entry;
    /// a run's entries add up to its roster.
    OneScheduleOneEntry,
    /// No entry leads to two mails.
    OneMail,
    /// Everyone who was due has their mail, or a reason why not, and the ledger says what the provider
    /// says.
    NobodyLost,
    /// The providers never see more calls at once than there are lanes.
    LanesHeld,
    /// A pause loses nothing, moves nothing to a dead-letter queue, and is one.
    PauseHolds,
    /// Nobody gets mail who has left or opted out, none goes to an address that was changed, and none
    /// shows an old score.
    RightMail,
    /// The sweep sends at most one message for an entry in a day, none to a paused stage, and none for
    /// an entry of which nothing was lost.
    FewRepeats,
    /// No message is dead-lettered that no worker could have failed.
    HealthyStayAlive,
    /// A panic costs the message that it happened to a receive, and no other message of its batch.
    PanicsStayAlone,
    /// No mail is handed over on a connection that died while its function was frozen: where the provider can't be
    /// asked, such a mail would be indeterminate.
    NoDeadConnections,
    /// A mail of unknown fate is settled by what its provider tells, within a minute, and ends as unconfirmed after a day
    /// in which nobody told anything.
    DoubtEnds,
    /// Whoever unsubscribes gets no mail that is begun a minute later.
    SilenceAfterOptOut,
    /// No mail is begun to an address of which it was heard a minute before that it bounced for good or complained.
    NobodyAgainstTheirWill,
    /// What is told comes to the same in any order, however often it is told.
    OrderDoesNotMatter,
    /// What is told changes no entry that a worker holds.
    ClaimsAreLeft,
    /// An order ends, adds up, deals with no more than its giver saw, and loses no letter.
    OrdersAddUp,
    /// A snapshot's counts are the ledger's, and what was sent since is what was sent, unless something went wrong.
    SnapshotIsTrue,
    /// A receiver that drops repeats has each fact that it asks for once, whatever becomes of it and of workers.
    FactsArrive,
    /// An endpoint hears of one customer's facts in the order in which they happened.
    FactsInOrder,
    /// An endpoint's trouble is its own: the others hear as soon as if it had none.
    EndpointsStayApart,
    /// A campaign ends.
    CampaignsEnd,
    /// What a campaign tells of adds up to what it was sealed with, which is whom it is for, and it is what its events make.
    CampaignsAddUp,
    /// A campaign is closed once, not before its last entry is, and by the first undisturbed tick that can see that.
    CampaignsCloseOnce,
    /// No mail of a campaign is begun, and no partner called, before it is sealed, while it is held, or after it is over.
    CampaignsHold,
    /// Nobody outside a campaign's audience has an entry of it, whatever was left by other starts of its name.
    CampaignsKeepToTheirAudience,
    /// No campaign begins more than it may in any of its days.
    CampaignDays,
    /// A campaign's partner does one thing for each entry, by its key, and what it calls that is what the entry has.
    PartnersDoOnce,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 27] = [
        Self::OneScheduleOneEntry,
        Self::OneMail,
        Self::NobodyLost,
        Self::LanesHeld,
        Self::PauseHolds,
        Self::RightMail,
        Self::FewRepeats,
        Self::HealthyStayAlive,
        Self::PanicsStayAlone,
        Self::NoDeadConnections,
        Self::DoubtEnds,
        Self::SilenceAfterOptOut,
        Self::NobodyAgainstTheirWill,
        Self::OrderDoesNotMatter,
        Self::ClaimsAreLeft,
        Self::OrdersAddUp,
        Self::SnapshotIsTrue,
        Self::FactsArrive,
        Self::FactsInOrder,
        Self::EndpointsStayApart,
        Self::CampaignsEnd,
        Self::CampaignsAddUp,
        Self::CampaignsCloseOnce,
        Self::CampaignsHold,
        Self::CampaignsKeepToTheirAudience,
        Self::CampaignDays,
        Self::PartnersDoOnce,
    ];

    /// The promise in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::OneScheduleOneEntry => "every active customer has one schedule and one open entry",
            Self::OneMail => "no entry leads to two mails",
            Self::NobodyLost => "nobody is lost",
            Self::LanesHeld => "lanes are never exceeded",
            Self::PauseHolds => "a pause loses nothing",
            Self::RightMail => "only the right mail goes out",
            Self::FewRepeats => "repeated messages are few",
            Self::HealthyStayAlive => "no healthy message is dead-lettered",
            Self::PanicsStayAlone => "a panic is one message's",
            Self::NoDeadConnections => "no mail is lost on a connection that died in a freeze",
            Self::DoubtEnds => "doubt ends",
            Self::SilenceAfterOptOut => "no mail a minute after an opt-out",
            Self::NobodyAgainstTheirWill => "nobody is mailed against their will",
            Self::OrderDoesNotMatter => "the ledger doesn't depend on the order of events",
            Self::ClaimsAreLeft => "feedback never races a claim",
            Self::OrdersAddUp => "an order ends, adds up and loses no letter",
            Self::SnapshotIsTrue => "a snapshot tells what the ledger holds",
            Self::FactsArrive => "each fact reaches whoever asks for it",
            Self::FactsInOrder => "facts of a customer arrive in order",
            Self::EndpointsStayApart => "an endpoint's trouble is its own",
            Self::CampaignsEnd => "every campaign ends",
            Self::CampaignsAddUp => "a campaign adds up",
            Self::CampaignsCloseOnce => "a campaign is closed once, not before its last entry and soon after",
            Self::PartnersDoOnce => "a partner does one thing for each entry, which has its name",
            Self::CampaignsHold => "no mail before a campaign's seal, while it is held, or after it is over",
            Self::CampaignsKeepToTheirAudience => "nobody outside a campaign's audience has an entry of it",
            Self::CampaignDays => "no campaign begins more than it may in any of its days",
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The promise that was broken.
    pub promise: Promise,
    /// To whom, if to someone.
    pub customer: Option<CustomerId>,
    /// When it was seen.
    pub at: Timestamp,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({:.0})", self.promise, self.what, self.at)
    }
}

/// Takes down violations as they are seen.
#[derive(Debug, Clone, Default)]
pub struct InvariantChecker(Arc<Mutex<Vec<Violation>>>);

impl InvariantChecker {
    /// Takes one down.
    pub fn saw(&self, promise: Promise, customer: Option<&CustomerId>, at: Timestamp, what: impl Into<String>) {
        let violation = Violation { promise, customer: customer.cloned(), at, what: what.into() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(violation);
    }

    /// All that was seen.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
