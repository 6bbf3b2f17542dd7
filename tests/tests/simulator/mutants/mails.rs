//! Bugs in how mails are sent.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pulse_core::{
    customer::{Contact, Customer},
    entry::{Entry, EntryId, StageName},
    failure::Cause,
    feedback::FeedbackSource,
    message::WorkMessage,
    ports::{Accepted, Letter, Mail, MailLookup, Mailer, Recall, SendError},
    stage::{EmailPolicy, Stage, Task, Verdict},
};
use pulse_sim::world::{Production, SystemUnderTest, WorldPorts};

/// Sends first and claims afterwards.
pub(crate) struct SendsWithoutAClaim;

impl SystemUnderTest for SendsWithoutAClaim {
    fn email(&self, ports: &WorldPorts, _: EmailPolicy) -> Box<dyn Stage> {
        Box::new(HandMade { ports: ports.clone(), records_first: false })
    }
}

/// Records the mail as sent when it takes the message up, as a checkpoint that moves on fetch.
pub(crate) struct RecordsBeforeSending;

impl SystemUnderTest for RecordsBeforeSending {
    fn email(&self, ports: &WorldPorts, _: EmailPolicy) -> Box<dyn Stage> {
        Box::new(HandMade { ports: ports.clone(), records_first: true })
    }
}

/// An email stage that knows nothing of claims.
struct HandMade {
    ports: WorldPorts,
    records_first: bool,
}

#[async_trait]
impl Stage for HandMade {
    async fn handle(&self, task: &Task) -> Verdict {
        self.mail(task).await.unwrap_or_else(|verdict| verdict)
    }

    async fn give_up(&self, _: &WorkMessage, _: &Cause) {}

    async fn put_off(&self, _: &WorkMessage, _: &Cause, _: Duration) -> bool {
        false
    }
}

impl HandMade {
    async fn mail(&self, task: &Task) -> Result<Verdict, Verdict> {
        let turn = task.message.turn().map_err(|cause| Verdict::Fail { cause })?;
        let Some(customer) = self.ports.ledger.customer(&turn.customer).await? else {
            return Ok(Verdict::Done);
        };
        let Some(entry) = self.ports.ledger.entry(&turn.entry_of(&customer)).await? else {
            return Ok(Verdict::Done);
        };
        let Some(score) = entry.score().filter(|_| entry.state() == "scored") else { return Ok(Verdict::Done) };
        let Contact::Email(to) = customer.contact.clone() else { return Ok(Verdict::Done) };
        let letter = Letter { customer: &customer, run: entry.id().run, score, previous: None, unsubscribe: None };
        let content = self.ports.renderer.render(&letter).expect("rendered");
        let mail = Mail {
            entry: entry.id().clone(),
            to,
            name: customer.name.clone(),
            content,
            unsubscribe: None,
            trace: None,
        };
        if self.records_first {
            self.record(&customer, &entry).await?;
        }
        if self.ports.mailer.send(&mail).await.is_err() {
            let cause = Cause::new("It wasn't sent.");
            return Ok(Verdict::Retry { wait: pulse_core::stage::Wait::Backoff(None), cause });
        }
        if !self.records_first {
            self.record(&customer, &entry).await?;
        }
        Ok(Verdict::Done)
    }

    async fn record(&self, customer: &Customer, entry: &Entry) -> Result<(), Verdict> {
        let now = self.ports.clock.now();
        let claim = entry.claim(StageName::Email, now, now)?;
        self.ports.ledger.apply(&claim).await?;
        let next = customer.slot.next_after(entry.scheduled_at());
        let id = EntryId { run: entry.id().run.next(), ..entry.id().clone() };
        let sent = claim.into_after().record_sent("guess".into(), now, Some(Entry::scheduled(id, next, None)))?;
        Ok(self.ports.ledger.apply(&sent).await?)
    }
}

/// Takes a lost answer for a refusal.
pub(crate) struct SendsAgainBlindly;

impl SystemUnderTest for SendsAgainBlindly {
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        let mailer = Blind { mailer: Arc::clone(&ports.mailer), asks: true };
        Production.email(&WorldPorts { mailer: Arc::new(mailer), ..ports.clone() }, policy)
    }
}

/// Takes a claim that is over for a mail that didn't go out: an in-progress record that expires.
pub(crate) struct NeverAsks;

impl SystemUnderTest for NeverAsks {
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        let mailer = Blind { mailer: Arc::clone(&ports.mailer), asks: false };
        Production.email(&WorldPorts { mailer: Arc::new(mailer), ..ports.clone() }, policy)
    }
}

struct Blind {
    mailer: Arc<dyn Mailer>,
    asks: bool,
}

#[async_trait]
impl Mailer for Blind {
    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        match self.mailer.send(mail).await {
            Err(SendError::Lost { cause }) if self.asks => Err(SendError::Retry { after: None, cause }),
            answer => answer,
        }
    }

    fn source(&self) -> FeedbackSource {
        FeedbackSource::Ses
    }

    fn recall(&self) -> Recall {
        if self.asks { self.mailer.recall() } else { Recall::ByKey { known_for: Duration::MAX } }
    }

    async fn look_up(&self, entry: &EntryId) -> Result<MailLookup, SendError> {
        if self.asks { self.mailer.look_up(entry).await } else { Ok(MailLookup::SafeToSend) }
    }
}
