use jiff::Timestamp;
use pulse_core::{
    entry::StageName,
    failure::Cause,
    feedback::FeedbackCounts,
    ports::{ReadUnits, RosterCount},
    why::{CauseCount, Reason},
};

use super::*;

fn report(unaccounted: i64) -> RunReport {
    let count = |reason, customers, precision| ReasonCount { reason, customers, precision };
    let cause = CauseCount { cause: Cause::new("It answered 422."), entries: 4, examples: vec![] };
    RunReport {
        run: RunId::parse("2026-11").unwrap(),
        at: Timestamp::UNIX_EPOCH,
        roster: RosterCount { active: 10, closed: 2 },
        reasons: vec![
            count(Reason::Sent, 3, Precision::Exact),
            count(Reason::Queued(StageName::Score), 5, Precision::AtMost),
            count(Reason::Failed(StageName::Score), 4, Precision::Exact),
        ],
        unaccounted,
        holders: vec![],
        causes: vec![CauseSample {
            of: SampleOf::Failed,
            stage: StageName::Score,
            entries: 9,
            read: 4,
            causes: vec![cause],
        }],
        feedback: FeedbackCounts::from_fn(|count| u64::from(count == FeedbackCount::Delivered) * 2),
        without_entry: vec![],
        read_units: ReadUnits::of_halves(25),
    }
}

#[test]
fn it_says_whether_it_adds_up_and_what_was_only_read_in_part() {
    let zone = Zone::parse("UTC").unwrap();
    let told = text(&report(0), &zone);
    for part in [
        "12 = 10 active + 2 who have left",
        "It adds up",
        "5 at most",
        "4 of 9 given up by the score stage were read, so there are at least",
        "pulse redrive score --run 2026-11",
        "12.5 read units",
        "delivered  2",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(text(&report(2), &zone).contains("2 on the roster are in no line"));
    assert!(text(&report(-2), &zone).contains("2 more are in the lines than on the roster"));
}
