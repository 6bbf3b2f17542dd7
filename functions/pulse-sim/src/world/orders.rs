//! Orders in the simulator: who gives them, and what must hold of them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::FutureExt as _;
use pulse_core::{
    customer::CustomerId,
    dead_letters::{CauseFilter, DeadLetterError, Redrive, RedriveOrder},
    entry::{EntryId, Progress, StageName},
    message::{CustomerTurn, Turn, WorkMessage},
    orders::{Order, OrderAction, OrderId, OrderKind, OrderPreview},
    ports::{
        DeadLetter, DeadLetterQueues, DeadLetters, DlqName, MoveProgress, MoveStart, MoveTicket, Orders as _,
        QueueError, Rate, Receipt, StageQueue, TallyKey, Visibility,
    },
    run::RunId,
    stage::PerStage,
};

use super::{
    build::World,
    invariants::{InvariantChecker, Promise},
    ports::WorldPorts,
    scheduled,
};
use crate::{dead_letters::MemoryReader, ledger::MemoryLedger, time::VirtualTime};

/// Entries that a redrive by the ledger is for at most.
const COUNTED: usize = 10_000;

/// How often an order is cancelled that is being changed.
const TRIES: u32 = 20;

/// What an operator orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordered {
    /// All letters of a queue.
    Letters(DlqName),
    /// A stage's letters that died of its provider's word.
    Refused(StageName),
    /// What a stage gave up in this month's run, by the ledger.
    Run(StageName),
}

impl World {
    /// Orders a redrive as `pulse redrive` does, for what is there and for no more. Says which order it is, if there is one.
    pub async fn order(self: &Arc<Self>, what: Ordered) -> Option<OrderId> {
        let ports = self.operator_ports();
        let now = self.time.now();
        let (action, expected) = match what {
            Ordered::Letters(queue) => {
                let count = ports.dead_letters.get(queue).count().await.ok()?;
                (OrderAction::Redrive { queue, cause: None, endpoint: None, rate: None }, count)
            }
            Ordered::Refused(stage) => {
                let words = if stage == StageName::Score { "knows no such" } else { "refuses" };
                let cause = CauseFilter::parse(words).ok();
                let queue = DlqName::Stage(stage);
                let action = OrderAction::Redrive { queue, cause: cause.clone(), endpoint: None, rate: None };
                (action, seen(&ports, stage, cause).await.ok()?)
            }
            Ordered::Run(stage) => {
                let run = RunId::of(now, &jiff::tz::TimeZone::UTC);
                let failed = ports.listing.closed_entries(run, TallyKey::Failed(stage), None, COUNTED).await.ok()?;
                (OrderAction::RedriveFailed { stage, run }, failed.len() as u64)
            }
        };
        if expected == 0 {
            return None;
        }
        let preview = OrderPreview::of(&action, now, expected);
        let order = Order::given(action, "operator".into(), None, preview, self.time.now());
        self.order_watch.given(&order.id, expected);
        self.line(|| format!("order {} is given: to {}, {expected} of them", order.id, order.action));
        if !ports.orders.save_order(&order).await.ok()? {
            return None;
        }
        if !self.faults.now().nothing_scheduled {
            let ticking = Arc::clone(self);
            let _ = self.time.spawn(async move { scheduled::tick(&ticking).await });
        }
        Some(order.id)
    }

    /// Cancels an order, if it is open still.
    pub async fn cancel(&self, id: &OrderId) {
        let ports = self.operator_ports();
        for _ in 0..TRIES {
            let Ok(Some(order)) = ports.orders.order(id).await else { continue };
            let Some(cancelled) = order.cancelled("operator".into(), self.time.now()) else { return };
            if ports.orders.save_order(&cancelled).await == Ok(true) {
                return;
            }
        }
    }

    /// What must hold of orders once all has been calm for days.
    pub(crate) fn check_orders(&self) {
        self.order_watch.check();
    }
}

/// How many of a stage's letters died of this, by a look at each.
async fn seen(ports: &WorldPorts, stage: StageName, cause: Option<CauseFilter>) -> Result<u64, DeadLetterError> {
    let redrive = Redrive {
        letters: ports.dead_letters.get(DlqName::Stage(stage)),
        queue: Some(&*ports.queues[stage]),
        ledger: &*ports.ledger,
        deliveries: &*ports.deliveries,
        intake: &MemoryReader,
        sleeper: &*ports.sleeper,
    };
    let order = RedriveOrder { cause, dry_run: true, ..RedriveOrder::default() };
    let seen = redrive.run(&order, &mut |_| {}, &|| false).await?;
    Ok(seen.redriven + seen.closed + seen.done)
}

