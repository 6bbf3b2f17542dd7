//! Where campaigns are kept, and their entries by the indexes.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    campaign::{
        AudiencePart, Campaign, CampaignChange, CampaignLetter, CampaignPace, CampaignRecord, PartId, PlannedParts,
    },
    customer::CustomerId,
    entry::{Addressee, Entry, EntryId, Position, StageName},
    ports::{Awaited, CampaignEntries, Campaigns, LedgerError, TallyKey},
    run::RunId,
    stable_hash::stable_hash,
};

use super::{
    MemoryLedger,
    index_lag::{CampaignIndex, IndexLag},
    units::{Index, IndexRows, Write},
};

/// Partitions that a campaign's entries have in an index on `DynamoDB`.
const SHARDS: u64 = 4;

/// What is kept of a campaign, and where its entries are in the indexes.
#[derive(Debug, Default)]
pub(super) struct CampaignRows {
    campaign: Option<Campaign>,
    records: Vec<CampaignRecord>,
    letters: BTreeMap<String, CampaignLetter>,
    audience: BTreeMap<PartId, AudiencePart>,
    planned: PlannedParts,
    pace: CampaignPace,
    pub(super) index: CampaignIndex,
}

impl CampaignRows {
    /// Moves an entry in the indexes from where it was, and says how many of their rows that takes.
    pub(super) fn moved(&mut self, before: Option<Position>, entry: &Entry, lag: Option<&IndexLag>) -> IndexRows {
        let after = entry.position();
        let mut rows = IndexRows::NONE;
        if before == Some(after) {
            return rows;
        }
        self.index.moved(before, after, &entry.id().addressee(), lag);
        for position in before.into_iter().chain([after]) {
            match position {
                Position::Open { .. } => rows.open += 1,
                Position::Closed(_) => rows.tally += 1,
            }
        }
        rows
    }
}

impl MemoryLedger {
    /// A campaign, as whoever watches sees it: it isn't counted as a read.
    pub(crate) fn peek_campaign(&self, run: RunId) -> Option<Campaign> {
        self.accounts().campaigns.get(&run)?.campaign.clone()
    }

    /// Whether the indexes show a campaign's entries where they are, in the same way.
    pub(crate) fn peek_shown(&self, run: RunId) -> bool {
        self.accounts().campaign_index(run).is_none_or(CampaignIndex::is_up_to_date)
    }

    /// All campaigns, in the same way.
    pub(crate) fn peek_campaigns(&self) -> Vec<Campaign> {
        self.accounts().campaigns.values().filter_map(|rows| rows.campaign.clone()).collect()
    }
}

