//! A redrive as an order: it ends, adds up, and moves no more than was previewed, wherever a tick is killed.

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use async_trait::async_trait;
use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{
    customer::{Customer, Standing},
    dead_letters::CauseFilter,
    entry::StageName,
    message::WorkMessage,
    orders::{Order, OrderAction, OrderId, OrderKind, OrderPreview, OrderProgress, OrderRound, OrderState},
    ports::{Clock as _, DeadLetterQueues, DeadLetters, DlqName, LedgerError, Orders, Queues, Rate, StageQueue},
    stage::PerStage,
};
use pulse_sim::{dead_letters::MemoryReader, ledger::MemoryLedger};
use pulse_tests::in_memory_stack::InMemoryStack;

use super::{assert_everyone_is_mailed_once, die, killed::Mortal};

const QUEUE: DlqName = DlqName::Stage(StageName::Score);

#[async_trait]
impl Orders for Mortal<MemoryLedger> {
    async fn order(&self, id: &OrderId) -> Result<Option<Order>, LedgerError> {
        self.live().await.order(id).await
    }

    async fn save_order(&self, order: &Order) -> Result<bool, LedgerError> {
        self.live().await.save_order(order).await
    }

    async fn orders(&self, kind: OrderKind, before: Option<&OrderId>, most: usize) -> Result<Vec<Order>, LedgerError> {
        self.live().await.orders(kind, before, most).await
    }

    async fn open_orders(&self, limit: usize) -> Result<Vec<OrderId>, LedgerError> {
        self.live().await.open_orders(limit).await
    }
}

fn by_cause(words: &str, rate: Option<Rate>) -> OrderAction {
    OrderAction::Redrive { queue: QUEUE, cause: CauseFilter::parse(words).ok(), endpoint: None, rate }
}

async fn give(stack: &InMemoryStack, action: OrderAction, expected: u64) -> OrderId {
    let now = stack.clock.now();
    let preview = OrderPreview::of(&action, now, expected);
    let order = Order::given(action, "aoife".into(), None, preview, now);
    assert_eq!(stack.ledger.save_order(&order).await, Ok(true));
    order.id
}

async fn read(stack: &InMemoryStack, id: &OrderId) -> Order {
    stack.ledger.order(id).await.unwrap().expect("an order")
}

/// A tick that works on orders for so long, unless it is killed at its last call. Says whether it was.
fn tick(stack: &InMemoryStack, lasts: Duration, calls: usize) -> bool {
    let calls_left = Arc::new(AtomicUsize::new(calls));
    let letters = |name| -> Arc<dyn DeadLetters> {
        Arc::new(Mortal { port: Arc::new(stack.dead_letters(name)), calls_left: Arc::clone(&calls_left) })
    };
    let dead_letters = DeadLetterQueues {
        stages: PerStage::from_fn(|stage| letters(DlqName::Stage(stage))),
        schedules: letters(DlqName::Schedules),
        feedback: letters(DlqName::Schedules),
        unsubscribe: letters(DlqName::Schedules),
    };
    let pairs = PerStage::from_array([&stack.score, &stack.email, &stack.deliver, &stack.call]);
    let queues: Queues = pairs.map(|_, pair| -> Arc<dyn StageQueue> {
        Arc::new(Mortal { port: Arc::clone(&pair.queue), calls_left: Arc::clone(&calls_left) })
    });
    let orders = Mortal { port: Arc::clone(&stack.ledger), calls_left: Arc::clone(&calls_left) };
    let round = OrderRound {
        orders: &orders,
        ledger: &*stack.ledger,
        deliveries: &*stack.ledger,
        listing: &*stack.ledger,
        queues: &queues,
        dead_letters: &dead_letters,
        intake: &MemoryReader,
        sleeper: &*stack.clock,
    };
    round.run(stack.clock.now() + lasts).now_or_never().is_none()
}

/// Ticks, minute by minute, until the order has ended. Says how many there were.
async fn tick_until_it_ends(stack: &InMemoryStack, id: &OrderId) -> usize {
    for ticks in 0..200 {
        if !read(stack, id).await.state.is_open() {
            return ticks;
        }
        stack.clock.advance(Duration::from_mins(1));
        assert!(!tick(stack, Duration::from_secs(40), usize::MAX));
    }
    panic!("it never ends: {:?}", read(stack, id).await);
}

fn leave(customer: &Customer) -> Customer {
    Customer { standing: Standing::Closed, ..customer.clone() }
}

#[tokio::test]
async fn wherever_a_tick_is_killed_an_order_ends_and_each_letter_counts_once() {
    let mut killed = 0;
    for calls in 0.. {
        let stack = InMemoryStack::new();
        let customers = die(&stack, 12).await;
        stack.rewrite(&leave(&customers[0])).await;
        stack.score.dlq.send_body("unreadable");
        stack.clock.advance(Duration::from_secs(1));
        let id = give(&stack, by_cause("answered 422", None), 12).await;
        stack.clock.advance(Duration::from_secs(1));
        // It died of the same, after the preview.
        stack.score.dlq.send_body(&WorkMessage::schedule_input(&customers[1].id));
        let was_killed = tick(&stack, Duration::from_secs(40), calls);
        tick_until_it_ends(&stack, &id).await;
        let order = read(&stack, &id).await;
        let expected = OrderProgress { moved: 11, closed: 1, others: 1, newer: 1, ..OrderProgress::default() };
        assert_eq!((&order.state, &order.progress), (&OrderState::Done, &expected), "killed at call {calls}");
        stack.clock.advance(Duration::from_mins(30));
        assert_eq!(stack.score.dlq.depth().visible, 2, "killed at call {calls}");
        if !was_killed {
            break;
        }
        killed += 1;
    }
    assert!(killed > 12 + 5, "{killed}");
}

