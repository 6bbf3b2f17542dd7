use std::time::Duration;

use jiff::Timestamp;

use crate::{
    entry::{EntryId, Progress, TallyKey},
    ports::{Activity, Campaigns, Clock, Intake, IntakeError, Ledger, LedgerError, LedgerListing},
    run::RunId,
};

/// How long a provider's word is waited for. SES publishes most events within minutes, and a bounce of a mail that it could
/// not hand over after 14 hours at the latest (Amazon SES Developer Guide, "Sending retries").
pub const DOUBT_ENDS_AFTER: Duration = Duration::from_hours(24);

/// Entries of a run that are looked at by one sweep.
const AT_MOST: usize = 1_000;

/// Runs of so long ago are looked at: whoever is in doubt for longer was left by releases that waited for a person.
pub const DOUBTS_LOOK_BACK: Duration = Duration::from_hours(40 * 24);

/// Ends doubts that nobody's word has ended: a mail of which nobody has told for a day whether it was accepted counts as
/// unconfirmed. It isn't sent again, and needs nobody. That nobody told says nothing while the intake isn't read.
#[derive(Clone, Copy)]
pub struct DoubtSweep<'a> {
    /// Entries.
    pub ledger: &'a dyn Ledger,
    /// Those that are in doubt.
    pub listing: &'a dyn LedgerListing,
    /// Campaigns, whose entries may be in doubt too.
    pub campaigns: &'a dyn Campaigns,
    /// Where providers tell.
    pub intake: &'a dyn Intake,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
}

/// Why doubts weren't looked at. The next sweep does it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DoubtError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It can't be told whether all feedback was read.
    #[error(transparent)]
    Intake(#[from] IntakeError),
}

impl DoubtSweep<'_> {
    /// Ends the doubts that are old enough, and says how many. None while feedback waits to be read.
    ///
    /// # Errors
    /// When the ledger or the intake can't be used.
    pub async fn run(&self) -> Result<usize, DoubtError> {
        let now = self.clock.now();
        let old = self.old_doubts(now).await?;
        // Asked after the doubts were found, and seldom: there are few.
        if old.is_empty() || !self.intake.is_caught_up().await? {
            return Ok(0);
        }
        let mut ended = 0;
        for id in old {
            ended += usize::from(self.end(&id, now).await?);
        }
        Ok(ended)
    }

    async fn old_doubts(&self, now: Timestamp) -> Result<Vec<EntryId>, LedgerError> {
        let from = now.saturating_sub(DOUBTS_LOOK_BACK).unwrap_or(Timestamp::MIN);
        let months = RunId::around(from, now).flat_map(|run| std::iter::successors(Some(run), |run| run.repeated()));
        // Longer than a doubt lasts: the intake may not have been read for a while.
        let campaigns = self.campaigns.live_campaigns(from).await?;
        let runs = months.chain(campaigns);
        let mut old = Vec::new();
        for run in runs {
            for id in self.listing.closed_entries(run, TallyKey::Indeterminate, None, AT_MOST).await? {
                if self.is_old(&id, now).await? {
                    old.push(id);
                }
            }
        }
        Ok(old)
    }

    async fn is_old(&self, id: &EntryId, now: Timestamp) -> Result<bool, LedgerError> {
        let entry = self.ledger.entry(id).await?;
        Ok(entry.is_some_and(|entry| match entry.progress() {
            Progress::Indeterminate { at, .. } => {
                Duration::try_from(now.duration_since(*at)).is_ok_and(|age| age >= DOUBT_ENDS_AFTER)
            }
            _ => false,
        }))
    }

    async fn end(&self, id: &EntryId, now: Timestamp) -> Result<bool, LedgerError> {
        let Some(entry) = self.ledger.entry(id).await? else { return Ok(false) };
        let Ok(change) = entry.mark_unconfirmed() else { return Ok(false) };
        match self.ledger.apply(&change).await {
            // Someone told in this moment.
            Err(LedgerError::Conflict(_)) => return Ok(false),
            applied => applied?,
        }
        let what = format!(
            "Run {}: nobody told for a day whether the mail was accepted. It counts as unconfirmed.",
            id.within()
        );
        self.ledger.note(&Activity { customer: id.customer.clone(), at: now, what }).await?;
        Ok(true)
    }
}
