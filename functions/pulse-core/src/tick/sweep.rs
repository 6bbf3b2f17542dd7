use std::time::Duration;

use futures::{StreamExt as _, future::join_all, stream};
use jiff::Timestamp;

use super::{MappingReconciler, ReconcileError, Reconciled, SweepPolicy};
use crate::{
    control::Breaker,
    entry::{EntryId, Plan, Queueing, StageName},
    message::WorkMessage,
    ports::{Awaited, Clock, Ledger, LedgerError, OpenEntries, QueueError, Queues, StageMemory, StageStatus, Stages},
};

/// Entries that are looked at side by side.
const AT_ONCE: usize = 16;

/// Minutes between two looks for what is given up for lost, which has waited for an hour. Each look costs queries.
const LOST_EVERY: i64 = 5;

/// How often it is noted that a stage is held up, while it is: a write that costs.
const HELD_UP_NOTED_EVERY: Duration = Duration::from_mins(5);

/// Finds open entries that are past due and not merely waiting, and queues them again: after a lost
/// schedule, a purged or expired queue, a crash between two writes, a claim whose worker died. Wakes
/// those that were put off.
///
/// A message too many does no harm: the stages ask the ledger before they do anything. There are few:
/// at most one for an entry in [`SweepPolicy::again_after`].
#[derive(Clone, Copy)]
pub struct Sweep<'a> {
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// Entries by what they wait for.
    pub open: &'a dyn OpenEntries,
    /// The stages from outside.
    pub stages: &'a dyn Stages,
    /// What is remembered of them.
    pub memory: &'a dyn StageMemory,
    /// All stages' queues.
    pub queues: &'a Queues,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// When an entry counts as overdue.
    pub policy: SweepPolicy,
}

/// What a sweep did for a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageSweep {
    /// The stage concerned.
    pub stage: StageName,
    /// How it went.
    pub swept: Swept,
}

/// How a stage's sweep went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// Nothing was looked for: the stage is paused.
    Paused,
    /// The stage, the ledger or the queue couldn't be used. The next sweep looks again.
    Failed,
    /// What was found past due was queued again.
    Done {
        /// Messages sent for entries that had been put off.
        woken: usize,
        /// Messages sent for entries whose own was given up for lost.
        repeated: usize,
        /// Entries that couldn't be queued again. The next sweep finds them.
        failed: usize,
    },
}

#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Whether the stage is paused or behind a backlog, or was so lately: its messages are late for that, and some are still on
/// their way.
pub(crate) async fn is_held_up(
    memory: &dyn StageMemory,
    policy: SweepPolicy,
    stage: StageName,
    status: StageStatus,
    now: Timestamp,
) -> Result<bool, LedgerError> {
    let last = memory.held_up_at(stage).await?;
    let age = last.map(|last| Duration::try_from(now.duration_since(last)).unwrap_or_default());
    if status.is_flowing() && status.waiting <= policy.backlog {
        return Ok(age.is_some_and(|age| age < policy.grace));
    }
    if age.is_none_or(|age| age >= HELD_UP_NOTED_EVERY) {
        memory.remember_held_up(stage, now).await?;
    }
    Ok(true)
}

