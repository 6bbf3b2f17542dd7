use std::{fmt, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::entry::StageName;

/// A figure couldn't be read. The words name what was asked, and why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GaugeError(pub String);

/// How full a queue is. SQS counts approximately (Amazon SQS API Reference, `GetQueueAttributes`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depth {
    /// What people call the queue.
    pub queue: String,
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that a worker has, or that wait for their next try.
    pub in_flight: u64,
    /// Whether it is a dead-letter queue.
    pub dead_letters: bool,
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waiting, {} in flight", self.waiting, self.in_flight)
    }
}

/// A stage's lanes: how many calls its provider can see at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageLanes {
    /// The stage concerned.
    pub stage: StageName,
    /// Most invocations at once, by the mapping.
    pub maximum_concurrency: u32,
    /// Most invocations at once, by the function's reserved concurrency.
    pub reserved_concurrency: Option<u32>,
    /// Calls that one invocation keeps in flight.
    pub in_flight: u32,
    /// Whether the mapping hands messages to the function.
    pub mapping: Mapping,
}

/// A mapping's state, by its own word (AWS Lambda API Reference, `GetEventSourceMapping`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mapping(pub String);

impl StageLanes {
    /// `MaximumConcurrency` x calls in flight.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.maximum_concurrency * self.in_flight
    }
}

impl fmt::Display for StageLanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} invocations x {} calls", self.count(), self.maximum_concurrency, self.in_flight)?;
        match self.reserved_concurrency {
            Some(reserved) => write!(f, " (reserved concurrency {reserved})"),
            None => f.write_str(" (no reserved concurrency)"),
        }
    }
}

/// Figures of a stack that nobody acts on but people.
#[async_trait]
pub trait Gauges: Send + Sync {
    /// How full all queues are: the stages' own, then their dead-letter queues, then the scheduler's.
    async fn depths(&self) -> Result<Vec<Depth>, GaugeError>;

    /// For how long a stage's queue keeps a message.
    async fn retention(&self, stage: StageName) -> Result<Duration, GaugeError>;

    /// A stage's lanes, and its mapping's state.
    async fn lanes(&self, stage: StageName) -> Result<StageLanes, GaugeError>;
}
