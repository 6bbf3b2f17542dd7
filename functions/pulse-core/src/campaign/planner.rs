use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::{Audience, AudiencePart, AudienceSizes, Campaign, PlannedParts, Question, RosterPlace, Seal};
use crate::{
    customer::CustomerId,
    entry::{Addressee, Entry, EntryId},
    failure::Cause,
    ports::{Campaigns, Clock, Ledger, LedgerError, LedgerListing},
};

/// Profiles that are read, and entries that are written, side by side.
const AT_ONCE: usize = 16;

/// Writes a campaign's entries, part of its audience by part. It may die anywhere, and others may do the same at once, some of
/// whom haven't heard yet that it is cancelled: a part is written down before any of its entries is, and stays as it is; an entry
/// is put unless it is there; and that a part is done is written down on the condition that the one before was the last.
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
    /// In which steps an audience is found.
    pub sizes: AudienceSizes,
}

/// How far a planner has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// There is more to do, and no more time, or somebody else does it.
    Unfinished,
    /// It can't be as it was asked for, for this reason: it is to be cancelled.
    Refused(String),
    /// All entries are written.
    All(Seal),
}

impl Planner<'_> {
    /// Plans until then: no part is begun later, and one that is being looked for ends there. Of a campaign that is cancelled, only
    /// the part is ended that may have been begun.
    ///
    /// # Errors
    /// When the ledger can't be used.
    pub async fn work(&self, campaign: &Campaign, until: Timestamp) -> Result<Planned, LedgerError> {
        let is_cut_short = campaign.cancelled.is_some();
        while self.clock.now() < until {
            let PlannedParts { parts, seal, is_cut_short: is_all } = self.campaigns.planned_parts(campaign.run).await?;
            let at_most = campaign.request.at_most.filter(|most| !is_cut_short && seal.count > *most);
            if let Some(most) = at_most {
                return Ok(Planned::Refused(format!(
                    "It has more than {most} entries, which is the most by --at-most, or that the account may send to in a day: \
                     spread it with --a-day."
                )));
            }
            let next = match (is_all, is_cut_short) {
                (true, _) => None,
                (false, true) => self.last_part(campaign, parts).await?,
                (false, false) => self.part(campaign, parts, until).await?,
            };
            let Some(part) = next else {
                let is_right = is_all || is_cut_short || campaign.request.audience.is_sealed_by(seal);
                let refused = Planned::Refused("Its audience isn't the one that it was asked for with.".to_owned());
                return Ok(if is_right { Planned::All(seal) } else { refused });
            };
            let seal = self.write(campaign, &part, seal).await?;
            let planned = PlannedParts { parts: parts + 1, seal, is_cut_short };
            if !self.campaigns.save_planned_parts(campaign.run, &planned).await? {
                break;
            }
        }
        Ok(Planned::Unfinished)
    }

    /// The part that a campaign ends with which is cut short: somebody may have died in the middle of it, or be looking for it.
    /// Where nobody has put one yet, it is one of nobody, which is there before theirs.
    async fn last_part(&self, campaign: &Campaign, number: u32) -> Result<Option<AudiencePart>, LedgerError> {
        let Campaign { run, planning_at, request, .. } = campaign;
        if planning_at.is_none() || !request.audience.has(number) {
            return Ok(None);
        }
        if let Audience::Asked { .. } = request.audience {
            let nobody = AudiencePart { at: self.clock.now(), ..AudiencePart::default() };
            self.campaigns.put_audience_part(*run, request.audience.part(number), &nobody).await?;
        }
        self.campaigns.audience_part(*run, request.audience.part(number)).await
    }

    /// A part of the audience, which is found now if nobody has yet; none after the last.
    async fn part(
        &self,
        campaign: &Campaign,
        number: u32,
        until: Timestamp,
    ) -> Result<Option<AudiencePart>, LedgerError> {
        let Campaign { run, request, .. } = campaign;
        if !request.audience.has(number) {
            return Ok(None);
        }
        let id = request.audience.part(number);
        if let Some(part) = self.campaigns.audience_part(*run, id).await? {
            return Ok(Some(part));
        }
        let missing =
            |number| LedgerError::Broken(Cause::new(format!("part {number} of the audience of {run} isn't there")));
        let Audience::Asked { question } = &request.audience else { return Err(missing(number)) };
        let place = match number.checked_sub(1) {
            None => Some(RosterPlace::default()),
            Some(before) => {
                let part = self.campaigns.audience_part(*run, request.audience.part(before)).await?;
                part.ok_or_else(|| missing(before))?.next
            }
        };
        let Some(place) = place else { return Ok(None) };
        let found = self.find(question, place, until).await?;
        self.campaigns.put_audience_part(*run, id, &found).await?;
        // Another's may be there, who found it, or cut it short, a moment before.
        self.campaigns.audience_part(*run, id).await
    }

    /// Those whom the question finds from a place of the roster on, of so many as there is time for.
    async fn find(
        &self,
        question: &Question,
        from: RosterPlace,
        until: Timestamp,
    ) -> Result<AudiencePart, LedgerError> {
        let AudienceSizes { part, looked_at: most, page: size } = self.sizes;
        let (mut place, mut looked_at, mut addressees) = (from, 0, Vec::<Addressee>::new());
        while place.part < self.listing.parts() {
            let page = self.listing.active_page(place.part, "", place.after.as_ref(), size).await?;
            looked_at += page.len();
            place = match page.last() {
                Some(last) => RosterPlace { part: place.part, after: Some(last.clone()) },
                None => RosterPlace { part: place.part + 1, after: None },
            };
            let meant = stream::iter(page).map(|id| self.is_meant(question, id)).buffered(AT_ONCE);
            let meant: Vec<_> = meant.try_collect().await?;
            addressees.extend(meant.into_iter().flatten().map(Addressee::from));
            if looked_at >= most || addressees.len() + size > part || self.clock.now() >= until {
                break;
            }
        }
        let is_last = place.part >= self.listing.parts();
        Ok(AudiencePart { addressees, next: (!is_last).then_some(place), at: self.clock.now() })
    }

    async fn is_meant(&self, question: &Question, id: CustomerId) -> Result<Option<CustomerId>, LedgerError> {
        Ok(question.finds(self.ledger, &id).await?.then_some(id))
    }

    async fn write(&self, campaign: &Campaign, part: &AudiencePart, seal: Seal) -> Result<Seal, LedgerError> {
        let (now, run, plan) = (self.clock.now(), campaign.run, campaign.request.plan);
        let entries = part.addressees.clone().into_iter();
        let entries = entries.map(move |one| Entry::of_campaign(EntryId::for_addressee(one, run), plan, now));
        let written = stream::iter(entries).map(|entry| self.open(entry)).buffer_unordered(AT_ONCE);
        let () = written.try_for_each(async |_| Ok(())).await?;
        Ok(part.addressees.iter().fold(seal, Seal::with))
    }

    async fn open(&self, entry: Entry) -> Result<bool, LedgerError> {
        self.ledger.open(&entry).await
    }
}
