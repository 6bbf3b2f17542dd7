//! Campaigns: foreseeing, starting, showing, holding and cancelling them.

mod errors;
mod forecast;
mod held;
mod showing;
mod starting;

use std::num::NonZeroU64;

use jiff::Timestamp;
use pulse_core::{
    campaign::{CampaignLetter, FrequencyCap, Priority, Question},
    control::Note,
    entry::{Addressee, Plan},
    run::RunId,
};

pub use self::{
    errors::CampaignError,
    forecast::CampaignForecast,
    showing::{CampaignListed, CampaignShown, CampaignsReport, OpenPlace},
};

/// A campaign that is to be started.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// By which run its entries are told.
    pub run: RunId,
    /// The stages that they go through.
    pub plan: Plan,
    /// Whom it is for.
    pub audience: NewAudience,
    /// What they are written.
    pub letter: CampaignLetter,
    /// Whether that shows an item without asking whether there is one.
    pub needs_item: bool,
    /// When it is waited for no longer.
    pub deadline: Option<Timestamp>,
    /// Which goes first.
    pub priority: Priority,
    /// How many mails of all runs a customer may have had lately.
    pub cap: Option<FrequencyCap>,
    /// With more entries than this it isn't started.
    pub at_most: Option<u64>,
    /// So many entries are begun on each of its days at the most.
    pub a_day: Option<NonZeroU64>,
    /// How many mails the account may send within 24 hours, where the provider says so. With more to begin in a day it isn't started.
    pub quota: Option<u64>,
    /// Why: others will read it.
    pub note: Option<Note>,
}

impl NewCampaign {
    /// What would be begun within 24 hours of so many entries, where the account may send less.
    #[must_use]
    pub fn beyond_quota(&self, entries: u64) -> Option<BeyondQuota> {
        let a_day = self.a_day.map_or(entries, |a_day| a_day.get().min(entries));
        self.quota.filter(|quota| a_day > *quota).map(|quota| BeyondQuota { run: self.run, a_day, quota })
    }

    /// What is sure to be abandoned of so many entries, started now: those of the days that begin after the deadline.
    #[must_use]
    pub fn beyond_deadline(&self, entries: u64, now: Timestamp) -> Option<BeyondDeadline> {
        let (a_day, deadline) = self.a_day.zip(self.deadline)?;
        // Its days are counted from its start, the first from now.
        let days = deadline.duration_since(now).as_secs().max(0).unsigned_abs().div_ceil(24 * 60 * 60);
        let left = entries.saturating_sub(days.saturating_mul(a_day.get()));
        (left > 0).then_some(BeyondDeadline { run: self.run, left, entries, a_day: a_day.get(), deadline })
    }

    /// With more entries than this it isn't started, by what it was asked for with, and by what may be sent in a day. How many a
    /// question finds isn't known before the campaign is planned.
    pub(crate) fn at_most(&self) -> Option<u64> {
        let by_quota = self.quota.filter(|_| self.a_day.is_none());
        self.at_most.into_iter().chain(by_quota).min()
    }
}

/// A campaign would send more than its provider lets the account send. The month's mails are counted there too, and are what would be
/// refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "campaign {run} would send {a_day} mails within a day, and the account may send {quota} in 24 hours, the month's among them: \
     spread it with --a-day, or ask AWS for a larger quota"
)]
pub struct BeyondQuota {
    /// By its name, which is never given twice.
    pub run: RunId,
    /// How many mails it would send in a day.
    pub a_day: u64,
    /// How many the account may send.
    pub quota: u64,
}

/// A campaign would be waited for no longer before all of it was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "with --a-day {a_day}, {left} of the {entries} entries of campaign {run} would not be begun before its deadline, {deadline:.0}: \
     allow more a day, or a later deadline"
)]
pub struct BeyondDeadline {
    /// By its name, which is never given twice.
    pub run: RunId,
    /// How many entries would be abandoned at least.
    pub left: u64,
    /// Of how many.
    pub entries: u64,
    /// How many may be begun in a day.
    pub a_day: u64,
    /// When it is waited for no longer.
    pub deadline: Timestamp,
}

/// Whom a new campaign is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewAudience {
    /// Those of these ids, and which of their items, each once, however often it is there.
    Ids(Vec<Addressee>),
    /// Those whom another campaign was for and didn't reach, about the same items: its entries that failed, were abandoned or cancelled. Those of which
    /// it isn't known are left out. It has to be over: what is open may reach them still.
    Unreached(RunId),
    /// Those of the roster whom a question finds.
    Asked(Question),
}
