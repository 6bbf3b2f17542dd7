use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    customer::CustomerId,
    entry::StageName,
    message::{CustomerTurn, Turn, WorkMessage},
    ports::{Ledger as _, QueueError, StageQueue, Visibility},
};

use super::{
    invariants::{InvariantChecker, Promise},
    stage_stack::StageStack,
};
use crate::{lambda::MappingState, ledger::MemoryLedger, time::VirtualTime};

/// A little less than the day that must lie between two messages.
const A_DAY: Duration = Duration::from_mins(24 * 60 - 1);

/// Watches what the sweep sends.
#[derive(Clone)]
pub struct SweepWatch {
    pub(super) time: VirtualTime,
    pub(super) ledger: Arc<MemoryLedger>,
    pub(super) checker: InvariantChecker,
    sent: Arc<Mutex<HashMap<(CustomerId, StageName), Timestamp>>>,
    repeated: Arc<AtomicU64>,
    woken: Arc<AtomicU64>,
}

impl SweepWatch {
    pub(super) fn new(time: VirtualTime, ledger: Arc<MemoryLedger>, checker: InvariantChecker) -> Self {
        Self { time, ledger, checker, sent: Arc::default(), repeated: Arc::default(), woken: Arc::default() }
    }

    /// Messages that the sweep sent in the place of lost ones.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.repeated.load(Relaxed)
    }

    /// Messages that the sweep sent for entries that had been put off.
    #[must_use]
    pub fn woken(&self) -> u64 {
        self.woken.load(Relaxed)
    }

    /// A stage's queue as the sweep sees it.
    pub(super) fn over(&self, queue: Arc<dyn StageQueue>, stack: &StageStack) -> Arc<dyn StageQueue> {
        Arc::new(Watched { watch: self.clone(), queue, stack: stack.clone() })
    }

    async fn saw(&self, message: &WorkMessage, stack: &StageStack) {
        let now = self.time.now();
        let Ok(CustomerTurn { customer, turn: Turn::Run { run, item } }) = message.turn() else { return };
        let id = pulse_core::entry::EntryId { customer: customer.clone(), run: *run, item: *item };
        let entry = self.ledger.entry(&id).await.ok().flatten();
        let age = |since| Duration::try_from(now.duration_since(since)).unwrap_or_default();
        // Woken a moment ago, by the ledger's word, be it only to try a provider with; anything else is a
        // repetition, recorded or not.
        let woken = entry.is_some_and(|entry| age(entry.due()) < Duration::from_mins(1));
        if woken {
            self.woken.fetch_add(1, Relaxed);
            return;
        }
        if stack.mapping.state() == MappingState::Disabled {
            let what = format!("the sweep sends a message of {id} to a held stage");
            self.checker.saw(Promise::FewRepeats, Some(&id.customer), now, what);
        }
        self.repeated.fetch_add(1, Relaxed);
        let key = (customer.clone(), stack.name);
        let before = self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(key, now);
        if before.is_some_and(|before| age(before) < A_DAY) {
            let what = format!("the sweep sends {id} more than one message in a day");
            self.checker.saw(Promise::FewRepeats, Some(&id.customer), now, what);
        }
    }
}

struct Watched {
    watch: SweepWatch,
    queue: Arc<dyn StageQueue>,
    stack: StageStack,
}

#[async_trait]
impl StageQueue for Watched {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        self.watch.saw(message, &self.stack).await;
        self.queue.send(message).await
    }

    async fn hide(&self, changes: &[Visibility]) -> Result<(), QueueError> {
        self.queue.hide(changes).await
    }
}
