use jiff::Timestamp;

use crate::{
    entry::StageName,
    ports::{Awaited, Ledger, LedgerError, OpenEntries},
};

/// When the entry was due that `stage` has to move and that is due longest; none, if none is due.
///
/// # Errors
/// When the ledger can't be read.
pub async fn oldest_due(
    ledger: &dyn Ledger,
    open: &dyn OpenEntries,
    stage: StageName,
    now: Timestamp,
) -> Result<Option<Timestamp>, LedgerError> {
    let mut oldest = None;
    for awaited in Awaited::ALL {
        for id in open.overdue(stage, awaited, now, 1).await? {
            let due = ledger.entry(&id).await?.map(|entry| entry.due());
            oldest = [oldest, due].into_iter().flatten().min();
        }
    }
    Ok(oldest)
}