/// Watches what is done for orders.
#[derive(Clone)]
pub(super) struct OrderWatch {
    time: VirtualTime,
    ledger: Arc<MemoryLedger>,
    checker: InvariantChecker,
    seen: Arc<Mutex<Seen>>,
}

/// Whose work a message is: a month's, whichever names it and however, or an entry's of a campaign.
type Work = (CustomerId, Option<EntryId>);

fn work(turn: &CustomerTurn) -> Work {
    let of_campaign = match turn.turn {
        Turn::Run { run, item } if run.is_campaign() => Some(EntryId { customer: turn.customer.clone(), run, item }),
        Turn::Run { .. } | Turn::Scheduled(_) => None,
    };
    (turn.customer.clone(), of_campaign)
}

#[derive(Default)]
struct Seen {
    /// How many each order may deal with, as its giver saw.
    expected: BTreeMap<OrderId, u64>,
    /// Letters that are in hand: whose, by receipt.
    in_hand: HashMap<String, DeadLetter>,
    /// How often whose message was queued to which stage, in the place of letters that aren't deleted yet.
    queued: HashMap<(Work, StageName), u32>,
    /// How often letters were put back on a queue of the intake for which they aren't deleted yet: one that SQS hands out twice
    /// is put back twice, which does no harm, and deleted by both of its receipts.
    put_back: HashMap<String, u32>,
    /// Letters that were deleted, by queue.
    deleted: BTreeMap<String, u64>,
}

impl OrderWatch {
    pub(super) fn new(time: &VirtualTime, ledger: &Arc<MemoryLedger>, checker: &InvariantChecker) -> Self {
        let (time, ledger, checker) = (time.clone(), Arc::clone(ledger), checker.clone());
        Self { time, ledger, checker, seen: Arc::default() }
    }

    /// Ports whose use for orders is watched.
    pub(super) fn around(&self, ports: WorldPorts) -> WorldPorts {
        let letters = |inner: &Arc<dyn DeadLetters>| -> Arc<dyn DeadLetters> {
            Arc::new(WatchedLetters { inner: Arc::clone(inner), watch: self.clone() })
        };
        let all = &ports.dead_letters;
        let dead_letters = DeadLetterQueues {
            stages: PerStage::from_fn(|stage| letters(&all.stages[stage])),
            schedules: letters(&all.schedules),
            feedback: letters(&all.feedback),
            unsubscribe: letters(&all.unsubscribe),
        };
        let queue = |stage| -> Arc<dyn StageQueue> {
            Arc::new(WatchedQueue { inner: Arc::clone(&ports.queues[stage]), stage, watch: self.clone() })
        };
        WorldPorts { queues: PerStage::from_fn(queue), dead_letters, ..ports }
    }

    fn given(&self, id: &OrderId, expected: u64) {
        self.seen().expected.insert(id.clone(), expected);
    }

    fn deletes(&self, queue: DlqName, receipts: &[Receipt]) {
        let mut seen = self.seen();
        for receipt in receipts {
            let Some(letter) = seen.in_hand.remove(&receipt.0) else { continue };
            *seen.deleted.entry(queue.to_string()).or_default() += 1;
            let mut was_put_back = || {
                let times = seen.put_back.get_mut(&letter.id).filter(|times| **times > 0);
                times.map(|times| *times -= 1).is_some()
            };
            if matches!(queue, DlqName::Intake(_)) && !was_put_back() {
                let what = format!("a letter of the {queue} queue is deleted that wasn't put back");
                self.checker.saw(Promise::OrdersAddUp, None, self.time.now(), what);
            }
            if let Some(lost) = self.lost(&mut seen, queue, &letter) {
                let what = format!("the letter of {lost} is deleted though its message wasn't queued");
                self.checker.saw(Promise::OrdersAddUp, Some(&lost.customer), self.time.now(), what);
            }
        }
    }

