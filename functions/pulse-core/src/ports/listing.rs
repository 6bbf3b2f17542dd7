use async_trait::async_trait;
use jiff::Timestamp;

use super::LedgerError;
use crate::{
    customer::CustomerId,
    entry::{Awaited, EntryId, StageName, TallyKey},
    run::RunId,
};

/// Entries by what they wait for. Answers may be some seconds old: read an entry before acting on it.
#[async_trait]
pub trait OpenEntries: Send + Sync {
    /// Entries that `stage` has to move and whose message has been [awaited
    /// since](crate::entry::Entry::awaited_since) `before` or longer: at most `limit`, about the longest
    /// waiting first.
    async fn overdue(
        &self,
        stage: StageName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError>;
}

/// The ledger as lists, a part at a time, for whoever has to see all of it. Answers may be some seconds
/// old.
#[async_trait]
pub trait LedgerListing: Send + Sync {
    /// How many parts there are. A customer is always in the same one.
    fn parts(&self) -> u64;

    /// The customers of a part that have not left.
    async fn active_customers(&self, part: u64) -> Result<Vec<CustomerId>, LedgerError>;

    /// The open entries of a part's customers.
    async fn open_entries(&self, part: u64) -> Result<Vec<EntryId>, LedgerError>;

    /// The closed entries of a run that stand where `key` says, at most `limit`, by customer.
    async fn closed_entries(&self, run: RunId, key: TallyKey, limit: usize) -> Result<Vec<EntryId>, LedgerError>;
}
