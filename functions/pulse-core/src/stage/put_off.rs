use std::time::Duration;

use crate::{
    entry::StageName,
    failure::Cause,
    message::WorkMessage,
    ports::{Clock, Ledger, LedgerError},
};

/// Puts the entry of a message off that fails for its provider's trouble, unless something has gone
/// wrong with it for longer than `patience`. Says whether it is put off: then the message may go.
pub(super) async fn put_off(
    (ledger, clock): (&dyn Ledger, &dyn Clock),
    stage: StageName,
    message: &WorkMessage,
    cause: &Cause,
    patience: Duration,
) -> Result<bool, LedgerError> {
    let Some(customer) = ledger.customer(&message.customer).await? else { return Ok(false) };
    let Some(entry) = ledger.entry(&message.entry_of(&customer)).await? else { return Ok(false) };
    let now = clock.now();
    let for_long = entry.trouble().is_some_and(|trouble| {
        Duration::try_from(now.duration_since(trouble.since)).is_ok_and(|troubled| troubled > patience)
    });
    if for_long {
        return Ok(false);
    }
    let Ok(change) = entry.put_off(stage, cause.clone(), now) else { return Ok(false) };
    ledger.apply(&change).await?;
    Ok(true)
}
