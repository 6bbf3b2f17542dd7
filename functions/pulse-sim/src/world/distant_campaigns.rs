use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    campaign::{
        AudiencePart, Campaign, CampaignChange, CampaignLetter, CampaignPace, CampaignRecord, PartId, PlannedParts,
    },
    customer::CustomerId,
    entry::{Addressee, Entry, EntryId, StageName},
    ports::{Awaited, CampaignEntries, Campaigns, LedgerError, TallyKey},
    run::RunId,
};

use super::distant::DistantLedger;
use crate::ledger::Touch;

#[async_trait]
impl Campaigns for DistantLedger {
    async fn campaign(&self, run: RunId) -> Result<Option<Campaign>, LedgerError> {
        self.call(Touch::Rows, self.ledger.campaign(run)).await
    }

    async fn save_campaign(&self, change: &CampaignChange) -> Result<bool, LedgerError> {
        self.call(Touch::Write, async {
            let saved = self.ledger.save_campaign(change).await?;
            self.line(|| format!("campaign {}: {:?}, written: {saved}", change.after().run, change.record().event));
            Ok(saved)
        })
        .await
    }

    async fn campaign_records(&self, run: RunId) -> Result<Vec<CampaignRecord>, LedgerError> {
        self.call(Touch::Rows, self.ledger.campaign_records(run)).await
    }

    async fn campaigns(&self, limit: usize) -> Result<Vec<RunId>, LedgerError> {
        self.call(Touch::Tally, self.ledger.campaigns(limit)).await
    }

    async fn live_campaigns(&self, since: Timestamp) -> Result<Vec<RunId>, LedgerError> {
        // A month without any is as it was before there were campaigns: it takes no chances.
        if self.ledger.peek_campaigns().is_empty() {
            return Ok(Vec::new());
        }
        self.heard(Touch::Indexes, self.ledger.live_campaigns(since)).await
    }

    async fn campaign_letter(&self, run: RunId, digest: &str) -> Result<Option<CampaignLetter>, LedgerError> {
        self.call(Touch::Rows, self.ledger.campaign_letter(run, digest)).await
    }

    async fn put_campaign_letter(&self, run: RunId, letter: &CampaignLetter) -> Result<(), LedgerError> {
        self.call(Touch::Write, self.ledger.put_campaign_letter(run, letter)).await
    }

    async fn audience_part(&self, run: RunId, part: PartId) -> Result<Option<AudiencePart>, LedgerError> {
        self.call(Touch::Rows, self.ledger.audience_part(run, part)).await
    }

    async fn put_audience_part(&self, run: RunId, id: PartId, part: &AudiencePart) -> Result<bool, LedgerError> {
        self.call(Touch::Write, self.ledger.put_audience_part(run, id, part)).await
    }

    async fn planned_parts(&self, run: RunId) -> Result<PlannedParts, LedgerError> {
        self.call(Touch::Rows, self.ledger.planned_parts(run)).await
    }

    async fn save_planned_parts(&self, run: RunId, planned: &PlannedParts) -> Result<bool, LedgerError> {
        self.call(Touch::Write, self.ledger.save_planned_parts(run, planned)).await
    }

    async fn pace(&self, run: RunId) -> Result<CampaignPace, LedgerError> {
        self.heard(Touch::Rows, self.ledger.pace(run)).await
    }

    async fn save_pace(&self, run: RunId, pace: &CampaignPace) -> Result<bool, LedgerError> {
        self.call(Touch::Write, self.ledger.save_pace(run, pace)).await
    }
}

#[async_trait]
impl CampaignEntries for DistantLedger {
    async fn entries_in_campaigns(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.call(Touch::Rows, self.ledger.entries_in_campaigns(customer)).await
    }

    async fn waiting_in_campaign(
        &self,
        run: RunId,
        stage: StageName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError> {
        self.heard(Touch::Open, self.ledger.waiting_in_campaign(run, stage, awaited, before, limit)).await
    }

    fn parts_of_campaign(&self) -> u64 {
        self.ledger.parts_of_campaign()
    }

    async fn open_in_part(&self, run: RunId, part: u64, limit: usize) -> Result<Vec<EntryId>, LedgerError> {
        self.heard(Touch::Open, self.ledger.open_in_part(run, part, limit)).await
    }

    async fn open_counts(&self, run: RunId) -> Result<BTreeMap<(StageName, Awaited), u64>, LedgerError> {
        self.heard(Touch::Open, self.ledger.open_counts(run)).await
    }

    async fn put_off_in_campaign(&self, run: RunId, stage: StageName, now: Timestamp) -> Result<u64, LedgerError> {
        self.heard(Touch::Open, self.ledger.put_off_in_campaign(run, stage, now)).await
    }

    async fn closed_counts(&self, run: RunId) -> Result<BTreeMap<TallyKey, u64>, LedgerError> {
        self.heard(Touch::Tally, self.ledger.closed_counts(run)).await
    }

    async fn closed_in_part(&self, run: RunId, part: u64) -> Result<Vec<(TallyKey, Addressee)>, LedgerError> {
        self.call(Touch::Tally, self.ledger.closed_in_part(run, part)).await
    }
}
