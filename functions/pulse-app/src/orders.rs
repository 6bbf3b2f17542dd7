use pulse_core::{
    advice::Advice,
    control::Note,
    customer::CustomerId,
    dead_letters::{DeadLetterError, RedriveOrder, RedriveProgress},
    failure::Cause,
    orders::{Order, OrderAction, OrderId, OrderKind, OrderPage, OrderPreview, newest_orders},
    ports::{Activity, LedgerError, TallyKey},
};
use serde::Serialize;

use crate::{App, ClosedForGood};

/// Entries of a run that are counted at most, of those that a stage gave up.
const COUNTED: usize = 1_000_000;

/// How often an order is cancelled anew that was changed meanwhile.
const TRIES: usize = 20;

/// An order that was given, and when it is begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GivenOrder {
    /// As it was written down, under the id that `pulse orders` shows it by.
    #[serde(flatten)]
    pub order: Order,
    /// When it is begun.
    pub begins: Begins,
}

/// When an order is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begins {
    /// At once: a tick was asked for.
    Now,
    /// With the next tick: whoever gave it may not ask for one.
    WithinAMinute,
}

/// Why an order isn't given. Nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GiveError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It is none that tick carries out.
    #[error("to {0} is done at once, and not ordered")]
    AtOnce(OrderAction),
    /// It isn't what was previewed.
    #[error(
        "the order is to {action}, and what was previewed was {} times to {}: look again, and give the order for what you see",
        previewed.expected,
        previewed.what
    )]
    OtherPreview {
        /// What was ordered.
        action: OrderAction,
        /// What was previewed.
        previewed: OrderPreview,
    },
    /// There is nothing to do.
    #[error("there is nothing to do: none would be dealt with")]
    Nothing,
    /// It was ordered already: someone pressed twice.
    #[error(
        "order {0} was given for this preview already: look at it with `pulse orders {0}`, or look anew at what is left"
    )]
    Twice(OrderId),
    /// The deployed functions are of a release before.
    #[error("the deployed tick doesn't carry orders out: deploy this release")]
    OldTick,
}

/// Why an order isn't previewed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The queue can't be used.
    #[error(transparent)]
    Letters(#[from] DeadLetterError),
    /// Not all letters were looked at.
    #[error("the look at the letters ended early: {0}")]
    EndedEarly(Cause),
    /// It is none that tick carries out.
    #[error("to {0} is done at once, and not ordered")]
    AtOnce(OrderAction),
    /// It is of a campaign, whose closed entries stay so.
    #[error(transparent)]
    Campaign(#[from] ClosedForGood),
}

/// Why an order isn't cancelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// There is none.
    #[error("there is no order {0}")]
    Unknown(OrderId),
    /// It has ended.
    #[error("order {0} has ended already")]
    Ended(OrderId),
    /// It is changed all the time.
    #[error("order {0} was changed each time: cancel it again")]
    Busy(OrderId),
}

impl CancelError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Unknown(_) | Self::Ended(_) | Self::Busy(_) => Some(Advice::LookAtOrders),
            Self::Ledger(_) => None,
        }
    }
}

