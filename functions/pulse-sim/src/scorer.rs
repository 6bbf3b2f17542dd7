//! The scorer in memory.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    entry::EntryId,
    ports::{Clock, ScoreError, ScoreRequest, Scorer},
    score::{Band, Score, ScoreValue},
    stable_hash::stable_hash,
};

use crate::provider::{CallMeter, Leg, Script, SimulatedLatency};

/// A scoring provider that knows every customer and does what it is told.
pub struct MemoryScorer {
    clock: Arc<dyn Clock>,
    script: Script<ScoreError>,
    latency: SimulatedLatency,
    meter: CallMeter,
}

impl MemoryScorer {
    /// A scorer that answers every request at once, with scores as of `clock`'s now.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, script: Script::default(), latency: SimulatedLatency::at_once(), meter: CallMeter::default() }
    }

    /// Lets each call take the time that `latency` takes.
    #[must_use]
    pub fn with_latency(mut self, latency: SimulatedLatency) -> Self {
        self.latency = latency;
        self
    }

    /// The next calls fail like this, one after the other. Calls that follow succeed.
    pub fn fail_next(&self, errors: impl IntoIterator<Item = ScoreError>) {
        self.script.push(None, errors);
    }

    /// The next calls for this entry fail like this, one after the other.
    pub fn fail_next_of(&self, entry: &EntryId, errors: impl IntoIterator<Item = ScoreError>) {
        self.script.push(Some(entry.clone()), errors);
    }

    /// How often each entry was asked for.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<EntryId, u64> {
        self.meter.calls()
    }

    /// The most calls that were ever under way at once.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.meter.peak()
    }
}

#[async_trait]
impl Scorer for MemoryScorer {
    async fn score(&self, request: &ScoreRequest) -> Result<Score, ScoreError> {
        let _under_way = self.meter.enter(&request.entry);
        self.latency.take(Leg::There).await;
        let outcome = match self.script.next(&request.entry) {
            Some(error) => Err(error),
            None => Ok(score_of(&request.entry, self.clock.now())),
        };
        self.latency.take(Leg::Back).await;
        outcome
    }
}

/// The score that an entry has whenever it is asked for: from 300 to 850, as credit scores are.
///
/// # Panics
/// Never: all its values are within bounds.
#[must_use]
pub fn score_of(entry: &EntryId, as_of: Timestamp) -> Score {
    let value = 300 + (stable_hash("score", &entry.message_key()) % 551) as u32;
    let band = match value {
        ..580 => "poor",
        580..670 => "fair",
        670..740 => "good",
        740..800 => "very good",
        _ => "excellent",
    };
    Score {
        value: ScoreValue::parse(value).expect("at most 850"),
        band: Band::parse(band).expect("a short word"),
        as_of,
    }
}