#[async_trait]
impl Campaigns for MemoryLedger {
    async fn campaign(&self, run: RunId) -> Result<Option<Campaign>, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.read(1);
        Ok(accounts.campaigns.get(&run).and_then(|rows| rows.campaign.clone()))
    }

    async fn save_campaign(&self, change: &CampaignChange) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        let rows = accounts.campaigns.entry(change.after().run).or_default();
        let (before, was_over) =
            rows.campaign.as_ref().map_or((0, false), |before| (before.version, before.state.is_over()));
        if before + 1 != change.after().version {
            accounts.used.refused(Write::Transaction);
            return Ok(false);
        }
        rows.campaign = Some(change.after().clone());
        rows.records.push(change.record().clone());
        // In both indexes from the first on, and moved in one of them once it is over.
        let moved = u64::from(was_over != change.after().state.is_over());
        accounts.used.transaction();
        let index_rows = if before == 0 { IndexRows { open: 1, tally: 1 } } else { IndexRows::open(2 * moved) };
        accounts.used.write(Write::Transaction, index_rows);
        accounts.used.write(Write::Transaction, IndexRows::NONE);
        for delivery in change.deliveries() {
            accounts.put_delivery(delivery, Write::Transaction);
        }
        Ok(true)
    }

    async fn campaign_records(&self, run: RunId) -> Result<Vec<CampaignRecord>, LedgerError> {
        let mut accounts = self.accounts();
        let records = accounts.campaigns.get(&run).map_or_else(Vec::new, |rows| rows.records.clone());
        accounts.used.query(records.len());
        Ok(records)
    }

    async fn campaigns(&self, limit: usize) -> Result<Vec<RunId>, LedgerError> {
        let mut accounts = self.accounts();
        let all = accounts.campaigns.values().filter_map(|rows| rows.campaign.as_ref());
        let mut all: Vec<_> = all.map(|campaign| (campaign.requested.at, campaign.run)).collect();
        all.sort_unstable();
        let found: Vec<_> = all.into_iter().rev().take(limit).map(|(_, run)| run).collect();
        accounts.used.index_query(Index::Tally, 1, found.len());
        Ok(found)
    }

    async fn live_campaigns(&self, since: Timestamp) -> Result<Vec<RunId>, LedgerError> {
        let mut accounts = self.accounts();
        let is_live = |campaign: &&Campaign| campaign.finished.as_ref().is_none_or(|(_, at)| *at > since);
        let live = accounts.campaigns.values().filter_map(|rows| rows.campaign.as_ref()).filter(is_live);
        let live: Vec<_> = live.map(|campaign| campaign.run).collect();
        accounts.used.index_query(Index::Open, 2, live.len());
        Ok(live)
    }

    async fn campaign_letter(&self, run: RunId, digest: &str) -> Result<Option<CampaignLetter>, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.read(1);
        Ok(accounts.campaigns.get(&run).and_then(|rows| rows.letters.get(digest).cloned()))
    }

    async fn put_campaign_letter(&self, run: RunId, letter: &CampaignLetter) -> Result<(), LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.large_write(1);
        accounts.campaigns.entry(run).or_default().letters.insert(letter.digest(), letter.clone());
        Ok(())
    }

    async fn audience_part(&self, run: RunId, part: PartId) -> Result<Option<AudiencePart>, LedgerError> {
        let mut accounts = self.accounts();
        let part = accounts.campaigns.get(&run).and_then(|rows| rows.audience.get(&part)).cloned();
        accounts.used.read(part.as_ref().map_or(1, kilobytes).div_ceil(4));
        Ok(part)
    }

    async fn put_audience_part(&self, run: RunId, id: PartId, part: &AudiencePart) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.large_write(kilobytes(part));
        let rows = accounts.campaigns.entry(run).or_default();
        let is_new = !rows.audience.contains_key(&id);
        if is_new {
            rows.audience.insert(id, part.clone());
        }
        Ok(is_new)
    }

    async fn planned_parts(&self, run: RunId) -> Result<PlannedParts, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.read(1);
        Ok(accounts.campaigns.get(&run).map_or_else(Default::default, |rows| rows.planned))
    }

    async fn save_planned_parts(&self, run: RunId, planned: &PlannedParts) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.write(Write::Alone, IndexRows::NONE);
        let rows = accounts.campaigns.entry(run).or_default();
        let is_next = rows.planned.parts + 1 == planned.parts;
        if is_next {
            rows.planned = *planned;
        }
        Ok(is_next)
    }

    async fn pace(&self, run: RunId) -> Result<CampaignPace, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.read(1);
        Ok(accounts.campaigns.get(&run).map_or_else(Default::default, |rows| rows.pace))
    }

    async fn save_pace(&self, run: RunId, pace: &CampaignPace) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.write(Write::Alone, IndexRows::NONE);
        let rows = accounts.campaigns.entry(run).or_default();
        let is_next = rows.pace.version + 1 == pace.version;
        if is_next {
            rows.pace = *pace;
        }
        Ok(is_next)
    }
}

/// In which part of its campaigns a customer's entries are.
fn part_of(customer: &CustomerId) -> u64 {
    stable_hash("shard", customer.as_str()) % SHARDS
}

/// How large a part's row is, by ids of some eight letters with what stands around each.
fn kilobytes(part: &AudiencePart) -> u64 {
    (part.addressees.len() as u64 * 11).div_ceil(1_024).max(1)
}