#[tokio::test]
async fn no_more_move_than_were_previewed_and_the_order_asks_again() {
    let stack = InMemoryStack::new();
    let customers = die(&stack, 9).await;
    let id = give(&stack, by_cause("422", None), 4).await;
    assert!(!tick(&stack, Duration::from_secs(40), usize::MAX));
    let order = read(&stack, &id).await;
    assert_eq!(order.state, OrderState::AsksAgain { more: 5 });
    assert_eq!((order.progress.moved, order.progress.looked_at()), (4, 9));
    assert_eq!((stack.score.dlq.depth().visible, stack.score.queue.depth().visible), (5, 4));
    let id = give(&stack, OrderAction::Redrive { queue: QUEUE, cause: None, endpoint: None, rate: None }, 5).await;
    assert!(!tick(&stack, Duration::from_secs(40), usize::MAX));
    assert!(read(&stack, &id).await.is_complete());
    assert_everyone_is_mailed_once(&stack, &customers).await;
}

#[tokio::test]
async fn an_order_with_a_rate_takes_several_ticks_and_keeps_its_count() {
    let stack = InMemoryStack::new();
    let customers = die(&stack, 100).await;
    let id = give(&stack, by_cause("422", Rate::parse("1/s").ok()), 100).await;
    let began = stack.clock.now();
    let ticks = tick_until_it_ends(&stack, &id).await;
    let order = read(&stack, &id).await;
    assert!(order.is_complete() && ticks >= 2, "{ticks} ticks, {order:?}");
    assert_eq!(order.progress, OrderProgress { moved: 100, ..OrderProgress::default() });
    assert!(stack.clock.now().duration_since(began).as_secs() >= 99);
    assert_everyone_is_mailed_once(&stack, &customers).await;
}

#[tokio::test]
async fn letters_that_someone_has_in_hand_are_waited_for() {
    let stack = InMemoryStack::new();
    let customers = die(&stack, 6).await;
    let seen = stack.dead_letters(QUEUE).take(2, Duration::from_mins(5)).await.unwrap();
    assert_eq!(seen.len(), 2);
    let id = give(&stack, by_cause("422", None), 6).await;
    let ticks = tick_until_it_ends(&stack, &id).await;
    let order = read(&stack, &id).await;
    assert!(order.is_complete() && ticks > 1, "{ticks} ticks, {order:?}");
    assert_eq!(order.progress.moved, 6);
    assert_everyone_is_mailed_once(&stack, &customers).await;
}

#[tokio::test]
async fn of_orders_on_one_queue_the_first_is_carried_out_first_and_both_find_theirs() {
    let stack = InMemoryStack::new();
    die(&stack, 8).await;
    stack.score.dlq.send_body("unreadable");
    stack.clock.advance(Duration::from_secs(1));
    let other = give(&stack, by_cause("something else", None), 1).await;
    stack.clock.advance(Duration::from_secs(1));
    let ours = give(&stack, by_cause("422", None), 8).await;
    tick_until_it_ends(&stack, &ours).await;
    assert!(!read(&stack, &other).await.state.is_open());
    assert_eq!(read(&stack, &ours).await.progress.moved, 8);
}

#[tokio::test]
async fn whoever_was_overtaken_by_a_cancel_moves_nothing_more() {
    let stack = InMemoryStack::new();
    die(&stack, 30).await;
    let id = give(&stack, by_cause("422", None), 30).await;
    // It has taken the order up, and is gone.
    let mut calls = 0;
    while read(&stack, &id).await.state == OrderState::Given {
        calls += 1;
        tick(&stack, Duration::from_secs(40), calls);
    }
    let cancelled = read(&stack, &id).await.cancelled("max".into(), stack.clock.now()).unwrap();
    assert_eq!(stack.ledger.save_order(&cancelled).await, Ok(true));
    stack.clock.advance(Duration::from_mins(5));
    assert!(!tick(&stack, Duration::from_secs(40), usize::MAX));
    assert_eq!((read(&stack, &id).await, stack.score.queue.depth().visible), (cancelled, 0));
    assert_eq!(stack.ledger.open_orders(10).await, Ok(Vec::new()));
}

#[tokio::test]
async fn what_can_never_be_done_fails_with_its_cause_and_does_not_go_on_for_ever() {
    let stack = InMemoryStack::new();
    let action = OrderAction::Pause { stage: StageName::Score, until: None };
    let order = Order::given(
        action.clone(),
        "aoife".into(),
        None,
        OrderPreview::of(&action, Timestamp::MIN, 1),
        stack.clock.now(),
    );
    assert_eq!(stack.ledger.save_order(&order).await, Ok(true));
    tick_until_it_ends(&stack, &order.id).await;
    assert!(matches!(read(&stack, &order.id).await.state, OrderState::Failed { .. }));
}
