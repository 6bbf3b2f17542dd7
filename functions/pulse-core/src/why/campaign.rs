use std::collections::BTreeMap;

use super::{
    CauseSample, HoldReason, SampleOf, StageContext,
    causes::{grouped, read_all},
};
use crate::{
    entry::{Awaited, EntryId, Plan, Progress, StageName, TallyKey},
    ports::{CampaignEntries, Clock, Controls, Ledger, LedgerError, LedgerListing, Stages},
    run::RunId,
};

/// Finds out what holds a campaign's stages, and what went wrong with its entries. Nothing is written, and no table scanned.
#[derive(Clone, Copy)]
pub struct CampaignInquiry<'a> {
    /// Entries.
    pub ledger: &'a dyn Ledger,
    /// The closed ones as lists.
    pub listing: &'a dyn LedgerListing,
    /// The open ones, by what they wait for.
    pub in_campaigns: &'a dyn CampaignEntries,
    /// The stages' control rows.
    pub controls: &'a dyn Controls,
    /// The stages from outside.
    pub stages: &'a dyn Stages,
    /// Tells the moment.
    pub clock: &'a dyn Clock,
    /// The most entries of each kind that are read in whole, to see what went wrong with them.
    pub limit: usize,
}

/// What keeps a campaign's entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CampaignTroubles {
    /// What holds its stages.
    pub holders: Vec<(StageName, HoldReason)>,
    /// What went wrong, grouped.
    pub causes: Vec<CauseSample>,
}

impl CampaignInquiry<'_> {
    /// Finds out, of a campaign whose entries are counted.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn troubles(
        &self,
        run: RunId,
        plan: Plan,
        closed: &BTreeMap<TallyKey, u64>,
        open: &BTreeMap<(StageName, Awaited), u64>,
    ) -> Result<CampaignTroubles, LedgerError> {
        let now = self.clock.now();
        let mut found = CampaignTroubles::default();
        for stage in plan.steps() {
            let holder = StageContext::look_up(self.controls, self.stages, stage).await?.holder(now);
            found.holders.extend(holder.map(|holder| (stage, holder)));
            let key = TallyKey::Failed(stage);
            if let Some(entries) = closed.get(&key).copied().filter(|entries| *entries > 0) {
                let ids = self.listing.closed_entries(run, key, None, self.limit).await?;
                found.causes.push(self.sample(SampleOf::Failed, stage, entries, ids).await?);
            }
            let sample = self.due(run, stage, open).await?;
            found.causes.extend(sample.filter(|sample| !sample.causes.is_empty()));
        }
        Ok(found)
    }

    /// Open entries that a worker had in hand already, or may have.
    async fn due(
        &self,
        run: RunId,
        stage: StageName,
        open: &BTreeMap<(StageName, Awaited), u64>,
    ) -> Result<Option<CauseSample>, LedgerError> {
        let now = self.clock.now();
        let (mut entries, mut ids) = (0, Vec::new());
        for awaited in Awaited::SWEPT {
            let count = open.get(&(stage, awaited)).copied().unwrap_or_default();
            if count > 0 {
                entries += count;
                ids.extend(self.in_campaigns.waiting_in_campaign(run, stage, awaited, now, self.limit).await?);
            }
        }
        match entries {
            0 => Ok(None),
            _ => self.sample(SampleOf::Due, stage, entries, ids).await.map(Some),
        }
    }

    async fn sample(
        &self,
        of: SampleOf,
        stage: StageName,
        entries: u64,
        ids: Vec<EntryId>,
    ) -> Result<CauseSample, LedgerError> {
        let read = read_all(self.ledger, ids).await?;
        let causes = grouped(&read, |entry| match (of, entry.progress()) {
            (SampleOf::Failed, Progress::Failed { cause, .. }) => Some(cause),
            (SampleOf::Due, _) => entry.failure_streak().map(|trouble| &trouble.cause),
            _ => None,
        });
        Ok(CauseSample { of, stage, entries, read: read.len() as u64, causes })
    }
}
