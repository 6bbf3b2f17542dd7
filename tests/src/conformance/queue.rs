//! What every queue does.
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    entry::EntryId,
    message::WorkMessage,
    ports::{Clock, Receipt, StageQueue, Visibility},
};

use super::samples::{id, run};

/// For longer than any case hides a message and then waits for it.
const PATIENCE: Duration = Duration::from_secs(15);

/// A queue, and what AWS does with one beyond the port. What is received stays invisible for at
/// least a minute.
#[async_trait]
pub trait TestedQueue: Clock {
    /// The port.
    fn port(&self) -> &dyn StageQueue;

    /// Receives what there is, waiting for something no longer than `patience`.
    async fn receive(&self, patience: Duration) -> Vec<Delivery>;
}

/// A message as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What was sent.
    pub body: String,
    /// What this receive is told by.
    pub receipt: Receipt,
    /// How often it has been received, this time included.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
}

fn message(n: usize) -> WorkMessage {
    WorkMessage::for_entry(&EntryId::of(id(&format!("c-{n}")), run("2026-11")))
}

fn hide(delivery: &Delivery, hidden_for: Duration) -> Visibility {
    Visibility { receipt: delivery.receipt.clone(), hidden_for }
}

async fn receive_one(queue: &dyn TestedQueue) -> Delivery {
    let received = queue.receive(PATIENCE).await;
    let [delivery] = received.as_slice() else {
        panic!("received {received:?} instead of one message");
    };
    delivery.clone()
}

async fn assert_nothing_visible(queue: &dyn TestedQueue) {
    assert_eq!(queue.receive(Duration::ZERO).await, []);
}

pub async fn a_message_arrives_as_it_was_sent(queue: &dyn TestedQueue) {
    assert_nothing_visible(queue).await;
    queue.port().send(&message(1)).await.unwrap();
    let delivery = receive_one(queue).await;
    assert_eq!(WorkMessage::parse(&delivery.body, delivery.sent_at), Ok(message(1)));
    assert_eq!(delivery.receive_count, 1);
    let age = queue.now().duration_since(delivery.sent_at).as_secs();
    assert!((0..60).contains(&age), "{age} s");
}

pub async fn more_messages_are_sent_than_one_call_takes(queue: &dyn TestedQueue) {
    let messages: Vec<_> = (0..23).map(message).collect();
    assert_eq!(queue.port().send_all(&messages).await, vec![Ok(()); 23]);
    let mut arrived = BTreeSet::new();
    while arrived.len() < 23 {
        let received = queue.receive(PATIENCE).await;
        assert!(!received.is_empty(), "{} of 23 arrived", arrived.len());
        arrived.extend(received.into_iter().map(|delivery| delivery.body));
    }
    assert_eq!(arrived, messages.iter().map(WorkMessage::body).collect());
    assert_eq!(queue.port().send_all(&[]).await, []);
}

pub async fn a_hidden_message_reappears_when_its_time_is_over(queue: &dyn TestedQueue) {
    queue.port().send(&message(1)).await.unwrap();
    let first = receive_one(queue).await;
    let hidden_at = queue.now();
    queue.port().hide(&[hide(&first, Duration::from_secs(2))]).await.unwrap();
    assert_nothing_visible(queue).await;
    let again = receive_one(queue).await;
    let waited = queue.now().duration_since(hidden_at).as_millis();
    assert!(waited >= 1900, "it reappeared after {waited} ms");
    assert_eq!((again.body, again.receive_count), (first.body, 2));
}

pub async fn a_message_hidden_for_no_time_reappears_at_once(queue: &dyn TestedQueue) {
    queue.port().send(&message(1)).await.unwrap();
    let first = receive_one(queue).await;
    assert_nothing_visible(queue).await;
    queue.port().hide(&[hide(&first, Duration::ZERO)]).await.unwrap();
    let again = queue.receive(Duration::ZERO).await;
    assert_eq!(again.len(), 1);
    assert_ne!(again[0].receipt, first.receipt);
}

pub async fn receipts_that_are_no_longer_good_are_passed_over(queue: &dyn TestedQueue) {
    queue.port().send(&message(1)).await.unwrap();
    let first = receive_one(queue).await;
    queue.port().hide(&[hide(&first, Duration::ZERO)]).await.unwrap();
    let second = receive_one(queue).await;
    let made_up = Visibility { receipt: Receipt("no-such-receipt".to_owned()), hidden_for: Duration::ZERO };
    let changes = [made_up, hide(&first, Duration::ZERO), hide(&second, Duration::from_mins(1))];
    queue.port().hide(&changes).await.unwrap();
    assert_nothing_visible(queue).await;
    // The good receipt among them still works.
    queue.port().hide(&[hide(&second, Duration::ZERO)]).await.unwrap();
    assert_eq!(receive_one(queue).await.receive_count, 3);
}

pub async fn more_messages_are_hidden_than_one_call_takes(queue: &dyn TestedQueue) {
    const MANY: usize = 25;
    for n in 0..MANY {
        queue.port().send(&message(n)).await.unwrap();
    }
    let first = queue.receive(PATIENCE).await;
    assert_eq!(first.len(), MANY);
    let changes: Vec<_> = first.iter().map(|delivery| hide(delivery, Duration::ZERO)).collect();
    queue.port().hide(&changes).await.unwrap();
    let again = queue.receive(PATIENCE).await;
    let bodies = |all: &[Delivery]| all.iter().map(|one| one.body.clone()).collect::<BTreeSet<_>>();
    assert_eq!(bodies(&again), bodies(&first));
    assert_eq!(again.len(), MANY);
}

pub async fn hiding_nothing_is_nothing(queue: &dyn TestedQueue) {
    queue.port().hide(&[]).await.unwrap();
    assert_nothing_visible(queue).await;
}
