//! How a mapping reads its queue: how much, and how much at once.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    concurrency::Concurrency,
    gathering::{Batch, Gathering, Measure},
    mapping_settings::{MappingSettings, MappingUse},
    pollers::Pollers,
    switch::Switch,
};
use crate::queue::Received;

/// Where a mapping is with its queue.
pub(super) struct Reading {
    pub(super) settings: MappingSettings,
    /// What they are to be once the change that is under way is done: until then, what is read is read as before.
    pub(super) settings_to_be: Option<MappingSettings>,
    pub(super) switch: Switch,
    pub(super) concurrency: Concurrency,
    pub(super) gathering: Gathering,
    /// Batches that are handed over, and have no end yet.
    pub(super) carried: u32,
    pub(super) pollers: Pollers,
    pub(super) counted: MappingUse,
}

impl Reading {
    pub(super) fn new(settings: MappingSettings) -> Self {
        Self {
            switch: Switch::on(),
            concurrency: Concurrency::new(settings.maximum_concurrency),
            gathering: Gathering::default(),
            carried: 0,
            pollers: Pollers::default(),
            counted: MappingUse::default(),
            settings_to_be: None,
            settings,
        }
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.gathering.len() + self.carried
    }

    pub(super) fn may_begin(&self) -> bool {
        self.in_flight() < self.concurrency.allowed()
    }

    pub(super) fn may_read(&self) -> bool {
        self.switch.reads() && self.gathering.readers(self.may_begin()).next().is_some()
    }

    /// As [`Self::may_read`], where there is something to read.
    pub(super) fn may_read_more(&mut self, now: Timestamp) -> bool {
        if self.switch.reads() && !self.may_read() {
            self.concurrency.press(now);
        }
        self.may_read()
    }

    /// Goes by the settings that are to be, unless a change is under way.
    pub(super) fn settle_settings(&mut self) {
        if self.switch.changed_at().is_none()
            && let Some(settings) = self.settings_to_be.take()
        {
            self.concurrency.set_maximum(settings.maximum_concurrency);
            self.settings = settings;
        }
    }

    /// Nothing waits in the queue.
    pub(super) fn relax(&mut self) {
        self.concurrency.relax();
        if self.in_flight() == 0 {
            self.concurrency.rest();
        }
    }

    /// Whether a message that comes is of interest: it can be read, or is the first that can't.
    pub(super) fn listens(&self, others_wait: bool) -> bool {
        self.may_read() || (self.switch.reads() && !others_wait && self.concurrency.may_grow())
    }

    /// Adds what a poller received to its batch. Gives the batch, if it is to be handed over.
    pub(super) fn gather(
        &mut self,
        poller: usize,
        received: Vec<Received>,
        hidden: Duration,
        now: Timestamp,
    ) -> Option<Batch> {
        let measure = Measure { most: self.settings.batch_size, window: self.settings.window, visibility: hidden };
        let batch = self.gathering.add(poller, received, measure, now);
        self.hand_over(batch.as_slice());
        batch
    }

    pub(super) fn hand_over(&mut self, batches: &[Batch]) {
        for batch in batches {
            self.carried += 1;
            self.counted.batches += 1;
            self.counted.messages += batch.messages.len() as u64;
        }
    }
}
