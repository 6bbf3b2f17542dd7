//! The ledger and the queues at a distance: calls take time, fail, lose their answers, and the worker
//! may die at any of them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    audit::{AuditCheckpoint, AuditName},
    control::{Control, MinuteOutcomes, Outcomes},
    customer::{Customer, CustomerId, EmailAddress},
    delivery::Delivery,
    entry::{Addressee, Change, Entry, EntryId, StageName},
    failure::Cause,
    feedback::FeedbackCounts,
    message::WorkMessage,
    orders::{Order, OrderId, OrderKind},
    ports::{
        Activity, AuditLog, Awaited, Controls, FeedbackLog, Ledger, LedgerError, LedgerListing, OpenEntries, Orders,
        OutcomeLog, QueueError, StageMemory, StageQueue, TallyKey, Visibility,
    },
    run::RunId,
    suppression::Suppression,
};

use super::{
    faults::{ActiveFaults, Faults, Noise},
    invariants::{InvariantChecker, Promise},
    trace::Trace,
};
use crate::{
    lambda::Invocation,
    ledger::{MemoryLedger, Touch},
    queue::MemoryQueue,
    random::Stream,
    time::VirtualTime,
};

/// The way to something and back.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) time: VirtualTime,
    pub(super) faults: Arc<ActiveFaults>,
    pub(super) random: Arc<Stream>,
    /// How long there and back.
    pub(super) takes: Duration,
    /// The invocation that goes it: what can end it, and where it runs.
    pub(super) invocation: Option<Invocation>,
    pub(super) trace: Trace,
    /// Who hears of a claim that is written over, if nobody may who goes this way.
    pub(super) claims: Option<InvariantChecker>,
    /// How likely whoever goes it dies at a call.
    pub(super) mortality: fn(&Faults) -> f64,
}

impl Way {
    async fn there(&self, noise: Noise) -> Result<(), Cause> {
        if !self.takes.is_zero() {
            self.time.sleep(self.takes).await;
        }
        self.may_die("before").await;
        if self.random.chance(noise.refused) {
            return Err(Cause::new("It is out of reach."));
        }
        Ok(())
    }

    async fn back(&self, noise: Noise) -> Result<(), Cause> {
        self.may_die("after").await;
        if self.random.chance(noise.answer_lost) {
            return Err(Cause::new("The answer was lost."));
        }
        Ok(())
    }

    async fn may_die(&self, when: &str) {
        if let Some(Invocation { kill_switch, .. }) = &self.invocation
            && self.random.chance((self.mortality)(&self.faults.now()))
        {
            self.trace.line(self.time.now(), || format!("a worker dies {when} a call"));
            kill_switch.strike().await;
        }
    }
}

/// The table's provisioned capacity is used up.
pub(super) fn throttled() -> LedgerError {
    LedgerError::Unavailable(Cause::new("The table's provisioned capacity is used up."))
}

/// How often a throttled call is made, and how long at most lies before the second attempt. It doubles for each further one
/// (`sdk::for_worker`).
const ATTEMPTS: u32 = 3;
const BACKOFF: Duration = Duration::from_millis(500);

/// The ledger at a distance.
#[derive(Clone)]
pub(super) struct DistantLedger {
    pub(super) ledger: Arc<MemoryLedger>,
    pub(super) way: Arc<Way>,
}

impl DistantLedger {
    pub(super) async fn call<T>(
        &self,
        touch: Touch,
        call: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        let noise = self.way.faults.now().ledger;
        self.way.there(noise).await.map_err(LedgerError::Unavailable)?;
        self.is_let_through(touch).await?;
        let done = call.await;
        self.way.back(noise).await.map_err(LedgerError::Unavailable)?;
        done
    }

    /// A read of every minute's tick: it may fail, and takes no virtual time.
    pub(super) async fn heard<T>(
        &self,
        touch: Touch,
        call: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        if self.way.random.chance(self.way.faults.now().ledger.refused) {
            return Err(LedgerError::Unavailable(Cause::new("It is out of reach.")));
        }
        self.heard_at_once(touch, call).await
    }

    /// The same of what never fails here but for want of capacity.
    pub(super) async fn heard_at_once<T>(
        &self,
        touch: Touch,
        call: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        if !self.ledger.admits(touch, self.way.time.now()) {
            return Err(throttled());
        }
        call.await
    }

    /// Waits while provisioned capacity is used up, as the SDK does.
    async fn is_let_through(&self, touch: Touch) -> Result<(), LedgerError> {
        let mut backoff = BACKOFF;
        for attempt in 1..=ATTEMPTS {
            if self.ledger.admits(touch, self.way.time.now()) {
                return Ok(());
            }
            if attempt < ATTEMPTS {
                self.way.time.sleep(backoff.mul_f64(self.way.random.unit())).await;
                backoff *= 2;
            }
        }
        Err(throttled())
    }

