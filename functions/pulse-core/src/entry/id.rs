use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{customer::CustomerId, run::RunId};

/// An entry's id, customer x run: the idempotency key of everything that Pulse does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryId {
    /// Whose entry.
    pub customer: CustomerId,
    /// In which run.
    pub run: RunId,
}

impl EntryId {
    /// The id in the letters that a provider's idempotency key may have, at most 59 of them
    /// (Marketing Cloud takes 100 for a messageKey).
    #[must_use]
    pub fn message_key(&self) -> String {
        format!("{}_{}", self.customer, self.run)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.customer, self.run)
    }
}
