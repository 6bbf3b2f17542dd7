use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::{Campaign, CampaignLetter};
use crate::{
    failure::Cause,
    ports::{Campaigns, Clock, LedgerError},
    run::RunId,
};

/// For how long a worker goes by what it has read of a campaign: within so long a pause and a cancel reach all of them.
pub const CAMPAIGNS_KNOWN_WITHIN: Duration = Duration::from_secs(5);

/// A campaign, as it was read, and when.
type Read = (Timestamp, Option<Arc<Campaign>>);

/// The campaigns that a process that lasts has met, read every few seconds.
pub struct CampaignBook {
    campaigns: Arc<dyn Campaigns>,
    clock: Arc<dyn Clock>,
    read: Mutex<BTreeMap<RunId, Read>>,
    letters: Mutex<BTreeMap<RunId, Arc<CampaignLetter>>>,
}

impl CampaignBook {
    /// A book that nothing was read into yet.
    #[must_use]
    pub fn new(campaigns: Arc<dyn Campaigns>, clock: Arc<dyn Clock>) -> Self {
        Self { campaigns, clock, read: Mutex::default(), letters: Mutex::default() }
    }

    /// A campaign, as it was a few seconds ago at most; none, if there is none of that name.
    ///
    /// # Errors
    /// When it has to be read, and can't be.
    pub async fn campaign(&self, run: RunId) -> Result<Option<Arc<Campaign>>, LedgerError> {
        let now = self.clock.now();
        let is_fresh =
            |at: Timestamp| Duration::try_from(now.duration_since(at)).is_ok_and(|age| age < CAMPAIGNS_KNOWN_WITHIN);
        if let Some((_, known)) = self.known(run).filter(|(at, _)| is_fresh(*at)) {
            return Ok(known);
        }
        let read = self.campaigns.campaign(run).await?.map(Arc::new);
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(run, (now, read.clone()));
        Ok(read)
    }

    /// Reads a campaign's letter, unless it was: it never changes.
    ///
    /// # Errors
    /// When it can't be read, or isn't the one that the campaign was asked for with.
    pub async fn read_letter(&self, campaign: &Campaign) -> Result<(), LedgerError> {
        if self.letter(campaign.run).is_some_and(|letter| letter.digest() == campaign.request.letter) {
            return Ok(());
        }
        let letter = self.campaigns.campaign_letter(campaign.run, &campaign.request.letter).await?;
        let letter = letter.filter(|letter| letter.digest() == campaign.request.letter).ok_or_else(|| {
            LedgerError::Broken(Cause::new(format!("the letter of campaign {} isn't there", campaign.run)))
        })?;
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).insert(campaign.run, Arc::new(letter));
        Ok(())
    }

    /// A campaign's letter, once it was read.
    #[must_use]
    pub fn letter(&self, run: RunId) -> Option<Arc<CampaignLetter>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).get(&run).cloned()
    }

    fn known(&self, run: RunId) -> Option<Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).get(&run).cloned()
    }
}