    /// Until when a worker holds the entry that is to be changed, where that matters.
    fn claimed_until(&self, change: &Change) -> Option<Timestamp> {
        self.way.claims.as_ref()?;
        let now = self.way.time.now();
        self.ledger.peek_entry(change.after().id())?.lease_until().filter(|until| *until > now)
    }

    pub(super) fn line(&self, what: impl FnOnce() -> String) {
        self.way.trace.line(self.way.time.now(), what);
    }
}

#[async_trait]
impl Ledger for DistantLedger {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        self.call(Touch::Rows, self.ledger.customer(id)).await
    }

    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError> {
        self.call(Touch::Write, self.ledger.save_with_word(customer, word)).await
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        self.call(Touch::Rows, self.ledger.entry(id)).await
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.call(Touch::Rows, self.ledger.entries(customer)).await
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.call(Touch::Write, async {
            let opened = self.ledger.open(entry).await?;
            self.way.trace.transition(self.way.time.now(), entry, opened);
            self.line(|| format!("{} is opened, due {:.0}: {opened}", entry.id(), entry.due()));
            Ok(opened)
        })
        .await
    }

    /// Like the adapter on `DynamoDB`, a write that was done and whose answer was lost is recognised
    /// by whoever wrote it, as long as the SDK tries again; here the SDK has given up.
    async fn write_change(&self, change: &Change) -> Result<(), LedgerError> {
        self.call(Touch::Write, async {
            let claimed_until = self.claimed_until(change);
            let applied = self.ledger.write_change(change).await;
            let after = change.after();
            if let (Some(until), Some(checker), Ok(())) = (claimed_until, &self.way.claims, &applied) {
                let what = format!("{} is changed though a worker holds it until {until:.0}", after.id());
                checker.saw(Promise::ClaimsAreLeft, Some(&after.id().customer), self.way.time.now(), what);
            }
            self.way.trace.transition(self.way.time.now(), after, applied.is_ok());
            self.line(|| {
                let how = if applied.is_ok() { "is" } else { "couldn't become" };
                format!("{} {how} {} (version {})", after.id(), after.state(), after.version())
            });
            applied
        })
        .await
    }

    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        self.call(Touch::Rows, self.ledger.suppression(address)).await
    }

    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError> {
        self.call(Touch::Write, self.ledger.save_suppression(address, suppression)).await
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        self.call(Touch::Write, self.ledger.note(activity)).await
    }
}

#[async_trait]
impl OpenEntries for DistantLedger {
    async fn overdue(
        &self,
        stage: StageName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError> {
        // A minute's tick that finds nothing is by far the most frequent: it takes no virtual time.
        self.heard_at_once(Touch::Open, self.ledger.overdue(stage, awaited, before, limit)).await
    }
}

#[async_trait]
impl LedgerListing for DistantLedger {
    fn parts(&self) -> u64 {
        self.ledger.parts()
    }

    async fn active_customers(&self, part: u64) -> Result<Vec<CustomerId>, LedgerError> {
        self.call(Touch::Tally, self.ledger.active_customers(part)).await
    }

    async fn active_page(
        &self,
        part: u64,
        prefix: &str,
        after: Option<&CustomerId>,
        limit: usize,
    ) -> Result<Vec<CustomerId>, LedgerError> {
        self.call(Touch::Tally, self.ledger.active_page(part, prefix, after, limit)).await
    }

    async fn open_entries(&self, part: u64) -> Result<Vec<EntryId>, LedgerError> {
        self.call(Touch::Open, self.ledger.open_entries(part)).await
    }

    async fn closed_entries(
        &self,
        run: RunId,
        key: TallyKey,
        after: Option<&Addressee>,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError> {
        self.heard(Touch::Tally, self.ledger.closed_entries(run, key, after, limit)).await
    }
}

#[async_trait]
impl AuditLog for DistantLedger {
    async fn checkpoint(&self, name: AuditName) -> Result<Option<AuditCheckpoint>, LedgerError> {
        self.call(Touch::Rows, self.ledger.checkpoint(name)).await
    }

    async fn save_checkpoint(&self, name: AuditName, checkpoint: &AuditCheckpoint) -> Result<bool, LedgerError> {
        self.call(Touch::Write, self.ledger.save_checkpoint(name, checkpoint)).await
    }
}

#[async_trait]
impl Orders for DistantLedger {
    async fn order(&self, id: &OrderId) -> Result<Option<Order>, LedgerError> {
        self.call(Touch::Rows, self.ledger.order(id)).await
    }

    async fn save_order(&self, order: &Order) -> Result<bool, LedgerError> {
        self.call(Touch::Write, async {
            let saved = self.ledger.save_order(order).await?;
            self.line(|| format!("order {}: {:?}, written: {saved}", order.id, order.state));
            Ok(saved)
        })
        .await
    }

