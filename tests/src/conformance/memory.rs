//! The adapters in memory.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    entry::StageName,
    ports::{Clock, DeadLetters, DlqName, Gauges, IntakeQueue, StageQueue, Undelivered},
    stage::{PerStage, StageSet},
};
use pulse_sim::{
    clock::VirtualClock, dead_letters::MemoryDeadLetters, endpoint_keys::MemoryEndpointKeys, gauges::MemoryGauges,
    ledger::MemoryLedger, queue::MemoryQueue, schedules::MemorySchedules,
};

use super::{
    dead_letters::TestedLetters,
    gauges::{self, TestedGauges},
    queue::{Delivery, TestedQueue},
    samples,
};

/// An empty ledger.
#[must_use]
#[expect(clippy::unused_async, reason = "the emulator's is async")]
pub async fn ledger() -> MemoryLedger {
    MemoryLedger::default()
}

/// No address is suppressed, and nothing was told of mails.
pub async fn feedback() -> MemoryLedger {
    ledger().await
}

/// No endpoints, and no word for any.
pub async fn deliveries() -> MemoryLedger {
    ledger().await
}

/// No endpoint has a key.
#[must_use]
#[expect(clippy::unused_async, reason = "the emulator's is async")]
pub async fn endpoint_keys() -> MemoryEndpointKeys {
    MemoryEndpointKeys::default()
}

/// No control rows.
pub async fn control() -> MemoryLedger {
    ledger().await
}

/// No snapshot was taken.
pub async fn snapshots() -> MemoryLedger {
    ledger().await
}

/// No audit has run.
pub async fn audit_log() -> MemoryLedger {
    ledger().await
}

/// No campaign was started.
pub async fn campaigns() -> MemoryLedger {
    ledger().await
}

/// No order was given.
pub async fn orders() -> MemoryLedger {
    ledger().await
}

/// An empty scheduler.
#[must_use]
#[expect(clippy::unused_async, reason = "the emulator's is async")]
pub async fn schedules() -> MemorySchedules {
    MemorySchedules::default()
}

/// An empty queue, under a clock that moves when someone waits.
#[must_use]
#[expect(clippy::unused_async, reason = "the emulator's is async")]
pub async fn queue() -> TimedQueue {
    let clock = Arc::new(VirtualClock::starting_at(samples::due()));
    let queue = MemoryQueue::new(clock.clone(), Duration::from_mins(1), None);
    TimedQueue { queue, clock }
}

/// A queue in memory and its clock.
#[derive(Debug)]
pub struct TimedQueue {
    queue: MemoryQueue,
    clock: Arc<VirtualClock>,
}

impl Clock for TimedQueue {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[async_trait]
impl TestedQueue for TimedQueue {
    fn port(&self) -> &dyn StageQueue {
        &self.queue
    }

    async fn receive(&self, patience: Duration) -> Vec<Delivery> {
        let wait = self.queue.next_visible_at().map(|next| next.duration_since(self.now()));
        if let Some(wait) = wait.and_then(|wait| Duration::try_from(wait).ok()) {
            self.clock.advance(wait.min(patience));
        }
        let received = self.queue.receive(usize::MAX).into_iter().map(|message| Delivery {
            body: message.body,
            receipt: message.receipt,
            receive_count: message.receive_count,
            sent_at: message.sent_at,
        });
        received.collect()
    }
}

/// An empty dead-letter queue, whose clock stands still.
#[must_use]
#[expect(clippy::unused_async, reason = "the emulator's is async")]
pub async fn dead_letters() -> StillLetters {
    let clock = Arc::new(VirtualClock::starting_at(samples::due()));
    let queue = || Arc::new(MemoryQueue::new(clock.clone(), Duration::from_secs(30), None));
    let (letters, to) = (queue(), queue());
    let port = MemoryDeadLetters::new(DlqName::Stage(StageName::Score), letters.clone(), to.clone());
    StillLetters { port, letters, to, clock }
}

/// A dead-letter queue in memory.
#[derive(Debug)]
pub struct StillLetters {
    port: MemoryDeadLetters,
    letters: Arc<MemoryQueue>,
    to: Arc<MemoryQueue>,
    clock: Arc<VirtualClock>,
}

impl Clock for StillLetters {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[async_trait]
impl TestedLetters for StillLetters {
    fn port(&self) -> &dyn DeadLetters {
        &self.port
    }

    async fn put(&self, body: &str, undelivered: Option<Undelivered>) {
        match undelivered {
            Some(undelivered) => self.letters.send_undelivered(body, undelivered),
            None => self.letters.send_body(body),
        }
    }

    async fn came_back(&self) -> Vec<(String, Option<String>)> {
        let received = self.to.receive(usize::MAX);
        received.into_iter().map(|message| (message.body, message.group.map(|group| group.to_string()))).collect()
    }
}

/// A stack whose queues are empty.
#[must_use]
#[expect(clippy::unused_async, reason = "the emulator's is async")]
pub async fn gauges() -> MemoryGauges {
    let clock = Arc::new(VirtualClock::starting_at(samples::due()));
    let queue = |_| Arc::new(MemoryQueue::new(clock.clone(), Duration::from_mins(1), None));
    MemoryGauges {
        deployed: StageSet::full(),
        queues: PerStage::from_fn(queue),
        dlqs: PerStage::from_fn(queue),
        schedule_dlq: queue(StageName::Score),
        intake: IntakeQueue::ALL.iter().map(|name| (*name, queue(StageName::Score), queue(StageName::Score))).collect(),
        retention: gauges::RETENTION,
        lanes: PerStage::from_fn(gauges::lanes),
    }
}

#[async_trait]
impl TestedGauges for MemoryGauges {
    fn port(&self) -> &dyn Gauges {
        self
    }

    async fn queue(&self, stage: StageName) {
        self.queues[stage].send_body("one");
    }

    async fn take(&self, stage: StageName) {
        assert_eq!(self.queues[stage].receive(1).len(), 1);
    }

    async fn bury(&self, queue: DlqName) {
        match queue {
            DlqName::Stage(stage) => self.dlqs[stage].send_body("one"),
            DlqName::Schedules => self.schedule_dlq.send_body("one"),
            DlqName::Intake(queue) => {
                self.intake.iter().filter(|(name, ..)| *name == queue).for_each(|(.., dlq)| dlq.send_body("one"));
            }
        }
    }
}