impl Sweep<'_> {
    /// Sweeps all stages. What can't be done now is found by the next sweep.
    pub async fn run(&self) -> Vec<StageSweep> {
        join_all(self.stages.deployed().iter().map(|stage| self.stage(stage, None, true))).await
    }

    /// Of a stage that was found as `status` says, if it was looked at a moment ago: what was put off, and what is given up for
    /// lost only if that is wanted.
    pub(super) async fn stage(&self, stage: StageName, status: Option<StageStatus>, for_lost: bool) -> StageSweep {
        // Deliveries are looked after by endpoint, and entries of campaigns by campaign.
        if !Plan::MONTHLY.has(stage) {
            return StageSweep { stage, swept: Swept::Done { woken: 0, repeated: 0, failed: 0 } };
        }
        let asked = async {
            match status {
                Some(status) => Ok(status),
                None => self.stages.status(stage).await,
            }
        };
        let status = match asked.await {
            Ok(status) => status,
            Err(error) => {
                tracing::warn!(%stage, %error, "not swept");
                return StageSweep { stage, swept: Swept::Failed };
            }
        };
        let swept = self.looked_at(stage, status, for_lost).await.unwrap_or_else(|error| {
            tracing::warn!(%stage, %error, "not swept");
            Swept::Failed
        });
        StageSweep { stage, swept }
    }

    async fn looked_at(&self, stage: StageName, status: StageStatus, for_lost: bool) -> Result<Swept, LedgerError> {
        let is_held_up = is_held_up(self.memory, self.policy, stage, status, self.clock.now()).await?;
        if !status.is_flowing() {
            return Ok(Swept::Paused);
        }
        self.flowing(stage, is_held_up, for_lost).await
    }

    async fn flowing(&self, stage: StageName, is_held_up: bool, for_lost: bool) -> Result<Swept, LedgerError> {
        let now = self.clock.now();
        let before = |wait: Duration| now.saturating_sub(wait).unwrap_or(Timestamp::MIN);
        let at_most = self.policy.at_most;
        let mut found = Vec::new();
        // What was put off comes first: nobody else sends it a message.
        let lost: &[_] = if for_lost { &[Awaited::First, Awaited::Again] } else { &[] };
        for awaited in [Awaited::Deferred].into_iter().chain(lost.iter().copied()) {
            let wait = self.policy.wait_for(awaited, is_held_up);
            let left = at_most - found.len().min(at_most);
            if left > 0 {
                found.extend(self.open.overdue(stage, awaited, before(wait), left).await?);
            }
        }
        Ok(self.all(stage, found).await)
    }

    /// Wakes a few entries of a stage that were put off, for want of other messages to try its provider
    /// with.
    pub async fn requeue_probes(&self, stage: StageName, at_most: usize) -> Swept {
        match self.open.overdue(stage, Awaited::Deferred, self.clock.now(), at_most).await {
            Ok(found) => self.all(stage, found).await,
            Err(error) => {
                tracing::warn!(%stage, %error, "nothing could be woken");
                Swept::Failed
            }
        }
    }

    async fn all(&self, stage: StageName, found: Vec<EntryId>) -> Swept {
        if found.is_empty() {
            return Swept::Done { woken: 0, repeated: 0, failed: 0 };
        }
        // In a box, as there is seldom anything: a tick's own state stays small.
        Box::pin(self.each(stage, found)).await
    }

    async fn each(&self, stage: StageName, found: Vec<EntryId>) -> Swept {
        let outcomes: Vec<_> =
            stream::iter(found).map(|id| self.one(stage, id)).buffer_unordered(AT_ONCE).collect().await;
        let (mut woken, mut repeated, mut failed) = (0, 0, 0);
        for outcome in outcomes {
            match outcome {
                Ok(None) => {}
                Ok(Some(Queueing::Deferred)) => woken += 1,
                Ok(Some(_)) => repeated += 1,
                Err(()) => failed += 1,
            }
        }
        Swept::Done { woken, repeated, failed }
    }

    async fn one(&self, stage: StageName, id: EntryId) -> Result<Option<Queueing>, ()> {
        match self.queue_again(stage, &id).await {
            // Someone else is moving it.
            Err(SweepError::Ledger(LedgerError::Conflict(_))) => Ok(None),
            Err(error) => {
                tracing::warn!(entry = %id, %error, "couldn't be queued again");
                Err(())
            }
            Ok(queued) => Ok(queued),
        }
    }

    /// Writes before it sends: a crash between the two costs the entry a day, and not a message every
    /// minute.
    async fn queue_again(&self, stage: StageName, id: &EntryId) -> Result<Option<Queueing>, SweepError> {
        let Some(entry) = self.ledger.entry(id).await? else {
            return Ok(None);
        };
        let now = self.clock.now();
        // The list may be out of date.
        if entry.waits_for() != Some(stage) || !self.policy.is_overdue(&entry, now) {
            return Ok(None);
        }
        let Ok(change) = entry.queue_again(now) else {
            return Ok(None); // A worker has it.
        };
        self.ledger.apply(&change).await?;
        self.queues[stage].send(&WorkMessage::for_entry(id)).await?;
        tracing::info!(entry = %id, %stage, "queued again");
        Ok(Some(entry.queueing()))
    }
}

/// A tick: reconciles all stages, and then sweeps them.
#[derive(Clone, Copy)]
pub struct Round<'a> {
    /// Makes the mappings match what holds their stages.
    pub reconciler: MappingReconciler<'a>,
    /// Looks after what fell off.
    pub sweep: Sweep<'a>,
    /// Whether it looks for what is lost whatever the minute.
    pub is_thorough: bool,
}

/// What a tick did for a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRound {
    /// The stage concerned.
    pub stage: StageName,
    /// How its mapping was reconciled.
    pub reconciled: Result<Reconciled, ReconcileError>,
    /// How it was swept.
    pub swept: Swept,
}

impl Round<'_> {
    /// Does it for all stages. What can't be done now is done by the next tick.
    pub async fn run(&self) -> Vec<StageRound> {
        let minute = self.sweep.clock.now().as_second().div_euclid(60);
        let for_lost = self.is_thorough || minute.rem_euclid(LOST_EVERY) == 0;
        join_all(self.sweep.stages.deployed().iter().map(|stage| self.stage(stage, for_lost))).await
    }

    async fn stage(&self, stage: StageName, for_lost: bool) -> StageRound {
        let reconciled = Box::pin(self.reconciler.stage(stage)).await;
        if let Err(error) = &reconciled {
            tracing::warn!(%stage, %error, "not kept");
        }
        let swept = match &reconciled {
            Ok(reconciled) if wants_messages(reconciled) => {
                self.sweep.requeue_probes(stage, self.reconciler.policy.probes).await
            }
            _ => {
                // One that was turned just now is asked how it is.
                let status = reconciled.as_ref().ok().filter(|reconciled| reconciled.turned.is_none());
                Box::pin(self.sweep.stage(stage, status.map(|reconciled| reconciled.status), for_lost)).await.swept
            }
        };
        StageRound { stage, reconciled, swept }
    }
}

/// Whether a provider was to be tried, and no message was there to try it with.
fn wants_messages(reconciled: &Reconciled) -> bool {
    let is_open = matches!(reconciled.control.breaker, Breaker::Open(_));
    is_open && reconciled.status.waiting == 0 && reconciled.probed.is_some_and(|probed| probed.messages == 0)
}
