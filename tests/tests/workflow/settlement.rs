//! Mails of unknown fate are settled by someone who looked.

use pulse_core::{
    entry::{Progress, StageName},
    ports::{Clock as _, Ledger as _, LedgerReports as _},
    settlement::{Outcome, Settled, SettlementError},
};
use pulse_sim::mailer::Mishap;
use pulse_tests::house::{House, customer, entry_id};

async fn unknown() -> House {
    let house = House::with_forgetful_mailer();
    house.enroll(&[customer("c-1")]).await;
    house.mailer.fail_next([Mishap::AnswerLost]);
    house.fire(&customer("c-1"));
    house.drain().await;
    assert!(matches!(house.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    house
}

#[tokio::test]
async fn a_mail_that_was_sent_is_settled_with_the_providers_id_and_only_once() {
    let house = unknown().await;
    let id = entry_id("c-1", "2026-11");
    let sent = Outcome::Sent { provider_id: "m-7".into() };
    assert_eq!(house.settlement().settle(&id, &sent, "Seen in the console.").await, Ok(Settled::Sent));
    let Progress::Done { provider_id, .. } = house.progress("c-1", "2026-11").await else { panic!("not sent") };
    assert_eq!(provider_id, "m-7");
    assert_eq!(house.settlement().settle(&id, &sent, "Again.").await, Ok(Settled::Already));
    let refused = house.settlement().settle(&id, &Outcome::NotSent, "Wrong.").await;
    assert_eq!(refused, Err(SettlementError::Known { entry: id.clone(), state: "sent" }));
    house.drain().await;
    assert_eq!(house.mails("c-1"), 1);
    let notes = house.ledger.activities(&id.customer).await.unwrap();
    assert!(notes[0].what.contains("Seen in the console."), "{notes:?}");
}

#[tokio::test]
async fn a_mail_that_was_not_sent_is_sent_then() {
    let house = House::with_forgetful_mailer();
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.invoke(StageName::Score).await;
    let entry = house.entry("c-1", "2026-11").await;
    let now = house.clock.now();
    house.ledger.apply(&entry.claim(StageName::Email, now, now).unwrap()).await.unwrap();
    house.drain().await;
    let id = entry_id("c-1", "2026-11");
    let settled = house.settlement().settle(&id, &Outcome::NotSent, "Not in the provider's log.").await;
    assert_eq!(settled, Ok(Settled::Queued));
    house.drain().await;
    assert!(matches!(house.progress("c-1", "2026-11").await, Progress::Done { .. }));
    assert_eq!(house.mails("c-1"), 1);
}

#[tokio::test]
async fn an_entry_that_is_not_there_is_not_settled() {
    let house = House::new();
    let id = entry_id("c-9", "2026-11");
    let refused = house.settlement().settle(&id, &Outcome::NotSent, "Who?").await;
    assert_eq!(refused, Err(SettlementError::NoEntry(id)));
}
