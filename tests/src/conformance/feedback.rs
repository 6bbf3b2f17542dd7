//! What every ledger does with addresses that must not be mailed, and with counts of what became of mails.
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use jiff::ToSpan as _;
use pulse_core::{
    control::Note,
    customer::EmailAddress,
    failure::Cause,
    feedback::{FeedbackCount, FeedbackCounts, hour_of},
    run::RunId,
    suppression::{Evidence, Release, Scope, Suppression, SuppressionReason},
};

use super::{ledger::TestedLedger, samples::due};

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn evidence() -> Evidence {
    Evidence { at: due(), scope: Scope::All, cause: Some(Cause::new("It was so.")) }
}

pub async fn a_suppression_is_read_back_whatever_the_addresss_case(ledger: &dyn TestedLedger) {
    let ada = address("Ada@Example.com");
    assert_eq!(ledger.suppression(&ada).await, Ok(None));
    let bounced = Suppression::of(SuppressionReason::HardBounce, evidence());
    assert_eq!(ledger.save_suppression(&ada, &bounced).await, Ok(true));
    let known = ledger.suppression(&address("ada@example.COM")).await.unwrap().expect("it is suppressed");
    assert_eq!((known.version, known.in_force(due())), (1, bounced.in_force(due())));
    assert_eq!(ledger.suppression(&address("bob@example.com")).await, Ok(None));
}

pub async fn a_suppression_is_written_over_what_it_was_read_as(ledger: &dyn TestedLedger) {
    let ada = address("ada@example.com");
    let first = Suppression::of(SuppressionReason::HardBounce, evidence());
    assert_eq!(ledger.save_suppression(&ada, &first).await, Ok(true));
    let unread = Suppression::of(SuppressionReason::Complaint, evidence());
    assert_eq!(ledger.save_suppression(&ada, &unread).await, Ok(false));
    let known = ledger.suppression(&ada).await.unwrap().expect("it is suppressed");
    let both = known.with(SuppressionReason::Complaint, evidence());
    assert_eq!(ledger.save_suppression(&ada, &both).await, Ok(true));
    let known = ledger.suppression(&ada).await.unwrap().expect("it is suppressed");
    assert_eq!((known.version, known.in_force(due()).len()), (2, 2));
}

pub async fn suppressions_are_counted_by_their_worst_reason_and_the_newest_listed(ledger: &dyn TestedLedger) {
    let at = |hours: i64| Evidence { at: due() + hours.hours(), scope: Scope::All, cause: None };
    let release = |hours: i64| Release {
        at: due() + hours.hours(),
        by: "aoife".into(),
        note: Note::parse("they wrote").unwrap(),
    };
    let hard = |hours| Suppression::of(SuppressionReason::HardBounce, at(hours));
    let released = hard(2).released(release(3));
    let kept = [
        ("one@example.com", hard(1)),
        ("two@example.com", hard(4)),
        ("three@example.com", hard(5).with(SuppressionReason::Complaint, at(6))),
        ("four@example.com", released.clone()),
        ("five@example.com", Suppression::of(SuppressionReason::SoftBounces, at(-91 * 24))),
        ("six@example.com", Suppression::of(SuppressionReason::SoftBounces, at(0))),
        ("seven@example.com", Suppression::default()),
        ("eight@example.com", released.with(SuppressionReason::HardBounce, at(8))),
    ];
    for (text, suppression) in kept {
        assert_eq!(ledger.save_suppression(&address(text), &suppression).await, Ok(true));
    }
    let found = ledger.suppressions(due(), 4).await.unwrap();
    let by_reason =
        [(SuppressionReason::Complaint, 1), (SuppressionReason::HardBounce, 3), (SuppressionReason::SoftBounces, 1)];
    assert_eq!((found.by_reason, found.released), (by_reason.into(), 1));
    let newest: Vec<_> = found.newest.iter().filter_map(|found| found.suppression.changed_at()).collect();
    assert_eq!(newest, [8, 6, 4, 3].map(|hours: i64| due() + hours.hours()));
    assert!(found.newest.iter().all(|found| found.digest.len() >= 64 && !found.digest.contains('@')));
    assert_eq!(ledger.suppressions(due(), 0).await.unwrap().newest, []);

    // A row that is written again is listed as what it is then, once.
    let known = ledger.suppression(&address("two@example.com")).await.unwrap().unwrap();
    assert_eq!(ledger.save_suppression(&address("two@example.com"), &known.released(release(9))).await, Ok(true));
    let found = ledger.suppressions(due(), 100).await.unwrap();
    assert_eq!((found.by_reason[&SuppressionReason::HardBounce], found.released, found.newest.len()), (2, 2, 6));
    assert_eq!(found.newest[0].suppression.changed_at(), Some(due() + 9.hours()));
}

pub async fn feedback_is_counted_by_the_hour_and_repeats_with_their_month(ledger: &dyn TestedLedger) {
    let counts = |delivered, complained| {
        FeedbackCounts::from_fn(|count| match count {
            FeedbackCount::Heard | FeedbackCount::Delivered => delivered,
            FeedbackCount::Complained => complained,
            _ => 0,
        })
    };
    let run = |text| RunId::parse(text).unwrap();
    for (run, at, counts) in [
        (run("2026-11"), due(), counts(3, 0)),
        (run("2026-11-r2"), due(), counts(2, 1)),
        (run("2026-11"), due() + 2.hours(), counts(1, 0)),
        (run("2026-11"), due() - 2.hours(), counts(7, 0)),
        (run("2026-10"), due(), counts(9, 0)),
    ] {
        assert_eq!(ledger.count_feedback(run, at, &counts).await, Ok(()));
    }
    assert_eq!(ledger.count_feedback(run("2026-11"), due() + 9.hours(), &counts(0, 0)).await, Ok(()));
    let mut found = ledger.feedback_counts(run("2026-11"), due()).await.unwrap();
    found.retain(|(_, counts)| counts.values().any(|count| *count > 0));
    assert_eq!(found, [(hour_of(due()), counts(5, 1)), (hour_of(due()) + 2.hours(), counts(1, 0))]);
}

pub async fn a_token_counts_for_the_body_that_it_first_came_with(ledger: &dyn TestedLedger) {
    let until = due() + 9.hours();
    for (token, body, counts) in
        [("t-1", "one", true), ("t-1", "one", true), ("t-1", "two", false), ("t-2", "two", true)]
    {
        assert_eq!(ledger.remember_token(token, body, until).await, Ok(counts), "{token} {body}");
    }
}
