use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use pulse_core::{
    control::{MinuteOutcomes, Note, Outcomes},
    entry::{SkipReason, StageName},
    overview::{Condition, Held, How, StageOverview},
    ports::{Depth, Mapping, RosterCount, StageLanes, Tally, TallyKey},
    run::RunId,
};

use super::super::{
    figures::{Entries, Figures},
    state::State,
};

pub(super) const CONDITIONS: [Condition; 5] =
    [Condition::Running, Condition::Pausing, Condition::Paused, Condition::Broken, Condition::Resuming];

pub(super) fn now() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

pub(super) fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// A state that nothing was read for.
pub(super) fn blank() -> State {
    State::new(now(), "pulse", Duration::from_secs(5), Duration::from_mins(5))
}

/// A state that all was read for, just now.
pub(super) fn full(score: Condition, email: Condition) -> State {
    let mut state = blank();
    state.figures.end(now(), Ok(Box::new(figures(score, email))));
    state.lanes.end(
        now(),
        Ok(vec![
            lanes(StageName::Score, "Enabled"),
            lanes(StageName::Email, "Disabled"),
            lanes(StageName::Deliver, "Enabled"),
        ]),
    );
    state.entries.end(ago(3), Ok(entries()));
    state
}

pub(super) fn figures(score: Condition, email: Condition) -> Figures {
    let minutes = |failing: u64| {
        (0..70).rev().map(move |back| MinuteOutcomes {
            starts: ago(back),
            outcomes: Outcomes {
                calls: u64::try_from(100 + back % 7 * 60).unwrap(),
                failures: if back < 9 { failing } else { 0 },
                ..Outcomes::default()
            },
        })
    };
    let depth = |queue: &str, waiting| Depth { queue: queue.to_owned(), waiting, in_flight: 0, dead_letters: true };
    Figures {
        stages: vec![
            stage(StageName::Score, score),
            stage(StageName::Email, email),
            stage(StageName::Deliver, Condition::Running),
        ],
        minutes: vec![minutes(0).collect(), minutes(41).collect(), minutes(0).collect()],
        queues: vec![
            Depth { queue: "score queue".into(), waiting: 1_204, in_flight: 20, dead_letters: false },
            depth("score DLQ", 0),
            depth("email DLQ", 7),
            depth("schedule DLQ", 0),
        ],
    }
}

pub(super) fn stage(stage: StageName, condition: Condition) -> StageOverview {
    let held = |how, until| Some(Held { how, since: ago(125), until });
    let held = match condition {
        Condition::Running | Condition::Resuming => None,
        Condition::Pausing | Condition::Paused => {
            let note = Note::parse("wrong template").unwrap();
            held(How::Command { who: "ops".into(), note }, Some(ago(-240)))
        }
        Condition::Broken => held(How::Breaker { calls: 40, failures: 38 }, Some(ago(-1))),
    };
    let soon = condition == Condition::Paused;
    StageOverview {
        stage,
        condition,
        held,
        held_too: Vec::new(),
        waiting: 1_204,
        in_flight: 20,
        oldest_due: Some(ago(if soon { 12 * 1_440 } else { 90 })),
        expires_at: Some(ago(if soon { -2 * 1_440 } else { -14 * 1_440 + 90 })),
        expires_soon: soon,
        answered_per_minute: 8.25,
        failing_percent: 2,
        latency_ms: None,
    }
}

pub(super) fn lanes(stage: StageName, mapping: &str) -> StageLanes {
    let mapping = Mapping(mapping.into());
    StageLanes { stage, maximum_concurrency: 5, reserved_concurrency: Some(5), in_flight: 4, mapping }
}

pub(super) fn entries() -> Entries {
    let run = |text| RunId::parse(text).unwrap();
    let (this, next) = (run("2026-11"), run("2026-12"));
    let tally = BTreeMap::from([
        ((this, TallyKey::Sent), 310_500),
        ((this, TallyKey::Due(StageName::Email)), 1_224),
        ((this, TallyKey::Due(StageName::Score)), 980),
        ((this, TallyKey::Failed(StageName::Score)), 2),
        ((this, TallyKey::Failed(StageName::Email)), 5),
        ((this, TallyKey::Indeterminate), 1),
        ((this, TallyKey::Skipped(SkipReason::OptedOut)), 812),
        ((this, TallyKey::Skipped(SkipReason::BadAddress)), 33),
        ((this, TallyKey::NotDue), 286_443),
        ((next, TallyKey::NotDue), 311_345),
    ]);
    Entries { tally: Tally(tally), roster: RosterCount { active: 600_000, closed: 1_250 } }
}
