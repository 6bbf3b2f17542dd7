//! What a dead letter died of, and what is to be done about it.

use super::{Example, outcome::Handled};
use crate::{
    customer::{Customer, CustomerId, Standing},
    delivery::{DeliveryId, DeliveryProgress, EndpointName, Subject},
    enrollment::PartnerChange,
    entry::{Entry, Plan, Progress, StageName},
    failure::Cause,
    message::{About, CustomerTurn, Turn, WorkMessage},
    ports::{DeadLetter, Deliveries, DlqName, IntakeReader, Ledger, LedgerError, Route},
    stage::has_work,
    stage_spec::Moves,
};

/// A letter, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Diagnosis {
    pub(super) cause: Cause,
    /// What else is known of the cause, which may differ from letter to letter.
    pub(super) detail: Option<Cause>,
    /// Whose letter it is, as far as that can be told.
    pub(super) whose: Option<Example>,
    /// For which endpoint it has word, if it has any.
    pub(super) endpoint: Option<EndpointName>,
    pub(super) remedy: Remedy,
}

/// What is to be done about a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Queue it to its stage again.
    Redrive(WorkMessage),
    /// Send it as it is to the queue that it is of.
    SendBack,
    /// The customer has left: close the entry.
    Close(Box<Entry>),
    /// Nothing is left to do.
    Done,
    /// It would only die again, of the same.
    Stay,
}

impl Remedy {
    /// What becomes of a letter by it.
    pub(crate) fn foreseen(&self) -> Handled {
        match self {
            Self::Redrive(_) | Self::SendBack => Handled::Redriven,
            Self::Close(_) => Handled::Closed,
            Self::Done => Handled::Done,
            Self::Stay => Handled::Other,
        }
    }
}

/// What letters of a queue are understood by.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) ledger: &'a dyn Ledger,
    pub(super) deliveries: &'a dyn Deliveries,
    pub(super) intake: &'a dyn IntakeReader,
    pub(super) dlq: DlqName,
}

impl Source<'_> {
    /// Reads the letter; and where it is a stage's, what it is about.
    pub(super) async fn diagnose(&self, letter: &DeadLetter) -> Result<Diagnosis, LedgerError> {
        let Some(stage) = self.dlq.stage() else {
            return of_the_intake(self.ledger, letter, self.intake.read(letter)).await;
        };
        let moment = letter.undelivered.as_ref().and_then(|undelivered| undelivered.scheduled_at);
        let message = match WorkMessage::parse(&letter.body, moment.unwrap_or(letter.sent_at)) {
            Ok(message) => message,
            Err(cause) => {
                return Ok(Diagnosis { cause, detail: None, whose: None, endpoint: None, remedy: Remedy::Stay });
            }
        };
        match (&message.about, stage.spec().moves) {
            (About::Delivery(id), Moves::Deliveries) => self.of_a_delivery(id).await,
            (About::Turn(turn), Moves::Entries) => self.of_a_turn(stage, turn.clone(), message, letter).await,
            (About::Delivery(_), Moves::Entries) | (About::Turn(_), Moves::Deliveries) => {
                let cause = Cause::new("The message is of another stage.");
                Ok(Diagnosis { cause, detail: None, whose: None, endpoint: None, remedy: Remedy::Stay })
            }
        }
    }

    async fn of_a_turn(
        &self,
        stage: StageName,
        turn: CustomerTurn,
        message: WorkMessage,
        letter: &DeadLetter,
    ) -> Result<Diagnosis, LedgerError> {
        let Some(customer) = self.ledger.customer(&turn.customer).await? else {
            let (run, item) = match turn.turn {
                Turn::Run { run, item } => (Some(run), item),
                Turn::Scheduled(_) => (None, None),
            };
            let cause = Cause::new("The customer is unknown.");
            let whose = Some(Example { customer: turn.customer, run, item });
            return Ok(Diagnosis { cause, detail: None, whose, endpoint: None, remedy: Remedy::Stay });
        };
        let id = turn.entry_of(&customer);
        let entry = self.ledger.entry(&id).await?;
        let (cause, remedy) = understood(stage, &customer, entry, message);
        let (cause, detail) = match (&letter.undelivered, self.dlq) {
            (Some(undelivered), _) => (Cause::new(undelivered.code.clone()), Some(undelivered.message.clone())),
            (None, DlqName::Schedules) => (Cause::new("The scheduler doesn't say why."), None),
            (None, DlqName::Stage(_) | DlqName::Intake(_)) => (cause, None),
        };
        Ok(Diagnosis { cause, detail, whose: Some(Example::of_entry(&id)), endpoint: None, remedy })
    }

    async fn of_a_delivery(&self, id: &DeliveryId) -> Result<Diagnosis, LedgerError> {
        let redrive = || Remedy::Redrive(WorkMessage::for_delivery(id.clone()));
        let delivery = self.deliveries.delivery(id).await?;
        let (cause, remedy) = match delivery.as_ref().map(|delivery| (delivery.progress(), delivery.failure_streak())) {
            None => (Cause::new("Nobody knows of the delivery any more."), Remedy::Done),
            Some((DeliveryProgress::Delivered { .. } | DeliveryProgress::Superseded { .. }, _)) => {
                (Cause::new("Already done: the endpoint has it, or a newer one."), Remedy::Done)
            }
            Some((DeliveryProgress::GivenUp { cause, .. }, _)) => (cause.clone(), redrive()),
            Some((_, Some(trouble))) => (trouble.cause.clone(), redrive()),
            Some((_, None)) => (Cause::new("No worker said why: it was throttled, killed or timed out."), redrive()),
        };
        let whose = match &id.fact.subject {
            Subject::Entry(entry) => Some(Example::of_entry(entry)),
            Subject::Customer(customer) => Some(Example::of_customer(customer.clone())),
            Subject::Run(_) => None,
        };
        Ok(Diagnosis { cause, detail: None, whose, endpoint: Some(id.endpoint.clone()), remedy })
    }
}

