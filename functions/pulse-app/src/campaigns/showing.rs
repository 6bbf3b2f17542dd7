use std::{collections::BTreeMap, time::Duration};

use futures::future::try_join_all;
use jiff::Timestamp;
use pulse_core::{
    bill::{Bill, Prices},
    campaign::{Campaign, CampaignEvent, CampaignRecord},
    entry::StageName,
    ports::{Awaited, LedgerError, TallyKey},
    run::RunId,
};
use serde::Serialize;

use super::CampaignError;
use crate::App;

/// All campaigns, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignsReport {
    /// Them.
    pub campaigns: Vec<CampaignListed>,
    /// When they were counted.
    pub at: Timestamp,
}

/// A campaign in the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignListed {
    /// It.
    #[serde(flatten)]
    pub campaign: Campaign,
    /// Its closed entries, by where they stand.
    pub closed: BTreeMap<TallyKey, u64>,
}

/// A campaign, and where its entries stand now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignShown {
    /// It.
    #[serde(flatten)]
    pub campaign: Campaign,
    /// Its closed entries, by where they stand.
    pub closed: BTreeMap<TallyKey, u64>,
    /// Its open entries, by what they wait for.
    pub open: Vec<OpenPlace>,
    /// What was sealed, less what is counted. It isn't 0 where entries moved while they were counted, or aren't written yet.
    pub uncounted: i64,
    /// What has happened to it, the first first.
    pub records: Vec<CampaignRecord>,
    /// When it will be through, as fast as its entries were closed lately; none, where that can't be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through_at: Option<Timestamp>,
    /// What it has cost at AWS's public prices in us-east-1, reckoned without faults, if it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bill: Option<Bill>,
    /// When it was counted.
    pub at: Timestamp,
}

/// Open entries that wait for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OpenPlace {
    /// The stage that has to move them.
    pub stage: StageName,
    /// `dispatched`, `held`, `put-off` or `sent-again`.
    pub waits: &'static str,
    /// Of those that the campaign was sealed with.
    pub entries: u64,
}

impl App {
    /// The newest campaigns, at most `limit`.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn campaigns(&self, limit: usize) -> Result<CampaignsReport, CampaignError> {
        let runs = self.ports.campaigns.campaigns(limit).await?;
        let listed = try_join_all(runs.into_iter().map(|run| self.campaign_listed(run))).await?;
        Ok(CampaignsReport { campaigns: listed.into_iter().flatten().collect(), at: self.clock().now() })
    }

    /// Campaigns that aren't over, and no counts: two queries, and a read for each of them.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn live_campaigns(&self) -> Result<Vec<Campaign>, CampaignError> {
        let campaigns = &self.ports.campaigns;
        let runs = campaigns.live_campaigns(self.clock().now()).await?;
        let read = try_join_all(runs.into_iter().map(|run| campaigns.campaign(run))).await?;
        Ok(read.into_iter().flatten().filter(|campaign| !campaign.state.is_over()).collect())
    }

    async fn campaign_listed(&self, run: RunId) -> Result<Option<CampaignListed>, LedgerError> {
        let Some(campaign) = self.ports.campaigns.campaign(run).await? else { return Ok(None) };
        let closed = match &campaign.finished {
            Some((report, _)) => report.counts.clone(),
            None => self.ports.in_campaigns.closed_counts(run).await?,
        };
        Ok(Some(CampaignListed { campaign, closed }))
    }

    /// A campaign, counted now.
    ///
    /// # Errors
    /// When there is none, or the ledger can't be read.
    pub async fn campaign(&self, run: RunId) -> Result<CampaignShown, CampaignError> {
        self.campaign_counted(run).await.map(|(shown, _)| shown)
    }

    /// The same, with its open entries as they were counted.
    pub(crate) async fn campaign_counted(
        &self,
        run: RunId,
    ) -> Result<(CampaignShown, BTreeMap<(StageName, Awaited), u64>), CampaignError> {
        let campaign = self.campaign_of(run).await?;
        let (counted, closed, records) = futures::try_join!(
            self.ports.in_campaigns.open_counts(run),
            self.ports.in_campaigns.closed_counts(run),
            self.ports.campaigns.campaign_records(run),
        )?;
        let word = |awaited| match awaited {
            Awaited::First => "dispatched",
            Awaited::Again => "sent-again",
            Awaited::Deferred => "put-off",
            Awaited::Held => "held",
        };
        let place = |(&(stage, awaited), &entries)| OpenPlace { stage, waits: word(awaited), entries };
        let open: Vec<_> = counted.iter().map(place).collect();
        let (open_now, closed_now) =
            (open.iter().map(|place| place.entries).sum::<u64>(), closed.values().sum::<u64>());
        let sealed = campaign.sealed.map_or(open_now + closed_now, |(seal, _)| seal.count);
        let uncounted =
            i64::try_from(sealed).unwrap_or(i64::MAX) - i64::try_from(open_now + closed_now).unwrap_or(i64::MAX);
        let through_at = self.through_at(&campaign, &records, open_now, closed_now);
        let report = campaign.finished.as_ref().map(|(report, _)| report);
        // Reports of releases before say nothing of it.
        let bill = report
            .filter(|report| !report.stages.is_empty())
            .map(|report| Bill::of_report(report, campaign.request.plan, &Prices::default()));
        let at = self.clock().now();
        Ok((CampaignShown { campaign, closed, open, uncounted, records, through_at, bill, at }, counted))
    }

    /// By how many were closed since it was started, less the time in which it was held. One of so many a day stands still between.
    fn through_at(&self, campaign: &Campaign, records: &[CampaignRecord], open: u64, closed: u64) -> Option<Timestamp> {
        let started_at = campaign
            .started_at
            .filter(|_| campaign.finished.is_none() && campaign.paused.is_none() && campaign.request.a_day.is_none())?;
        let now = self.clock().now();
        let ran = Duration::try_from(now.duration_since(started_at)).ok()?.saturating_sub(held_for(records));
        if closed == 0 || ran < Duration::from_mins(1) {
            return None;
        }
        let left = Duration::try_from_secs_f64(ran.as_secs_f64() * open as f64 / closed as f64).ok()?;
        now.checked_add(left).ok()
    }
}

/// For how long a campaign was held, all together, since it was started.
fn held_for(records: &[CampaignRecord]) -> Duration {
    let (mut since, mut held, mut has_started) = (None, Duration::ZERO, false);
    for record in records {
        match record.event {
            CampaignEvent::Started => has_started = true,
            CampaignEvent::Paused { .. } => since = Some(record.at),
            CampaignEvent::Resumed { .. } => {
                let lasted = since.take().map(|since| record.at.duration_since(since));
                held += lasted
                    .and_then(|lasted| Duration::try_from(lasted).ok())
                    .filter(|_| has_started)
                    .unwrap_or_default();
            }
            _ => {}
        }
    }
    held
}
