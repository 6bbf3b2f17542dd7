use std::{
    cmp::Reverse,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, future::join_all, stream};
use jiff::Timestamp;

use super::{
    Lane, MeterReading, StageName, Verdict, Wait, Watch,
    lane::Lanes,
    worker_chores::{Chores, HIDDEN_WHILE_HELD},
};
use crate::{
    backoff::wait_before_retry,
    failure::Cause,
    message::WorkMessage,
    panics,
    ports::{Clock, Queues, Receipt, StageQueue, Visibility},
    stage_spec::PerStage,
    trace::TraceHeader,
};

/// Time left for the writes and the answer after the last call to a provider: with as many calls in flight as there may be,
/// all ending together on a small share of a processor (`tests/src/template/closing.rs` reckons it).
pub const CLOSING_TIME: Duration = Duration::from_secs(9);

/// How much longer than the invocation a claim lasts: its worker is dead by then.
pub const LEASE_GRACE: Duration = Duration::from_secs(10);

/// How much longer than the invocation its messages stay invisible: longer than the lease, so that
/// a message whose worker was killed comes back to an entry that can be claimed again.
pub const HOLD_GRACE: Duration = Duration::from_secs(20);

/// A given-up message comes back this soon, until the queue itself moves it to its dead-letter
/// queue. Only what SQS itself moved there can be redriven from the console (Amazon SQS Developer
/// Guide, "Learn how to configure a dead-letter queue redrive").
const GIVE_UP_WAIT: Duration = Duration::from_secs(1);

/// Messages that are worked on beside those that have a lane: what came of their calls is being written, or they wait for one.
pub const BESIDE_THE_LANES: usize = 2;

/// A batch with no more calls than these on each lane is over soon, and nothing is asked before it: a mapping that is being turned off
/// may still hand some over.
const CALLS_OF_A_SHORT_BATCH: usize = 4;

/// How a worker works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerSettings {
    /// Calls in flight to the provider at once; lanes = this x the mapping's `MaximumConcurrency`.
    pub in_flight: usize,
    /// The longest that one call to the provider can take.
    pub call_timeout: Duration,
    /// The queue's `maxReceiveCount`: on this receive a failing message is given up.
    pub max_receive_count: u32,
}

/// One message's turn.
#[derive(Debug, Clone)]
pub struct Task {
    /// The message.
    pub message: WorkMessage,
    /// Whether this is the first receive: of a fresh message, or of one that was redriven.
    pub first_receive: bool,
    /// When the message was sent. A redrive sends it anew.
    pub sent_at: Timestamp,
    /// Until when a claim made now lasts.
    pub lease_until: Timestamp,
    /// When a call to the provider has to begin at the latest, to end before the invocation does.
    pub start_by: Timestamp,
    /// What the message may call the provider by.
    pub lane: Lane,
}

/// A stage: what is to be done for one message.
#[async_trait]
pub trait Stage: Send + Sync {
    /// Does it.
    async fn handle(&self, task: &Task) -> Verdict;

    /// Records on the ledger that the message is given up, before the queue moves it to its
    /// dead-letter queue.
    async fn give_up(&self, message: &WorkMessage, cause: &Cause);

    /// Puts the entry of a message off that would be given up for its provider's trouble, unless that
    /// has gone on for longer than `patience`. Says whether it did: then the message may go, and
    /// [`tick`](crate::tick) sends another when the stage flows.
    async fn put_off(&self, message: &WorkMessage, cause: &Cause, patience: Duration) -> bool;
}

/// Drives a batch of messages through a stage with bounded concurrency.
#[derive(Clone, Copy)]
pub struct Worker<'a> {
    /// The stage.
    pub stage: &'a dyn Stage,
    /// The queue that the messages came from.
    pub queue: &'a dyn StageQueue,
    /// All stages' queues, to hand rows on.
    pub queues: &'a Queues,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// How to work.
    pub settings: WorkerSettings,
    /// How the stage's provider is doing.
    pub provider: &'a dyn Watch,
}

/// What came of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Worked {
    /// Ids of the messages that must come back: what a Lambda answers as `batchItemFailures` (AWS Lambda
    /// Developer Guide, "Handling errors for an SQS event source").
    pub unfinished: Vec<String>,
    /// What came of the calls to the provider.
    pub calls: MeterReading,
    /// Whether messages were handed back because the stage was paused meanwhile.
    pub held: bool,
}

struct Unfinished {
    message_id: String,
    visibility: Visibility,
}

/// So many messages are queued in one call (Amazon SQS Developer Guide, "Amazon SQS message quotas"), which costs as much as one does.
const MESSAGES_A_CALL: usize = 10;

/// A row that is another stage's now, and the message by which it came.
struct Outgoing {
    raw: RawMessage,
    message: WorkMessage,
}

/// What is to be queued, until there is enough of it or the batch ends. Whoever dies with it has the messages by which it came
/// come back, and they are handed on then.
#[derive(Default)]
struct Outbox(Mutex<PerStage<Vec<Outgoing>>>);

