//! Redrives where SQS and DynamoDB take a call only now and then, or not at all.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use pulse_core::{
    customer::{Customer, CustomerId, EmailAddress, Standing},
    dead_letters::{DeadLetterError, Redrive, RedriveOrder, Redriven, Way},
    delivery::Delivery,
    entry::{Change, Entry, EntryId, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::{
        Activity, DeadLetter, DeadLetters, DlqName, Ledger, LedgerError, MoveProgress, MoveStart, MoveTicket,
        QueueError, Rate, Receipt, StageQueue, Visibility,
    },
    suppression::Suppression,
};
use pulse_sim::{
    clock::VirtualClock,
    dead_letters::{MemoryDeadLetters, MemoryReader},
    ledger::MemoryLedger,
    mailer::MemoryMailer,
    queue::MemoryQueue,
    scorer::MemoryScorer,
    time::VirtualTime,
};
use pulse_tests::in_memory_stack::{InMemoryStack, start};

use super::{assert_everyone_is_mailed_once, die};

/// Which calls are taken.
#[derive(Clone, Copy)]
enum Taken {
    /// So many in a second.
    PerSecond(usize),
    /// Each of this number.
    Every(usize),
    None,
}

/// A port that takes some calls only.
struct Throttled<'a, Port> {
    port: &'a Port,
    taken: Taken,
    time: &'a VirtualTime,
    /// Of the second, or of all.
    calls: Mutex<(i64, usize)>,
}

impl<'a, Port> Throttled<'a, Port> {
    fn new(port: &'a Port, taken: Taken, time: &'a VirtualTime) -> Self {
        Self { port, taken, time, calls: Mutex::default() }
    }

    fn take<E>(&self, error: impl FnOnce(Cause) -> E) -> Result<&'a Port, E> {
        let mut calls = self.calls.lock().unwrap();
        let second = self.time.now().as_second();
        if matches!(self.taken, Taken::PerSecond(_)) && calls.0 != second {
            *calls = (second, 0);
        }
        calls.1 += 1;
        let is_taken = match self.taken {
            Taken::PerSecond(most) => calls.1 <= most,
            Taken::Every(number) => calls.1.is_multiple_of(number),
            Taken::None => false,
        };
        if is_taken { Ok(self.port) } else { Err(error(Cause::new("It answered ThrottlingException."))) }
    }

    fn queue(&self) -> Result<&'a Port, QueueError> {
        self.take(|cause| QueueError::Unavailable { queue: "score".into(), cause })
    }

    fn ledger(&self) -> Result<&'a Port, LedgerError> {
        self.take(LedgerError::Unavailable)
    }
}

#[async_trait]
impl DeadLetters for Throttled<'_, MemoryDeadLetters> {
    fn name(&self) -> DlqName {
        self.port.name()
    }

    async fn count(&self) -> Result<u64, QueueError> {
        self.queue()?.count().await
    }

    async fn hidden(&self) -> Result<u64, QueueError> {
        self.queue()?.hidden().await
    }

    async fn take(&self, most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, QueueError> {
        self.queue()?.take(most, hidden_for).await
    }

    async fn hide(&self, receipts: &[Receipt], hidden_for: Duration) -> Result<(), QueueError> {
        self.queue()?.hide(receipts, hidden_for).await
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.queue()?.delete(receipts).await
    }

    async fn send_back(&self, letter: &DeadLetter) -> Result<(), QueueError> {
        self.queue()?.send_back(letter).await
    }

    async fn start_move(&self, rate: Option<Rate>) -> Result<MoveStart, QueueError> {
        self.queue()?.start_move(rate).await
    }

    async fn follow_move(&self, ticket: &MoveTicket) -> Result<MoveProgress, QueueError> {
        self.queue()?.follow_move(ticket).await
    }
}

#[async_trait]
impl StageQueue for Throttled<'_, MemoryQueue> {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        self.queue()?.send(message).await
    }

    async fn hide(&self, changes: &[Visibility]) -> Result<(), QueueError> {
        self.port.hide(changes).await
    }
}

