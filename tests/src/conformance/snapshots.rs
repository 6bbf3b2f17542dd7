//! The last snapshot, wherever it is kept.
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use pulse_core::{
    control::Note,
    delivery::{EndpointName, UnwellEndpoint},
    entry::{SkipReason, StageName, TallyKey},
    failure::Cause,
    feedback::{FeedbackCount, FeedbackDay, Reputation, ReputationCounts},
    overview::{Condition, Held, How, StageOverview},
    ports::{Depth, Mapping, ReadUnits, RosterCount, Snapshots, StageLanes},
    run::RunId,
    snapshot::{CauseCount, CountedParts, RunSnapshot, SentSince, Snapshot},
};

fn now() -> Timestamp {
    "2026-11-03T10:01:30Z".parse().unwrap()
}

/// As large as a snapshot gets.
#[must_use]
pub fn full(at: Timestamp) -> Snapshot {
    let note = Note::parse(&"ü".repeat(300)).unwrap();
    let overview = |stage: StageName| StageOverview {
        stage,
        condition: Condition::Paused,
        held: Some(Held {
            how: How::Command { who: "aoife".into(), note: note.clone() },
            since: at,
            until: Some(at + 3.hours()),
        }),
        held_too: Vec::new(),
        waiting: 600_000,
        in_flight: 12_345,
        oldest_due: Some(at - 3.hours()),
        expires_at: Some(at + 200.hours()),
        expires_soon: false,
        answered_per_minute: 1_234.567,
        failing_percent: 12,
        latency_ms: Some(3_300),
    };
    let lanes = |stage: StageName| StageLanes {
        stage,
        maximum_concurrency: 50,
        reserved_concurrency: Some(50),
        in_flight: 40,
        mapping: Mapping("Enabled".to_owned()),
    };
    let depth = |number: u64| Depth {
        queue: format!("unsubscribe DLQ {number}"),
        waiting: 600_000,
        in_flight: 12_345,
        dead_letters: true,
    };
    let cause = |number: u64| CauseCount {
        stage: StageName::Email,
        cause: Cause::new(format!("{number} {}", "x".repeat(98))),
        count: 600_000 - number,
    };
    let day = |days: i64| FeedbackDay {
        run: RunId::current(at),
        day: (at - (days * 24).hours()).to_zoned(TimeZone::UTC).date(),
        counts: FeedbackCount::ALL.iter().map(|count| (*count, 600_000)).collect(),
    };
    let unwell = |number: u64| UnwellEndpoint {
        endpoint: EndpointName::parse(&format!("{}{number}", "e".repeat(31))).unwrap(),
        held: "unknown".into(),
    };
    let skipped = [
        SkipReason::Closed,
        SkipReason::OptedOut,
        SkipReason::BadAddress,
        SkipReason::Suppressed,
        SkipReason::AddressRefused,
    ];
    let skipped = skipped.into_iter().map(TallyKey::Skipped);
    let of_stages = StageName::ALL.iter().flat_map(|stage| [TallyKey::Due(*stage), TallyKey::Failed(*stage)]);
    let others = [TallyKey::NotDue, TallyKey::Sent, TallyKey::Dropped, TallyKey::Indeterminate, TallyKey::Unconfirmed];
    let places: BTreeMap<_, _> = skipped.chain(of_stages).chain(others).map(|place| (place, 600_000)).collect();
    let roster = RosterCount { active: 600_000, closed: 12_345 };
    let (run, read_units) = (RunId::current(at), ReadUnits::of_halves(58_501));
    Snapshot {
        at,
        stages: StageName::ALL.iter().copied().map(overview).collect(),
        lanes: StageName::ALL.iter().copied().map(lanes).collect(),
        queues: (0..9).map(depth).collect(),
        standing: Reputation::Good,
        reputation: ReputationCounts { mails: 600_000, complaints: 321, hard_bounces: 4_321 },
        feedback: (0..8).map(day).collect(),
        run: Some(RunSnapshot {
            run,
            places: places.clone(),
            roster,
            counted_at: at,
            read_units,
            sent_since: 54_321,
            added_up: SentSince::count(&[], at),
        }),
        counting_since: Some(at),
        counted_parts: Some(CountedParts { run, parts: 7, places, roster, read_units }),
        causes: (0..10).map(cause).collect(),
        endpoints: (0..3).map(unwell).collect(),
    }
}

