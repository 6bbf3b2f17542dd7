//! What every dead-letter queue does.
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use pulse_core::{
    delivery::{DeliveryId, EndpointName},
    entry::EntryId,
    failure::Cause,
    message::WorkMessage,
    ports::{Clock, DeadLetter, DeadLetters, MoveStart, Receipt, Undelivered},
};

use super::samples::{due, id, run};

/// For longer than any case takes.
const HIDDEN: Duration = Duration::from_mins(5);

/// A dead-letter queue without tasks that move its letters, and what comes to be in one beyond the port.
#[async_trait]
pub trait TestedLetters: Clock {
    /// The port.
    fn port(&self) -> &dyn DeadLetters;

    /// Puts a letter into it, with what the scheduler says of it, if it does.
    async fn put(&self, body: &str, undelivered: Option<Undelivered>);

    /// What has come to the queue that its letters are of: each message's body, and its group.
    async fn came_back(&self) -> Vec<(String, Option<String>)>;
}

async fn take_all(letters: &dyn TestedLetters) -> Vec<DeadLetter> {
    let mut all = Vec::new();
    loop {
        let page = letters.port().take(10, HIDDEN).await.unwrap();
        if page.is_empty() {
            return all;
        }
        assert!(page.len() <= 10, "{}", page.len());
        all.extend(page);
    }
}

fn receipts(letters: &[DeadLetter]) -> Vec<Receipt> {
    letters.iter().map(|letter| letter.receipt.clone()).collect()
}

fn bodies(letters: &[DeadLetter]) -> BTreeSet<String> {
    letters.iter().map(|letter| letter.body.clone()).collect()
}

pub async fn a_letter_is_taken_out_of_sight_and_put_back_as_it_was(letters: &dyn TestedLetters) {
    assert_eq!(letters.port().take(10, HIDDEN).await.unwrap(), []);
    letters.put("one", None).await;
    let taken = take_all(letters).await;
    assert_eq!((bodies(&taken), &taken[0].undelivered), (BTreeSet::from(["one".to_owned()]), &None));
    let age = letters.now().duration_since(taken[0].sent_at).as_secs();
    assert!((0..60).contains(&age), "{age} s");

    letters.port().put_back(&receipts(&taken)).await.unwrap();
    let again = take_all(letters).await;
    assert_eq!(again.len(), 1);
    let of = |letter: &DeadLetter| (letter.id.clone(), letter.body.clone(), letter.sent_at);
    assert_eq!(of(&again[0]), of(&taken[0]));
}

pub async fn no_more_letters_are_taken_than_asked_for(letters: &dyn TestedLetters) {
    for n in 0..3 {
        letters.put(&n.to_string(), None).await;
    }
    let one = letters.port().take(1, HIDDEN).await.unwrap();
    assert_eq!(one.len(), 1);
    let others = take_all(letters).await;
    assert_eq!(others.len(), 2);
    assert!(bodies(&one).is_disjoint(&bodies(&others)));
}

pub async fn a_deleted_letter_is_gone_and_a_receipt_that_is_no_longer_good_is_passed_over(letters: &dyn TestedLetters) {
    letters.put("one", None).await;
    letters.put("two", None).await;
    let taken = take_all(letters).await;
    letters.port().delete(&receipts(&taken[..1])).await.unwrap();
    // The first one's is no longer good.
    letters.port().put_back(&receipts(&taken)).await.unwrap();
    let left = take_all(letters).await;
    assert_eq!(bodies(&left), bodies(&taken[1..]));
    letters.port().delete(&receipts(&taken[..1])).await.unwrap();
    letters.port().delete(&receipts(&left)).await.unwrap();
    assert_eq!(take_all(letters).await, []);
}

pub async fn more_letters_are_put_back_and_deleted_than_one_call_takes(letters: &dyn TestedLetters) {
    let sent: BTreeSet<_> = (0..23).map(|n| n.to_string()).collect();
    for body in &sent {
        letters.put(body, None).await;
    }
    let taken = take_all(letters).await;
    assert_eq!(bodies(&taken), sent);
    letters.port().put_back(&receipts(&taken)).await.unwrap();
    let again = take_all(letters).await;
    assert_eq!(bodies(&again), sent);
    letters.port().delete(&receipts(&again)).await.unwrap();
    assert_eq!(take_all(letters).await, []);
    for nothing in [letters.port().put_back(&[]).await, letters.port().delete(&[]).await] {
        assert_eq!(nothing, Ok(()));
    }
}

pub async fn letters_in_sight_are_counted(letters: &dyn TestedLetters) {
    assert_eq!(letters.port().count().await, Ok(0));
    letters.put("one", None).await;
    letters.put("two", None).await;
    assert_eq!((letters.port().count().await, letters.port().hidden().await), (Ok(2), Ok(0)));
    letters.port().take(1, HIDDEN).await.unwrap();
    assert_eq!((letters.port().count().await, letters.port().hidden().await), (Ok(1), Ok(1)));
}

pub async fn what_the_scheduler_says_of_a_letter_is_read(letters: &dyn TestedLetters) {
    let undelivered = Undelivered {
        code: "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
        message: Cause::new("The specified queue does not exist."),
        scheduled_at: Some(due()),
    };
    letters.put("one", Some(undelivered.clone())).await;
    let taken = take_all(letters).await;
    assert_eq!(taken[0].undelivered, Some(undelivered));
}

pub async fn what_is_sent_back_is_in_the_group_of_its_campaign_or_endpoint(letters: &dyn TestedLetters) {
    let entry = |run_id| WorkMessage::for_entry(&EntryId::of(id("c-1"), run(run_id)));
    let endpoint = EndpointName::parse("crm").unwrap();
    let word = WorkMessage::for_delivery(DeliveryId { endpoint, fact: "c-1/2026-11/7/sent".parse().unwrap() });
    let bodies = [entry("spring").body(), entry("2026-11").body(), word.body(), "no message".to_owned()];
    for body in &bodies {
        letters.put(body, None).await;
    }
    let taken = take_all(letters).await;
    for letter in &taken {
        letters.port().send_back(letter).await.unwrap();
    }
    let groups = [Some("spring"), None, Some("crm"), None].map(|group| group.map(str::to_owned));
    let expected: BTreeSet<_> = bodies.into_iter().zip(groups).collect();
    assert_eq!(letters.came_back().await.into_iter().collect::<BTreeSet<_>>(), expected);
}

pub async fn a_queue_that_moves_nothing_by_itself_says_so(letters: &dyn TestedLetters) {
    letters.put("one", None).await;
    assert_eq!(letters.port().start_move(None).await, Ok(MoveStart::Unsupported));
    assert_eq!(take_all(letters).await.len(), 1);
}
