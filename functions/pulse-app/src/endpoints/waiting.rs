use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use pulse_core::{
    delivery::{Delivery, DeliveryId, EndpointName},
    entry::Awaited,
    ports::LedgerError,
};
use serde::Serialize;

use crate::App;

/// Deliveries that are counted at most of an endpoint: 1,000 of the index's rows of some 200 bytes are 25 read units.
const COUNTED: usize = 1_000;

/// Of those that have been awaited longest so many are read in whole, to see since when the oldest waits.
const READ: usize = 100;

/// Deliveries that are read side by side.
const AT_ONCE: usize = 32;

/// How many deliveries wait for an endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// So many.
    pub deliveries: u64,
    /// Whether there are more, which aren't counted.
    pub is_more: bool,
    /// Since when the oldest of them waits. With more than a hundred of them about: those are read that have been awaited
    /// longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_since: Option<Timestamp>,
}

impl App {
    pub(super) async fn waiting_for(&self, endpoint: &EndpointName) -> Result<Waiting, LedgerError> {
        let (ids, is_more) = self.awaited(endpoint, COUNTED).await?;
        let deliveries = ids.len() as u64;
        let read = self.still_open(ids.into_iter().take(READ)).await?;
        let oldest_since = read.iter().map(|delivery| delivery.fact().written_at).min();
        Ok(Waiting { deliveries, is_more, oldest_since })
    }

    /// At most so many open deliveries to an endpoint, of each kind of waiting those that have been awaited longest by turns;
    /// and whether there are more.
    pub(crate) async fn awaited(
        &self,
        endpoint: &EndpointName,
        limit: usize,
    ) -> Result<(Vec<DeliveryId>, bool), LedgerError> {
        let ask = async |awaited| {
            // One more says whether there are more.
            self.ports.deliveries.overdue_deliveries(endpoint, awaited, Timestamp::MAX, limit.saturating_add(1)).await
        };
        let mut kinds = Vec::new();
        for awaited in Awaited::SWEPT {
            kinds.push(ask(awaited).await?.into_iter());
        }
        let mut ids = Vec::new();
        loop {
            let turn: Vec<_> = kinds.iter_mut().filter_map(Iterator::next).collect();
            if turn.is_empty() {
                break;
            }
            ids.extend(turn);
        }
        let is_more = ids.len() > limit;
        ids.truncate(limit);
        Ok((ids, is_more))
    }

    /// Deliveries in whole, of those that are open still: lists may be some seconds old.
    pub(crate) async fn still_open(
        &self,
        ids: impl IntoIterator<Item = DeliveryId>,
    ) -> Result<Vec<Delivery>, LedgerError> {
        let reads = stream::iter(ids).map(async |id| self.ports.deliveries.delivery(&id).await).buffered(AT_ONCE);
        reads.try_filter_map(async |delivery| Ok(delivery.filter(Delivery::is_open))).try_collect().await
    }
}
