//! Bugs in what is read and written, and in what isn't looked at again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    audit::{AuditDepth, AuditEnd, AuditError, AuditStart},
    customer::{Customer, CustomerId, EmailAddress},
    delivery::Delivery,
    enrollment::{Enrolled, EnrollmentError},
    entry::{Change, Entry, EntryId, Progress},
    ports::{Activity, Ledger, LedgerError},
    stage::{EmailPolicy, Stage},
    suppression::Suppression,
};
use pulse_sim::world::{Production, SystemUnderTest, WorldPorts};

/// Mails whatever score there is.
pub(crate) struct MailsOldScores;

impl SystemUnderTest for MailsOldScores {
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        Production.email(ports, EmailPolicy { score_max_age: Duration::MAX, ..policy })
    }
}

/// Never audits: a schedule that is gone stays gone.
pub(crate) struct NeverAudits;

#[async_trait]
impl SystemUnderTest for NeverAudits {
    async fn audit(&self, _: &WorldPorts, _: AuditStart, _: AuditDepth) -> Result<AuditEnd, AuditError> {
        Ok(AuditEnd::NoneUnfinished)
    }
}

/// Goes by the profile that it saw first, as if messages carried it.
#[derive(Default)]
pub(crate) struct RemembersProfiles(Arc<Mutex<HashMap<CustomerId, Customer>>>);

impl SystemUnderTest for RemembersProfiles {
    fn score(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        Production.score(&self.with_memory(ports))
    }

    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        Production.email(&self.with_memory(ports), policy)
    }
}

impl RemembersProfiles {
    fn with_memory(&self, ports: &WorldPorts) -> WorldPorts {
        let ledger = Twisted { ledger: Arc::clone(&ports.ledger), twist: Twist::Remembers(Arc::clone(&self.0)) };
        WorldPorts { ledger: Arc::new(ledger), ..ports.clone() }
    }
}

/// Closes an entry otherwise than after the next month's is opened, and doesn't audit.
pub(crate) enum NextMonth {
    /// Which isn't opened.
    Forgotten,
    /// Which is opened last.
    Last,
}

#[async_trait]
impl SystemUnderTest for NextMonth {
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        let twist = match self {
            Self::Forgotten => Twist::OpensNoNext,
            Self::Last => Twist::OpensNextLast,
        };
        let ledger = Arc::new(Twisted { ledger: Arc::clone(&ports.ledger), twist });
        Production.email(&WorldPorts { ledger, ..ports.clone() }, policy)
    }

    async fn audit(&self, _: &WorldPorts, _: AuditStart, _: AuditDepth) -> Result<AuditEnd, AuditError> {
        Ok(AuditEnd::NoneUnfinished)
    }
}

/// Takes whoever left for gone until the next month, though they are back before their slot.
pub(crate) struct TakesBackNextMonth;

#[async_trait]
impl SystemUnderTest for TakesBackNextMonth {
    async fn enroll(&self, ports: &WorldPorts, told: &Customer, as_of: Timestamp) -> Result<Enrolled, EnrollmentError> {
        let ledger = Arc::new(Twisted { ledger: Arc::clone(&ports.ledger), twist: Twist::OpensNextInstead });
        Production.enroll(&WorldPorts { ledger, ..ports.clone() }, told, as_of).await
    }
}

enum Twist {
    Remembers(Arc<Mutex<HashMap<CustomerId, Customer>>>),
    OpensNoNext,
    OpensNextLast,
    OpensNextInstead,
}

struct Twisted {
    ledger: Arc<dyn Ledger>,
    twist: Twist,
}

#[async_trait]
impl Ledger for Twisted {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        let Twist::Remembers(profiles) = &self.twist else { return self.ledger.customer(id).await };
        let known = profiles.lock().expect("not poisoned").get(id).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let customer = self.ledger.customer(id).await?;
        if let Some(customer) = &customer {
            profiles.lock().expect("not poisoned").insert(id.clone(), customer.clone());
        }
        Ok(customer)
    }

    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError> {
        self.ledger.save_with_word(customer, word).await
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        self.ledger.entry(id).await
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.ledger.entries(customer).await
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.ledger.open(entry).await
    }

    async fn apply(&self, change: &Change) -> Result<(), LedgerError> {
        if let (Twist::OpensNoNext, Progress::Done { provider_id, at, .. }) = (&self.twist, change.after().progress()) {
            let before = self.ledger.entry(change.after().id()).await?;
            if let Some(alone) = before.and_then(|entry| entry.record_sent(provider_id.clone(), *at, None).ok()) {
                return self.ledger.apply(&alone).await;
            }
        }
        if matches!(self.twist, Twist::OpensNextLast) {
            self.ledger.write_change(change).await?;
            return match change.next() {
                Some(next) => self.ledger.open(next).await.map(drop),
                None => Ok(()),
            };
        }
        if matches!(self.twist, Twist::OpensNextInstead)
            && let Some(before) = self.ledger.entry(change.after().id()).await?
            && matches!(before.progress(), Progress::Skipped { .. })
            && let Some(customer) = self.ledger.customer(&before.id().customer).await?
        {
            let id = EntryId { run: before.id().run.next(), ..before.id().clone() };
            let moment = customer.slot.next_after(change.after().scheduled_at());
            return self.ledger.open(&Entry::scheduled(id, moment, None)).await.map(drop);
        }
        self.ledger.apply(change).await
    }

    async fn write_change(&self, change: &Change) -> Result<(), LedgerError> {
        self.ledger.write_change(change).await
    }

    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        self.ledger.suppression(address).await
    }

    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError> {
        self.ledger.save_suppression(address, suppression).await
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        self.ledger.note(activity).await
    }
}