#[async_trait]
impl Ledger for Throttled<'_, MemoryLedger> {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        self.ledger()?.customer(id).await
    }

    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError> {
        self.port.save_with_word(customer, word).await
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        self.ledger()?.entry(id).await
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.port.entries(customer).await
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.port.open(entry).await
    }

    async fn write_change(&self, change: &Change) -> Result<(), LedgerError> {
        self.ledger()?.write_change(change).await
    }

    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        self.port.suppression(address).await
    }

    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError> {
        self.port.save_suppression(address, suppression).await
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        self.port.note(activity).await
    }
}

fn stack_in_time() -> (InMemoryStack, VirtualTime) {
    let clock = Arc::new(VirtualClock::starting_at(start()));
    let stack = InMemoryStack::under(clock.clone(), MemoryScorer::new(clock.clone()), MemoryMailer::deduplicating());
    (stack, VirtualTime::of(clock))
}

/// A redrive of the score stage's letters, of whose calls these are taken; and how many seconds it took.
fn redrive(
    (stack, time): &(InMemoryStack, VirtualTime),
    letters: &MemoryDeadLetters,
    taken: Taken,
    stop: &(dyn Fn() -> bool + Sync),
) -> (Result<Redriven, DeadLetterError>, i64) {
    let letters = Throttled::new(letters, taken, time);
    let queue = Throttled::new(&*stack.score.queue, taken, time);
    let ledger = Throttled::new(&*stack.ledger, taken, time);
    let redrive = Redrive {
        letters: &letters,
        queue: Some(&queue),
        ledger: &ledger,
        deliveries: &*stack.ledger,
        sleeper: time,
        intake: &MemoryReader,
    };
    let began = time.now();
    let redriven = time.run(redrive.run(&RedriveOrder::default(), &mut |_| {}, stop));
    (redriven, time.now().duration_since(began).as_secs())
}

#[test]
fn a_redrive_of_which_sqs_and_dynamodb_take_four_calls_a_second_goes_on_until_everyone_is_mailed() {
    let world = stack_in_time();
    let (stack, time) = &world;
    let customers = time.run(die(stack, 30));
    let (gone, here) = customers.split_at(1);
    time.run(stack.enroll(&[Customer { standing: Standing::Closed, ..gone[0].clone() }]));
    let letters = stack.dead_letters(DlqName::Stage(StageName::Score));
    let (redriven, _) = redrive(&world, &letters, Taken::PerSecond(4), &|| false);
    let redriven = redriven.unwrap();
    assert!(redriven.is_complete(), "{redriven:?}");
    assert_eq!((redriven.redriven, redriven.closed, redriven.way), (29, 1, Way::Fallback));
    time.run(assert_everyone_is_mailed_once(stack, here));
}

#[test]
fn a_move_task_is_started_and_followed_though_sqs_is_throttled() {
    let world = stack_in_time();
    let (stack, time) = &world;
    let customers = time.run(die(stack, 20));
    let letters = stack.dead_letters(DlqName::Stage(StageName::Score)).with_move_tasks(time.clone());
    let (redriven, _) = redrive(&world, &letters, Taken::Every(4), &|| false);
    let redriven = redriven.unwrap();
    assert_eq!((redriven.way, redriven.redriven, redriven.is_complete()), (Way::MoveTask, 20, true));
    time.run(assert_everyone_is_mailed_once(stack, &customers));
}

#[test]
fn a_queue_that_stays_out_of_order_ends_it_after_two_minutes_and_at_once_if_someone_asks() {
    let world = stack_in_time();
    let letters = world.0.dead_letters(DlqName::Stage(StageName::Score)).with_move_tasks(world.1.clone());
    let (redriven, seconds) = redrive(&world, &letters, Taken::None, &|| false);
    assert!(redriven.unwrap_err().to_string().contains("right now: It answered ThrottlingException"));
    assert!((60..=125).contains(&seconds), "{seconds} s");
    let (redriven, seconds) = redrive(&world, &letters, Taken::None, &|| true);
    assert!(redriven.is_err() && seconds == 0, "{seconds} s");
}
