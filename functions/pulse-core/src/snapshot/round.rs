use std::time::Duration;

use futures::{future::try_join_all, try_join};
use jiff::Timestamp;

use super::{CountBudget, CountedParts, RunSnapshot, SentSince, Snapshot, most_frequent};
use crate::{
    control::{MinuteOutcomes, Outcomes},
    delivery::UnwellEndpoint,
    entry::StageName,
    feedback::{ReputationBreaker, ReputationLook, ReputationPolicy},
    overview::{Overview, OverviewError, StageOverview},
    ports::{
        COUNTED_PARTS, Campaigns, Clock, Controls, FeedbackLog, GaugeError, Gauges, Ledger, LedgerError, MINUTES_KEPT,
        OpenEntries, OutcomeLog, RunReports, Snapshots, StageError, Stages,
    },
    run::RunId,
    stage_spec::PerStage,
};

/// Minutes between two snapshots, unless someone wants one sooner.
pub const SNAPSHOT_EVERY: i64 = 5;

/// Over how long causes are told.
const CAUSES_OF: Duration = Duration::from_hours(1);

/// Looks at everything and keeps what it sees.
#[derive(Clone, Copy)]
pub struct SnapshotRound<'a> {
    /// The stages.
    pub stages: &'a dyn Stages,
    /// Their control rows.
    pub controls: &'a dyn Controls,
    /// What came of the calls to their providers.
    pub outcomes: &'a dyn OutcomeLog,
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// Entries by what they wait for.
    pub open: &'a dyn OpenEntries,
    /// A run's entries, counted.
    pub reports: &'a dyn RunReports,
    /// How many mails came to what.
    pub feedback: &'a dyn FeedbackLog,
    /// Campaigns, whose mails are counted too.
    pub campaigns: &'a dyn Campaigns,
    /// By which rates it is told how recipients take them.
    pub reputation: ReputationPolicy,
    /// Queues and lanes.
    pub gauges: &'a dyn Gauges,
    /// Where snapshots are kept.
    pub snapshots: &'a dyn Snapshots,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// How often a run's entries may be counted.
    pub budget: CountBudget,
    /// The endpoints that aren't well, by whoever has just looked.
    pub endpoints: &'a [UnwellEndpoint],
}

/// Why no snapshot was taken. The next one is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A stage can't be looked at.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A figure can't be read.
    #[error(transparent)]
    Gauge(#[from] GaugeError),
}

impl From<OverviewError> for SnapshotError {
    fn from(error: OverviewError) -> Self {
        match error {
            OverviewError::Ledger(error) => Self::Ledger(error),
            OverviewError::Stage(error) => Self::Stage(error),
        }
    }
}

/// A snapshot that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotTaken {
    /// As it was seen, and kept if nothing newer was there.
    pub snapshot: Snapshot,
    /// Whether the run's entries were counted for it.
    pub counted: bool,
    /// Whether it was kept, so that everyone sees it: not, if someone else keeps one that is newer.
    pub kept: bool,
}

