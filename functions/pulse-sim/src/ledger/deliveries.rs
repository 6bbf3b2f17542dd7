//! Where endpoints are kept, and word on its way to them.

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    control::{MinuteOutcomes, Outcomes},
    delivery::{Delivery, DeliveryChange, DeliveryId, Endpoint, EndpointControl, EndpointName, FactId, Line},
    entry::Awaited,
    ports::{Deliveries, EndpointControls, Endpoints, LedgerError, RowId},
};

use super::{
    Accounts, MemoryLedger,
    stages::{add_to_minute, minutes_since},
    units::{Index, IndexRows, Write},
};

impl Accounts {
    pub(super) fn put_delivery(&mut self, delivery: &Delivery, write: Write) {
        let id = delivery.id();
        let line = self.deliveries.entry(id.line()).or_default();
        let before = line.insert(id.fact.clone(), delivery.clone()).and_then(|before| before.awaited());
        let after = delivery.awaited();
        if before != after {
            let waiting = self.waiting_deliveries.entry(id.endpoint.clone()).or_default();
            if let Some(before) = before {
                waiting.remove(&(before.0, before.1, id.fact.clone()));
            }
            waiting.extend(after.map(|after| (after.0, after.1, id.fact)));
        }
        // A row that stays in the same place of a keys-only index costs nothing there.
        let moved = u64::from(before.is_some()) + u64::from(after.is_some());
        self.used.write(write, IndexRows::open(if before == after { 0 } else { moved }));
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
        accounts.used.write(Write::Alone, IndexRows::NONE);
        let endpoint = Endpoint { version: endpoint.version + 1, ..endpoint.clone() };
        accounts.endpoints.insert(endpoint.name.clone(), endpoint);
        Ok(true)
    }

    async fn remove_endpoint(&self, endpoint: &Endpoint) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.write(Write::Alone, IndexRows::NONE);
        let is_it = accounts.endpoints.get(&endpoint.name).is_some_and(|known| known.version == endpoint.version);
        Ok(is_it && accounts.endpoints.remove(&endpoint.name).is_some())
    }
}

#[async_trait]
impl EndpointControls for MemoryLedger {
    async fn endpoint_control(&self, name: &EndpointName) -> Result<EndpointControl, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.read(1);
        Ok(accounts.endpoint_controls.get(name).cloned().unwrap_or_default())
    }

    async fn save_endpoint_control(&self, name: &EndpointName, control: &EndpointControl) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        let known = accounts.endpoint_controls.get(name).map_or(0, |control| control.version);
        if known + 1 != control.version {
            accounts.used.refused(Write::Alone);
            return Ok(false);
        }
        accounts.used.write(Write::Alone, IndexRows::NONE);
        accounts.endpoint_controls.insert(name.clone(), control.clone());
        Ok(true)
    }

    async fn report_endpoint(
        &self,
        name: &EndpointName,
        at: Timestamp,
        outcomes: &Outcomes,
    ) -> Result<(), LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.write(Write::Alone, IndexRows::NONE);
        add_to_minute(accounts.endpoint_outcomes.entry(name.clone()).or_default(), at, outcomes);
        Ok(())
    }

    async fn endpoint_minutes(&self, name: &EndpointName, from: Timestamp) -> Result<Vec<MinuteOutcomes>, LedgerError> {
        let mut accounts = self.accounts();
        let minutes = minutes_since(accounts.endpoint_outcomes.get(name), from);
        accounts.used.query(minutes.len());
        Ok(minutes)
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
            return Err(LedgerError::Conflict(RowId::from(id)));
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
        let all = accounts.waiting_deliveries.get(endpoint);
        let of_kind = all.into_iter().flatten().skip_while(|(what, ..)| *what < awaited);
        let late = of_kind.take_while(|(what, at, _)| *what == awaited && *at <= before);
        let id = |fact: &FactId| DeliveryId { endpoint: endpoint.clone(), fact: fact.clone() };
        let found: Vec<_> = late.take(limit).map(|(.., fact)| id(fact)).collect();
        accounts.used.index_query(Index::Open, 1, found.len());
        Ok(found)
    }
}