    /// Whose work a letter is that is deleted without being queued, and that nobody does then.
    fn lost(&self, seen: &mut Seen, queue: DlqName, letter: &DeadLetter) -> Option<EntryId> {
        let stage = queue.stage()?;
        let message = WorkMessage::parse(&letter.body, letter.sent_at).ok()?;
        let queued = seen.queued.get_mut(&(work(message.turn().ok()?), stage));
        if let Some(queued) = queued.filter(|queued| **queued > 0) {
            *queued -= 1;
            return None;
        }
        let CustomerTurn { customer, turn } = message.turn().ok()?.clone();
        // What a campaign has closed stays so: its letters are nobody's work any more.
        let Turn::Run { run, .. } = turn else { return None };
        if run.is_campaign() {
            return None;
        }
        let id = EntryId::of(customer, run);
        let entry = self.ledger.peek_entry(&id)?;
        let is_given_up = matches!(entry.progress(), Progress::Failed { .. }) && !entry.is_closed_by_feedback();
        (is_given_up && entry.at() == stage).then_some(id)
    }

    /// Every order has ended, and none has dealt with more than its giver saw, nor with fewer than went.
    fn check(&self) {
        let orders = self.ledger.orders(OrderKind::Redrive, None, usize::MAX).now_or_never();
        let orders = orders.and_then(Result::ok).unwrap_or_default();
        let seen = self.seen();
        let saw = |what: String| self.checker.saw(Promise::OrdersAddUp, None, self.time.now(), what);
        let mut carried_out: BTreeMap<String, u64> = BTreeMap::new();
        for order in &orders {
            let (count, expected) =
                (order.progress.carried_out(), seen.expected.get(&order.id).copied().unwrap_or_default());
            if order.state.is_open() {
                saw(format!("order {} hasn't ended", order.id));
            }
            if count > expected {
                saw(format!("order {} has dealt with {count} of {expected} that were previewed", order.id));
            }
            if let OrderAction::Redrive { queue, .. } = order.action {
                *carried_out.entry(queue.to_string()).or_default() += count;
            }
        }
        for (queue, deleted) in &seen.deleted {
            let counted = carried_out.get(queue).copied().unwrap_or_default();
            if *deleted > counted {
                saw(format!("{deleted} letters of the {queue} queue went by orders, and {counted} count"));
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct WatchedLetters {
    inner: Arc<dyn DeadLetters>,
    watch: OrderWatch,
}

#[async_trait]
impl DeadLetters for WatchedLetters {
    fn name(&self) -> DlqName {
        self.inner.name()
    }

    async fn count(&self) -> Result<u64, QueueError> {
        self.inner.count().await
    }

    async fn hidden(&self) -> Result<u64, QueueError> {
        self.inner.hidden().await
    }

    async fn take(&self, most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, QueueError> {
        let taken = self.inner.take(most, hidden_for).await?;
        self.watch.seen().in_hand.extend(taken.iter().map(|letter| (letter.receipt.0.clone(), letter.clone())));
        Ok(taken)
    }

    async fn hide(&self, receipts: &[Receipt], hidden_for: Duration) -> Result<(), QueueError> {
        self.inner.hide(receipts, hidden_for).await
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.inner.delete(receipts).await?;
        self.watch.deletes(self.inner.name(), receipts);
        Ok(())
    }

    async fn send_back(&self, letter: &DeadLetter) -> Result<(), QueueError> {
        self.inner.send_back(letter).await?;
        *self.watch.seen().put_back.entry(letter.id.clone()).or_default() += 1;
        Ok(())
    }

    async fn start_move(&self, rate: Option<Rate>) -> Result<MoveStart, QueueError> {
        self.inner.start_move(rate).await
    }

    async fn follow_move(&self, ticket: &MoveTicket) -> Result<MoveProgress, QueueError> {
        self.inner.follow_move(ticket).await
    }
}

struct WatchedQueue {
    inner: Arc<dyn StageQueue>,
    stage: StageName,
    watch: OrderWatch,
}

#[async_trait]
impl StageQueue for WatchedQueue {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        self.inner.send(message).await?;
        if let Ok(turn) = message.turn() {
            *self.watch.seen().queued.entry((work(turn), self.stage)).or_default() += 1;
        }
        Ok(())
    }

    async fn hide(&self, changes: &[Visibility]) -> Result<(), QueueError> {
        self.inner.hide(changes).await
    }
}
