use jiff::Timestamp;

use super::FrequencyCap;
use crate::{
    customer::CustomerId,
    entry::{Entry, EntryId, Progress, SkipReason},
    feedback::FeedbackSource,
    ports::{CampaignEntries, Ledger, LedgerError},
    stage::mailable,
};

/// What a campaign would come to for one customer, if it were sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Foreseen {
    /// They would be mailed.
    Mailed,
    /// There would be no mail.
    Skipped(SkipReason),
    /// Nobody on the roster has that id: it is left out.
    Unknown,
}

/// What a forecast looks at.
#[derive(Clone, Copy)]
pub struct Forecast<'a> {
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// Entries in campaigns.
    pub in_campaigns: &'a dyn CampaignEntries,
    /// Who sends the mails: some addresses are suppressed for one alone.
    pub provider: FeedbackSource,
    /// How many mails of all runs a customer may have had lately.
    pub cap: Option<FrequencyCap>,
}

impl Forecast<'_> {
    /// What it would come to for this customer at `now`, by what the email stage goes by: for each of so many entries, one after
    /// the other, as one's mail counts for the next.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn of(&self, id: &CustomerId, entries: usize, now: Timestamp) -> Result<Vec<Foreseen>, LedgerError> {
        let Some(customer) = self.ledger.customer(id).await? else { return Ok(vec![Foreseen::Unknown; entries]) };
        let address = match mailable(&customer) {
            Ok(address) => address,
            Err(reason) => return Ok(vec![Foreseen::Skipped(reason); entries]),
        };
        let known = self.ledger.suppression(address).await?;
        let is_suppressed = known.is_some_and(|known| known.holds(self.provider, now).is_some());
        let mut mailed = match self.cap {
            Some(_) => mailed_lately(self.ledger, self.in_campaigns, id, None, now).await?.at,
            None => Vec::new(),
        };
        let mut foreseen = Vec::with_capacity(entries);
        for _ in 0..entries {
            foreseen.push(if self.cap.is_some_and(|cap| cap.is_reached(mailed.iter().copied(), now)) {
                Foreseen::Skipped(SkipReason::FrequencyCap)
            } else if is_suppressed {
                Foreseen::Skipped(SkipReason::Suppressed)
            } else {
                mailed.push(now);
                Foreseen::Mailed
            });
        }
        Ok(foreseen)
    }
}

/// A customer's mails of all runs, but that of one entry.
#[derive(Debug, Default)]
pub(crate) struct MailedLately {
    /// When they went out, or may have.
    pub(crate) at: Vec<Timestamp>,
    /// How many of the entry's own campaign, about items that come before its own, may go out before it: workers have several in
    /// hand at once, and each is to find the same of them first, whoever is.
    pub(crate) before: usize,
}

/// The mails of a customer but that of this entry.
pub(crate) async fn mailed_lately(
    ledger: &dyn Ledger,
    in_campaigns: &dyn CampaignEntries,
    customer: &CustomerId,
    but: Option<&EntryId>,
    now: Timestamp,
) -> Result<MailedLately, LedgerError> {
    let (months, campaigns) =
        futures::try_join!(ledger.entries(customer), in_campaigns.entries_in_campaigns(customer))?;
    let mut mailed = MailedLately::default();
    for other in months.iter().chain(&campaigns).filter(|other| Some(other.id()) != but) {
        let is_before = but.is_some_and(|but| other.id().run == but.run && other.id().item < but.item);
        match may_be_mailed_at(other, now) {
            Some(at) => mailed.at.push(at),
            None => mailed.before += usize::from(is_before && other.is_open()),
        }
    }
    Ok(mailed)
}

/// When an entry's mail went out, or may have. One that a worker is about to send counts as sent.
fn may_be_mailed_at(entry: &Entry, now: Timestamp) -> Option<Timestamp> {
    match entry.progress() {
        Progress::Done { at, .. } | Progress::Indeterminate { at, .. } | Progress::Unconfirmed { at, .. } => Some(*at),
        _ => entry.in_doubt_since().map(|since| since.min(now)),
    }
}
