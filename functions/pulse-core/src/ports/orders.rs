use async_trait::async_trait;

use super::LedgerError;
use crate::failure::Cause;
use crate::orders::{Order, OrderId, OrderKind};

/// Where orders are kept, for over a year.
#[async_trait]
pub trait Orders: Send + Sync {
    /// An order, by a strongly consistent read.
    async fn order(&self, id: &OrderId) -> Result<Option<Order>, LedgerError>;

    /// Writes an order over the one of the version before, or where there is none if it is the first. Says whether it did:
    /// false when another is there, and nothing is written then.
    async fn save_order(&self, order: &Order) -> Result<bool, LedgerError>;

    /// The newest orders of a kind that [rank](OrderId::rank) before `before`, at most `limit`, the newest first. They may be
    /// some seconds old.
    async fn orders(&self, kind: OrderKind, before: Option<&OrderId>, limit: usize) -> Result<Vec<Order>, LedgerError>;

    /// Orders that are open, at most `limit`, the first given first. The answer may be some seconds old: read an order before
    /// acting on it. It is asked each minute, so it costs half a read unit.
    async fn open_orders(&self, limit: usize) -> Result<Vec<OrderId>, LedgerError>;
}

/// What has orders begun on before tick's minute comes.
#[async_trait]
pub trait TickStarter: Send + Sync {
    /// Asks for a tick, and doesn't wait for it. Whoever can't only waits for the next.
    async fn start_tick(&self) -> Result<(), Cause>;

    /// Whether the tick that is deployed carries orders out.
    fn carries_orders_out(&self) -> bool;
}
