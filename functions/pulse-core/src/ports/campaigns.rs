use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::LedgerError;
use crate::{
    campaign::{
        AudiencePart, Campaign, CampaignChange, CampaignLetter, CampaignPace, CampaignRecord, PartId, PlannedParts,
    },
    customer::CustomerId,
    entry::{Addressee, Awaited, Entry, EntryId, StageName, TallyKey},
    run::RunId,
};

/// Where campaigns are kept, for good. Reads are strongly consistent unless they say otherwise.
#[async_trait]
pub trait Campaigns: Send + Sync {
    /// A campaign.
    async fn campaign(&self, run: RunId) -> Result<Option<Campaign>, LedgerError>;

    /// Writes a change's campaign over the one of the version before, or where there is none if it is the first, together with
    /// its event and its word for other systems: all or nothing. Says whether it did: false when another is there.
    async fn save_campaign(&self, change: &CampaignChange) -> Result<bool, LedgerError>;

    /// What has happened to a campaign, the first first.
    async fn campaign_records(&self, run: RunId) -> Result<Vec<CampaignRecord>, LedgerError>;

    /// The newest campaigns, at most `limit`, the newest first. The answer may be some seconds old.
    async fn campaigns(&self, limit: usize) -> Result<Vec<RunId>, LedgerError>;

    /// Campaigns that aren't over, and those that were over after `since`: their mails may be in doubt. The answer may be some
    /// seconds old: read a campaign before acting on it.
    async fn live_campaigns(&self, since: Timestamp) -> Result<Vec<RunId>, LedgerError>;

    /// A letter that was written for it, by its digest.
    async fn campaign_letter(&self, run: RunId, digest: &str) -> Result<Option<CampaignLetter>, LedgerError>;

    /// Writes a letter for it, before the campaign is asked for. Another for a campaign of the same name stays beside it.
    async fn put_campaign_letter(&self, run: RunId, letter: &CampaignLetter) -> Result<(), LedgerError>;

    /// A part of its audience.
    async fn audience_part(&self, run: RunId, part: PartId) -> Result<Option<AudiencePart>, LedgerError>;

    /// Puts a part unless it is there. Says whether it did. It is kept for 400 days at least.
    async fn put_audience_part(&self, run: RunId, id: PartId, part: &AudiencePart) -> Result<bool, LedgerError>;

    /// How far its entries are written.
    async fn planned_parts(&self, run: RunId) -> Result<PlannedParts, LedgerError>;

    /// Writes that down, if it were those of one part fewer before. Says whether it did.
    async fn save_planned_parts(&self, run: RunId, planned: &PlannedParts) -> Result<bool, LedgerError>;

    /// How fast it goes; of version 0, where nobody has looked yet.
    async fn pace(&self, run: RunId) -> Result<CampaignPace, LedgerError>;

    /// Writes that down over the version before. Says whether it did: false when another is there.
    async fn save_pace(&self, run: RunId, pace: &CampaignPace) -> Result<bool, LedgerError>;
}

/// Campaigns' entries, by the indexes: answers may be some seconds old, and what has just moved may be seen twice or not at all.
#[async_trait]
pub trait CampaignEntries: Send + Sync {
    /// A customer's entries in campaigns, by a strongly consistent read.
    async fn entries_in_campaigns(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError>;

    /// Entries of a campaign that `stage` has to move and that have waited so since `before` or longer: at most `limit`, about
    /// the longest waiting first.
    async fn waiting_in_campaign(
        &self,
        run: RunId,
        stage: StageName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError>;

    /// Into how many parts a campaign's entries are split. Each stays in one.
    fn parts_of_campaign(&self) -> u64;

    /// Open entries of one of its parts, at most `limit`.
    async fn open_in_part(&self, run: RunId, part: u64, limit: usize) -> Result<Vec<EntryId>, LedgerError>;

    /// Open entries of a campaign, at most `limit`.
    async fn open_in_campaign(&self, run: RunId, limit: usize) -> Result<Vec<EntryId>, LedgerError> {
        let mut open = Vec::new();
        for part in 0..self.parts_of_campaign() {
            if open.len() < limit {
                open.extend(self.open_in_part(run, part, limit - open.len()).await?);
            }
        }
        Ok(open)
    }

    /// How many of its open entries wait for what.
    async fn open_counts(&self, run: RunId) -> Result<BTreeMap<(StageName, Awaited), u64>, LedgerError>;

    /// How many of its open entries are put off at a stage until later than `now`.
    async fn put_off_in_campaign(&self, run: RunId, stage: StageName, now: Timestamp) -> Result<u64, LedgerError>;

    /// How many of its closed entries stand where.
    async fn closed_counts(&self, run: RunId) -> Result<BTreeMap<TallyKey, u64>, LedgerError>;

    /// The closed entries of one of its parts, each as where it stands and whom it is for.
    async fn closed_in_part(&self, run: RunId, part: u64) -> Result<Vec<(TallyKey, Addressee)>, LedgerError>;

    /// Its closed entries, each as where it stands and whom it is for.
    async fn closed_in_campaign(&self, run: RunId) -> Result<Vec<(TallyKey, Addressee)>, LedgerError> {
        let mut closed = Vec::new();
        for part in 0..self.parts_of_campaign() {
            closed.extend(self.closed_in_part(run, part).await?);
        }
        Ok(closed)
    }
}
