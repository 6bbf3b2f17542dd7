//! What is kept of the stages, wherever it is kept.
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use std::time::Duration;

use futures::future::join_all;
use jiff::{Timestamp, ToSpan as _};
use pulse_core::{
    control::{
        Breaker, CauseCounts, Cleared, Console, ConsolePause, Control, LastSeen, MINUTE_CAUSES, Note, Open, Outcomes,
        Pause, ReputationHold,
    },
    entry::StageName,
    failure::Cause,
    ports::{Controls, OutcomeLog},
};

/// Control rows and the log of outcomes.
pub trait TestedControls: Controls + OutcomeLog {}

impl<T: Controls + OutcomeLog> TestedControls for T {}

fn now() -> Timestamp {
    "2026-11-03T10:00:30Z".parse().unwrap()
}

fn full() -> Control {
    let note = Note::parse("The campaign is wrong.").unwrap();
    let figures = Note::parse("Of 10000 mails, 31 were called spam.").unwrap();
    let ended = Note::parse("The list was cleaned.").unwrap();
    Control {
        version: 1,
        pause: Some(Pause { by: "ops".into(), note, since: now(), until: Some(now() + 6.hours()) }),
        reputation: Some(ReputationHold { note: figures, since: now() }),
        console: Some(ConsolePause { how: Console::ReservedZero, since: now() }),
        breaker: Breaker::Open(Open {
            since: now(),
            calls: 20,
            failures: 12,
            cool_down_seconds: 60,
            probe_at: now() + 1.minute(),
            tries: 3,
        }),
        mapping: LastSeen::Off,
        cleared: Some(Cleared { at: now(), by: "ops".into(), note: ended }),
    }
}

pub async fn a_stage_that_nobody_has_held_has_an_empty_row(controls: &dyn TestedControls) {
    assert_eq!(controls.control(StageName::Score).await, Ok(Control::default()));
}

pub async fn a_row_is_read_back_by_its_stage(controls: &dyn TestedControls) {
    assert_eq!(controls.save(StageName::Score, &full()).await, Ok(true));
    assert_eq!(controls.control(StageName::Score).await, Ok(full()));
    assert_eq!(controls.control(StageName::Email).await, Ok(Control::default()));
    let flowing = Control { version: 2, mapping: LastSeen::On, ..Control::default() };
    assert_eq!(controls.save(StageName::Score, &flowing).await, Ok(true));
    assert_eq!(controls.control(StageName::Score).await, Ok(flowing));
}

pub async fn a_row_of_another_version_is_not_written(controls: &dyn TestedControls) {
    assert_eq!(controls.save(StageName::Score, &full()).await, Ok(true));
    for version in [1, 3] {
        let other = Control { version, ..Control::default() };
        assert_eq!(controls.save(StageName::Score, &other).await, Ok(false), "version {version}");
    }
    assert_eq!(controls.control(StageName::Score).await, Ok(full()));
}

pub async fn of_twenty_writers_at_once_one_wins(controls: &dyn TestedControls) {
    let row = full();
    let saved = join_all((0..20).map(|_| controls.save(StageName::Email, &row))).await;
    assert_eq!(saved.iter().filter(|saved| **saved == Ok(true)).count(), 1, "{saved:?}");
}

pub async fn reports_of_the_same_minute_add_up(log: &dyn TestedControls) {
    let took = Duration::from_millis(7_250);
    let one =
        Outcomes { calls: 3, failures: 2, refused: 1, succeeded_at: Some(now()), sent: 1, took, ..Outcomes::default() };
    let until = now() + 2.hours();
    let other = Outcomes { calls: 5, failures: 5, leave_alone_until: Some(until), ..Outcomes::default() };
    log.report(StageName::Score, now(), &one).await.unwrap();
    log.report(StageName::Score, now() + 20.seconds(), &other).await.unwrap();
    log.report(StageName::Score, now() + 40.seconds(), &one).await.unwrap();
    let minutes = log.minutes(StageName::Score, now()).await.unwrap();
    let starts: Vec<_> = minutes.iter().map(|minute| minute.starts.to_string()).collect();
    assert_eq!(starts, ["2026-11-03T10:00:00Z", "2026-11-03T10:01:00Z"]);
    let (succeeded_at, leave_alone_until) = (Some(now()), Some(until));
    let sum = Outcomes {
        calls: 8,
        failures: 7,
        refused: 1,
        succeeded_at,
        leave_alone_until,
        sent: 1,
        took,
        causes: CauseCounts::default(),
    };
    assert_eq!(minutes[0].outcomes, sum);
    assert_eq!(minutes[1].outcomes, one);
}