/// What came in may be taken once it can be read.
async fn of_the_intake(
    ledger: &dyn Ledger,
    letter: &DeadLetter,
    read: Result<Option<Cause>, Cause>,
) -> Result<Diagnosis, LedgerError> {
    const READABLE: &str = "This release can read it: the one that gave it up couldn't, had no key to check it with, or couldn't write it down. The feedback function's log says which.";
    const NOBODY: &str = "It opts out someone who isn't on the roster: bring it back once they are, or let it expire.";
    let (cause, whose, remedy) = match read {
        Ok(to_do) => match opted_out(letter) {
            Some(id) if ledger.customer(&id).await?.is_none() => {
                (Cause::new(NOBODY), Some(Example::of_customer(id)), Remedy::Stay)
            }
            _ => (to_do.unwrap_or_else(|| Cause::new(READABLE)), None, Remedy::SendBack),
        },
        Err(cause) => (cause, None, Remedy::Stay),
    };
    Ok(Diagnosis { cause, detail: None, whose, endpoint: None, remedy })
}

/// Whom a partner opts out, for whom the feedback function waits: whoever comes onto the roster later is opted out by then.
fn opted_out(letter: &DeadLetter) -> Option<CustomerId> {
    let Ok(Route::Partner(_)) = Route::of(&letter.attributes) else { return None };
    let change = PartnerChange::parse(&letter.body).ok()?;
    (change.opted_out == Some(true)).then_some(change.customer)
}

/// As the stage would see it, for a message that can be read, of a customer who is known.
fn understood(stage: StageName, customer: &Customer, entry: Option<Entry>, message: WorkMessage) -> (Cause, Remedy) {
    let has_left = customer.standing == Standing::Closed;
    let Some(entry) = entry else {
        let opens = stage == Plan::MONTHLY.first();
        return match (opens, has_left) {
            (true, true) => (done(), Remedy::Done),
            (true, false) => (Cause::new("The entry was never opened."), Remedy::Redrive(message)),
            (false, _) => (Cause::new("The entry is unknown."), Remedy::Stay),
        };
    };
    let cause = match entry.progress() {
        Progress::Failed { cause, .. } if entry.at() == stage => cause.clone(),
        _ if entry.waits_for() == Some(stage) => match entry.failure_streak() {
            Some(trouble) => trouble.cause.clone(),
            None => Cause::new("No worker said why: it was throttled, killed or timed out."),
        },
        _ => done(),
    };
    if !has_work(stage, &entry) {
        return (cause, Remedy::Done);
    }
    // The stage has to ask the provider about a call that may be under way, even if the customer has left since.
    let may_be_under_way = entry.lease_until().is_some() || entry.in_doubt_since().is_some();
    if has_left && !may_be_under_way {
        return (cause, Remedy::Close(Box::new(entry)));
    }
    (cause, Remedy::Redrive(message))
}

fn done() -> Cause {
    Cause::new("Already done: the entry is past the stage.")
}
