//! Whether all that a campaign has is closed. That is a question to the ledger, and no counter: there is nothing that a crash
//! could leave one short of.

use std::collections::BTreeMap;

use super::{Campaign, Seal};
use crate::{
    customer::CustomerId,
    entry::{EntryId, Progress, TallyKey},
    failure::Cause,
    ports::{CampaignEntries, Ledger, LedgerError},
    run::RunId,
};

/// The most entries whose causes are read for a report.
const CAUSES_OF: usize = 200;

/// The most causes that a report names.
const CAUSES: usize = 10;

/// Where a campaign's entries stand, once all that was sealed is closed; none before.
///
/// What is closed stays so in a campaign. The index may lag, so that this may be told a moment late. It may show an entry twice
/// that has just moved within it, so entries are told apart by whose they are, and held against the seal's digest: it is never
/// told too early.
pub(super) async fn all_closed(
    entries: &dyn CampaignEntries,
    campaign: &Campaign,
) -> Result<Option<BTreeMap<TallyKey, u64>>, LedgerError> {
    let Some((seal, _)) = campaign.sealed else { return Ok(None) };
    // A few read units, where listing what is closed takes one for 30 entries.
    if !entries.open_in_campaign(campaign.run, 1).await?.is_empty() {
        return Ok(None);
    }
    let closed = entries.closed_in_campaign(campaign.run).await?;
    let by_customer: BTreeMap<CustomerId, TallyKey> =
        closed.into_iter().map(|(key, customer)| (customer, key)).collect();
    if Seal::of(by_customer.keys()) != seal {
        return Ok(None);
    }
    let mut counts = BTreeMap::new();
    for key in by_customer.into_values() {
        *counts.entry(key).or_default() += 1;
    }
    Ok(Some(counts))
}

/// Why entries failed or were abandoned, the most frequent cause first.
pub(super) async fn causes(
    ledger: &dyn Ledger,
    entries: &dyn CampaignEntries,
    run: RunId,
) -> Result<Vec<(Cause, u64)>, LedgerError> {
    let closed = entries.closed_in_campaign(run).await?;
    let is_told = |key: &TallyKey| !matches!(key, TallyKey::Sent | TallyKey::Skipped(_) | TallyKey::Cancelled);
    let mut causes: BTreeMap<String, u64> = BTreeMap::new();
    for (_, customer) in closed.into_iter().filter(|(key, _)| is_told(key)).take(CAUSES_OF) {
        let Some(entry) = ledger.entry(&EntryId { customer, run }).await? else { continue };
        if let Progress::Failed { cause, .. }
        | Progress::Abandoned { cause, .. }
        | Progress::Indeterminate { cause, .. }
        | Progress::Unconfirmed { cause, .. } = entry.progress()
        {
            *causes.entry(cause.to_string()).or_default() += 1;
        }
    }
    let mut causes: Vec<_> = causes.into_iter().map(|(cause, count)| (Cause::new(cause), count)).collect();
    causes
        .sort_by(|(cause, count), (other, others)| others.cmp(count).then_with(|| cause.as_str().cmp(other.as_str())));
    causes.truncate(CAUSES);
    Ok(causes)
}
