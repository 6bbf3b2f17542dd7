//! Mails of unknown fate are settled by someone who looked.

use pulse_core::{
    entry::{Progress, StageName},
    ports::{Clock as _, Ledger as _, LedgerReports as _},
    settlement::{Settled, SettlementError, SettlementOutcome},
};
use pulse_sim::mailer::InjectedFailure;
use pulse_tests::in_memory_stack::{InMemoryStack, customer, entry_id};

async fn unknown() -> InMemoryStack {
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.enroll(&[customer("c-1")]).await;
    stack.mailer.fail_next([InjectedFailure::AnswerLost]);
    stack.fire(&customer("c-1"));
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    stack
}

#[tokio::test]
async fn a_mail_that_was_sent_is_settled_with_the_providers_id_and_only_once() {
    let stack = unknown().await;
    let id = entry_id("c-1", "2026-11");
    let sent = SettlementOutcome::Sent { provider_id: "m-7".into() };
    assert_eq!(stack.settlement().settle(&id, &sent, "Seen in the console.").await, Ok(Settled::Sent));
    let Progress::Done { provider_id, .. } = stack.progress("c-1", "2026-11").await else { panic!("not sent") };
    assert_eq!(provider_id, "m-7");
    assert_eq!(stack.settlement().settle(&id, &sent, "Again.").await, Ok(Settled::Already));
    let refused = stack.settlement().settle(&id, &SettlementOutcome::NotSent, "Wrong.").await;
    assert_eq!(refused, Err(SettlementError::Known { entry: id.clone(), state: "sent" }));
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
    let notes = stack.ledger.activities(&id.customer).await.unwrap();
    assert!(notes[0].what.contains("Seen in the console."), "{notes:?}");
}

#[tokio::test]
async fn a_mail_that_was_not_sent_is_sent_then() {
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    let entry = stack.entry("c-1", "2026-11").await;
    let now = stack.clock.now();
    stack.ledger.apply(&entry.claim(StageName::Email, now, now).unwrap()).await.unwrap();
    stack.drain().await;
    let id = entry_id("c-1", "2026-11");
    let settled = stack.settlement().settle(&id, &SettlementOutcome::NotSent, "Not in the provider's log.").await;
    assert_eq!(settled, Ok(Settled::Queued));
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Done { .. }));
    assert_eq!(stack.mails("c-1"), 1);
}

#[tokio::test]
async fn an_entry_that_is_not_there_is_not_settled() {
    let stack = InMemoryStack::new();
    let id = entry_id("c-9", "2026-11");
    let refused = stack.settlement().settle(&id, &SettlementOutcome::NotSent, "Who?").await;
    assert_eq!(refused, Err(SettlementError::NoEntry(id)));
}
