//! What somebody is to be woken for, of all that a tick looks at.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use pulse_aws::telemetry::{StackGauges, StageGauges};
use pulse_core::{
    audit::{AuditCheckpoint, AuditName, AuditTrouble},
    campaign::CampaignStepped,
    control::Breaker,
    delivery::EndpointRounds,
    entry::{Plan, StageName},
    feedback::Reputation,
    ports::{AuditLog, Depth, DlqName, IntakeQueue, Ledger, OpenEntries},
    stage::{Moves, PerStage},
    tick::{FeedbackRounds, Reconciled, StageRound, oldest_due},
    troubles::{Trouble, TroubleWatch, is_unread},
};

/// What is due for longer is overdue, as the alarm on it has it.
const OVERDUE_AFTER: Duration = Duration::from_hours(6);

/// A warning comes so long before the first waiting message expires.
const BEFORE_EXPIRY: Duration = Duration::from_hours(3 * 24);

/// Minutes between two looks at what seldom changes: audits, and queues of dead letters that are empty.
const SELDOM: i64 = 5;

/// For how long a snapshot is gone by. The next is five minutes younger, and taken at the end of its tick.
const SNAPSHOTS_COUNT_FOR: Duration = Duration::from_mins(7);

fn is_seldom(now: Timestamp) -> bool {
    now.as_second().div_euclid(60).rem_euclid(SELDOM) == 0
}

/// Since when that is due which is due longest; none, if nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LongestDue(Option<Timestamp>);

/// How a stage was found. What is none couldn't be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StageLook {
    /// The stage concerned.
    pub(crate) stage: StageName,
    /// For how long that has been due which is due longest; zero, if nothing is.
    oldest_due: Option<Duration>,
    /// Whether its provider, or one of its endpoints, is out of order.
    is_broken: Option<bool>,
    is_paused: bool,
    /// Whether there is anything to measure: not, of the deliver stage, where nobody is told of anything.
    is_in_use: bool,
}

impl StageLook {
    pub(crate) async fn of(
        StageRound { stage, reconciled, .. }: &StageRound,
        endpoints: Option<&[EndpointRounds]>,
        ledger: &dyn Ledger,
        open: &dyn OpenEntries,
        known: Option<LongestDue>,
        now: Timestamp,
    ) -> Self {
        let is_out_of_order = |round: &EndpointRounds| ["broken", "tried", "gone"].contains(&round.held);
        let control = reconciled.as_ref().ok().map(|Reconciled { control, .. }| control);
        let is_open = control.map(|control| matches!(control.breaker, Breaker::Open(_)));
        let since = |due: Option<Timestamp>| {
            due.and_then(|due| Duration::try_from(now.duration_since(due)).ok()).unwrap_or_default()
        };
        let (oldest_due, is_broken) = match stage.spec().moves {
            // No month's entry ever waits for it: whether campaigns are late is told of each.
            Moves::Entries if !Plan::MONTHLY.has(*stage) => (Some(Duration::ZERO), is_open),
            Moves::Entries => {
                let due = match known {
                    Some(LongestDue(due)) => Some(due),
                    None => oldest_due(ledger, open, *stage, now).await.ok(),
                };
                (due.map(since), is_open)
            }
            Moves::Deliveries => {
                let due = endpoints.map(|all| all.iter().filter_map(|round| round.oldest_due).min());
                let is_any = endpoints.map(|all| all.iter().any(is_out_of_order));
                (due.map(since), is_open.zip(is_any).map(|(is_open, is_any)| is_open || is_any))
            }
        };
        let is_in_use = stage.spec().moves == Moves::Entries || endpoints.is_some_and(|all| !all.is_empty());
        let is_paused = control.is_some_and(|control| control.is_paused(now));
        Self { stage: *stage, oldest_due, is_broken, is_paused, is_in_use }
    }

    /// What is told of the stage alone, if it could be looked at.
    pub(crate) fn gauges(&self) -> Option<StageGauges> {
        let (is_broken, oldest_due) = (self.is_broken?, self.oldest_due?);
        let is_of_campaigns = self.stage.spec().moves == Moves::Entries && !Plan::MONTHLY.has(self.stage);
        let oldest_due = (!is_of_campaigns).then_some(oldest_due);
        self.is_in_use.then_some(StageGauges { oldest_due, is_broken, is_paused: self.is_paused })
    }
}

/// Notes what it is told of, from tick to tick, and says what is new.
#[derive(Debug)]
pub(crate) struct Lookout {
    watch: Mutex<TroubleWatch>,
    /// What the last snapshot says of the month's stages: since when that is due which is due longest.
    due: Mutex<Option<(Timestamp, PerStage<Option<Timestamp>>)>>,
    /// Of these queues it was told how many dead letters they have.
    counted: Mutex<BTreeSet<DlqName>>,
    /// What has waited for longer expires soon.
    expiring_after: Duration,
}

impl Lookout {
    /// Of queues that keep messages for so long.
    pub(crate) fn new(retention: Duration) -> Self {
        Self {
            watch: Mutex::default(),
            due: Mutex::default(),
            counted: Mutex::default(),
            expiring_after: retention.saturating_sub(BEFORE_EXPIRY),
        }
    }

