use jiff::ToSpan as _;

use super::*;

fn now() -> Timestamp {
    "2026-11-10T10:30:00Z".parse().unwrap()
}

fn counts(mails: u64, complaints: u64, hard_bounces: u64) -> FeedbackCounts {
    FeedbackCounts::from_fn(|count| match count {
        FeedbackCount::Heard => mails,
        FeedbackCount::Complained => complaints,
        FeedbackCount::HardBounced => hard_bounces,
        _ => 0,
    })
}

fn judged(mails: u64, complaints: u64, hard_bounces: u64) -> Reputation {
    let policy = ReputationPolicy::default();
    policy.judge(&policy.sum(&[(now(), counts(mails, complaints, hard_bounces))], None, now()))
}

#[test]
fn rates_are_judged_above_their_bounds_and_from_enough_mails() {
    assert_eq!(judged(999, 999, 999), Reputation::Good);
    assert_eq!(judged(1_000, 1, 50), Reputation::Good);
    assert_eq!(judged(1_000, 2, 50), Reputation::Doubtful);
    assert_eq!(judged(1_000, 3, 50), Reputation::Doubtful);
    assert_eq!(judged(1_000, 4, 0), Reputation::Bad);
    assert_eq!(judged(1_000, 0, 51), Reputation::Bad);
    assert_eq!(judged(u64::MAX, u64::MAX / 400, 0), Reputation::Doubtful);
}

#[test]
fn a_week_counts_and_what_came_before_a_hold_was_ended_does_not() {
    let policy = ReputationPolicy::default();
    let hours = [
        (now() - (8 * 24).hours(), counts(5_000, 50, 0)),
        (now() - 30.hours(), counts(2_000, 20, 0)),
        (now() - 1.hour(), counts(1_000, 1, 0)),
    ];
    let all = policy.sum(&hours, None, now());
    assert_eq!((all.mails, all.complaints), (3_000, 21));
    let since = policy.sum(&hours, Some(now() - 20.hours()), now());
    assert_eq!((since.mails, since.complaints), (1_000, 1));
}
