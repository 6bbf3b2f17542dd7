//! Bugs in what is done with what is told of mails.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    customer::{Customer, CustomerId, EmailAddress},
    delivery::Delivery,
    entry::{Change, Entry, EntryId, Progress},
    feedback::{FeedbackListener, Heard},
    message::WorkMessage,
    ports::{Activity, Clock, Ledger, LedgerError, TallyKey},
    run::RunId,
    stage::{EmailPolicy, Stage},
    suppression::Suppression,
    tick::{DOUBT_ENDS_AFTER, FeedbackRounds},
};
use pulse_sim::world::{Production, SystemUnderTest, Told, WorldPorts};

/// Takes an entry of unknown fate for one that is over.
pub(super) struct DropsDoubts;

#[async_trait]
impl SystemUnderTest for DropsDoubts {
    async fn hear(
        &self,
        ports: &WorldPorts,
        listener: &FeedbackListener<'_>,
        told: &Told,
    ) -> Result<Heard, LedgerError> {
        if let Some(id) = told.entry()
            && let Some(entry) = ports.ledger.entry(id).await?
            && matches!(entry.progress(), Progress::Indeterminate { .. })
        {
            return Ok(Heard::Done);
        }
        told.reach(listener).await
    }
}

/// Waits for a provider's word for ever.
pub(super) struct NeverEndsDoubts;

#[async_trait]
impl SystemUnderTest for NeverEndsDoubts {
    async fn look_after_feedback(&self, _: &WorldPorts) -> FeedbackRounds {
        FeedbackRounds::default()
    }
}

/// Sends again what nobody told of for a day.
pub(super) struct SendsUnconfirmed;

#[async_trait]
impl SystemUnderTest for SendsUnconfirmed {
    async fn look_after_feedback(&self, ports: &WorldPorts) -> FeedbackRounds {
        FeedbackRounds { doubts_ended: Self::send(ports).await.unwrap_or(0), ..FeedbackRounds::default() }
    }
}

impl SendsUnconfirmed {
    async fn send(ports: &WorldPorts) -> Result<usize, LedgerError> {
        let now = ports.clock.now();
        let mut sent = 0;
        for run in RunId::around(now - 40 * Duration::from_hours(24), now) {
            for id in ports.listing.closed_entries(run, TallyKey::Indeterminate, None, 100).await? {
                let Some(entry) = ports.ledger.entry(&id).await? else { continue };
                let Progress::Indeterminate { at, .. } = entry.progress() else { continue };
                if *at + DOUBT_ENDS_AFTER > now {
                    continue;
                }
                if let Ok(change) = entry.record_unsent(now) {
                    ports.ledger.apply(&change).await?;
                    let _ = ports.queues[entry.at()].send(&WorkMessage::for_entry(&id)).await;
                    sent += 1;
                }
            }
        }
        Ok(sent)
    }
}

/// Writes opt-outs down five at a time.
#[derive(Default)]
pub(super) struct BatchesOptOuts(Mutex<Vec<Told>>);

#[async_trait]
impl SystemUnderTest for BatchesOptOuts {
    async fn hear(&self, _: &WorldPorts, listener: &FeedbackListener<'_>, told: &Told) -> Result<Heard, LedgerError> {
        if told.opt_out().is_none() {
            return told.reach(listener).await;
        }
        let gathered = {
            let mut gathered = self.0.lock().expect("not poisoned");
            gathered.push(told.clone());
            if gathered.len() < 5 { Vec::new() } else { std::mem::take(&mut *gathered) }
        };
        for told in gathered {
            told.reach(listener).await?;
        }
        Ok(Heard::Done)
    }
}

/// Keeps no address of which it is told that it is bad.
pub(super) struct SuppressesNobody;

#[async_trait]
impl SystemUnderTest for SuppressesNobody {
    async fn hear(&self, ports: &WorldPorts, _: &FeedbackListener<'_>, told: &Told) -> Result<Heard, LedgerError> {
        by(ports, Twist::SuppressesNobody, &*ports.clock, told).await
    }
}

/// Mails whatever address a profile has.
pub(super) struct MailsBadAddresses;

impl SystemUnderTest for MailsBadAddresses {
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        let ledger = Twisted { ledger: Arc::clone(&ports.ledger), twist: Twist::SuppressesNobody };
        Production.email(&WorldPorts { ledger: Arc::new(ledger), ..ports.clone() }, policy)
    }
}

/// Forgets what was told before.
pub(super) struct LastEventWins;

#[async_trait]
impl SystemUnderTest for LastEventWins {
    async fn hear(&self, ports: &WorldPorts, _: &FeedbackListener<'_>, told: &Told) -> Result<Heard, LedgerError> {
        by(ports, Twist::ForgetsFacts, &*ports.clock, told).await
    }
}

/// Takes each claim for one that is over, by a clock that is a day ahead.
pub(super) struct IgnoresLeases;

#[async_trait]
impl SystemUnderTest for IgnoresLeases {
    async fn hear(&self, ports: &WorldPorts, _: &FeedbackListener<'_>, told: &Told) -> Result<Heard, LedgerError> {
        by(ports, Twist::None, &DayAhead(Arc::clone(&ports.clock)), told).await
    }
}

/// Never looks at how recipients take the mails.
pub(super) struct NeverJudges;

#[async_trait]
impl SystemUnderTest for NeverJudges {
    async fn look_after_feedback(&self, _: &WorldPorts) -> FeedbackRounds {
        FeedbackRounds::default()
    }
}

struct DayAhead(Arc<dyn Clock>);

impl Clock for DayAhead {
    fn now(&self) -> Timestamp {
        self.0.now() + Duration::from_hours(24)
    }
}

/// What is shipped, on a ledger with a twist.
async fn by(ports: &WorldPorts, twist: Twist, clock: &dyn Clock, told: &Told) -> Result<Heard, LedgerError> {
    let ledger = Twisted { ledger: Arc::clone(&ports.ledger), twist };
    told.reach(&FeedbackListener::new(&ledger, &*ports.feedback_log, clock)).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Twist {
    None,
    SuppressesNobody,
    ForgetsFacts,
}

struct Twisted {
    ledger: Arc<dyn Ledger>,
    twist: Twist,
}

/// The entry without what was told of it.
fn without_facts(entry: &Entry) -> Entry {
    let mut row = serde_json::to_value(entry).expect("a row");
    row.as_object_mut().expect("an object").remove("feedback");
    serde_json::from_value(row).expect("an entry")
}

#[async_trait]
impl Ledger for Twisted {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        self.ledger.customer(id).await
    }

    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError> {
        self.ledger.save_with_word(customer, word).await
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        let entry = self.ledger.entry(id).await?;
        Ok(if self.twist == Twist::ForgetsFacts { entry.as_ref().map(without_facts) } else { entry })
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.ledger.entries(customer).await
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.ledger.open(entry).await
    }

    async fn write_change(&self, change: &Change) -> Result<(), LedgerError> {
        self.ledger.write_change(change).await
    }

    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        if self.twist == Twist::SuppressesNobody {
            return Ok(None);
        }
        self.ledger.suppression(address).await
    }

    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError> {
        if self.twist == Twist::SuppressesNobody {
            return Ok(true);
        }
        self.ledger.save_suppression(address, suppression).await
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        self.ledger.note(activity).await
    }
}