fn counted(at: Timestamp, counted_at: Timestamp) -> Snapshot {
    let mut snapshot = full(at);
    snapshot.run.as_mut().unwrap().counted_at = counted_at;
    snapshot
}

pub async fn where_nothing_was_kept_there_is_none(log: &dyn Snapshots) {
    assert_eq!(log.snapshot().await, Ok(None));
    assert_eq!(log.points(Timestamp::UNIX_EPOCH).await, Ok(Vec::new()));
    assert_eq!(log.snapshot_wanted_at().await, Ok(None));
}

pub async fn a_snapshot_is_read_back_whole(log: &dyn Snapshots) {
    let uncounted = Snapshot { run: None, ..full(now()) };
    for snapshot in [uncounted, full(now()), full(now() + 5.minutes())] {
        assert_eq!(log.save_snapshot(&snapshot).await, Ok(true));
        assert_eq!(log.snapshot().await, Ok(Some(snapshot)));
    }
}

pub async fn one_that_was_taken_or_counted_earlier_is_not_kept(log: &dyn Snapshots) {
    let last = counted(now(), now() - 1.hour());
    assert_eq!(log.save_snapshot(&last).await, Ok(true));
    for earlier in [counted(now() - 1.second(), now() - 1.hour()), counted(now() + 5.minutes(), now() - 2.hours())] {
        assert_eq!(log.save_snapshot(&earlier).await, Ok(false));
        assert_eq!(log.snapshot().await, Ok(Some(last.clone())));
    }
    assert_eq!(log.points(Timestamp::UNIX_EPOCH).await, Ok(vec![last.point()]));
    assert_eq!(log.save_snapshot(&counted(now(), now())).await, Ok(true), "one of the same moment that is counted");
}

pub async fn one_that_a_clock_took_that_is_ahead_gives_way(log: &dyn Snapshots) {
    let ahead = now() + 3.hours();
    assert_eq!(log.save_snapshot(&counted(ahead, ahead)).await, Ok(true));
    let taken = counted(now(), now() - 1.hour());
    assert_eq!(log.save_snapshot(&taken).await, Ok(true));
    assert_eq!(log.snapshot().await, Ok(Some(taken)));
}

pub async fn of_five_minutes_the_last_point_is_kept(log: &dyn Snapshots) {
    let [first, second, next] = [0, 200, 210].map(|seconds| full(now() + Duration::from_secs(seconds)));
    for snapshot in [&first, &second, &next] {
        assert_eq!(log.save_snapshot(snapshot).await, Ok(true));
    }
    assert_eq!(log.points(Timestamp::UNIX_EPOCH).await, Ok(vec![second.point(), next.point()]));
}

pub async fn points_come_from_a_moment_on_the_oldest_first(log: &dyn Snapshots) {
    let snapshots = [0, 5, 10, 15].map(|minutes| full(now() + minutes.minutes()));
    for snapshot in &snapshots {
        assert_eq!(log.save_snapshot(snapshot).await, Ok(true));
    }
    let points = |from: usize| snapshots[from..].iter().map(Snapshot::point).collect::<Vec<_>>();
    assert_eq!(log.points(now() - 1.hour()).await, Ok(points(0)));
    assert_eq!(log.points(now() + 5.minutes()).await, Ok(points(1)));
    assert_eq!(log.points(now() + 5.minutes() + 1.second()).await, Ok(points(2)));
}

pub async fn a_wish_is_told(log: &dyn Snapshots) {
    log.want_snapshot(now()).await.unwrap();
    log.want_snapshot(now() + 1.minute()).await.unwrap();
    assert_eq!(log.snapshot_wanted_at().await, Ok(Some(now() + 1.minute())));
    assert_eq!(log.snapshot().await, Ok(None));
}
