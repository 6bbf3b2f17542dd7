//! Redrives that are cut off, slowed down, told to stop, or of no avail.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt as _, future};
use jiff::Timestamp;
use pulse_core::{
    customer::{Customer, Standing},
    dead_letters::{CauseFilter, Order, Progress, Redrive, Survey, Way},
    entry::{EntryId, SkipReason, StageName, State},
    failure::Cause,
    message::WorkMessage,
    ports::{
        Clock as _, DeadLetter, DeadLetters, DlqName, MoveProgress, MoveStart, MoveTicket, QueueError, Rate, Receipt,
        ScoreError, StageQueue, Visibility,
    },
};
use pulse_sim::{
    clock::VirtualClock, dead_letters::MemoryDeadLetters, mailer::MemoryMailer, queue::MemoryQueue,
    scorer::MemoryScorer, time::VirtualTime,
};
use pulse_tests::house::{House, customer, entry_id, start};

/// Customers whose scoring was given up.
async fn die(house: &House, count: usize) -> Vec<Customer> {
    let customers: Vec<_> = (0..count).map(|n| customer(&format!("c-{n}"))).collect();
    house.enroll(&customers).await;
    for customer in &customers {
        let failure = ScoreError::Fail { cause: Cause::new("The scoring API answered 422.") };
        house.scorer.fail_next_of(&entry_id(customer.id.as_str(), "2026-11"), [failure]);
        house.fire(customer);
    }
    house.drain().await;
    // So that nothing has just happened.
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.score.dlq.depth().visible, count);
    customers
}

async fn assert_everyone_is_mailed_once(house: &House, customers: &[Customer]) {
    house.drain().await;
    for Customer { id, .. } in customers {
        assert!(matches!(house.state(id.as_str(), "2026-11").await, State::Sent { .. }), "{id}");
        assert_eq!(house.mails(id.as_str()), 1, "{id}");
    }
    assert_eq!(house.score.dlq.depth().visible, 0);
}

/// A port that never answers again once its life is over: what it stands in is killed there.
struct Mortal<'a, Port> {
    port: &'a Port,
    calls_left: &'a AtomicUsize,
}

impl<'a, Port> Mortal<'a, Port> {
    async fn live(&self) -> &'a Port {
        let left = self.calls_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_err() {
            future::pending::<()>().await;
        }
        self.port
    }
}

#[async_trait]
impl DeadLetters for Mortal<'_, MemoryDeadLetters> {
    fn name(&self) -> DlqName {
        self.port.name()
    }

    async fn count(&self) -> Result<u64, QueueError> {
        self.live().await.count().await
    }

    async fn take(&self, most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, QueueError> {
        self.live().await.take(most, hidden_for).await
    }

    async fn put_back(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.live().await.put_back(receipts).await
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.live().await.delete(receipts).await
    }

    async fn start_move(&self, rate: Option<Rate>) -> Result<MoveStart, QueueError> {
        self.live().await.start_move(rate).await
    }

    async fn follow_move(&self, ticket: &MoveTicket) -> Result<MoveProgress, QueueError> {
        self.live().await.follow_move(ticket).await
    }
}

#[async_trait]
impl StageQueue for Mortal<'_, MemoryQueue> {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        self.live().await.send(message).await
    }

    async fn hide(&self, changes: &[Visibility]) -> Result<(), QueueError> {
        self.live().await.hide(changes).await
    }
}

