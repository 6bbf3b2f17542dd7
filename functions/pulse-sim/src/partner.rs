//! A campaign's partner in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use pulse_core::{
    entry::{EntryId, Reference},
    ports::{Partner, PartnerAnswer, PartnerError, PartnerRequest},
};

use crate::provider::{CallMeter, Leg, Script, SimulatedLatency};

/// A partner that does each thing once, and what it is told.
pub struct MemoryPartner {
    script: Script<Result<PartnerAnswer, PartnerError>>,
    latency: SimulatedLatency,
    meter: CallMeter,
    done: Arc<Mutex<BTreeMap<EntryId, Reference>>>,
}

impl Default for MemoryPartner {
    fn default() -> Self {
        Self {
            script: Script::default(),
            latency: SimulatedLatency::at_once(),
            meter: CallMeter::default(),
            done: Arc::default(),
        }
    }
}

impl MemoryPartner {
    /// Lets each call take the time that `latency` takes.
    #[must_use]
    pub fn with_latency(self, latency: SimulatedLatency) -> Self {
        Self { latency, ..self }
    }

    /// The next calls are answered so, one after the other, and nothing is done for them. Calls that follow succeed.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Result<PartnerAnswer, PartnerError>>) {
        self.script.push(None, answers);
    }

    /// How often each entry was called for.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<EntryId, u64> {
        self.meter.calls()
    }

    /// The most calls that were ever under way at once.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.meter.peak()
    }

    /// What it calls what it has done for an entry, if it has.
    #[must_use]
    pub fn reference_of(&self, entry: &EntryId) -> Option<Reference> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).get(entry).cloned()
    }

    /// For how many entries it has done something.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn act(&self, entry: &EntryId) -> Reference {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let number = done.len() + 1;
        done.entry(entry.clone()).or_insert_with(|| numbered(number)).clone()
    }
}

/// What a partner in memory calls the thing that it did as this one.
///
/// # Panics
/// Never: it is short and plain.
#[must_use]
pub fn numbered(number: usize) -> Reference {
    Reference::parse(&format!("R-{number:05}")).expect("a short text")
}

#[async_trait]
impl Partner for MemoryPartner {
    async fn ask(&self, request: &PartnerRequest) -> Result<PartnerAnswer, PartnerError> {
        let _under_way = self.meter.enter(&request.entry);
        self.latency.take(Leg::There).await;
        let answer = match self.script.next(&request.entry) {
            Some(answer) => answer,
            None => Ok(PartnerAnswer::Done { reference: Some(self.act(&request.entry)) }),
        };
        self.latency.take(Leg::Back).await;
        answer
    }
}
