use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::{Endpoint, EndpointName, FactKind};
use crate::ports::{Clock, Endpoints, LedgerError};

/// For how long what was read of the endpoints is gone by. An endpoint that is added is told of what happens from then on, when
/// everyone has read of it.
pub const KNOWN_WITHIN: Duration = Duration::from_mins(1);

/// The endpoints, read once a minute by a process that lasts.
pub struct EndpointBook {
    endpoints: Arc<dyn Endpoints>,
    clock: Arc<dyn Clock>,
    read: Mutex<Option<(Timestamp, Arc<[Endpoint]>)>>,
}

impl EndpointBook {
    /// A book that nothing was read into yet.
    #[must_use]
    pub fn new(endpoints: Arc<dyn Endpoints>, clock: Arc<dyn Clock>) -> Self {
        Self { endpoints, clock, read: Mutex::default() }
    }

    /// All endpoints, as they were a minute ago at most.
    ///
    /// # Errors
    /// When they have to be read, and can't be: what happens then would be told to nobody.
    pub async fn endpoints(&self) -> Result<Arc<[Endpoint]>, LedgerError> {
        let now = self.clock.now();
        let known = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_fresh = |at: Timestamp| Duration::try_from(now.duration_since(at)).is_ok_and(|age| age < KNOWN_WITHIN);
        if let Some((_, endpoints)) = known.filter(|(at, _)| is_fresh(*at)) {
            return Ok(endpoints);
        }
        self.read_anew(now).await
    }

    async fn read_anew(&self, now: Timestamp) -> Result<Arc<[Endpoint]>, LedgerError> {
        let endpoints: Arc<[Endpoint]> = self.endpoints.endpoints().await?.into();
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&endpoints)));
        Ok(endpoints)
    }

    /// The endpoint of that name, unless it was removed. One that isn't known of is read of anew: whoever wrote word for it knew
    /// it.
    pub(super) async fn endpoint(&self, name: &EndpointName) -> Result<Option<Endpoint>, LedgerError> {
        let named = |endpoints: &[Endpoint]| endpoints.iter().find(|endpoint| endpoint.name == *name).cloned();
        let known = match named(&self.endpoints().await?) {
            Some(known) => Some(known),
            None => named(&self.read_anew(self.clock.now()).await?),
        };
        Ok(known.filter(|endpoint| endpoint.removed_at.is_none()))
    }

    /// The same, if any of them asks for one of these kinds of facts.
    pub(super) async fn asking(&self, kinds: &[FactKind]) -> Result<Option<Arc<[Endpoint]>>, LedgerError> {
        let endpoints = self.endpoints().await?;
        let is_asked = endpoints.iter().any(|endpoint| kinds.iter().any(|kind| endpoint.asks_for.contains(kind)));
        Ok(is_asked.then_some(endpoints))
    }
}
