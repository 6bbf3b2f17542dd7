use pulse_core::{
    advice::Advice,
    entry::StageName,
    ports::{LedgerError, TallyKey},
    replay::Replay,
    run::RunId,
    stage::Effect,
};
use serde::Serialize;

use crate::App;

/// Which entries are to be queued again by the ledger, whether or not there is a letter of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedOrder {
    /// Those that this stage gave up.
    pub stage: StageName,
    /// In this run.
    pub run: RunId,
    /// At most so many, by customer.
    pub limit: usize,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What was queued again, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FailedReport {
    /// Whether nothing was done, and it was only told what would be.
    pub dry_run: bool,
    /// How many entries were queued, or would be.
    pub queued: usize,
    /// How many couldn't be.
    pub failed: usize,
    /// How many mails the provider accepted and then didn't send, up to the limit. They stay as they are.
    pub dropped: usize,
    /// What was asked for.
    #[serde(skip)]
    pub order: FailedOrder,
}

impl FailedReport {
    /// What to do next: the same again, where it was only tried or some couldn't be queued.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        let FailedOrder { stage, run, .. } = self.order;
        let is_open = self.failed > 0 || self.dry_run && self.queued > 0;
        is_open.then_some(Advice::Redrive { stage, run })
    }
}

/// Why nothing is queued again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FailedError {
    /// The ledger can't be listed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The run is a campaign.
    #[error(transparent)]
    Campaign(#[from] ClosedForGood),
}

/// What a campaign has closed stays closed: workers do nothing with a message of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is no month, as 2026-11 is, but a campaign's name, and what a campaign has closed stays closed: `pulse run start NAME \
     --unreached-of {0} ..` reaches those whom it didn't, once it is over"
)]
pub struct ClosedForGood(RunId);

impl ClosedForGood {
    /// Looks whether a run is one whose closed entries can be queued again.
    ///
    /// # Errors
    /// When it is a campaign.
    pub fn unless_month(run: RunId) -> Result<(), Self> {
        if run.is_campaign() { Err(Self(run)) } else { Ok(()) }
    }
}

impl App {
    /// Queues again what a stage gave up in a run, or counts what that would be. A mail that its provider dropped is none of
    /// that: a further one is ordered for its customer alone.
    ///
    /// # Errors
    /// When the run is a campaign, or the ledger can't be listed. Nothing is queued then.
    pub async fn redrive_failed(&self, order: FailedOrder) -> Result<FailedReport, FailedError> {
        let FailedOrder { stage, run, limit, dry_run } = order;
        ClosedForGood::unless_month(run)?;
        let (queued, failed) = if dry_run {
            (self.ports.reports.closed_entries(run, TallyKey::Failed(stage), None, limit).await?.len(), 0)
        } else {
            let replay = Replay { listing: &*self.ports.reports, queues: &self.ports.queues };
            let replayed = replay.failed(run, stage, limit).await?;
            (replayed.queued.len(), replayed.failed.len())
        };
        let dropped = match stage.spec().effect {
            Effect::AtMostOnce => self.ports.reports.closed_entries(run, TallyKey::Dropped, None, limit).await?.len(),
            Effect::Idempotent => 0,
        };
        Ok(FailedReport { dry_run, queued, failed, dropped, order })
    }
}
