//! The deployment's keys, as the ledger has them.

use std::{fmt, sync::Arc};

use pulse_core::{
    keys::KeyRing,
    ports::{KeySource, LedgerError},
};
use tokio::sync::OnceCell;

/// With which keys digests of addresses are made.
#[derive(Clone)]
pub(super) enum LedgerKeys {
    /// With none, as early releases did.
    None,
    /// With these.
    Known(KeyRing),
    /// With those of a source that is asked once it matters.
    OnDemand(Arc<(Arc<dyn KeySource>, OnceCell<KeyRing>)>),
}

impl LedgerKeys {
    pub(super) fn on_demand(source: Arc<dyn KeySource>) -> Self {
        Self::OnDemand(Arc::new((source, OnceCell::new())))
    }

    pub(super) async fn get(&self) -> Result<Option<KeyRing>, LedgerError> {
        Ok(match self {
            Self::None => None,
            Self::Known(keys) => Some(keys.clone()),
            Self::OnDemand(on_demand) => {
                let (source, cell) = &**on_demand;
                Some(cell.get_or_try_init(|| source.keys()).await.map_err(LedgerError::Broken)?.clone())
            }
        })
    }
}

impl fmt::Debug for LedgerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LedgerKeys(..)")
    }
}
