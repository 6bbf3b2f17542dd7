use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::CauseCounts;

/// When a provider is taken to be out of order, and how it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Over how long calls are counted.
    pub window: Duration,
    /// How many calls it takes in that time to judge by.
    pub calls: u64,
    /// How many of a hundred of them must have failed.
    pub failing_percent: u64,
    /// Over how long calls are counted where there are fewer.
    pub quiet_window: Duration,
    /// How many must have failed in that time, and none succeeded.
    pub quiet_failures: u64,
    /// How long the provider is left alone at first. Doubles with every try that fails.
    pub cool_down: Duration,
    /// How long at most, unless the provider itself asks for more.
    pub longest_cool_down: Duration,
    /// How many messages a try takes.
    pub probes: usize,
    /// For how long an entry's last receive leads to a fresh message, and not to the dead-letter queue,
    /// while the provider is in trouble.
    pub max_defer: Duration,
}

impl Default for BreakerPolicy {
    /// As in template.yaml.
    fn default() -> Self {
        Self {
            window: Duration::from_mins(5),
            calls: 20,
            failing_percent: 50,
            quiet_window: Duration::from_mins(30),
            quiet_failures: 5,
            cool_down: Duration::from_mins(1),
            longest_cool_down: Duration::from_mins(10),
            probes: 3,
            max_defer: Duration::from_hours(48),
        }
    }
}

/// The longest that a provider's Retry-After is honoured.
const LONGEST_WISH: Duration = Duration::from_hours(12);

/// Whether a provider is taken to be out of order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Breaker {
    /// It isn't.
    Closed {
        /// Since when, if it was before: what was counted earlier counts no more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// It is: its stage is held until a few messages have gone through.
    Open(Open),
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { since: None }
    }
}

/// A provider that is out of order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Since when it is taken to be.
    pub since: Timestamp,
    /// Calls that it was judged by.
    pub calls: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Seconds for which it is left alone between two tries.
    pub cool_down_seconds: u64,
    /// When it is tried next.
    pub probe_at: Timestamp,
    /// How often it was tried in vain.
    #[serde(default)]
    pub tries: u32,
}

impl BreakerPolicy {
    /// From when on calls have to be known to judge at `now`.
    #[must_use]
    pub fn window_start(&self, now: Timestamp) -> Timestamp {
        earlier(now, self.window.max(self.quiet_window))
    }

    /// Whether what was counted says that the provider is out of order, and by what.
    #[must_use]
    pub fn judge(&self, minutes: &[MinuteOutcomes], since: Option<Timestamp>, now: Timestamp) -> Option<Outcomes> {
        let sum = |window| {
            let from = earlier(now, window).max(since.unwrap_or(Timestamp::MIN));
            Outcomes::sum(minutes.iter().filter(|minute| minute.starts >= from).map(|minute| &minute.outcomes))
        };
        let recent = sum(self.window);
        let busy = recent.calls >= self.calls && self.are_failing(&recent);
        let longer = sum(self.quiet_window);
        let quiet = longer.failures >= self.quiet_failures && longer.failures == longer.calls;
        if busy { Some(recent) } else { quiet.then_some(longer) }
    }

    /// Whether so many calls have failed that a single message's failure is the provider's.
    #[must_use]
    pub fn are_failing(&self, outcomes: &Outcomes) -> bool {
        outcomes.failures > 0 && outcomes.failures * 100 >= outcomes.calls * self.failing_percent
    }

    /// The breaker that opens at `now`.
    #[must_use]
    pub fn open(&self, judged: &Outcomes, now: Timestamp) -> Open {
        Open {
            since: now,
            calls: judged.calls,
            failures: judged.failures,
            cool_down_seconds: self.cool_down.as_secs(),
            probe_at: probe_at(now, self.cool_down, judged),
            tries: 0,
        }
    }

    /// The breaker after a try that failed.
    #[must_use]
    pub fn stay_open(&self, open: &Open, seen: &Outcomes, now: Timestamp) -> Open {
        let cool_down = Duration::from_secs(open.cool_down_seconds).saturating_mul(2);
        let cool_down = cool_down.min(self.longest_cool_down).max(self.cool_down);
        Open {
            cool_down_seconds: cool_down.as_secs(),
            probe_at: probe_at(now, cool_down, seen),
            tries: open.tries.saturating_add(1),
            ..open.clone()
        }
    }
}

fn probe_at(now: Timestamp, cool_down: Duration, seen: &Outcomes) -> Timestamp {
    let later = |wait: Duration| now.saturating_add(wait).unwrap_or(Timestamp::MAX);
    let wish = seen.leave_alone_until.unwrap_or(Timestamp::MIN).min(later(LONGEST_WISH));
    later(cool_down).max(wish)
}

