use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::control::{MinuteOutcomes, Outcomes};

/// After so long nothing is added to a minute any more: a report is written when it is made, and tried again for seconds.
const SETTLED_AFTER: Duration = Duration::from_mins(3);

/// Mails that were sent since a count, added up from the email stage's minutes. Each minute that nothing is added to any more is
/// taken in once, so that only the last few are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentSince {
    /// Mails of the minutes before `next`, less those of the count's own minute that the count has seen.
    sent: i64,
    /// The first minute that isn't taken in yet.
    next: Timestamp,
}

impl SentSince {
    /// Nothing since a count at `now`. What the minutes say by then is in the count.
    #[must_use]
    pub fn count(minutes: &[MinuteOutcomes], now: Timestamp) -> Self {
        let next = minute_of(now);
        Self { sent: -sent_from(minutes, next), next }
    }

    /// From when on minutes have to be known.
    #[must_use]
    pub fn needs(&self) -> Timestamp {
        self.next
    }

    /// With the minutes taken in that are settled at `now`, and how many mails were sent in all by these.
    #[must_use]
    pub fn add_up(self, minutes: &[MinuteOutcomes], now: Timestamp) -> (Self, u64) {
        let all = self.sent + sent_from(minutes, self.next);
        let next = minute_of(now.saturating_sub(SETTLED_AFTER).unwrap_or(Timestamp::MIN)).max(self.next);
        let added_up = Self { sent: all - sent_from(minutes, next), next };
        (added_up, u64::try_from(all).unwrap_or_default())
    }
}

fn sent_from(minutes: &[MinuteOutcomes], from: Timestamp) -> i64 {
    let later = minutes.iter().filter(|minute| minute.starts >= from).map(|minute| &minute.outcomes);
    i64::try_from(Outcomes::sum(later).sent).unwrap_or(i64::MAX)
}

fn minute_of(moment: Timestamp) -> Timestamp {
    let second = moment.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(1_793_000_040 + second).unwrap()
    }

    proptest! {
        /// Whatever is reported when, and however often it is looked: what was reported since the count is what is told,
        /// although minutes are forgotten that were taken in.
        #[test]
        fn what_was_reported_since_the_count_is_told_however_often_it_is_looked(
            reports in prop::collection::vec((0..7_200_i64, 1..80_u64), 0..60),
            count_at in 0..3_600_i64,
            looks in prop::collection::btree_set(0..7_200_i64, 1..30),
        ) {
            let known = |at: i64, from: Timestamp| {
                let mut minutes = BTreeMap::<_, u64>::new();
                for (when, sent) in reports.iter().filter(|(when, _)| *when <= at) {
                    *minutes.entry(minute_of(second(*when))).or_default() += sent;
                }
                minutes.retain(|minute, _| *minute >= from);
                let outcomes = |sent| Outcomes { sent, ..Outcomes::default() };
                let one = |(starts, sent)| MinuteOutcomes { starts, outcomes: outcomes(sent) };
                minutes.into_iter().map(one).collect::<Vec<_>>()
            };
            let mut since = SentSince::count(&known(count_at, minute_of(second(count_at))), second(count_at));
            for look in looks.into_iter().filter(|look| *look >= count_at) {
                let sent: u64;
                (since, sent) = since.add_up(&known(look, since.needs()), second(look));
                let reported = reports.iter().filter(|(when, _)| (count_at + 1..=look).contains(when));
                prop_assert_eq!(sent, reported.map(|(_, sent)| sent).sum::<u64>());
            }
        }
    }
}