impl SnapshotRound<'_> {
    /// Takes one if it is time for it, and counts the run's entries if the budget allows it.
    ///
    /// # Errors
    /// When something can't be read or written.
    pub async fn run(&self) -> Result<Option<SnapshotTaken>, SnapshotError> {
        let now = self.clock.now();
        let is_time = now.as_second().div_euclid(60).rem_euclid(SNAPSHOT_EVERY) == 0;
        let wanted_at = self.snapshots.snapshot_wanted_at().await?;
        if !is_time && wanted_at.is_none() {
            return Ok(None);
        }
        let last = self.snapshots.snapshot().await?;
        if !is_time && last.as_ref().is_some_and(|last| wanted_at.is_none_or(|wanted| wanted <= last.at)) {
            return Ok(None);
        }
        // The next part waits until the table has let up, whoever wants to look.
        let is_in_parts = last.as_ref().is_some_and(|last| last.counted_parts.is_some());
        let counts = self.budget.is_due(last.as_ref(), now) && (is_time || !is_in_parts);
        let (mut snapshot, minutes) = self.look(last, now).await?;
        let mut counted = false;
        if counts {
            // Kept before as well: whoever looks sees the rest of it, and a tick that dies of counting doesn't do it again at once.
            snapshot.counting_since = Some(now);
        }
        let mut kept = self.snapshots.save_snapshot(&snapshot).await?;
        if counts {
            let parts = self.count_parts(&snapshot, now).await?;
            counted = parts.parts >= COUNTED_PARTS;
            if counted {
                snapshot.run = Some(run_of(parts, &minutes, now));
                snapshot.counted_parts = None;
            } else {
                snapshot.counted_parts = Some(parts);
            }
            snapshot.counting_since = None;
            kept = self.snapshots.save_snapshot(&snapshot).await?;
        }
        Ok(Some(SnapshotTaken { snapshot, counted, kept }))
    }

    /// Takes one now, counts the run's entries whatever that costs, and keeps it if the ledger lets it.
    ///
    /// # Errors
    /// When something can't be read.
    pub async fn count_now(&self) -> Result<SnapshotTaken, SnapshotError> {
        let now = self.clock.now();
        let (mut snapshot, minutes) = self.look(None, now).await?;
        let parts = self.count(CountedParts::none(RunId::current(now)), COUNTED_PARTS, now).await?;
        snapshot.run = Some(run_of(parts, &minutes, now));
        let kept = self.snapshots.save_snapshot(&snapshot).await.unwrap_or_else(|error| {
            tracing::info!(%error, "the snapshot isn't kept");
            false
        });
        Ok(SnapshotTaken { snapshot, counted: true, kept })
    }

    /// All but the run's entries, which are carried over from the last one.
    async fn look(
        &self,
        last: Option<Snapshot>,
        now: Timestamp,
    ) -> Result<(Snapshot, PerStage<Vec<MinuteOutcomes>>), SnapshotError> {
        let (run, counting_since, counted_parts) =
            last.map_or((None, None, None), |last| (last.run, last.counting_since, last.counted_parts));
        let reputation = ReputationBreaker {
            log: self.feedback,
            campaigns: self.campaigns,
            controls: self.controls,
            clock: self.clock,
            policy: self.reputation,
        };
        let deployed = self.stages.deployed();
        let lanes = try_join_all(deployed.iter().map(|stage| self.gauges.lanes(stage)));
        let (stages, lanes, queues, reputation, minutes) = try_join!(
            try_join_all(deployed.iter().map(|stage| self.overview(stage))),
            async { Ok::<_, SnapshotError>(lanes.await?) },
            async { Ok(self.gauges.depths().await?) },
            async { Ok(reputation.look().await?) },
            async { Ok(self.minutes(run.as_ref(), now).await?) },
        )?;
        let hour_ago = earlier(now, CAUSES_OF);
        let causes = minutes.clone().map(|_, minutes| {
            let lately = minutes.iter().filter(|minute| minute.starts >= hour_ago);
            Outcomes::sum(lately.map(|minute| &minute.outcomes)).causes
        });
        let run = run.map(|run| carried(run, &minutes[StageName::Email], now));
        let causes = most_frequent(&causes);
        let ReputationLook { counts: reputation, standing, days: feedback, .. } = reputation;
        let snapshot = Snapshot {
            at: now,
            stages,
            lanes,
            queues,
            standing,
            reputation,
            feedback,
            run,
            counting_since,
            counted_parts: counted_parts.filter(|parts| parts.is_of(now)),
            causes,
            endpoints: self.endpoints.to_vec(),
        };
        Ok((snapshot, minutes))
    }

    async fn overview(&self, stage: StageName) -> Result<StageOverview, SnapshotError> {
        let overview = Overview {
            stages: self.stages,
            controls: self.controls,
            outcomes: self.outcomes,
            ledger: self.ledger,
            open: self.open,
            clock: self.clock,
            retention: self.gauges.retention(stage).await?,
        };
        Ok(overview.of(stage).await?)
    }

    /// The minutes that causes are told of, and that aren't added up yet.
    async fn minutes(
        &self,
        run: Option<&RunSnapshot>,
        now: Timestamp,
    ) -> Result<PerStage<Vec<MinuteOutcomes>>, LedgerError> {
        let from = run.map_or(now, |run| run.added_up.needs().max(earlier(now, MINUTES_KEPT)));
        let from = from.min(earlier(now, CAUSES_OF));
        let deployed = self.stages.deployed();
        let read = deployed.iter().map(async |stage| Ok((stage, self.outcomes.minutes(stage, from).await?)));
        Ok(try_join_all(read).await?.into_iter().collect())
    }

    /// Counts as many parts of the month's run as may be counted at once, after those that are counted.
    async fn count_parts(&self, snapshot: &Snapshot, now: Timestamp) -> Result<CountedParts, LedgerError> {
        let counted = snapshot.counted_parts.clone().unwrap_or_else(|| CountedParts::none(RunId::current(now)));
        let whole = counted.whole().or_else(|| snapshot.run.as_ref().map(|run| run.read_units));
        let parts = self.budget.parts_at_once(whole, COUNTED_PARTS - counted.parts.min(COUNTED_PARTS));
        self.count(counted, parts, now).await
    }

    async fn count(&self, mut counted: CountedParts, parts: u64, now: Timestamp) -> Result<CountedParts, LedgerError> {
        let before = self.reports.read_units();
        let from = counted.parts;
        let counts = self.reports.run_counts_in(from..from + parts, counted.run, now).await?;
        counted.add(parts, &counts, self.reports.read_units() - before);
        Ok(counted)
    }
}

/// A run that is counted, the last part of it at `now`.
fn run_of(counted: CountedParts, minutes: &PerStage<Vec<MinuteOutcomes>>, now: Timestamp) -> RunSnapshot {
    let CountedParts { run, places, roster, read_units, .. } = counted;
    let added_up = SentSince::count(&minutes[StageName::Email], now);
    RunSnapshot { run, places, roster, counted_at: now, read_units, sent_since: 0, added_up }
}

/// What is known of a run some minutes later.
fn carried(run: RunSnapshot, minutes: &[MinuteOutcomes], now: Timestamp) -> RunSnapshot {
    // Minutes tell of the month's run alone, and the last one is counted soon.
    if run.run != RunId::current(now) {
        return run;
    }
    let (added_up, sent_since) = run.added_up.add_up(minutes, now);
    RunSnapshot { sent_since, added_up, ..run }
}

fn earlier(now: Timestamp, by: Duration) -> Timestamp {
    now.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
