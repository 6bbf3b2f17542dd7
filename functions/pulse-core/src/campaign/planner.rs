use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::{AUDIENCE_PART, Audience, AudiencePart, Campaign, Question, RosterPlace, Seal};
use crate::{
    customer::CustomerId,
    entry::{Entry, EntryId},
    failure::Cause,
    ports::{Campaigns, Clock, Ledger, LedgerError, LedgerListing},
};

/// Profiles that are read, and entries that are written, side by side.
const AT_ONCE: usize = 16;

/// Customers of the roster that one part of an audience looks at, at most: where few are meant, a part is short.
const LOOKED_AT: usize = 4 * AUDIENCE_PART;

/// Customers of the roster that are listed at a time.
const PAGE: usize = 500;

/// Writes a campaign's entries, part of its audience by part. It may die anywhere, and another goes on: a part is written down
/// before any of its entries is, and stays as it is; an entry is put unless it is there; and that a part is done is written down
/// on the condition that the one before was the last.
#[derive(Clone, Copy)]
pub struct Planner<'a> {
    /// Campaigns and their audiences.
    pub campaigns: &'a dyn Campaigns,
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// The roster as a list.
    pub listing: &'a dyn LedgerListing,
    /// Tells the moment of what is written.
    pub clock: &'a dyn Clock,
}

/// How far a planner has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planned {
    /// There is more to do, and no more time, or somebody else does it.
    Unfinished,
    /// There are more entries than were asked for.
    TooMany(Seal),
    /// All entries are written.
    All(Seal),
}

impl Planner<'_> {
    /// Plans until then at the latest, and for a part at least. Of a campaign that is cancelled, no further part is begun.
    ///
    /// # Errors
    /// When the ledger can't be used.
    pub async fn work(&self, campaign: &Campaign, until: Timestamp) -> Result<Planned, LedgerError> {
        loop {
            let (done, seal) = self.campaigns.planned_parts(campaign.run).await?;
            let too_many = campaign.request.at_most.is_some_and(|most| seal.count > most);
            let planned = if too_many { Planned::TooMany(seal) } else { Planned::All(seal) };
            let is_cut_short = too_many || campaign.cancelled.is_some();
            let next = if is_cut_short { self.begun(campaign, done).await? } else { self.part(campaign, done).await? };
            let Some(part) = next else { return Ok(planned) };
            let seal = self.write(campaign, &part, seal).await?;
            let is_ours = self.campaigns.save_planned_parts(campaign.run, done + 1, seal).await?;
            if is_ours && is_cut_short {
                return Ok(if too_many { Planned::TooMany(seal) } else { Planned::All(seal) });
            }
            if !is_ours || self.clock.now() >= until {
                return Ok(Planned::Unfinished);
            }
        }
    }

    /// The part that somebody may have died in the middle of, when a campaign is cut short: some of its entries may be there.
    async fn begun(&self, campaign: &Campaign, number: u32) -> Result<Option<AudiencePart>, LedgerError> {
        let cancelled_at = campaign.cancelled.as_ref().map(|cancelled| cancelled.at);
        if campaign.planning_at.zip(cancelled_at).is_some_and(|(planning_at, cancelled_at)| planning_at >= cancelled_at)
        {
            return Ok(None);
        }
        self.campaigns.audience_part(campaign.run, number).await
    }

    /// A part of the audience, which is found now if nobody has yet; none after the last.
    async fn part(&self, campaign: &Campaign, number: u32) -> Result<Option<AudiencePart>, LedgerError> {
        if let Some(part) = self.campaigns.audience_part(campaign.run, number).await? {
            return Ok(Some(part));
        }
        let question = match &campaign.request.audience {
            Audience::Given { parts, .. } if number < *parts => {
                let what = format!("part {number} of the audience of {} isn't there", campaign.run);
                return Err(LedgerError::Broken(Cause::new(what)));
            }
            Audience::Given { .. } => return Ok(None),
            Audience::Asked { question } => question,
        };
        let place = match number.checked_sub(1) {
            None => Some(RosterPlace::default()),
            Some(before) => self.campaigns.audience_part(campaign.run, before).await?.and_then(|part| part.next),
        };
        let Some(place) = place else { return Ok(None) };
        let found = self.find(question, place).await?;
        self.campaigns.put_audience_part(campaign.run, number, &found).await?;
        // Another planner's may be there, which found it a moment before.
        self.campaigns.audience_part(campaign.run, number).await
    }

    /// Those whom the question finds from a place of the roster on.
    async fn find(&self, question: &Question, from: RosterPlace) -> Result<AudiencePart, LedgerError> {
        let (mut place, mut looked_at, mut customers) = (from, 0, Vec::new());
        while place.part < self.listing.parts() {
            let page = self.listing.active_page(place.part, "", place.after.as_ref(), PAGE).await?;
            looked_at += page.len();
            place = match page.last() {
                Some(last) => RosterPlace { part: place.part, after: Some(last.clone()) },
                None => RosterPlace { part: place.part + 1, after: None },
            };
            let meant = stream::iter(page).map(|id| self.is_meant(question, id)).buffered(AT_ONCE);
            let meant: Vec<_> = meant.try_collect().await?;
            customers.extend(meant.into_iter().flatten());
            if looked_at >= LOOKED_AT || customers.len() + PAGE > AUDIENCE_PART {
                break;
            }
        }
        let is_last = place.part >= self.listing.parts();
        Ok(AudiencePart { customers, next: (!is_last).then_some(place) })
    }

    async fn is_meant(&self, question: &Question, id: CustomerId) -> Result<Option<CustomerId>, LedgerError> {
        Ok(question.finds(self.ledger, &id).await?.then_some(id))
    }

    async fn write(&self, campaign: &Campaign, part: &AudiencePart, seal: Seal) -> Result<Seal, LedgerError> {
        let (now, run, plan) = (self.clock.now(), campaign.run, campaign.request.plan);
        let entries = part.customers.clone().into_iter();
        let entries = entries.map(move |customer| Entry::of_campaign(EntryId { customer, run }, plan, now));
        let written = stream::iter(entries).map(|entry| self.open(entry)).buffer_unordered(AT_ONCE);
        let () = written.try_for_each(async |_| Ok(())).await?;
        Ok(part.customers.iter().fold(seal, Seal::with))
    }

    async fn open(&self, entry: Entry) -> Result<bool, LedgerError> {
        self.ledger.open(&entry).await
    }
}
