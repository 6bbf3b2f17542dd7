use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use jiff::Timestamp;
use serde::Serialize;

use super::{Order, OrderAction, OrderId, OrderState, failed, letters};
use crate::{
    dead_letters::{Meant, Redrive},
    failure::Cause,
    ports::{
        DeadLetterQueues, Deliveries, DlqName, IntakeReader, Ledger, LedgerError, LedgerListing, Orders, QueueError,
        Queues, Sleeper,
    },
};

/// The most orders that one tick has a look at.
const AT_ONCE: usize = 20;

/// How much longer than it may work on it an order is whoever took it up.
const SPARE: Duration = Duration::from_secs(10);

/// For how long letters in hand are out of sight.
pub(super) const IN_HAND: Duration = Duration::from_mins(1);

/// An order of which nothing could be done so often in a row has failed.
const FAILURES: u32 = 10;

/// What carries orders out: by tick, after its other rounds, for as long as it may.
///
/// An order is taken up by a write on its version, and so is each of its steps: of two ticks that meet, one goes on. One that
/// was killed is gone on with from its last step, soon after it would have ended. Of orders on the same dead-letter queue the
/// one that was given first is carried out: each keeps letters that stay out of the others' sight.
#[derive(Clone, Copy)]
pub struct OrderRound<'a> {
    /// Where orders are kept.
    pub orders: &'a dyn Orders,
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// Word on its way to endpoints.
    pub deliveries: &'a dyn Deliveries,
    /// The ledger as lists.
    pub listing: &'a dyn LedgerListing,
    /// All stages' queues.
    pub queues: &'a Queues,
    /// All dead-letter queues.
    pub dead_letters: &'a DeadLetterQueues,
    /// What reads letters of the intake.
    pub intake: &'a dyn IntakeReader,
    /// The time, and who waits for it.
    pub sleeper: &'a dyn Sleeper,
}

/// What a tick did for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderStepped {
    /// By its id, for the log.
    pub order: OrderId,
    /// Where it stands.
    #[serde(flatten)]
    pub state: OrderState,
    /// What was carried out of it by now.
    pub carried_out: u64,
    /// Of how many that were previewed.
    pub expected: u64,
}

/// Why an order isn't gone on with now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A queue can't be used.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Someone else has it, or has cancelled it.
    #[error("order {0} was changed meanwhile")]
    Changed(OrderId),
}

/// An order that is someone's, as they wrote it last.
pub(super) struct Claimed<'a> {
    pub(super) round: OrderRound<'a>,
    pub(super) order: Order,
    pub(super) until: Timestamp,
}

/// How work on an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Worked {
    /// There is more to do, and no more time.
    OutOfTime,
    /// There is nothing to do before then.
    RestsUntil(Timestamp),
    /// It is ended so.
    Ended(OrderState),
}

