//! Bugs in what tick counts for everyone who looks.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    control::{MinuteOutcomes, Outcomes},
    entry::StageName,
    ports::{LedgerError, OutcomeLog, TallyKey},
    snapshot::{SnapshotError, SnapshotTaken},
    stage::{RawMessage, Stage, Worked, WorkerSettings},
};
use pulse_sim::world::{Production, SystemUnderTest, WorldPorts};

/// Counts once, and says ever after that it was now.
#[derive(Default)]
pub(crate) struct CountsOnce(Mutex<Option<BTreeMap<TallyKey, u64>>>);

#[async_trait]
impl SystemUnderTest for CountsOnce {
    async fn take_snapshot(&self, ports: &WorldPorts) -> Result<Option<SnapshotTaken>, SnapshotError> {
        let mut taken = Production.take_snapshot(ports).await?;
        if let Some(run) = taken.as_mut().and_then(|taken| taken.snapshot.run.as_mut()) {
            run.places = self.0.lock().unwrap().get_or_insert(run.places.clone()).clone();
        }
        if let Some(taken) = &taken {
            ports.snapshots.save_snapshot(&taken.snapshot).await?;
        }
        Ok(taken)
    }
}

/// Reports every other batch's mails only.
#[derive(Default)]
pub(crate) struct ReportsHalf(Arc<AtomicU64>);

struct HalfALog {
    log: Arc<dyn OutcomeLog>,
    reports: Arc<AtomicU64>,
}

#[async_trait]
impl OutcomeLog for HalfALog {
    async fn report(&self, stage: StageName, at: Timestamp, outcomes: &Outcomes) -> Result<(), LedgerError> {
        let is_odd = self.reports.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        let sent = if is_odd { 0 } else { outcomes.sent };
        self.log.report(stage, at, &Outcomes { sent, ..outcomes.clone() }).await
    }

    async fn minutes(&self, stage: StageName, from: Timestamp) -> Result<Vec<MinuteOutcomes>, LedgerError> {
        self.log.minutes(stage, from).await
    }
}

#[async_trait]
impl SystemUnderTest for ReportsHalf {
    async fn work(
        &self,
        stage: Box<dyn Stage>,
        name: StageName,
        ports: &WorldPorts,
        settings: WorkerSettings,
        messages: Vec<RawMessage>,
        deadline: Timestamp,
    ) -> Worked {
        let log = HalfALog { log: Arc::clone(&ports.outcomes), reports: Arc::clone(&self.0) };
        let ports = WorldPorts { outcomes: Arc::new(log), ..ports.clone() };
        Production.work(stage, name, &ports, settings, messages, deadline).await
    }
}