#[tokio::test]
async fn wherever_a_redrive_is_killed_nobody_is_lost_and_nobody_mailed_twice() {
    let mut killed = 0;
    for calls in 0.. {
        let house = House::new();
        let customers = die(&house, 12).await;
        let letters = house.dead_letters(DlqName::Score);
        let calls_left = AtomicUsize::new(calls);
        let mortal_letters = Mortal { port: &letters, calls_left: &calls_left };
        let mortal_queue = Mortal { port: &*house.score.queue, calls_left: &calls_left };
        let order = Order::default();
        let redrive =
            Redrive { letters: &mortal_letters, queue: &mortal_queue, ledger: &*house.ledger, sleeper: &*house.clock };
        let ended = redrive.run(&order, &mut |_| {}, &|| false).now_or_never();
        // What was out of sight is back; and part of it was queued already, and worked on meanwhile.
        house.drain().await;
        house.clock.advance(Duration::from_mins(10));
        let again = Redrive { letters: &letters, queue: &*house.score.queue, ..redrive };
        let redriven = again.run(&order, &mut |_| {}, &|| false).await.unwrap();
        assert!(redriven.is_complete(), "{redriven:?}");
        assert_everyone_is_mailed_once(&house, &customers).await;
        if ended.is_some() {
            break;
        }
        killed += 1;
    }
    // Every take, every send and every delete was the last one once.
    assert!(killed >= 12 + 2 + 2, "{killed}");
}

#[tokio::test]
async fn no_more_letters_than_the_rate_allows_are_sent_in_any_second() {
    for (rate, count) in [(1, 12), (7, 23), (50, 120), (500, 600)] {
        let house = House::new();
        die(&house, count).await;
        let letters = house.dead_letters(DlqName::Score);
        let redrive =
            Redrive { letters: &letters, queue: &*house.score.queue, ledger: &*house.ledger, sleeper: &*house.clock };
        let began = house.clock.now();
        let order = Order { rate: Some(Rate::parse(&rate.to_string()).unwrap()), ..Order::default() };
        let redriven = redrive.run(&order, &mut |_| {}, &|| false).await.unwrap();
        assert_eq!(redriven.redriven, count as u64);
        let mut sent: Vec<Timestamp> =
            house.score.queue.receive(count).into_iter().map(|message| message.sent_at).collect();
        sent.sort_unstable();
        assert_eq!((sent.len(), sent[0]), (count, began));
        for window in sent.windows(rate + 1) {
            assert!(window[rate].duration_since(window[0]).as_millis() >= 1_000, "at {rate}/s: {window:?}");
        }
    }
}

#[tokio::test]
async fn letters_that_come_back_in_sight_during_a_long_redrive_are_counted_once() {
    let house = House::new();
    die(&house, 1_300).await;
    for n in 0..40 {
        house.score.dlq.send_body(&format!("not json {n}"));
    }
    house.clock.advance(Duration::from_secs(1));
    let letters = house.dead_letters(DlqName::Score);
    let redrive =
        Redrive { letters: &letters, queue: &*house.score.queue, ledger: &*house.ledger, sleeper: &*house.clock };
    // 1,300 seconds, more than twice as long as letters are out of sight.
    let cause = Some(CauseFilter::parse("422").unwrap());
    let order = Order { cause, rate: Some(Rate::parse("1").unwrap()), ..Order::default() };
    let redriven = redrive.run(&order, &mut |_| {}, &|| false).await.unwrap();
    assert_eq!((redriven.redriven, redriven.others, redriven.failed), (1_300, 40, 0));
    assert_eq!(house.score.dlq.depth().visible, 40);
}

/// A stage that gives everything up at once, a second after it is queued.
struct Hopeless {
    dlq: Arc<MemoryQueue>,
    clock: Arc<VirtualClock>,
}

#[async_trait]
impl StageQueue for Hopeless {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        self.clock.advance(Duration::from_secs(1));
        self.dlq.send_body(&message.body());
        Ok(())
    }

    async fn hide(&self, _: &[Visibility]) -> Result<(), QueueError> {
        Ok(())
    }
}

#[tokio::test]
async fn letters_that_die_again_at_once_are_left_for_another_time() {
    let house = House::new();
    die(&house, 25).await;
    let letters = house.dead_letters(DlqName::Score);
    let queue = Hopeless { dlq: house.score.dlq.clone(), clock: house.clock.clone() };
    let redrive = Redrive { letters: &letters, queue: &queue, ledger: &*house.ledger, sleeper: &*house.clock };
    let redriven = redrive.run(&Order::default(), &mut |_| {}, &|| false).await.unwrap();
    assert_eq!((redriven.redriven, redriven.newer), (25, 25));
    assert_eq!(house.score.dlq.depth().visible, 25);
}

