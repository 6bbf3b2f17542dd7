//! In whatever order it is told, and however often, the ledger is the same.

use std::time::Duration;

use jiff::{Timestamp, ToSpan as _};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};
use pulse_core::{
    customer::EmailAddress,
    failure::Cause,
    feedback::{BounceKind, Feedback, FeedbackKind, Heard},
    ports::{Clock as _, Ledger as _},
};
use pulse_sim::mailer::InjectedFailure;
use pulse_tests::in_memory_stack::customer;

use super::{address, addresses::move_away, bounced, event, listener, months};

/// What is told of mails of three runs, one of them in doubt.
fn told() -> impl Strategy<Value = Feedback> {
    let kinds = vec![
        FeedbackKind::Accepted,
        FeedbackKind::Delivered,
        FeedbackKind::Delayed,
        bounced(BounceKind::Hard),
        bounced(BounceKind::Soft),
        bounced(BounceKind::Soft),
        bounced(BounceKind::Reputation),
        FeedbackKind::Complained,
        FeedbackKind::Rejected { cause: Cause::new("No such address."), invalid_address: true },
        FeedbackKind::Unsubscribed,
    ];
    let runs = vec!["2026-11", "2026-12", "2027-01"];
    (select(kinds), select(runs), 0..4_i64).prop_map(|(kind, run, hours)| {
        let at: Timestamp = "2027-02-01T10:00:00Z".parse().unwrap();
        event(kind, run, at + hours.hours())
    })
}

/// The ledger of a customer who had mails of three months, and moved away or not, and of whom this was told.
async fn ledger_after(told: &[Feedback], moves: bool) -> impl PartialEq + std::fmt::Debug + use<> {
    let stack = months(2).await;
    stack.mailer.fail_next([InjectedFailure::AnswerLost]);
    stack.fire(&customer("c-1"));
    stack.drain().await;
    stack.clock.advance(Duration::from_hours(24 * 60));
    if moves {
        move_away(&stack).await;
    }
    let listener = listener(&stack);
    for event in told {
        assert_eq!(listener.hear(event).await, Ok(Heard::Done));
    }
    let id = customer("c-1").id;
    let rows = stack.ledger.entries(&id).await.unwrap().into_iter().map(|entry| {
        let mut row = serde_json::to_value(entry).unwrap();
        row.as_object_mut().unwrap().remove("version");
        row
    });
    let rows: Vec<_> = rows.collect();
    let consent = stack.ledger.customer(&id).await.unwrap().unwrap().consent;
    let mut suppressed = Vec::new();
    for address in [address(), EmailAddress::parse("new@example.com").unwrap()] {
        let known = stack.ledger.suppression(&address).await.unwrap().unwrap_or_default();
        suppressed.push(known.in_force(stack.clock.now()));
    }
    assert!(!moves || suppressed[1].is_empty(), "no mail went there");
    (rows, consent.opted_out(), consent.record().and_then(|record| record.as_of), suppressed)
}

#[test]
fn whatever_order_it_is_told_in_and_however_often_the_ledger_is_the_same() {
    let orders = (vec(told(), 1..8), any::<bool>(), any::<bool>()).prop_flat_map(|(mut told, names, moves)| {
        // A provider names the address always, or never.
        for event in told.iter_mut().filter(|_| names) {
            event.about.address = Some(address());
        }
        let twice: Vec<_> = told.iter().chain(&told).cloned().collect();
        (Just(told), Just(twice).prop_shuffle(), Just(moves))
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = ProptestConfig { cases: 200, ..ProptestConfig::default() };
    let checked = TestRunner::new(config).run(&orders, |(told, again, moves)| {
        let (one, other) =
            runtime.block_on(async { (ledger_after(&told, moves).await, ledger_after(&again, moves).await) });
        prop_assert_eq!(one, other);
        Ok(())
    });
    assert_eq!(checked, Ok(()));
}