impl App {
    /// What an order would come to, which binds it: no more are dealt with, and none that come later. Letters are looked at one
    /// by one where a cause or an endpoint is asked for; where all are meant, the queue's own count is what is expected. `watch` hears how far
    /// it is; when `stop` says so, it ends early.
    ///
    /// # Errors
    /// As [`PreviewError`] says.
    pub async fn preview_order(
        &self,
        action: &OrderAction,
        watch: &mut (dyn FnMut(RedriveProgress) + Send),
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<OrderPreview, PreviewError> {
        let at = self.clock().now();
        let expected = match action {
            OrderAction::Redrive { queue, cause: None, endpoint: None, .. } => {
                self.ports.dead_letters.get(*queue).count().await.map_err(DeadLetterError::from)?
            }
            OrderAction::Redrive { queue, cause, endpoint, .. } => {
                let (cause, endpoint) = (cause.clone(), endpoint.clone());
                let order = RedriveOrder { cause, endpoint, rate: None, dry_run: true };
                let seen = self.redrive(*queue, &order, watch, stop).await?.redriven;
                if seen.trouble.is_some() || seen.interrupted {
                    let cause = seen.trouble.unwrap_or_else(|| Cause::new("someone asked for that"));
                    return Err(PreviewError::EndedEarly(cause));
                }
                seen.redriven + seen.closed + seen.done
            }
            OrderAction::RedriveFailed { stage, run } => {
                ClosedForGood::unless_month(*run)?;
                let listed = self.ports.reports.closed_entries(*run, TallyKey::Failed(*stage), None, COUNTED);
                listed.await?.len() as u64
            }
            action => return Err(PreviewError::AtOnce(action.clone())),
        };
        Ok(OrderPreview::of(action, at, expected))
    }

    /// Gives an order of many steps, bound to its preview. Tick carries it out: at once, where the giver may ask for a tick.
    ///
    /// # Errors
    /// As [`GiveError`] says.
    pub async fn give(
        &self,
        action: OrderAction,
        note: Option<Note>,
        preview: OrderPreview,
    ) -> Result<GivenOrder, GiveError> {
        if !action.takes_steps() {
            return Err(GiveError::AtOnce(action));
        }
        if !preview.is_of(&action) {
            return Err(GiveError::OtherPreview { action, previewed: preview });
        }
        if preview.expected == 0 {
            return Err(GiveError::Nothing);
        }
        if !self.ports.tick.carries_orders_out() {
            return Err(GiveError::OldTick);
        }
        let order = Order::given(action, self.actor.clone(), note, preview, self.clock().now());
        if !self.ports.orders.save_order(&order).await? {
            return Err(GiveError::Twice(order.id));
        }
        let begins = match self.ports.tick.start_tick().await {
            Ok(()) => Begins::Now,
            Err(cause) => {
                tracing::debug!(%cause, "the next tick begins on it");
                Begins::WithinAMinute
            }
        };
        Ok(GivenOrder { order, begins })
    }

    /// The newest orders of one kind, or of all, from before another, at most `limit`.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn orders(
        &self,
        kind: Option<OrderKind>,
        before: Option<&OrderId>,
        limit: usize,
    ) -> Result<OrderPage, LedgerError> {
        newest_orders(&*self.ports.orders, kind, before, limit).await
    }

    /// An order, if there is one of this id.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn order(&self, id: &OrderId) -> Result<Option<Order>, LedgerError> {
        self.ports.orders.order(id).await
    }

    /// Ends an order that is open. What was done stays done; what is in hand in this moment may still be.
    ///
    /// # Errors
    /// As [`CancelError`] says.
    pub async fn cancel(&self, id: &OrderId) -> Result<Order, CancelError> {
        for _ in 0..TRIES {
            let order = self.ports.orders.order(id).await?.ok_or_else(|| CancelError::Unknown(id.clone()))?;
            let cancelled = order.cancelled(self.actor.clone(), self.clock().now());
            let cancelled = cancelled.ok_or_else(|| CancelError::Ended(id.clone()))?;
            if self.ports.orders.save_order(&cancelled).await? {
                return Ok(cancelled);
            }
        }
        Err(CancelError::Busy(id.clone()))
    }

    /// Leaves a row of something that was done at once, or couldn't be: who, why, what, when. What was done isn't undone when
    /// the row can't be written.
    pub(crate) async fn leave_order<T, E: std::fmt::Display>(
        &self,
        action: OrderAction,
        note: Option<&Note>,
        came_of_it: &Result<T, E>,
    ) {
        let outcome = came_of_it.as_ref().map(drop).map_err(|error| Cause::new(error.to_string()));
        let order = Order::at_once(action, self.actor.clone(), note.cloned(), outcome, self.clock().now());
        let left = match order.action.customer().filter(|_| came_of_it.is_ok()) {
            Some(customer) => self.link(customer, &order).await,
            None => Ok(()),
        };
        match left.and(self.ports.orders.save_order(&order).await) {
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "it isn't kept among the orders who did this"),
        }
    }

    /// A customer's story names the orders that were about them.
    async fn link(&self, customer: &CustomerId, order: &Order) -> Result<(), LedgerError> {
        let Order { id, action, by, .. } = order;
        let what = format!("Order {id} by {by}: {action}.");
        self.ports.ledger.note(&Activity { customer: customer.clone(), at: order.given_at, what }).await
    }
}
