//! Whether campaigns keep to what they may begin in a day.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use pulse_core::{
    entry::{EntryId, Queueing},
    message::{CustomerTurn, Turn, WorkMessage},
    ports::{QueueError, StageQueue, Visibility},
    run::RunId,
    stage::PerStage,
};

use super::{build::World, invariants::Promise, ports::WorldPorts};

/// How many entries each campaign has begun on which of its days, the last on which it has any.
#[derive(Debug, Default)]
pub(super) struct CampaignDays(Mutex<BTreeMap<RunId, (u64, u64)>>);

impl World {
    /// What a tick has, with queues that are watched for what it begins.
    pub(super) fn watching_days(self: &Arc<Self>, ports: &WorldPorts) -> WorldPorts {
        let queues = PerStage::from_fn(|stage| -> Arc<dyn StageQueue> {
            Arc::new(WatchedQueue { inner: Arc::clone(&ports.queues[stage]), world: Arc::clone(self) })
        });
        WorldPorts { queues, ..ports.clone() }
    }

    /// Counts a message that is about to be sent for an entry that its first stage holds.
    fn begins(&self, message: &WorkMessage) {
        let Ok(CustomerTurn { customer, turn: Turn::Run { run, item } }) = message.turn() else { return };
        let id = EntryId { customer: customer.clone(), run: *run, item: *item };
        let entry = self.ledger.peek_entry(&id);
        let held = entry.filter(|entry| entry.queueing() == Queueing::Held && entry.at() == entry.plan().first());
        let Some(campaign) = held.and_then(|_| self.ledger.peek_campaign(*run)) else { return };
        let Some(a_day) = campaign.request.a_day.filter(|_| campaign.started_at.is_some()) else { return };
        let (now, today) = (self.time.now(), campaign.day(self.time.now()));
        let mut days = self.campaign_days.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = days.entry(*run).or_default();
        *begun = if begun.0 == today { (today, begun.1 + 1) } else { (today, 1) };
        if begun.1 > a_day.get() {
            let what = format!("campaign {run} begins {} on a day, and may begin {a_day}", begun.1);
            self.checker.saw(Promise::CampaignDays, None, now, what);
        }
    }
}

struct WatchedQueue {
    inner: Arc<dyn StageQueue>,
    world: Arc<World>,
}

#[async_trait]
impl StageQueue for WatchedQueue {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        self.world.begins(message);
        self.inner.send(message).await
    }

    async fn hide(&self, changes: &[Visibility]) -> Result<(), QueueError> {
        self.inner.hide(changes).await
    }
}
