//! Where endpoints are kept, and word on its way to them.

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    delivery::{Delivery, DeliveryChange, DeliveryId, Endpoint, EndpointName, Line},
    entry::Awaited,
    ports::{Deliveries, Endpoints, LedgerError, RowId},
};

use super::{Accounts, MemoryLedger, units::Write};

impl Accounts {
    pub(super) fn put_delivery(&mut self, delivery: &Delivery, write: Write) {
        let id = delivery.id();
        let before = self.deliveries.entry(id.line()).or_default().insert(id.fact, delivery.clone());
        let (before, after) = (before.and_then(|before| before.awaited()), delivery.awaited());
        // A row that stays in the same place of a keys-only index costs nothing there.
        let moved = u64::from(before.is_some()) + u64::from(after.is_some());
        self.used.write(write, if before == after { 0 } else { moved });
    }

    fn delivery(&self, id: &DeliveryId) -> Option<&Delivery> {
        self.deliveries.get(&id.line())?.get(&id.fact)
    }
}

#[async_trait]
impl Endpoints for MemoryLedger {
    async fn endpoints(&self) -> Result<Vec<Endpoint>, LedgerError> {
        let mut accounts = self.accounts();
        let endpoints: Vec<_> = accounts.endpoints.values().cloned().collect();
        accounts.used.query(endpoints.len());
        Ok(endpoints)
    }

    async fn save_endpoint(&self, endpoint: &Endpoint) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        let known = accounts.endpoints.get(&endpoint.name).map_or(0, |known| known.version);
        if known != endpoint.version {
            accounts.used.refused(Write::Alone);
            return Ok(false);
        }
        accounts.used.write(Write::Alone, 0);
        let endpoint = Endpoint { version: endpoint.version + 1, ..endpoint.clone() };
        accounts.endpoints.insert(endpoint.name.clone(), endpoint);
        Ok(true)
    }

    async fn remove_endpoint(&self, endpoint: &Endpoint) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.write(Write::Alone, 0);
        let is_it = accounts.endpoints.get(&endpoint.name).is_some_and(|known| known.version == endpoint.version);
        Ok(is_it && accounts.endpoints.remove(&endpoint.name).is_some())
    }
}

#[async_trait]
impl Deliveries for MemoryLedger {
    async fn delivery(&self, id: &DeliveryId) -> Result<Option<Delivery>, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.read(1);
        Ok(accounts.delivery(id).cloned())
    }

    async fn line(&self, line: &Line) -> Result<Vec<Delivery>, LedgerError> {
        let mut accounts = self.accounts();
        let found: Vec<_> = accounts.deliveries.get(line).into_iter().flat_map(|line| line.values().cloned()).collect();
        accounts.used.query(found.len());
        Ok(found)
    }

    async fn apply_delivery(&self, change: &DeliveryChange) -> Result<(), LedgerError> {
        let mut accounts = self.accounts();
        let id = change.after().id();
        if accounts.delivery(&id).map(Delivery::version) != Some(change.expected_version()) {
            accounts.used.refused(Write::Alone);
            return Err(LedgerError::Conflict(RowId::Delivery(id)));
        }
        accounts.put_delivery(change.after(), Write::Alone);
        Ok(())
    }

    async fn overdue_deliveries(
        &self,
        endpoint: &EndpointName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, LedgerError> {
        let mut accounts = self.accounts();
        let to_it = accounts.deliveries.iter().filter(|(line, _)| line.endpoint == *endpoint);
        let all = to_it.flat_map(|(_, line)| line.values());
        let late = |delivery: &Delivery| delivery.awaited().filter(|(what, at)| *what == awaited && *at <= before);
        let mut found: Vec<_> = all.filter_map(|delivery| Some((late(delivery)?.1, delivery.id()))).collect();
        found.sort_unstable();
        found.truncate(limit);
        accounts.used.index_query(1, found.len());
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }
}