impl OrderRound<'_> {
    /// Works on open orders until then at the latest. What can't be done now is done by the next tick.
    pub async fn run(&self, until: Timestamp) -> Vec<OrderStepped> {
        let open = match self.orders.open_orders(AT_ONCE).await {
            Ok(open) => open,
            Err(error) => {
                tracing::warn!(%error, "orders aren't looked at");
                return Vec::new();
            }
        };
        let mut taken = BTreeSet::new();
        let mut claimed = Vec::new();
        for id in open {
            match self.claim(&id, until, &mut taken).await {
                Ok(Some(order)) => claimed.push(order),
                Ok(None) => {}
                Err(error) => tracing::warn!(order = %id, %error, "an order isn't taken up"),
            }
        }
        let stepped = claimed.into_iter().map(async |order| {
            let id = order.order.id.clone();
            match order.work().await {
                Ok(stepped) => Some(stepped),
                Err(error) => {
                    tracing::warn!(order = %id, %error, "an order isn't gone on with now");
                    None
                }
            }
        });
        join_all(stepped).await.into_iter().flatten().collect()
    }

    /// The order, if it is open and may be taken up. It may not while one that was given before is about the same queue.
    async fn claim(
        &self,
        id: &OrderId,
        until: Timestamp,
        taken: &mut BTreeSet<DlqName>,
    ) -> Result<Option<Claimed<'_>>, LedgerError> {
        let Some(order) = self.orders.order(id).await?.filter(|order| order.state.is_open()) else { return Ok(None) };
        if let OrderAction::Redrive { queue, .. } = order.action
            && !taken.insert(queue)
        {
            return Ok(None);
        }
        let lasts = until.saturating_add(SPARE).unwrap_or(until);
        let Some(claimed) = order.claimed(self.sleeper.now(), lasts, IN_HAND) else { return Ok(None) };
        let is_ours = self.orders.save_order(&claimed).await?;
        Ok(is_ours.then_some(Claimed { round: *self, order: claimed, until }))
    }

    pub(super) fn redrive(&self, queue: DlqName) -> Redrive<'_> {
        Redrive {
            letters: self.dead_letters.get(queue),
            queue: queue.stage().map(|stage| &*self.queues[stage]),
            ledger: self.ledger,
            deliveries: self.deliveries,
            intake: self.intake,
            sleeper: self.sleeper,
        }
    }
}

impl Claimed<'_> {
    /// Works on it, and lets it go.
    async fn work(mut self) -> Result<OrderStepped, OrderError> {
        let worked = match self.order.action.clone() {
            OrderAction::Redrive { queue, cause, endpoint, rate } => {
                let meant = Meant { cause: cause.as_ref(), endpoint: endpoint.as_ref() };
                letters::carry_out(&mut self, queue, meant, rate).await
            }
            OrderAction::RedriveFailed { stage, run } => failed::carry_out(&mut self, stage, run).await,
            _ => Ok(Worked::Ended(OrderState::Failed { cause: Cause::new("It is none that tick carries out.") })),
        };
        let now = self.now();
        let next = match worked {
            Ok(Worked::Ended(state)) => self.order.ended(state, now),
            Ok(Worked::OutOfTime) => self.let_go(None),
            Ok(Worked::RestsUntil(then)) => self.let_go(Some(then)),
            Err(OrderError::Changed(id)) => return Err(OrderError::Changed(id)),
            Err(error) if self.order.place.failures + 1 >= FAILURES => {
                self.order.ended(OrderState::Failed { cause: Cause::new(error.to_string()) }, now)
            }
            Err(error) => {
                // What it has in hand is in doubt.
                let mut next = self.order.next(now);
                next.place.claimed_until = Some(now);
                next.place.failures += 1;
                next.progress.trouble = Some(Cause::new(error.to_string()));
                next
            }
        };
        self.save(next).await?;
        let Order { id, state, progress, .. } = &self.order;
        let (carried_out, expected) = (progress.carried_out(), self.order.expected());
        Ok(OrderStepped { order: id.clone(), state: state.clone(), carried_out, expected })
    }

    fn let_go(&self, until: Option<Timestamp>) -> Order {
        let mut next = self.order.next(self.now());
        next.place.claimed_until = until;
        next.place.is_let_go = true;
        next
    }

    /// Whether the order has ended, as someone cancelled it.
    pub(super) async fn is_over(&self, id: &OrderId) -> bool {
        self.round.orders.order(id).await.is_ok_and(|order| order.is_none_or(|order| !order.state.is_open()))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.round.sleeper.now()
    }

    pub(super) fn is_out_of_time(&self) -> bool {
        self.now() >= self.until
    }

    /// How many may be dealt with still.
    pub(super) fn left(&self) -> u64 {
        self.order.expected().saturating_sub(self.order.progress.carried_out())
    }

    /// Writes the order down, or says that it is someone else's.
    pub(super) async fn save(&mut self, next: Order) -> Result<(), OrderError> {
        if !self.round.orders.save_order(&next).await? {
            return Err(OrderError::Changed(next.id));
        }
        self.order = next;
        Ok(())
    }
}
