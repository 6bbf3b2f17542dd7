//! What every adapter that tells a stack's figures does.
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use std::time::Duration;

use async_trait::async_trait;
use pulse_core::{
    entry::StageName,
    ports::{Depth, DlqName, Gauges, IntakeQueue, Mapping, StageLanes},
};

/// For how long the stages' queues keep messages.
pub const RETENTION: Duration = Duration::from_hours(240);

/// A stack whose queues are empty, whose lanes are [`lanes`], and what comes to be in its queues beyond the port.
#[async_trait]
pub trait TestedGauges: Send + Sync {
    /// The port.
    fn port(&self) -> &dyn Gauges;

    /// Queues a message to a stage.
    async fn queue(&self, stage: StageName);

    /// Hands a stage's next message to a worker, who keeps it.
    async fn take(&self, stage: StageName);

    /// Puts a letter into a dead-letter queue.
    async fn bury(&self, queue: DlqName);
}

/// A stage's lanes: score's function has concurrency of its own, email's hasn't.
#[must_use]
pub fn lanes(stage: StageName) -> StageLanes {
    let (maximum_concurrency, reserved_concurrency) = match stage {
        StageName::Score => (5, Some(7)),
        StageName::Email => (3, None),
        StageName::Deliver => (2, Some(2)),
        StageName::Call => (2, Some(3)),
    };
    StageLanes { stage, maximum_concurrency, reserved_concurrency, in_flight: 4, mapping: Mapping("Disabled".into()) }
}

fn depth(queue: &str, waiting: u64, in_flight: u64) -> Depth {
    Depth { queue: queue.into(), waiting, in_flight, dead_letters: queue.ends_with("DLQ") }
}

pub async fn every_queue_is_told_the_stages_own_first(gauges: &dyn TestedGauges) {
    let stages = [
        "score queue",
        "email queue",
        "deliver queue",
        "call queue",
        "score DLQ",
        "email DLQ",
        "deliver DLQ",
        "call DLQ",
        "schedule DLQ",
    ];
    let intake = ["feedback queue", "feedback DLQ", "unsubscribe queue", "unsubscribe DLQ"];
    let empty: Vec<_> = stages.iter().chain(&intake).map(|name| depth(name, 0, 0)).collect();
    assert_eq!(gauges.port().depths().await, Ok(empty));
}

pub async fn what_waits_is_told_from_what_a_worker_has(gauges: &dyn TestedGauges) {
    for _ in 0..3 {
        gauges.queue(StageName::Score).await;
    }
    gauges.take(StageName::Score).await;
    gauges.bury(DlqName::Stage(StageName::Email)).await;
    gauges.bury(DlqName::Schedules).await;
    gauges.bury(DlqName::Schedules).await;
    gauges.bury(DlqName::Intake(IntakeQueue::Unsubscribe)).await;
    let told = [
        depth("score queue", 2, 1),
        depth("email queue", 0, 0),
        depth("deliver queue", 0, 0),
        depth("call queue", 0, 0),
        depth("score DLQ", 0, 0),
        depth("email DLQ", 1, 0),
        depth("deliver DLQ", 0, 0),
        depth("call DLQ", 0, 0),
        depth("schedule DLQ", 2, 0),
        depth("feedback queue", 0, 0),
        depth("feedback DLQ", 0, 0),
        depth("unsubscribe queue", 0, 0),
        depth("unsubscribe DLQ", 1, 0),
    ];
    assert_eq!(gauges.port().depths().await, Ok(told.into()));
}

pub async fn how_long_a_queue_keeps_messages_is_told(gauges: &dyn TestedGauges) {
    for stage in StageName::ALL {
        assert_eq!(gauges.port().retention(*stage).await, Ok(RETENTION));
    }
}

pub async fn lanes_are_told_with_and_without_concurrency_of_their_own(gauges: &dyn TestedGauges) {
    for stage in StageName::ALL {
        assert_eq!(gauges.port().lanes(*stage).await, Ok(lanes(*stage)));
    }
}