#[tokio::test]
async fn a_redrive_that_is_told_to_stop_leaves_the_rest_in_sight() {
    let house = House::new();
    let customers = die(&house, 30).await;
    let letters = house.dead_letters(DlqName::Score);
    let redrive =
        Redrive { letters: &letters, queue: &*house.score.queue, ledger: &*house.ledger, sleeper: &*house.clock };
    let asked = AtomicUsize::new(0);
    let twice = || asked.fetch_add(1, Ordering::Relaxed) == 2;
    let redriven = redrive.run(&Order::default(), &mut |_| {}, &twice).await.unwrap();
    assert_eq!((redriven.redriven, redriven.interrupted), (20, true));
    assert_eq!(house.score.dlq.depth().visible, 10);
    redrive.run(&Order::default(), &mut |_| {}, &|| false).await.unwrap();
    assert_everyone_is_mailed_once(&house, &customers).await;

    let survey = Survey { letters: &letters, ledger: &*house.ledger };
    house.score.dlq.send_body("not json");
    let report = survey.look(10, &|| true).await.unwrap();
    assert_eq!((report.looked_at, report.more, house.score.dlq.depth().visible), (0, true, 1));
}

/// A queue that hands out one page, and is gone then.
struct Failing<'a>(&'a MemoryDeadLetters, AtomicUsize);

#[async_trait]
impl DeadLetters for Failing<'_> {
    fn name(&self) -> DlqName {
        self.0.name()
    }

    async fn count(&self) -> Result<u64, QueueError> {
        self.0.count().await
    }

    async fn take(&self, most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, QueueError> {
        if self.1.fetch_add(1, Ordering::Relaxed) == 1 {
            return Err(QueueError { queue: self.name().queue(), cause: Cause::new("SQS can't be reached.") });
        }
        self.0.take(most, hidden_for).await
    }

    async fn put_back(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.0.put_back(receipts).await
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.0.delete(receipts).await
    }

    async fn start_move(&self, rate: Option<Rate>) -> Result<MoveStart, QueueError> {
        self.0.start_move(rate).await
    }

    async fn follow_move(&self, ticket: &MoveTicket) -> Result<MoveProgress, QueueError> {
        self.0.follow_move(ticket).await
    }
}

#[tokio::test]
async fn a_queue_that_fails_half_way_through_has_all_that_was_not_moved_back_in_sight() {
    let house = House::new();
    die(&house, 15).await;
    let letters = house.dead_letters(DlqName::Score);
    let failing = Failing(&letters, AtomicUsize::new(0));
    let looked = Survey { letters: &failing, ledger: &*house.ledger }.look(100, &|| false).await;
    assert!(looked.unwrap_err().to_string().contains("SQS can't be reached."));
    assert_eq!(house.score.dlq.depth().visible, 15);

    let failing = Failing(&letters, AtomicUsize::new(0));
    let redrive =
        Redrive { letters: &failing, queue: &*house.score.queue, ledger: &*house.ledger, sleeper: &*house.clock };
    let dry = Order { dry_run: true, ..Order::default() };
    let redriven = redrive.run(&dry, &mut |_| {}, &|| false).await.unwrap();
    assert_eq!(redriven.redriven, 10);
    assert!(redriven.trouble.is_some() && !redriven.is_complete());
    assert_eq!(house.score.dlq.depth().visible, 15);
}

/// A house under a time in which tasks move letters.
fn house_in_time() -> (House, VirtualTime) {
    let clock = Arc::new(VirtualClock::starting_at(start()));
    let house = House::under(clock.clone(), MemoryScorer::new(clock.clone()), MemoryMailer::deduplicating());
    (house, VirtualTime::of(clock))
}

