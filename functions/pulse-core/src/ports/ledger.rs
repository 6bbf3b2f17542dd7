use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    customer::{Customer, CustomerId, EmailAddress},
    delivery::{Delivery, DeliveryId},
    entry::{Addressee, Awaited, Change, Entry, EntryId, StageName, TallyKey},
    failure::Cause,
    pacing::MayPass,
    run::RunId,
    suppression::Suppression,
};

/// A row that is written over the version that was read. Its id is on the heap, so that errors that name it are small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowId {
    /// An entry.
    Entry(Box<EntryId>),
    /// Word of a fact for an endpoint.
    Delivery(Box<DeliveryId>),
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(id) => write!(f, "entry {id}"),
            Self::Delivery(id) => id.fmt(f),
        }
    }
}

impl From<&EntryId> for RowId {
    fn from(id: &EntryId) -> Self {
        Self::Entry(Box::new(id.clone()))
    }
}

impl From<DeliveryId> for RowId {
    fn from(id: DeliveryId) -> Self {
        Self::Delivery(Box::new(id))
    }
}

/// Why the ledger couldn't do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Someone else changed the row since it was read. Read it again.
    #[error("{0} was changed by someone else since it was read")]
    Conflict(RowId),
    /// The ledger can't be reached, or is throttled. A write may have been done or not.
    #[error("the ledger can't be used right now: {}", .0.clause())]
    Unavailable(Cause),
    /// A request is refused for good.
    #[error("the ledger refuses: {}", .0.clause())]
    Broken(Cause),
    /// A row can't be read back. Others can.
    #[error("{}", .0.clause())]
    Unreadable(Cause),
}

impl MayPass for LedgerError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Profiles and entries, as the stages use them. Reads are strongly consistent.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// A customer's profile.
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError>;

    /// Writes a profile over the one that it was read as: the [version](crate::customer::ProfileMark) that it has, which
    /// becomes the next one; version 0 is a new profile, or one of a release that had no versions. False, and nothing is
    /// written, if another is there.
    async fn save_customer(&self, customer: &Customer) -> Result<bool, LedgerError> {
        self.save_with_word(customer, &[]).await
    }

    /// The same, together with word of what happens by it for other systems: all of it or nothing.
    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError>;

    /// An entry.
    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError>;

    /// A customer's entries, the newest run first.
    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError>;

    /// Puts a new entry unless there is one of that id. Says whether it did.
    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError>;

    /// Writes a change, and the next month's entry where the change has one and the ledger hasn't. That one is written first, by itself,
    /// which costs half of what a transaction does: whoever dies in between leaves the entry as it was, for the next try.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when the entry has another version: it isn't written then.
    async fn apply(&self, change: &Change) -> Result<(), LedgerError> {
        if let Some(next) = change.next() {
            self.open(next).await?;
        }
        self.write_change(change).await
    }

    /// Writes a change if the entry still is at [`Change::expected_version`], together with its [deliveries](Change::deliveries).
    /// The next month's entry isn't written.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when the entry has another version: nothing is written then.
    async fn write_change(&self, change: &Change) -> Result<(), LedgerError>;

    /// What is kept of an address that must not be mailed, or once mustn't.
    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError>;

    /// Writes what is kept of an address over what it was read as: the version that it has, which becomes the next one.
    /// Only a digest of the address is kept. False, and nothing is written, if another is there.
    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError>;

    /// Keeps a note of something that happened to a customer, for a limited time.
    async fn note(&self, activity: &Activity) -> Result<(), LedgerError>;
}

/// Something out of the ordinary that happened to a customer. The ordinary is on the entry itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// To whom.
    pub customer: CustomerId,
    /// The moment at which it was written down.
    pub at: Timestamp,
    /// What, in a sentence without personal data.
    pub what: String,
}

/// What operators ask the ledger. Counts are exact queries, not counters.
#[async_trait]
pub trait LedgerReports: Send + Sync {
    /// All entries, counted by run and where they stand at `now`.
    async fn tally(&self, now: Timestamp) -> Result<Tally, LedgerError>;

    /// How many customers are on the roster.
    async fn roster(&self) -> Result<RosterCount, LedgerError>;

    /// What was noted of a customer, the newest first.
    async fn activities(&self, customer: &CustomerId) -> Result<Vec<Activity>, LedgerError>;
}

/// Entries by run and where they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(pub BTreeMap<(RunId, TallyKey), u64>);

/// Customers by standing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterCount {
    /// Customers with a monthly mail.
    pub active: u64,
    /// Customers who have left.
    pub closed: u64,
}

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

    /// Those of them whose ids begin with `prefix` and come after `after`, at most `limit`, in the order of their ids.
    async fn active_page(
        &self,
        part: u64,
        prefix: &str,
        after: Option<&CustomerId>,
        limit: usize,
    ) -> Result<Vec<CustomerId>, LedgerError>;

    /// The open entries of a part's customers.
    async fn open_entries(&self, part: u64) -> Result<Vec<EntryId>, LedgerError>;

    /// The closed entries of a run that stand where `key` says, for those who come after `after`, at most `limit`, by customer and
    /// item.
    async fn closed_entries(
        &self,
        run: RunId,
        key: TallyKey,
        after: Option<&Addressee>,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError>;
}
