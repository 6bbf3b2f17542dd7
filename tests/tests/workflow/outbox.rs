//! What happens is told to whoever asks for it, in the same write; where nobody asks, nothing is written.

use std::{sync::Arc, time::Duration};

use pulse_core::{
    control::Note,
    delivery::{
        Delivery, DeliveryProgress, Endpoint, EndpointBook, EndpointName, FactKind, KNOWN_WITHIN, Line, Owner, Subject,
        Target,
    },
    failure::Cause,
    feedback::{About, Feedback, FeedbackKind, FeedbackListener, FeedbackSource},
    forgetting::Forgetting,
    ports::{Clock as _, Deliveries as _, Endpoints as _, Ledger as _},
};
use pulse_tests::in_memory_stack::{InMemoryStack, customer, entry_id};

const RUN: &str = "2026-11";

fn crm() -> EndpointName {
    EndpointName::parse("crm").unwrap()
}

async fn add(stack: &InMemoryStack, kinds: &[FactKind]) {
    let bus = Target::EventBridge { bus: "crm".into() };
    let endpoint = Endpoint::new(crm(), bus, kinds.iter().copied(), "aoife".into(), stack.clock.now());
    assert_eq!(stack.ledger.save_endpoint(&endpoint).await, Ok(true));
    stack.clock.advance(KNOWN_WITHIN);
}

/// What waits for the endpoint of a customer's.
async fn told(stack: &InMemoryStack) -> Vec<Delivery> {
    let line = Line { owner: Owner::Customer(customer("c-1").id), endpoint: crm() };
    stack.ledger.line(&line).await.unwrap()
}

async fn kinds(stack: &InMemoryStack) -> Vec<FactKind> {
    told(stack).await.iter().map(|delivery| delivery.fact().id.kind).collect()
}

async fn hear(stack: &InMemoryStack, kind: FeedbackKind) {
    let listener = FeedbackListener::new(&*stack.outbox, &*stack.ledger, &*stack.clock);
    let about = About { entry: Some(entry_id("c-1", RUN)), ..About::default() };
    let event = Feedback { source: FeedbackSource::Ses, id: "e-1".into(), about, kind, at: stack.clock.now() };
    listener.hear(&event).await.unwrap();
}

#[tokio::test]
async fn a_customers_month_is_told_in_turn_and_once() {
    let stack = InMemoryStack::new();
    add(&stack, FactKind::ALL).await;
    stack.enroll(&[customer("c-1"), customer("c-2")]).await;
    stack.fire(&customer("c-1"));
    stack.drain().await;
    assert_eq!(kinds(&stack).await, [FactKind::Sent]);
    for _ in 0..2 {
        hear(&stack, FeedbackKind::Delivered).await;
        hear(&stack, FeedbackKind::Complained).await;
    }
    let told = told(&stack).await;
    let facts: Vec<_> = told.iter().map(Delivery::fact).collect();
    assert_eq!(
        facts.iter().map(|fact| fact.id.kind).collect::<Vec<_>>(),
        [FactKind::Sent, FactKind::Delivered, FactKind::Complained]
    );
    assert!(facts.is_sorted_by_key(|fact| fact.id.version), "{facts:?}");
    assert!(facts.iter().all(|fact| fact.id.subject == Subject::Entry(entry_id("c-1", RUN))));
    assert!(told.iter().all(|delivery| *delivery.progress() == DeliveryProgress::Waiting));
    assert!(
        stack
            .ledger
            .line(&Line { owner: Owner::Customer(customer("c-2").id), endpoint: crm() })
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn nothing_is_written_for_whoever_asks_for_something_else_or_was_not_there_yet() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.drain().await;
    add(&stack, &[FactKind::Complained]).await;
    let before = stack.ledger.used();
    hear(&stack, FeedbackKind::Delivered).await;
    assert_eq!((kinds(&stack).await, stack.ledger.used().since(before).transactions), (vec![], 0));
    hear(&stack, FeedbackKind::Complained).await;
    assert_eq!(kinds(&stack).await, [FactKind::Complained]);
}

#[tokio::test]
async fn who_unsubscribes_is_told_once_whoever_says_so_again() {
    let stack = InMemoryStack::new();
    add(&stack, FactKind::ALL).await;
    stack.enroll(&[customer("c-1")]).await;
    let listener = FeedbackListener::new(&*stack.outbox, &*stack.ledger, &*stack.clock);
    let said_at = stack.clock.now();
    for _ in 0..2 {
        listener.unsubscribe(&customer("c-1").id, Cause::new("Message m-1."), said_at).await.unwrap();
        stack.clock.advance(Duration::from_hours(1));
    }
    let told = told(&stack).await;
    assert_eq!(told.len(), 1);
    let fact = told[0].fact();
    assert_eq!((fact.id.kind, &fact.id.subject), (FactKind::Unsubscribed, &Subject::Customer(customer("c-1").id)));
    let profile = stack.ledger.customer(&customer("c-1").id).await.unwrap().unwrap();
    assert!(fact.as_of == said_at && fact.id.version <= profile.mark.version);
}

#[tokio::test]
async fn that_a_customer_was_forgotten_is_told_and_nothing_of_them() {
    let stack = InMemoryStack::new();
    add(&stack, FactKind::ALL).await;
    stack.enroll(&[customer("c-1")]).await;
    let forgetting = Forgetting {
        ledger: &*stack.outbox,
        in_campaigns: &*stack.ledger,
        notes: &*stack.ledger,
        schedules: &stack.schedules,
        sleeper: &*stack.clock,
    };
    for _ in 0..2 {
        let note = Note::parse("asked by letter").unwrap();
        forgetting.forget(&customer("c-1").id, &"aoife".into(), &note, &mut |_, _| {}).await.unwrap();
    }
    let mut kinds = kinds(&stack).await;
    kinds.sort_unstable();
    assert_eq!(kinds, [FactKind::Skipped, FactKind::Forgotten], "the open entry is closed, and the customer is gone");
    let rows = serde_json::to_string(&told(&stack).await).unwrap();
    let them = customer("c-1");
    for personal in [them.name.expose(), "@", "asked by letter"] {
        assert!(!rows.contains(personal), "{personal}: {rows}");
    }
}

#[tokio::test]
async fn the_endpoints_are_read_once_a_minute_and_again_when_a_clock_is_set_back() {
    let stack = InMemoryStack::new();
    let book = EndpointBook::new(stack.ledger.clone(), stack.clock.clone());
    let start = stack.clock.now();
    let reads = async || {
        let before = stack.ledger.used();
        let endpoints: Arc<[Endpoint]> = book.endpoints().await.unwrap();
        (stack.ledger.used().since(before).queries, endpoints.len())
    };
    assert_eq!(reads().await, (1, 0));
    add(&stack, FactKind::ALL).await;
    stack.clock.set(start + Duration::from_secs(59));
    assert_eq!(reads().await, (0, 0), "as it was a minute ago at most");
    stack.clock.set(start + KNOWN_WITHIN);
    assert_eq!(reads().await, (1, 1));
    stack.clock.set(start);
    assert_eq!(reads().await, (1, 1));
}