fn earlier(now: Timestamp, by: Duration) -> Timestamp {
    now.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

/// What came of calls to a provider. A refusal of one customer is an answer, and no failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Calls that have ended.
    pub calls: u64,
    /// Those that the provider didn't answer, or put off.
    pub failures: u64,
    /// Those by which a partner refused an entry, or an endpoint a word. The scorer's and the email provider's refusals aren't told apart
    /// from answers.
    pub refused: u64,
    /// When one was last answered.
    pub succeeded_at: Option<Timestamp>,
    /// Until when the provider asked to be left alone.
    pub leave_alone_until: Option<Timestamp>,
    /// Mails of [the month's run](crate::run::RunId::current) that the provider took. Some may be counted twice, and those
    /// of a worker that was killed aren't: what is exact is on the entries.
    pub sent: u64,
    /// How long the calls took, all together. Nothing in reports of releases that didn't tell.
    pub took: Duration,
    /// Why calls failed.
    pub causes: CauseCounts,
}

impl Outcomes {
    /// All of these together.
    pub fn sum<'o>(all: impl IntoIterator<Item = &'o Self>) -> Self {
        all.into_iter().fold(Self::default(), |sum, one| Self {
            calls: sum.calls + one.calls,
            failures: sum.failures + one.failures,
            refused: sum.refused + one.refused,
            succeeded_at: sum.succeeded_at.max(one.succeeded_at),
            leave_alone_until: sum.leave_alone_until.max(one.leave_alone_until),
            sent: sum.sent + one.sent,
            took: sum.took + one.took,
            causes: sum.causes.with(&one.causes),
        })
    }

    /// How long a call took on average, where that is known.
    #[must_use]
    pub fn mean_latency(&self) -> Option<Duration> {
        let nanos = self.took.as_nanos().checked_div(u128::from(self.calls)).filter(|nanos| *nanos > 0)?;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

/// What came of the calls whose ends were reported within a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinuteOutcomes {
    /// The minute's beginning.
    pub starts: Timestamp,
    /// What came of them.
    pub outcomes: Outcomes,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-03T10:00:30Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn minute(ago: u64, calls: u64, failures: u64) -> MinuteOutcomes {
        let outcomes = Outcomes { calls, failures, ..Outcomes::default() };
        MinuteOutcomes { starts: earlier(now(), Duration::from_mins(ago)), outcomes }
    }

    fn is_down(minutes: &[MinuteOutcomes]) -> bool {
        BreakerPolicy::default().judge(minutes, None, now()).is_some()
    }

    #[test]
    fn half_of_enough_calls_failing_is_a_provider_out_of_order() {
        assert!(is_down(&[minute(1, 12, 8), minute(3, 8, 2)]));
        assert!(!is_down(&[minute(1, 12, 7), minute(3, 8, 2)]));
        assert!(!is_down(&[minute(1, 10, 9)]), "nine of ten failures with one success are too few calls to judge by");
        assert!(!is_down(&[minute(1, 20, 0), minute(7, 20, 20)]), "what failed before the window has passed");
    }

    #[test]
    fn where_calls_are_few_it_takes_a_row_of_failures() {
        assert!(is_down(&[minute(2, 2, 2), minute(12, 2, 2), minute(25, 1, 1)]));
        assert!(!is_down(&[minute(2, 2, 2), minute(12, 3, 2), minute(25, 1, 1)]));
        assert!(!is_down(&[minute(2, 2, 2), minute(12, 2, 2), minute(35, 1, 1)]));
    }

    #[test]
    fn what_was_counted_before_the_breaker_closed_counts_no_more() {
        let minutes = [minute(2, 30, 30), minute(0, 5, 1)];
        let policy = BreakerPolicy::default();
        assert!(policy.judge(&minutes, None, now()).is_some());
        assert_eq!(policy.judge(&minutes, Some(earlier(now(), Duration::from_mins(1))), now()), None);
    }

    #[test]
    fn tries_become_rarer_up_to_a_bound_and_no_sooner_than_the_provider_asks() {
        let policy = BreakerPolicy::default();
        let mut open = policy.open(&Outcomes::default(), now());
        let mut waits = Vec::new();
        for _ in 0..6 {
            waits.push(open.probe_at.duration_since(now()).as_secs() / 60);
            open = policy.stay_open(&open, &Outcomes::default(), now());
        }
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
        let wish = now().saturating_add(Duration::from_hours(2)).unwrap();
        let asks = Outcomes { leave_alone_until: Some(wish), ..Outcomes::default() };
        assert_eq!(policy.open(&asks, now()).probe_at, wish);
        let forever = Outcomes { leave_alone_until: Some(Timestamp::MAX), ..Outcomes::default() };
        assert_eq!(policy.open(&forever, now()).probe_at.duration_since(now()).as_hours(), 12);
    }
}
