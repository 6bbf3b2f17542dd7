use std::collections::BTreeSet;

use super::{AudiencePart, Campaign, CampaignChange, CampaignLetter, CampaignRequest, Told};
use crate::{
    entry::Addressee,
    ports::{Campaigns, LedgerError},
    run::RunId,
};

/// A campaign as it is to be started.
#[derive(Debug, Clone)]
pub struct CampaignStart {
    /// By which run its entries are told.
    pub run: RunId,
    /// What is asked for.
    pub request: CampaignRequest,
    /// For whom it is, where ids are given.
    pub addressees: BTreeSet<Addressee>,
    /// How many of them are written down at a time, as the request has it.
    pub part: usize,
    /// What they are written.
    pub letter: CampaignLetter,
    /// By whom, when and why.
    pub told: Told,
}

impl CampaignStart {
    /// Writes down its audience and its letter, and then that it is asked for. None, if another of its name is there.
    ///
    /// It may die anywhere, be done again, and be done beside another of the same name: what it writes first is found by digests of
    /// it alone, and means nothing until a campaign asks for it.
    ///
    /// # Errors
    /// When the ledger can't be used. It may be written down all the same, if that was heard last.
    pub async fn write(&self, campaigns: &dyn Campaigns) -> Result<Option<Campaign>, LedgerError> {
        let Told { by, note, at } = self.told.clone();
        let all: Vec<_> = self.addressees.iter().cloned().collect();
        for (number, addressees) in (0..).zip(all.chunks(self.part)) {
            let part = AudiencePart { addressees: addressees.to_vec(), next: None, at };
            campaigns.put_audience_part(self.run, self.request.audience.part(number), &part).await?;
        }
        campaigns.put_campaign_letter(self.run, &self.letter).await?;
        let change = CampaignChange::requested(self.run, self.request.clone(), by, note, at);
        Ok(campaigns.save_campaign(&change).await?.then(|| change.after().clone()))
    }
}
