//! Where orders are kept.

use async_trait::async_trait;
use pulse_core::{
    orders::{Order, OrderId, OrderKind},
    ports::{LedgerError, Orders},
};

use super::{
    MemoryLedger,
    units::{Index, IndexRows, Write},
};

impl MemoryLedger {
    /// Whether an order is open.
    pub(crate) fn has_open_orders(&self) -> bool {
        self.accounts().orders.values().any(|order| order.state.is_open())
    }
}

#[async_trait]
impl Orders for MemoryLedger {
    async fn order(&self, id: &OrderId) -> Result<Option<Order>, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.read(1);
        Ok(accounts.orders.get(id).cloned())
    }

    async fn save_order(&self, order: &Order) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        let known = accounts.orders.get(&order.id);
        let (version, was_open) = known.map_or((0, false), |known| (known.version, known.state.is_open()));
        if version + 1 != order.version {
            accounts.used.refused(Write::Alone);
            return Ok(false);
        }
        // A row in the index while it is open.
        accounts.used.write(Write::Alone, IndexRows::open(u64::from(was_open != order.state.is_open())));
        accounts.orders.insert(order.id.clone(), order.clone());
        Ok(true)
    }

    async fn orders(&self, kind: OrderKind, before: Option<&OrderId>, limit: usize) -> Result<Vec<Order>, LedgerError> {
        let mut accounts = self.accounts();
        let older = |id: &OrderId| before.is_none_or(|before| id.rank() < before.rank());
        let found = accounts.orders.values().rev().filter(|order| order.id.kind() == kind && older(&order.id));
        let found: Vec<_> = found.take(limit).cloned().collect();
        accounts.used.query(found.len());
        Ok(found)
    }

    async fn open_orders(&self, limit: usize) -> Result<Vec<OrderId>, LedgerError> {
        let mut accounts = self.accounts();
        let open = accounts.orders.values().filter(|order| order.state.is_open());
        let open: Vec<_> = open.take(limit).map(|order| order.id.clone()).collect();
        accounts.used.index_query(Index::Open, 1, open.len());
        Ok(open)
    }
}