    async fn orders(&self, kind: OrderKind, before: Option<&OrderId>, limit: usize) -> Result<Vec<Order>, LedgerError> {
        self.call(Touch::Rows, self.ledger.orders(kind, before, limit)).await
    }

    async fn open_orders(&self, limit: usize) -> Result<Vec<OrderId>, LedgerError> {
        // As with what is overdue, a minute's tick mostly finds nothing.
        self.heard_at_once(Touch::Open, self.ledger.open_orders(limit)).await
    }
}

#[async_trait]
impl StageMemory for DistantLedger {
    async fn held_up_at(&self, stage: StageName) -> Result<Option<Timestamp>, LedgerError> {
        self.heard_at_once(Touch::Rows, self.ledger.held_up_at(stage)).await
    }

    async fn remember_held_up(&self, stage: StageName, at: Timestamp) -> Result<(), LedgerError> {
        self.call(Touch::Write, self.ledger.remember_held_up(stage, at)).await
    }
}

#[async_trait]
impl Controls for DistantLedger {
    async fn control(&self, stage: StageName) -> Result<Control, LedgerError> {
        self.heard(Touch::Rows, self.ledger.control(stage)).await
    }

    async fn save(&self, stage: StageName, control: &Control) -> Result<bool, LedgerError> {
        self.call(Touch::Write, async {
            let saved = self.ledger.save(stage, control).await?;
            self.line(|| format!("the {stage} stage's control row: {control:?}, written: {saved}"));
            Ok(saved)
        })
        .await
    }
}

#[async_trait]
impl OutcomeLog for DistantLedger {
    async fn report(&self, stage: StageName, at: Timestamp, outcomes: &Outcomes) -> Result<(), LedgerError> {
        self.call(Touch::Write, self.ledger.report(stage, at, outcomes)).await
    }

    async fn minutes(&self, stage: StageName, from: Timestamp) -> Result<Vec<MinuteOutcomes>, LedgerError> {
        self.heard(Touch::Rows, self.ledger.minutes(stage, from)).await
    }
}

#[async_trait]
impl FeedbackLog for DistantLedger {
    async fn count_feedback(&self, run: RunId, at: Timestamp, counts: &FeedbackCounts) -> Result<(), LedgerError> {
        self.call(Touch::Write, self.ledger.count_feedback(run, at, counts)).await
    }

    async fn remember_token(&self, token: &str, body: &str, until: Timestamp) -> Result<bool, LedgerError> {
        self.call(Touch::Write, self.ledger.remember_token(token, body, until)).await
    }

    async fn feedback_counts(
        &self,
        run: RunId,
        from: Timestamp,
    ) -> Result<Vec<(Timestamp, FeedbackCounts)>, LedgerError> {
        self.heard(Touch::Rows, self.ledger.feedback_counts(run, from)).await
    }
}

/// A queue at a distance.
#[derive(Clone)]
pub(super) struct DistantQueue {
    pub(super) queue: Arc<MemoryQueue>,
    pub(super) name: &'static str,
    pub(super) way: Arc<Way>,
}

impl DistantQueue {
    async fn call(&self, call: impl Future<Output = Result<(), QueueError>>) -> Result<(), QueueError> {
        let noise = self.way.faults.now().queue;
        let failed = |cause| QueueError::Unavailable { queue: self.name.to_string(), cause };
        self.way.there(noise).await.map_err(failed)?;
        call.await?;
        self.way.back(noise).await.map_err(failed)
    }
}

#[async_trait]
impl StageQueue for DistantQueue {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        self.call(async {
            self.queue.send(message).await?;
            self.way.trace.event(self.way.time.now(), format_args!("{} {} queued", whose(message), self.name));
            self.way.trace.line(self.way.time.now(), || format!("{} is queued to {}", whose(message), self.name));
            Ok(())
        })
        .await
    }

    /// In one call, as a client does that has as many messages.
    async fn send_all(&self, messages: &[WorkMessage]) -> Vec<Result<(), QueueError>> {
        let sent = self.call(async {
            for message in messages {
                self.way.trace.event(self.way.time.now(), format_args!("{} {} queued", whose(message), self.name));
                self.way.trace.line(self.way.time.now(), || format!("{} is queued to {}", whose(message), self.name));
            }
            self.queue.send_all(messages).await.into_iter().collect()
        });
        let sent = sent.await;
        vec![sent; messages.len()]
    }

    async fn hide(&self, changes: &[Visibility]) -> Result<(), QueueError> {
        self.call(self.queue.hide(changes)).await
    }
}

/// Who, or what, a message is about, as lines of the trace name it.
fn whose(message: &WorkMessage) -> String {
    message.turn().map_or_else(|_| message.about.to_string(), |turn| turn.customer.to_string())
}