pub async fn minutes_are_asked_for_from_a_moment_on_and_by_stage(log: &dyn TestedControls) {
    let one = Outcomes { calls: 1, ..Outcomes::default() };
    for minutes in [0, 5, 10] {
        log.report(StageName::Email, now() + minutes.minutes(), &one).await.unwrap();
    }
    let since = async |from| log.minutes(StageName::Email, from).await.unwrap().len();
    assert_eq!(since(now() - 1.hour()).await, 3);
    // The whole minute that the moment is in.
    assert_eq!(since(now() + 5.minutes() + 20.seconds()).await, 2);
    assert_eq!(since(now() + 11.minutes()).await, 0);
    assert_eq!(log.minutes(StageName::Score, now()).await, Ok(Vec::new()));
}

pub async fn reports_of_many_at_once_are_all_counted(log: &dyn TestedControls) {
    let mut one = Outcomes { calls: 2, failures: 1, sent: 1, ..Outcomes::default() };
    one.causes.add(&Cause::new("The email API answered 503."));
    for reported in join_all((0..20).map(|_| log.report(StageName::Score, now(), &one))).await {
        reported.unwrap();
    }
    let minutes = log.minutes(StageName::Score, now()).await.unwrap();
    let outcomes = &minutes[0].outcomes;
    assert_eq!((outcomes.calls, outcomes.failures, outcomes.sent), (40, 20, 20));
    assert_eq!(outcomes.causes.most_frequent(9), [(&Cause::new("The email API answered 503."), 20)]);
}

fn failing(causes: &[(&str, u64)]) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for (cause, count) in causes {
        outcomes.calls += count;
        outcomes.failures += count;
        outcomes.causes.insert(Cause::new(*cause), *count);
    }
    outcomes
}

pub async fn causes_of_the_same_minute_add_up(log: &dyn TestedControls) {
    log.report(StageName::Email, now(), &failing(&[("It is full.", 3), ("It was slow.", 1)])).await.unwrap();
    log.report(StageName::Email, now(), &failing(&[("It was slow.", 4)])).await.unwrap();
    log.report(StageName::Email, now(), &Outcomes { calls: 9, ..Outcomes::default() }).await.unwrap();
    let minutes = log.minutes(StageName::Email, now()).await.unwrap();
    let known = [(&Cause::new("It was slow."), 5), (&Cause::new("It is full."), 3)];
    assert_eq!(minutes[0].outcomes.causes.most_frequent(9), known);
    assert_eq!((minutes[0].outcomes.calls, minutes[0].outcomes.failures), (17, 8));
}

/// Whatever comes together: a minute's row has room for a few, and counts those that it knows and all calls.
pub async fn a_minute_knows_a_few_causes_and_counts_those_on(log: &dyn TestedControls) {
    log.report(StageName::Email, now(), &failing(&[("a", 9), ("b", 8), ("c", 7), ("d", 6)])).await.unwrap();
    let knows = async || {
        let minutes = log.minutes(StageName::Email, now()).await.unwrap();
        let known = minutes[0].outcomes.causes.most_frequent(99);
        known.into_iter().map(|(cause, count)| (cause.as_str().to_owned(), count)).collect::<Vec<_>>()
    };
    let told = |all: &[(&str, u64)]| all.iter().map(|(cause, count)| ((*cause).to_owned(), *count)).collect::<Vec<_>>();
    assert_eq!(knows().await, told(&[("a", 9), ("b", 8), ("c", 7)]), "a report tells three");
    log.report(StageName::Email, now(), &failing(&[("d", 6), ("e", 5)])).await.unwrap();
    assert_eq!(knows().await, told(&[("a", 9), ("b", 8), ("c", 7), ("d", 6), ("e", 5)]));
    log.report(StageName::Email, now(), &failing(&[("new", 20), ("e", 10)])).await.unwrap();
    assert_eq!(knows().await, told(&[("e", 15), ("a", 9), ("b", 8), ("c", 7), ("d", 6)]));
    let others: Vec<_> = (0..20).map(|number| failing(&[(&format!("at once {number}"), 1)])).collect();
    for reported in join_all(others.iter().map(|one| log.report(StageName::Email, now(), one))).await {
        reported.unwrap();
    }
    assert_eq!(knows().await.len(), 5, "of {MINUTE_CAUSES} no more");
    let minutes = log.minutes(StageName::Email, now()).await.unwrap();
    assert_eq!(minutes[0].outcomes.calls, 30 + 11 + 30 + 20);
}
