//! Whether all that a campaign has is closed. That is a question to the ledger, and no counter: there is nothing that a crash
//! could leave one short of.

use std::collections::{BTreeMap, HashMap};

use super::{Campaign, Seal};
use crate::{
    entry::{Addressee, Progress, TallyKey},
    failure::Cause,
    ports::{CampaignEntries, Ledger, LedgerError, LedgerListing},
    run::RunId,
};

/// The most entries whose causes are read for a report.
const CAUSES_OF: usize = 200;

/// The most causes that a report names.
const CAUSES: usize = 10;

/// Where a campaign's entries stand, once all that was sealed is closed; none before.
///
/// What is closed stays so in a campaign. The index may lag, so that this may be told a moment late. It may show an entry twice
/// that has just moved within it, so entries are told apart by whom they are for, and held against the seal's digest: it is never
/// told too early. That is done part by part, as an entry stays in its own: of a large campaign, a quarter is held at a time.
pub(super) async fn all_closed(
    entries: &dyn CampaignEntries,
    campaign: &Campaign,
) -> Result<Option<BTreeMap<TallyKey, u64>>, LedgerError> {
    let Some((sealed, _)) = campaign.sealed else { return Ok(None) };
    // A few read units, where listing what is closed takes one for some 60 entries.
    if !entries.open_in_campaign(campaign.run, 1).await?.is_empty() {
        return Ok(None);
    }
    let (mut seal, mut counts) = (Seal::default(), BTreeMap::new());
    for part in 0..entries.parts_of_campaign() {
        let closed = entries.closed_in_part(campaign.run, part).await?;
        let by_addressee: HashMap<Addressee, TallyKey> =
            closed.into_iter().map(|(key, addressee)| (addressee, key)).collect();
        seal = by_addressee.keys().fold(seal, Seal::with);
        for key in by_addressee.into_values() {
            *counts.entry(key).or_default() += 1;
        }
    }
    Ok((seal == sealed).then_some(counts))
}

/// Why entries failed or were abandoned, the most frequent cause first, of a campaign whose entries stand so.
pub(super) async fn causes(
    ledger: &dyn Ledger,
    listing: &dyn LedgerListing,
    run: RunId,
    counts: &BTreeMap<TallyKey, u64>,
) -> Result<Vec<(Cause, u64)>, LedgerError> {
    let is_told = |key: &&TallyKey| !matches!(key, TallyKey::Sent | TallyKey::Skipped(_) | TallyKey::Cancelled);
    let mut ids = Vec::new();
    for key in counts.keys().filter(is_told) {
        if ids.len() == CAUSES_OF {
            break;
        }
        ids.extend(listing.closed_entries(run, *key, None, CAUSES_OF - ids.len()).await?);
    }
    let mut causes: BTreeMap<String, u64> = BTreeMap::new();
    for id in ids {
        let Some(entry) = ledger.entry(&id).await? else { continue };
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
