//! How a stage is doing, for whoever operates it.

use std::{fmt, time::Duration};

use futures::try_join;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    advice::Advice,
    control::{Actor, Console, Control, Hold, Note, Outcomes},
    entry::StageName,
    ports::{Clock, Controls, Ledger, LedgerError, OpenEntries, OutcomeLog, StageError, StageStatus, Stages, Switch},
    tick::oldest_due,
};

/// Over how long the rate is taken.
const RATE_OVER: Duration = Duration::from_mins(5);

/// With less time than this left until messages expire, whoever looks is warned.
const EXPIRY_NEAR: Duration = Duration::from_hours(3 * 24);

/// What a stage is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Its messages are worked on.
    Running,
    /// People hold it, and its messages are about to be worked on no more.
    Pausing,
    /// People hold it.
    Paused,
    /// Its provider is taken to be out of order.
    Broken,
    /// Nothing holds it, and its messages are about to be worked on.
    Resuming,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Broken => "broken",
            Self::Resuming => "resuming",
        })
    }
}

impl Condition {
    /// What the control row and the stage itself say together.
    #[must_use]
    pub fn of(control: &Control, status: &StageStatus, now: Timestamp) -> Self {
        match control.hold(now) {
            Some(Hold::Broken(_)) => Self::Broken,
            Some(_) if status.mapping == Switch::Off || status.reserved == Some(0) => Self::Paused,
            Some(_) => Self::Pausing,
            // Until the next tick takes it down as one.
            None if status.reserved == Some(0) => Self::Paused,
            None if status.mapping == Switch::On => Self::Running,
            None => Self::Resuming,
        }
    }
}

/// How a stage is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageOverview {
    /// The stage concerned.
    pub stage: StageName,
    /// What it is doing.
    pub condition: Condition,
    /// What holds it: of several, what takes most to end.
    pub held: Option<Held>,
    /// What holds it beside that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_too: Vec<Held>,
    /// About how many messages wait to be worked on.
    pub waiting: u64,
    /// About how many messages are being worked on, or wait for their next try.
    pub in_flight: u64,
    /// When the entry was due that waits longest.
    pub oldest_due: Option<Timestamp>,
    /// When its message expires, unless it is worked on before.
    pub expires_at: Option<Timestamp>,
    /// Whether that is so soon that something must be done.
    pub expires_soon: bool,
    /// Calls to the provider that were answered, a minute, over the last minutes.
    pub answered_per_minute: f64,
    /// Of a hundred calls, how many failed.
    pub failing_percent: u64,
    /// How long a call took on average, in milliseconds. None without calls, or of a release that didn't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
}

/// What holds a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Who, and why; or what the provider does.
    #[serde(flatten)]
    pub how: How,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself, or is tried next.
    pub until: Option<Timestamp>,
}

/// How a stage is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum How {
    /// By an operator's pause.
    Command {
        /// Whose.
        who: Actor,
        /// The operator's words, for others to read.
        note: Note,
    },
    /// By a pause made past Pulse.
    Console {
        /// The way in which it was paused.
        how: Console,
    },
    /// Because recipients take its mails badly. Only an operator's note ends it.
    Reputation {
        /// How they take them.
        note: Note,
    },
    /// By a provider that is out of order.
    Breaker {
        /// Calls that it was judged by.
        calls: u64,
        /// Those of them that failed.
        failures: u64,
    },
}

impl Held {
    /// What holds a stage.
    #[must_use]
    pub fn of(hold: Hold<'_>) -> Self {
        match hold {
            Hold::Reputation(hold) => {
                Self { how: How::Reputation { note: hold.note.clone() }, since: hold.since, until: None }
            }
            Hold::Command(pause) => Self {
                how: How::Command { who: pause.by.clone(), note: pause.note.clone() },
                since: pause.since,
                until: pause.until,
            },
            Hold::Console(console) => {
                Self { how: How::Console { how: console.how }, since: console.since, until: None }
            }
            Hold::Broken(open) => Self {
                how: How::Breaker { calls: open.calls, failures: open.failures },
                since: open.since,
                until: Some(open.probe_at),
            },
        }
    }