impl Outbox {
    /// Keeps a message, and gives those that are enough for a call.
    fn put(&self, stage: StageName, outgoing: Outgoing) -> Option<Vec<Outgoing>> {
        let mut all = self.all();
        all[stage].push(outgoing);
        (all[stage].len() >= MESSAGES_A_CALL).then(|| mem::take(&mut all[stage]))
    }

    fn take_all(&self) -> PerStage<Vec<Outgoing>> {
        mem::take(&mut *self.all())
    }

    fn all(&self) -> MutexGuard<'_, PerStage<Vec<Outgoing>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker<'_> {
    /// Works on `messages` until `deadline`.
    ///
    /// A stream keeps every lane busy: a new call starts when one ends, not when all have. None
    /// starts that can't end before the deadline, or once the stage is known to be paused.
    pub async fn work(&self, mut messages: Vec<RawMessage>, deadline: Timestamp) -> Worked {
        self.hold(&messages, deadline).await;
        // Those with the fewest receives left go first: no healthy message may run out of them
        // because others took the time.
        messages.sort_by_key(|raw| Reverse(raw.receive_count));
        let outbox = Outbox::default();
        let side_by_side = self.provider.side_by_side(self.settings.in_flight).max(1);
        let (lanes, chores) = (Lanes::new(side_by_side), Chores::since(self.clock.now()));
        if messages.len() > side_by_side.saturating_mul(CALLS_OF_A_SHORT_BATCH) {
            chores.ask(self.provider, self.clock).await;
        }
        let mut unfinished: Vec<Unfinished> = stream::iter(messages)
            .map(|raw| self.one(raw, deadline, &lanes, &chores, &outbox))
            .buffer_unordered(side_by_side.saturating_add(BESIDE_THE_LANES))
            .map(stream::iter)
            .flatten()
            .collect()
            .await;
        let last = outbox.take_all().into_iter().filter(|(_, outgoing)| !outgoing.is_empty());
        let last = last.map(|(stage, outgoing)| self.send(stage, outgoing));
        unfinished.extend(join_all(last).await.into_iter().flatten());
        let (ids, changes): (Vec<_>, Vec<_>) =
            unfinished.into_iter().map(|item| (item.message_id, item.visibility)).unzip();
        self.hide(&changes).await;
        let calls = self.provider.report(self.clock.now()).await;
        Worked { unfinished: ids, calls, held: chores.hold().is_some() }
    }

    /// Hides the batch for as long as this invocation can last, instead of the six times that the
    /// queue's visibility timeout has to be: if the worker is killed, its messages are back soon.
    async fn hold(&self, messages: &[RawMessage], deadline: Timestamp) {
        let left = between(self.clock.now(), deadline);
        let changes: Vec<_> = messages
            .iter()
            .map(|raw| Visibility { receipt: raw.receipt.clone(), hidden_for: left + HOLD_GRACE })
            .collect();
        self.hide(&changes).await;
    }

    async fn hide(&self, changes: &[Visibility]) {
        if changes.is_empty() {
            return;
        }
        if let Err(error) = self.queue.hide(changes).await {
            // The messages come back all the same, only at another time.
            tracing::warn!(%error, messages = changes.len(), "couldn't change visibility");
        }
    }

    /// Works on a message, and says which messages must come back: itself, or of a full outbox those whose rows couldn't be
    /// queued.
    async fn one(
        &self,
        raw: RawMessage,
        deadline: Timestamp,
        lanes: &Lanes,
        chores: &Chores,
        outbox: &Outbox,
    ) -> Vec<Unfinished> {
        let lane = lanes.take().await;
        chores.see_to(self.provider, self.clock).await;
        let verdict = if let Some(cause) = chores.hold() {
            self.held_back(&raw, cause).await
        } else if self.clock.now() > self.start_by(deadline) {
            Verdict::no_time()
        } else if let Some(cause) = self.provider.fuse() {
            Verdict::Retry { wait: Wait::Backoff(None), cause }
        } else {
            let handled = panics::catch(self.handle(&raw, deadline, lane)).await;
            handled.unwrap_or_else(|cause| self.after_panic(deadline, cause))
        };
        match verdict {
            Verdict::HandOn { stage, message } => match outbox.put(stage, Outgoing { raw, message }) {
                Some(full) => self.send(stage, full).await,
                None => Vec::new(),
            },
            verdict => self.unfinished(raw, &verdict).await.into_iter().collect(),
        }
    }

    async fn unfinished(&self, raw: RawMessage, verdict: &Verdict) -> Option<Unfinished> {
        let hidden_for = self.wait_after(&raw, verdict).await?;
        Some(Unfinished { message_id: raw.message_id, visibility: Visibility { receipt: raw.receipt, hidden_for } })
    }

    /// Queues rows to a stage. The messages of those that couldn't be come back, and are handed on then.
    async fn send(&self, stage: StageName, outgoing: Vec<Outgoing>) -> Vec<Unfinished> {
        let (raws, messages): (Vec<_>, Vec<_>) =
            outgoing.into_iter().map(|Outgoing { raw, message }| (raw, message)).unzip();
        let sent = self.queues[stage].send_all(&messages).await;
        let mut unfinished = Vec::new();
        for (raw, sent) in raws.into_iter().zip(sent) {
            if let Err(error) = sent {
                unfinished.extend(self.unfinished(raw, &error.into()).await);
            }
        }
        unfinished
    }

    fn start_by(&self, deadline: Timestamp) -> Timestamp {
        deadline.saturating_sub(self.settings.call_timeout + CLOSING_TIME).unwrap_or(Timestamp::MIN)
    }

    async fn handle(&self, raw: &RawMessage, deadline: Timestamp, lane: Lane) -> Verdict {
        match WorkMessage::parse(&raw.body, raw.sent_at) {
            Ok(message) => {
                let started = || TraceHeader::of_message(&raw.message_id, raw.sent_at);
                let trace = raw.trace.clone().unwrap_or_else(started);
                let task = Task {
                    message: message.traced(Some(trace)),
                    first_receive: raw.receive_count <= 1,
                    sent_at: raw.sent_at,
                    lease_until: deadline.saturating_add(LEASE_GRACE).unwrap_or(deadline),
                    start_by: self.start_by(deadline),
                    lane,
                };
                self.stage.handle(&task).await
            }
            Err(cause) => Verdict::Fail { cause },
        }
    }

    /// What is handed back while the stage is paused stays away until its mapping is off, or each receive would cost it another. On its
    /// last receive it would be a dead letter when it is received next: its entry is put off, for tick to wake when the stage flows.
    async fn held_back(&self, raw: &RawMessage, cause: Cause) -> Verdict {
        let is_last = raw.receive_count >= self.settings.max_receive_count;
        if is_last && let Ok(message) = WorkMessage::parse(&raw.body, raw.sent_at) {
            let put_off = panics::catch(self.stage.put_off(&message, &cause, Duration::MAX)).await;
            if put_off.unwrap_or(false) {
                return Verdict::Done;
            }
        }
        Verdict::NotNow { wait: HIDDEN_WHILE_HELD, cause }
    }

    /// A panic is tried again as any failure: it may pass. What was claimed stays so, as if the worker had been
    /// killed, since a mail may be under way; so the message stays away for as long as one whose worker was.
    fn after_panic(&self, deadline: Timestamp, cause: Cause) -> Verdict {
        let held = between(self.clock.now(), deadline) + HOLD_GRACE;
        Verdict::Retry { wait: Wait::Backoff(Some(held)), cause }
    }

    /// How long the message is to stay away, or `None` when it is done.
    async fn wait_after(&self, raw: &RawMessage, verdict: &Verdict) -> Option<Duration> {
        let message_id = raw.message_id.as_str();
        let receive_count = raw.receive_count;
        match verdict {
            Verdict::Done | Verdict::HandOn { .. } => None,
            Verdict::NotNow { wait, cause } => {
                tracing::info!(message_id, receive_count, %cause, "not now");
                Some(*wait)
            }
            Verdict::Retry { wait, cause } if receive_count < self.settings.max_receive_count => {
                tracing::warn!(message_id, receive_count, %cause, "will be tried again");
                Some(match wait {
                    Wait::Backoff(at_least) => wait_before_retry(message_id, receive_count, *at_least),
                    Wait::None => Duration::ZERO,
                })
            }
            Verdict::Retry { cause, .. } if self.is_put_off(raw, cause).await => {
                tracing::warn!(message_id, receive_count, %cause, "put off: the provider is in trouble");
                None
            }
            Verdict::Retry { cause, .. } if self.provider.patience().is_none() => {
                tracing::warn!(message_id, receive_count, %cause, "goes to the dead-letter queue: the sweep finds what it is about");
                Some(GIVE_UP_WAIT)
            }
            Verdict::Retry { cause, .. } | Verdict::Fail { cause } => {
                tracing::error!(message_id, receive_count, %cause, "given up: goes to the dead-letter queue");
                if let Ok(message) = WorkMessage::parse(&raw.body, raw.sent_at) {
                    // The message is given up all the same: its last receive was this.
                    let _ = panics::catch(self.stage.give_up(&message, cause)).await;
                }
                Some(GIVE_UP_WAIT)
            }
        }
    }

    /// A message's last failure that is its provider's trouble costs no entry its month: another message
    /// is sent when the provider is well again.
    async fn is_put_off(&self, raw: &RawMessage, cause: &Cause) -> bool {
        let Ok(message) = WorkMessage::parse(&raw.body, raw.sent_at) else { return false };
        let put_off = async {
            self.provider.is_in_trouble(self.clock.now()).await
                && self.stage.put_off(&message, cause, self.provider.patience().unwrap_or(Duration::MAX)).await
        };
        panics::catch(put_off).await.unwrap_or(false)
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// A message as a queue handed it over, unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMessage {
    /// The queue's id of the message, the same each time it is received.
    pub message_id: String,
    /// What this receipt of it is told by.
    pub receipt: Receipt,
    /// The message.
    pub body: String,
    /// How often it was received, this time included.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The trace that it belongs to, if it came with one.
    pub trace: Option<TraceHeader>,
}
