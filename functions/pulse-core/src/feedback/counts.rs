use std::{collections::BTreeMap, sync::Mutex};

use enum_map::{Enum, EnumMap};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use super::{BounceKind, FeedbackFacts, Verdict};
use crate::run::RunId;

/// What is counted of mails.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Enum, VariantArray, IntoStaticStr, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "snake_case")]
pub enum FeedbackCount {
    /// Mails of which it is known that they went out.
    Heard,
    /// The receiving server took it.
    Delivered,
    /// There is no such mailbox.
    HardBounced,
    /// The mailbox couldn't take it.
    SoftBounced,
    /// The sender or the content is distrusted.
    ReputationBounced,
    /// The recipient calls it spam.
    Complained,
    /// The provider didn't send it after all.
    Rejected,
    /// The recipient asked for no more.
    Unsubscribed,
}

impl FeedbackCount {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;
}

/// How many there are of each. They are counters: a crash between a fact's write and its count leaves it uncounted, and a
/// count whose answer was lost may count twice, which moves no rate by much. What is exact is on the entries.
pub type FeedbackCounts = EnumMap<FeedbackCount, u64>;

/// What was counted in a day of the mails of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackDay {
    /// Of which run the mails were.
    pub run: RunId,
    /// The day in UTC, or that part of it that is within the span.
    pub day: Date,
    /// How many there are of each, where there are any.
    pub counts: BTreeMap<FeedbackCount, u64>,
}

impl FeedbackDay {
    /// The days of a run's hours, the oldest first.
    #[must_use]
    pub fn of_hours(run: RunId, hours: &[(Timestamp, FeedbackCounts)]) -> Vec<Self> {
        let mut days: BTreeMap<Date, BTreeMap<FeedbackCount, u64>> = BTreeMap::new();
        for (hour, counts) in hours {
            let day = days.entry(hour.to_zoned(TimeZone::UTC).date()).or_default();
            for (count, more) in counts.iter().filter(|(_, more)| **more > 0) {
                *day.entry(count).or_default() += more;
            }
        }
        days.into_iter().map(|(day, counts)| Self { run, day, counts }).collect()
    }

    /// How many there are of one.
    #[must_use]
    pub fn count(&self, count: FeedbackCount) -> u64 {
        self.counts.get(&count).copied().unwrap_or_default()
    }
}

/// All of these together.
pub fn sum_of<'h>(hours: impl IntoIterator<Item = &'h FeedbackCounts>) -> FeedbackCounts {
    hours
        .into_iter()
        .fold(FeedbackCounts::default(), |sum, one| FeedbackCounts::from_fn(|count| sum[count] + one[count]))
}

/// What is new between two states of an entry's facts.
#[must_use]
pub(super) fn news(before: &FeedbackFacts, after: &FeedbackFacts) -> FeedbackCounts {
    let bounced = |facts: &FeedbackFacts, kind| facts.bounced.as_ref().is_some_and(|b| b.bounce.kind == kind);
    let is = |facts: &FeedbackFacts, count| match count {
        FeedbackCount::Heard => matches!(facts.verdict(), Some(Verdict::Went { .. })),
        FeedbackCount::Delivered => facts.delivered_at.is_some(),
        FeedbackCount::HardBounced => bounced(facts, BounceKind::Hard),
        FeedbackCount::SoftBounced => bounced(facts, BounceKind::Soft),
        FeedbackCount::ReputationBounced => bounced(facts, BounceKind::Reputation),
        FeedbackCount::Complained => facts.complained_at.is_some(),
        FeedbackCount::Rejected => facts.rejected.is_some(),
        FeedbackCount::Unsubscribed => false,
    };
    FeedbackCounts::from_fn(|count| u64::from(!is(before, count) && is(after, count)))
}

/// The beginning of the hour that a moment is in.
#[must_use]
pub fn hour_of(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(at)
}

/// Counts of a batch, added up before they are written down.
#[derive(Debug, Default)]
pub struct FeedbackTally(Mutex<BTreeMap<(RunId, Timestamp), FeedbackCounts>>);

impl FeedbackTally {
    /// Adds to the hour that `at` is in.
    pub fn add(&self, run: RunId, at: Timestamp, counts: FeedbackCounts) {
        let mut sums = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let sum = sums.entry((run, hour_of(at))).or_default();
        for (count, more) in counts {
            sum[count] += more;
        }
    }

    /// Takes what was added.
    pub fn take(&self) -> BTreeMap<(RunId, Timestamp), FeedbackCounts> {
        let mut sums = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut taken = std::mem::take(&mut *sums);
        taken.retain(|_, counts| counts.values().any(|count| *count > 0));
        taken
    }
}
