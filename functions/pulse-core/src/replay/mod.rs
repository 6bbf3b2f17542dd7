//! Queueing entries again from the ledger: all that a stage gave up, when their messages are gone from the
//! dead-letter queue, as it was purged or they waited there for longer than it keeps them; or one, after a
//! look at what would be done.

mod one;

pub use one::{Prospect, ReplayError, ReplayOne, Requeued};

use futures::{StreamExt as _, stream};

use crate::{
    entry::{EntryId, StageName},
    message::WorkMessage,
    ports::{LedgerError, LedgerListing, Queues, TallyKey},
    run::RunId,
};

/// Messages that are sent side by side.
const AT_ONCE: usize = 16;

/// The use case. A stage claims a failed entry again when a fresh message of it comes, so a message too
/// many does no harm: whoever has a mail by then gets no other.
#[derive(Clone, Copy)]
pub struct Replay<'a> {
    /// The ledger as lists.
    pub listing: &'a dyn LedgerListing,
    /// All stages' queues.
    pub queues: &'a Queues,
}

/// What was queued again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Entries that were queued.
    pub queued: Vec<EntryId>,
    /// Entries that couldn't be queued: replay again.
    pub failed: Vec<EntryId>,
}

impl Replay<'_> {
    /// Queues the entries of a run that `stage` gave up, at most `limit`, by customer.
    ///
    /// # Errors
    /// When the ledger can't be listed. Nothing is queued then.
    pub async fn failed(&self, run: RunId, stage: StageName, limit: usize) -> Result<Replayed, LedgerError> {
        let queue = &self.queues[stage];
        let entries = self.listing.closed_entries(run, TallyKey::Failed(stage), None, limit).await?;
        let mut sends = stream::iter(entries)
            .map(async |id| (queue.send(&WorkMessage::for_entry(&id)).await, id))
            .buffered(AT_ONCE);
        let mut replayed = Replayed::default();
        while let Some((sent, id)) = sends.next().await {
            match sent {
                Ok(()) => replayed.queued.push(id),
                Err(error) => {
                    tracing::warn!(entry = %id, %error, "couldn't be queued again");
                    replayed.failed.push(id);
                }
            }
        }
        Ok(replayed)
    }
}
