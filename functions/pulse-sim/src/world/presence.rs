use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use pulse_core::customer::{CustomerId, Standing};

/// Since when customers are on the roster without a doubt: they were put there, and nothing that was told of them meanwhile
/// or since says that they have left.
#[derive(Clone, Default)]
pub struct Presence(Arc<Mutex<BTreeMap<CustomerId, Known>>>);

#[derive(Default)]
struct Known {
    changes_under_way: u32,
    there_since: Option<Timestamp>,
}

impl Presence {
    /// Whether a customer was there at `moment`, and is since.
    #[must_use]
    pub fn was_there(&self, customer: &CustomerId, moment: Timestamp) -> bool {
        let since = self.known().get(customer).and_then(|known| known.there_since);
        since.is_some_and(|since| since <= moment)
    }

    /// Whether anything was told of a customer since the beginning.
    #[must_use]
    pub fn has_changed(&self, customer: &CustomerId) -> bool {
        self.known().contains_key(customer)
    }

    /// Someone begins to bring a customer in line.
    pub(super) fn change_begins(&self, customer: &CustomerId, standing: Standing) {
        let mut all = self.known();
        let known = all.entry(customer.clone()).or_default();
        known.changes_under_way += 1;
        if standing == Standing::Closed {
            known.there_since = None;
        }
    }

    /// That is over, and `standing` is what was written down, if anything was.
    pub(super) fn change_ends(&self, customer: &CustomerId, standing: Option<Standing>, now: Timestamp) {
        let mut all = self.known();
        let known = all.entry(customer.clone()).or_default();
        known.changes_under_way -= 1;
        if standing == Some(Standing::Active) && known.changes_under_way == 0 {
            known.there_since.get_or_insert(now);
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<CustomerId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