    /// What ends it sooner than it ends by itself.
    #[must_use]
    pub fn advice(&self, stage: StageName) -> Vec<Advice> {
        match &self.how {
            How::Console { how } => how.advice(stage),
            How::Reputation { .. } => vec![Advice::ResumeWithNote { stage }],
            How::Command { .. } | How::Breaker { .. } => vec![Advice::Resume { stage }],
        }
    }
}

/// Why a stage can't be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverviewError {
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The stage can't be looked at.
    #[error(transparent)]
    Stage(#[from] StageError),
}

/// Looks at stages.
#[derive(Clone, Copy)]
pub struct Overview<'a> {
    /// The stages.
    pub stages: &'a dyn Stages,
    /// Their control rows.
    pub controls: &'a dyn Controls,
    /// What came of the calls to their providers.
    pub outcomes: &'a dyn OutcomeLog,
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// Entries by what they wait for.
    pub open: &'a dyn OpenEntries,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// For how long the queues keep a message.
    pub retention: Duration,
}

impl Overview<'_> {
    /// How a stage is doing.
    ///
    /// # Errors
    /// As [`OverviewError`] says.
    pub async fn of(&self, stage: StageName) -> Result<StageOverview, OverviewError> {
        let now = self.clock.now();
        let (control, status) = (self.controls.control(stage), self.stages.status(stage));
        let (control, status) =
            try_join!(async { Ok::<_, OverviewError>(control.await?) }, async { Ok(status.await?) })?;
        let from = now.saturating_sub(RATE_OVER).unwrap_or(Timestamp::MIN);
        let (due, minutes) =
            try_join!(oldest_due(self.ledger, self.open, stage, now), self.outcomes.minutes(stage, from))?;
        let calls = Outcomes::sum(minutes.iter().map(|minute| &minute.outcomes));
        let expires_at = due.map(|due| due.saturating_add(self.retention).unwrap_or(Timestamp::MAX));
        let left = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or_default();
        // The minute that `from` is in counts whole.
        let over = RATE_OVER + Duration::from_secs(from.as_second().rem_euclid(60).unsigned_abs());
        let answered = calls.calls - calls.failures.min(calls.calls);
        let mut holds = control.holds(now).map(Held::of);
        Ok(StageOverview {
            stage,
            condition: Condition::of(&control, &status, now),
            held: holds.next(),
            held_too: holds.collect(),
            waiting: status.waiting,
            in_flight: status.in_flight,
            oldest_due: due,
            expires_at,
            expires_soon: expires_at.is_some_and(|at| left(at) < EXPIRY_NEAR),
            answered_per_minute: answered as f64 / (over.as_secs_f64() / 60.0),
            failing_percent: (calls.failures * 100).checked_div(calls.calls).unwrap_or(0),
            latency_ms: calls.mean_latency().map(|mean| u64::try_from(mean.as_millis()).unwrap_or(u64::MAX)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Breaker, BreakerPolicy, Pause};

    fn now() -> Timestamp {
        "2026-11-03T10:00:00Z".parse().unwrap()
    }

    fn status(mapping: Switch) -> StageStatus {
        StageStatus { mapping, reserved: Some(5), waiting: 0, in_flight: 0 }
    }

    #[test]
    fn a_pause_wins_over_a_breaker_and_is_one_when_the_mapping_is_off() {
        let note = Note::parse("x").unwrap();
        let pause = Pause { by: "ops".into(), note, since: now(), until: None };
        let broken = Breaker::Open(BreakerPolicy::default().open(&Outcomes::default(), now()));
        let of = |control: &Control, mapping| Condition::of(control, &status(mapping), now());
        let mut control = Control { breaker: broken, ..Control::default() };
        assert_eq!(of(&control, Switch::On), Condition::Broken);
        control.pause = Some(pause);
        assert_eq!(of(&control, Switch::TurningOff), Condition::Pausing);
        assert_eq!(of(&control, Switch::Off), Condition::Paused);
        let free = Control::default();
        assert_eq!(of(&free, Switch::On), Condition::Running);
        assert_eq!(of(&free, Switch::TurningOn), Condition::Resuming);
        let zero = StageStatus { reserved: Some(0), ..status(Switch::On) };
        assert_eq!(Condition::of(&free, &zero, now()), Condition::Paused);
    }
}
