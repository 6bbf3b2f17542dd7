use jiff::Timestamp;
use pulse_core::{
    advice::Advice,
    control::Note,
    customer::{Contact, Customer, CustomerId, Tombstone},
    dead_letters::Mentions,
    enrollment::EnrollmentError,
    entry::Entry,
    failure::Cause,
    forgetting::{Forgetting, Forgotten},
    pacing::{PacedDeadLetters, PacedSchedules, patiently},
    ports::{Activity, DlqName, IntakeQueue, Schedules as _},
    run::RunId,
    slot::Slot,
};
use serde::Serialize;

use crate::{App, ReadError, SuppressionState, UnknownCustomer};

/// All that is known of a customer, to be handed out to them (GDPR, article 15).
#[derive(Debug, Clone, Serialize)]
pub struct CustomerExport {
    /// When it was looked up.
    pub exported_at: Timestamp,
    /// That they were forgotten, with what is kept of them still. The profile is blank then, and left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<ForgottenExport>,
    /// Who they are, by what rosters and partners told, and whether they want mail, with how that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Customer>,
    /// When their live schedule is due, if they have one.
    pub schedule: Option<Slot>,
    /// Their months, the newest first: scores, mails, and what became of those.
    pub entries: Vec<Entry>,
    /// All that was noted of them, the newest first.
    pub notes: Vec<Activity>,
    /// Whether their present address is suppressed. Earlier addresses aren't known any more.
    pub suppression: Option<SuppressionState>,
}

/// What there is to hand out of a customer who was forgotten.
#[derive(Debug, Clone, Serialize)]
pub struct ForgottenExport {
    /// The id that it was asked for by.
    pub id: CustomerId,
    /// When, and how it was asked for.
    #[serde(flatten)]
    pub tombstone: Tombstone,
    /// What is kept all the same, and why.
    pub kept: [&'static str; 4],
}

/// What a forgotten customer is still found in, and why: as [`Forgetting`] leaves them.
const KEPT: [&str; 4] = [
    "this tombstone: so that no roster and no partner brings them back",
    "the entries of their months, without scores, causes and the provider's ids: so that runs add up",
    "that they want no mail: should they come back, it outlasts that",
    "their address, if it was suppressed, as a digest that nobody can read it from: so that it gets no mail",
];

/// The most dead letters of a queue that are looked through for someone: some minutes of receiving.
const MOST_LETTERS: usize = 10_000;

/// What forgetting a customer came to, and what still names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForgetReport {
    /// What was done.
    #[serde(flatten)]
    pub forgotten: Forgotten,
    /// What the dead letters of the intake name them in. They are left alone: what can't be read may tell of others too.
    pub letters: Vec<LettersNaming>,
}

/// Which dead letters of a queue name someone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LettersNaming {
    /// The queue.
    pub queue: DlqName,
    /// What was found.
    #[serde(flatten)]
    pub found: Mentions,
    /// Why it couldn't be looked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Cause>,
}

/// Why a customer couldn't be forgotten, or be let back. What was done stays; do it again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgetError {
    /// There is no such customer.
    #[error(transparent)]
    Customer(#[from] UnknownCustomer),
    /// The ledger or the scheduler can't be used.
    #[error("{0}. What was done stays done: forget the customer again to go on")]
    Unfinished(#[from] EnrollmentError),
}

impl ForgetError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        matches!(self, Self::Customer(_)).then_some(Advice::EnrollSomeone)
    }
}

impl App {
    /// All that is known of a customer.
    ///
    /// # Errors
    /// When something of it can't be read, or nobody has this id.
    pub async fn export(&self, id: &CustomerId) -> Result<CustomerExport, ReadError> {
        let profile = self.profile(id).await?;
        let (mut entries, in_campaigns, notes) = futures::try_join!(
            self.ports.ledger.entries(id),
            self.ports.in_campaigns.entries_in_campaigns(id),
            self.ports.notes.all_notes(id)
        )?;
        entries.extend(in_campaigns);
        let schedule = self.schedules().get(id).await?.map(|schedule| schedule.slot);
        let suppression = match &profile.contact {
            Contact::Email(address) => self.suppression(address).await?,
            Contact::Unusable => None,
        };
        let exported_at = self.clock().now();
        let forgotten = profile.mark.forgotten.clone();
        let forgotten = forgotten.map(|tombstone| ForgottenExport { id: id.clone(), tombstone, kept: KEPT });
        // What stands on a tombstone's profile is blank, and no fact.
        let profile = Some(profile).filter(|_| forgotten.is_none());
        Ok(CustomerExport { exported_at, forgotten, profile, schedule, entries, notes, suppression })
    }

    /// Forgets a customer, and looks for what names them in the dead letters of the intake: by their id alone, where they
    /// were forgotten before. `watch` is told of a mail under way that is waited for, and until when at most.
    ///
    /// # Errors
    /// As [`ForgetError`] says.
    pub async fn forget(
        &self,
        id: &CustomerId,
        note: &Note,
        watch: &mut (dyn FnMut(RunId, Timestamp) + Send),
    ) -> Result<ForgetReport, ForgetError> {
        let profile = self.ports.ledger.customer(id).await.map_err(EnrollmentError::from)?;
        let schedules = self.schedules();
        let done = self.forgetting(&schedules).forget(id, &self.actor, note, watch).await?;
        let forgotten = done.ok_or_else(|| UnknownCustomer(id.clone()))?;
        let mut letters = Vec::new();
        for queue in IntakeQueue::ALL {
            letters.push(self.letters_naming(DlqName::Intake(*queue), id, profile.as_ref()).await);
        }
        Ok(ForgetReport { forgotten, letters })
    }

    async fn letters_naming(&self, queue: DlqName, id: &CustomerId, profile: Option<&Customer>) -> LettersNaming {
        let address = profile.and_then(|profile| match &profile.contact {
            Contact::Email(address) => Some(address),
            Contact::Unusable => None,
        });
        let letters = PacedDeadLetters::new(self.ports.dead_letters.get(queue), &*self.ports.sleeper, &|| false);
        match Mentions::find(&letters, id, address, MOST_LETTERS).await {
            Ok(found) => LettersNaming { queue, found, trouble: None },
            // The customer is forgotten all the same.
            Err(error) => {
                LettersNaming { queue, found: Mentions::default(), trouble: Some(Cause::new(error.to_string())) }
            }
        }
    }

    /// Lets a customer who was forgotten be enrolled again, as someone of whom nothing is known. Says whether they were.
    ///
    /// # Errors
    /// As [`ForgetError`] says.
    pub async fn let_back(&self, id: &CustomerId, note: &Note) -> Result<bool, ForgetError> {
        let schedules = self.schedules();
        let forgetting = self.forgetting(&schedules);
        let back = patiently(&*self.ports.sleeper, id.as_str(), || forgetting.let_back(id, &self.actor, note)).await;
        Ok(back.map_err(EnrollmentError::from)?)
    }

    fn forgetting<'a>(&'a self, schedules: &'a PacedSchedules<'a>) -> Forgetting<'a> {
        let (ledger, notes) = (&*self.ports.ledger, &*self.ports.notes);
        let in_campaigns = &*self.ports.in_campaigns;
        Forgetting { ledger, in_campaigns, notes, schedules, sleeper: &*self.ports.sleeper }
    }
}