#[test]
fn where_everything_moves_the_queue_does_it_itself_and_the_stage_closes_who_has_left() {
    let (house, time) = house_in_time();
    let customers = time.run(die(&house, 50));
    let (gone, here) = customers.split_at(1);
    time.run(house.enroll(&[Customer { standing: Standing::Closed, ..gone[0].clone() }]));
    let calls = house.scorer.calls();

    let letters = house.dead_letters(DlqName::Score).with_move_tasks(time.clone());
    let redrive = Redrive { letters: &letters, queue: &*house.score.queue, ledger: &*house.ledger, sleeper: &time };
    let order = Order { rate: Some(Rate::parse("5/s").unwrap()), ..Order::default() };
    let (began, mut seen) = (time.now(), BTreeSet::new());
    let mut watch = |Progress { done, of }: Progress| {
        assert_eq!(of, Some(50));
        seen.insert(done);
    };
    let redriven = time.run(redrive.run(&order, &mut watch, &|| false)).unwrap();
    assert_eq!((redriven.way, redriven.redriven, redriven.is_complete()), (Way::MoveTask, 50, true));
    let took = time.now().duration_since(began).as_secs();
    assert!((9..=12).contains(&took), "50 letters at 5/s took {took} s");
    assert!(seen.len() > 3 && seen.contains(&50), "{seen:?}");

    time.run(assert_everyone_is_mailed_once(&house, here));
    let id = EntryId { customer: gone[0].id.clone(), run: entry_id("c-0", "2026-11").run };
    let left = time.run(house.state(id.customer.as_str(), "2026-11"));
    assert!(matches!(left, State::Skipped { reason: SkipReason::Closed, .. }), "{left:?}");
    assert_eq!((house.mails(id.customer.as_str()), house.scorer.calls().get(&id)), (0, calls.get(&id)));
}

#[test]
fn a_task_that_someone_else_has_started_is_followed_and_one_that_is_left_alone_goes_on() {
    let (house, time) = house_in_time();
    let customers = time.run(die(&house, 40));
    let letters = house.dead_letters(DlqName::Score).with_move_tasks(time.clone());
    let redrive = Redrive { letters: &letters, queue: &*house.score.queue, ledger: &*house.ledger, sleeper: &time };
    let order = Order { rate: Some(Rate::parse("2").unwrap()), ..Order::default() };
    let stopped = time.run(redrive.run(&order, &mut |_| {}, &|| true)).unwrap();
    assert!(stopped.interrupted && stopped.redriven < 40, "{stopped:?}");

    let followed = time.run(redrive.run(&Order::default(), &mut |_| {}, &|| false)).unwrap();
    assert_eq!((followed.way, followed.redriven), (Way::SomeonesMoveTask, 40));
    time.run(assert_everyone_is_mailed_once(&house, &customers));
}

#[test]
fn a_task_that_someone_cancels_is_told_as_one_that_ended_early() {
    let (house, time) = house_in_time();
    time.run(die(&house, 40));
    let letters = house.dead_letters(DlqName::Score).with_move_tasks(time.clone());
    let redrive = Redrive { letters: &letters, queue: &*house.score.queue, ledger: &*house.ledger, sleeper: &time };
    let order = Order { rate: Some(Rate::parse("2").unwrap()), ..Order::default() };
    let mut watch = |progress: Progress| {
        if progress.done >= 10 {
            let _ = house.score.dlq.last_move_task().expect("a task").cancel();
        }
    };
    let cancelled = time.run(redrive.run(&order, &mut watch, &|| false)).unwrap();
    assert!(cancelled.trouble.is_some() && (10..40).contains(&cancelled.redriven), "{cancelled:?}");
    let left = house.score.dlq.depth().visible as u64;
    assert_eq!(left + cancelled.redriven, 40);
    assert_eq!(house.dead_letters(DlqName::Score).name().stage(), StageName::Score);
}
