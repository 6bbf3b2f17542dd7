use std::{iter, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{CampaignFacts, CapFact, Resolution, StageName, Standing, Verdict, eligibility::next_entry};
use crate::{
    campaign::{CampaignBook, MailedLately, mailed_lately},
    customer::Customer,
    entry::{Change, Entry, EntryId, IllegalTransition, Progress},
    failure::Cause,
    message::WorkMessage,
    ports::{Activity, CampaignEntries, Ledger, LedgerError},
};

/// A row that stages move: claimed with a lease, released, put off, given up. Entries are such rows; whatever
/// else is worked on by a queue, a function and a provider can be.
pub trait Row: Sized + Send + Sync {
    /// A legal step to the row's next version.
    type Change: Send + Sync;

    /// The row as a change makes it.
    fn after(change: &Self::Change) -> &Self;

    /// The same, without the rest of the change.
    fn into_after(change: Self::Change) -> Self;

    /// The stage that has to move it on, if one has.
    fn waits_for(&self) -> Option<StageName>;

    /// Since when something has gone wrong each time it was tried, as of `now`.
    fn failing_since(&self, now: Timestamp) -> Option<Timestamp>;

    /// The message that brings it to its stage.
    fn message(&self) -> WorkMessage;

    /// Claims it until `lease_until`.
    ///
    /// # Errors
    /// When someone else holds it, or it isn't the stage's.
    fn claim(
        &self,
        stage: StageName,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Self::Change, IllegalTransition>;

    /// Gives a claim back whose call left nothing behind, and whose provider may have asked to be left alone.
    ///
    /// # Errors
    /// When it isn't claimed.
    fn release(&self, wait: Option<Duration>, cause: Cause, now: Timestamp) -> Result<Self::Change, IllegalTransition>;

    /// Gives a claim back whose provider has refused it for good.
    ///
    /// # Errors
    /// When it isn't claimed.
    fn release_refused(&self, cause: Cause, now: Timestamp) -> Result<Self::Change, IllegalTransition> {
        self.release(None, cause, now)
    }

    /// Gives a claim back although the provider may have done what it was asked.
    ///
    /// # Errors
    /// When it isn't claimed by a stage whose effect is one at most.
    fn release_in_doubt(&self, cause: Cause, now: Timestamp) -> Result<Self::Change, IllegalTransition>;

    /// Puts it off while its stage's provider is in trouble.
    ///
    /// # Errors
    /// When it isn't the stage's.
    fn put_off(&self, stage: StageName, cause: Cause, now: Timestamp) -> Result<Self::Change, IllegalTransition>;
}

/// A change, and what is noted of it for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written<C> {
    /// The change.
    pub change: C,
    /// What is noted, if it is out of the ordinary: a sentence without personal data.
    pub note: Option<String>,
}

impl<C> From<C> for Written<C> {
    fn from(change: C) -> Self {
        Self { change, note: None }
    }
}

/// The rows of a kind, and whose they are.
#[async_trait]
pub trait Rows: Send + Sync {
    /// The kind.
    type Row: Row;
    /// What is read together with a row, as what is decided hangs on it.
    type Subject: Send + Sync;

    /// The row that a message is about.
    async fn find(&self, message: &WorkMessage) -> Result<Option<(Self::Subject, Self::Row)>, LedgerError>;

    /// Writes a change, and the note of it.
    async fn write(&self, written: &Written<<Self::Row as Row>::Change>, now: Timestamp) -> Result<(), LedgerError>;

    /// The message of the row that had to wait for this one, if one had: asked once it is written.
    ///
    /// # Errors
    /// When the rows can't be read.
    async fn follower(&self, _after: &Self::Row) -> Result<Option<WorkMessage>, LedgerError> {
        Ok(None)
    }

    /// What giving a row up writes.
    ///
    /// # Errors
    /// When it isn't that stage's to give up.
    fn fail(
        &self,
        stage: StageName,
        work: &(Self::Subject, Self::Row),
        cause: &Cause,
        now: Timestamp,
    ) -> Result<Written<<Self::Row as Row>::Change>, IllegalTransition>;

    /// What a resolution writes.
    ///
    /// # Errors
    /// When the row doesn't allow it.
    fn resolve(
        &self,
        stage: StageName,
        work: &(Self::Subject, Self::Row),
        resolution: Resolution,
        now: Timestamp,
    ) -> Result<Written<<Self::Row as Row>::Change>, IllegalTransition>;
}

impl Row for Entry {
    type Change = Change;

    fn after(change: &Change) -> &Self {
        change.after()
    }

    fn into_after(change: Change) -> Self {
        change.into_after()
    }

    fn waits_for(&self) -> Option<StageName> {
        self.waits_for()
    }

    fn failing_since(&self, now: Timestamp) -> Option<Timestamp> {
        self.failing_since(now)
    }

    fn message(&self) -> WorkMessage {
        WorkMessage::for_entry(self.id())
    }

    fn claim(&self, stage: StageName, now: Timestamp, lease_until: Timestamp) -> Result<Change, IllegalTransition> {
        self.claim(stage, now, lease_until)
    }

    fn release(&self, wait: Option<Duration>, cause: Cause, now: Timestamp) -> Result<Change, IllegalTransition> {
        self.release_for(wait, cause, now)
    }

    fn release_refused(&self, cause: Cause, now: Timestamp) -> Result<Change, IllegalTransition> {
        self.release_refused(cause, now)
    }

    fn release_in_doubt(&self, cause: Cause, now: Timestamp) -> Result<Change, IllegalTransition> {
        self.release_in_doubt(cause, now)
    }

    fn put_off(&self, stage: StageName, cause: Cause, now: Timestamp) -> Result<Change, IllegalTransition> {
        self.put_off(stage, cause, now)
    }
}

/// Customers' entries on the ledger.
#[derive(Clone)]
pub struct Entries {
    /// Profiles and entries.
    pub ledger: Arc<dyn Ledger>,
    /// Campaigns, as they stand.
    pub campaigns: Arc<CampaignBook>,
    /// Entries in them.
    pub in_campaigns: Arc<dyn CampaignEntries>,
}

impl Entries {
    /// The entry that a message is about, which has to be there, and whose it is.
    pub(super) async fn load(&self, message: &WorkMessage) -> Result<(Customer, Entry), Verdict> {
        let turn = message.turn().map_err(|cause| Verdict::Fail { cause })?;
        let unknown = |what: &str| {
            let cause = Cause::new(format!("{what} of customer {} is unknown.", turn.customer));
            Verdict::Fail { cause }
        };
        let customer = self.ledger.customer(&turn.customer).await?.ok_or_else(|| unknown("The profile"))?;
        let entry = self.ledger.entry(&turn.entry_of(&customer)).await?.ok_or_else(|| unknown("The entry"))?;
        Ok((customer, entry))
    }

    /// How an entry's campaign stands at `now`.
    pub(super) async fn campaign_facts(&self, entry: &Entry, now: Timestamp) -> Result<CampaignFacts, LedgerError> {
        let EntryId { customer, run, .. } = entry.id();
        let Some(campaign) = self.campaigns.campaign(*run).await? else {
            return Ok(CampaignFacts { standing: Standing::Held, ..CampaignFacts::default() });
        };
        let standing = campaign.standing(now);
        let Some(cap) = campaign.request.cap.filter(|_| standing == Standing::Flows) else {
            return Ok(CampaignFacts { standing, ..CampaignFacts::default() });
        };
        let but = Some(entry.id());
        let MailedLately { at, before } = mailed_lately(&*self.ledger, &*self.in_campaigns, customer, but, now).await?;
        let cap = if cap.is_reached(at.iter().copied(), now) {
            CapFact::Reached
        } else if cap.is_reached(at.into_iter().chain(iter::repeat_n(now, before)), now) {
            CapFact::AfterOthers
        } else {
            CapFact::Allows
        };
        Ok(CampaignFacts { standing, cap })
    }
}

#[async_trait]
impl Rows for Entries {
    type Row = Entry;
    type Subject = Customer;

    async fn find(&self, message: &WorkMessage) -> Result<Option<(Customer, Entry)>, LedgerError> {
        let Ok(turn) = message.turn() else { return Ok(None) };
        let Some(customer) = self.ledger.customer(&turn.customer).await? else { return Ok(None) };
        let entry = self.ledger.entry(&turn.entry_of(&customer)).await?;
        Ok(entry.map(|entry| (customer, entry)))
    }

    async fn write(&self, Written { change, note }: &Written<Change>, now: Timestamp) -> Result<(), LedgerError> {
        self.ledger.apply(change).await?;
        let entry = change.after();
        if matches!(entry.progress(), Progress::Indeterminate { .. }) {
            tracing::error!(entry = %entry.id(), "a mail's fate is unknown: look it up at the provider and settle it");
        }
        let Some(what) = note.clone() else { return Ok(()) };
        let customer = change.after().id().customer.clone();
        self.ledger.note(&Activity { customer, at: now, what }).await
    }

    fn fail(
        &self,
        stage: StageName,
        (customer, entry): &(Customer, Entry),
        cause: &Cause,
        now: Timestamp,
    ) -> Result<Written<Change>, IllegalTransition> {
        let change = entry.fail(stage, cause.clone(), now, next_entry(customer, entry))?;
        let what = format!("Run {}: {} was given up. {cause}", entry.id().within(), stage.spec().activity);
        Ok(Written { change, note: Some(what) })
    }

    fn resolve(
        &self,
        stage: StageName,
        (customer, entry): &(Customer, Entry),
        resolution: Resolution,
        now: Timestamp,
    ) -> Result<Written<Change>, IllegalTransition> {
        let next = || next_entry(customer, entry);
        Ok(match resolution {
            Resolution::Accepted { provider_id } => entry.record_sent(provider_id, now, next())?.into(),
            Resolution::Skip(reason) => entry.skip(reason, now, next())?.into(),
            Resolution::Defer { until } => entry.defer(stage, until, now)?.into(),
            Resolution::GiveUp(cause) => entry.fail(stage, cause, now, next())?.into(),
            Resolution::ScoreAgain { .. } => entry.forget_stale_score(now)?.into(),
            Resolution::Hold => entry.hold(stage, now)?.into(),
            Resolution::CloseWithCampaign(cause) => entry.close_with_campaign(cause, now)?.into(),
            Resolution::Indeterminate(cause) => {
                let what =
                    format!("Run {}: it isn't known whether the mail was accepted. {cause}", entry.id().within());
                Written { change: entry.mark_indeterminate(cause, now, next())?, note: Some(what) }
            }
        })
    }
}