    fn watch(&self) -> MutexGuard<'_, TroubleWatch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a snapshot tells of the stages is gone by until the next one.
    pub(crate) fn note_due(&self, due: PerStage<Option<Timestamp>>, now: Timestamp) {
        *self.due() = Some((now, due));
    }

    /// Since when that is due which is due longest, as the last snapshot has it: nothing, if that is old, or somebody is to be
    /// woken for it and hears as soon as it is over.
    pub(crate) fn oldest_due(&self, stage: StageName, now: Timestamp) -> Option<LongestDue> {
        let (looked_at, due) = (*self.due())?;
        let age = |at: Timestamp| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        let is_fresh = age(looked_at) <= SNAPSHOTS_COUNT_FOR;
        let is_early = due[stage].is_none_or(|due| age(due) <= OVERDUE_AFTER);
        (is_fresh && is_early).then_some(LongestDue(due[stage]))
    }

    fn due(&self) -> MutexGuard<'_, Option<(Timestamp, PerStage<Option<Timestamp>>)>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counted(&self) -> MutexGuard<'_, BTreeSet<DlqName>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note_feedback(&self, FeedbackRounds { reputation, .. }: &FeedbackRounds, now: Timestamp) {
        if let Some(reputation) = *reputation {
            let found = (reputation != Reputation::Good).then_some(Trouble::Reputation(reputation));
            let of = [Reputation::Doubtful, Reputation::Bad].map(Trouble::Reputation);
            self.watch().note_one(of, found, now);
        }
    }

    pub(crate) fn note_campaigns(&self, campaigns: &[CampaignStepped], now: Timestamp) {
        for CampaignStepped { run, late, .. } in campaigns {
            if let Some(is_late) = *late {
                self.watch().note(Trouble::LateCampaign(*run), is_late, now);
            }
        }
    }

    /// Whether a queue of dead letters is looked at by this minute's tick: every five minutes, every minute while there are any,
    /// and by the first tick of this process, as a metric that is silent for a minute ends an alarm.
    pub(crate) fn looks_at_letters(&self, queue: DlqName, now: Timestamp) -> bool {
        let is_known = self.counted().contains(&queue);
        is_seldom(now) || !is_known || self.watch().stands(Trouble::DeadLetters(queue))
    }

    /// What can't be read now is looked at in five minutes.
    pub(crate) async fn look_at_audits(&self, log: &dyn AuditLog, now: Timestamp) {
        if !is_seldom(now) {
            return;
        }
        match log.checkpoint(AuditName::Daily).await {
            Ok(there) => self.note_audit(there.as_ref(), now),
            Err(error) => tracing::warn!(%error, "audits aren't looked at"),
        }
    }

    fn note_audit(&self, there: Option<&AuditCheckpoint>, now: Timestamp) {
        let of = AuditTrouble::ALL.iter().copied().map(Trouble::Audit);
        self.watch().note_one(of, AuditTrouble::of(there, now).map(Trouble::Audit), now);
    }

    /// Opt-outs have an alarm of their own, as they wait for nothing.
    pub(crate) fn note_queues(&self, depths: &[Depth], now: Timestamp) {
        let queue = IntakeQueue::Feedback;
        if let Some(depth) = depths.iter().find(|depth| depth.queue == format!("{queue} queue")) {
            self.watch().note(Trouble::Unread(queue), is_unread(depth), now);
        }
    }

    /// Writes a line for each trouble that stands, and says how the stack does.
    pub(crate) fn tell(&self, looks: &[StageLook], letters: &[(DlqName, u64)], now: Timestamp) -> StackGauges {
        let mut watch = self.watch();
        for look in looks {
            if let Some(oldest_due) = look.oldest_due {
                watch.note(Trouble::Overdue(look.stage), oldest_due > OVERDUE_AFTER, now);
                watch.note(Trouble::Expiring(look.stage), oldest_due > self.expiring_after, now);
            }
            if let Some(is_broken) = look.is_broken {
                watch.note(Trouble::Broken(look.stage), is_broken, now);
            }
        }
        self.counted().extend(letters.iter().map(|(queue, _)| *queue));
        for (queue, letters) in letters {
            watch.note(Trouble::DeadLetters(*queue), *letters > 0, now);
        }
        let standing = watch.standing(now);
        drop(watch);
        for (trouble, is_new) in &standing {
            let (word, of, first) = (trouble.word(), trouble.of(), trouble.first());
            tracing::error!(trouble = word, of, is_new, first, "trouble");
        }
        let oldest_due: Option<Vec<_>> = looks.iter().map(|look| look.oldest_due).collect();
        StackGauges {
            oldest_due: oldest_due.map(|all| all.into_iter().max().unwrap_or_default()),
            broken: looks.iter().filter(|look| look.is_broken == Some(true)).count(),
            dead_letters: letters.iter().map(|(_, letters)| letters).sum(),
            troubles: standing.iter().filter(|(_, is_new)| *is_new).count(),
            standing: standing.len(),
        }
    }
}

#[cfg(test)]
mod tests;