#[async_trait]
impl CampaignEntries for MemoryLedger {
    async fn entries_in_campaigns(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        let mut accounts = self.accounts();
        let entries: Vec<_> = accounts.entries_of(customer).filter(|entry| entry.id().run.is_campaign()).collect();
        accounts.used.query(entries.len());
        Ok(entries)
    }

    async fn waiting_in_campaign(
        &self,
        run: RunId,
        stage: StageName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError> {
        let mut accounts = self.accounts();
        let all = accounts.campaign_index(run).into_iter().flat_map(|index| &index.open);
        let of_kind = all.skip_while(|(of, what, ..)| (*of, *what) < (stage, awaited));
        let late = of_kind.take_while(|(of, what, since, _)| (*of, *what) == (stage, awaited) && *since <= before);
        let found: Vec<_> =
            late.take(limit).map(|(.., addressee)| EntryId::for_addressee(addressee.clone(), run)).collect();
        accounts.used.index_query(Index::Open, SHARDS, found.len());
        Ok(found)
    }

    fn parts_of_campaign(&self) -> u64 {
        SHARDS
    }

    async fn open_in_part(&self, run: RunId, part: u64, limit: usize) -> Result<Vec<EntryId>, LedgerError> {
        let mut accounts = self.accounts();
        let all = accounts.campaign_index(run).into_iter().flat_map(|index| &index.open);
        let of_part = all.map(|(.., addressee)| addressee).filter(|addressee| part_of(&addressee.customer) == part);
        let of_part = of_part.take(limit).map(|addressee| EntryId::for_addressee(addressee.clone(), run));
        let found: Vec<_> = of_part.collect();
        accounts.used.index_query(Index::Open, 1, found.len());
        Ok(found)
    }

    async fn open_counts(&self, run: RunId) -> Result<BTreeMap<(StageName, Awaited), u64>, LedgerError> {
        let mut accounts = self.accounts();
        let mut counts = BTreeMap::new();
        for (stage, awaited, ..) in accounts.campaign_index(run).into_iter().flat_map(|index| &index.open) {
            *counts.entry((*stage, *awaited)).or_default() += 1;
        }
        accounts.used.index_query(
            Index::Open,
            SHARDS * 8,
            usize::try_from(counts.values().sum::<u64>()).unwrap_or(usize::MAX),
        );
        Ok(counts)
    }

    async fn put_off_in_campaign(&self, run: RunId, stage: StageName, now: Timestamp) -> Result<u64, LedgerError> {
        let mut accounts = self.accounts();
        let open = accounts.campaign_index(run).into_iter().flat_map(|index| &index.open);
        let is_later = |awaited: Awaited, since: Timestamp| awaited == Awaited::Deferred && since > now;
        let put_off = open.filter(|(at, awaited, since, _)| *at == stage && is_later(*awaited, *since)).count();
        accounts.used.index_query(Index::Open, SHARDS, put_off);
        Ok(put_off as u64)
    }

    async fn closed_counts(&self, run: RunId) -> Result<BTreeMap<TallyKey, u64>, LedgerError> {
        let mut accounts = self.accounts();
        let mut counts = BTreeMap::new();
        for (key, _) in accounts.campaign_index(run).into_iter().flat_map(|index| &index.closed) {
            *counts.entry(*key).or_default() += 1;
        }
        accounts.used.index_query(
            Index::Tally,
            SHARDS * 2,
            usize::try_from(counts.values().sum::<u64>()).unwrap_or(usize::MAX),
        );
        Ok(counts)
    }

    async fn closed_in_part(&self, run: RunId, part: u64) -> Result<Vec<(TallyKey, Addressee)>, LedgerError> {
        let mut accounts = self.accounts();
        let all = accounts.campaign_index(run).into_iter().flat_map(|index| &index.closed);
        let closed: Vec<_> = all.filter(|(_, addressee)| part_of(&addressee.customer) == part).cloned().collect();
        accounts.used.index_query(Index::Tally, 1, closed.len());
        Ok(closed)
    }
}
