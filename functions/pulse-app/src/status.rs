use std::collections::BTreeMap;

use futures::future::try_join_all;
use jiff::Timestamp;
use pulse_core::{
    advice::Advice,
    entry::{StageName, TallyKey},
    feedback::{Reputation, ReputationBreaker, ReputationCounts, ReputationLook, ReputationPolicy},
    overview::{Overview, StageOverview},
    ports::{Depth, RosterCount, StageLanes, Tally},
    run::RunId,
};
use serde::Serialize;

use crate::{App, ReadError};

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Customers by standing.
    pub roster: RosterCount,
    /// Entries, run by run.
    pub runs: Vec<StatusRun>,
    /// How recipients take the mails.
    pub reputation: ReputationReport,
    /// How the stages are doing.
    pub stages: Vec<StageOverview>,
    /// How full the queues are.
    pub queues: Vec<Depth>,
    /// How many calls the providers can see at once.
    pub lanes: Vec<StageLanes>,
}

/// How recipients take the mails, since the last hold for that was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReputationReport {
    /// What that is.
    pub standing: Reputation,
    /// Since when the email stage is held for it, by its control row.
    pub held_since: Option<Timestamp>,
    /// Whether it isn't held for it yet, and tick's next look holds it.
    pub will_hold: bool,
    /// What was counted in the window.
    #[serde(flatten)]
    pub counts: ReputationCounts,
    /// By which rates it goes.
    #[serde(skip)]
    pub policy: ReputationPolicy,
}

/// A run's entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusRun {
    /// The run concerned.
    pub run: RunId,
    /// How many stand where.
    pub places: BTreeMap<TallyKey, u64>,
}

impl StatusRun {
    /// All of the tally's runs.
    #[must_use]
    pub fn all(tally: &Tally) -> Vec<Self> {
        let mut runs: BTreeMap<RunId, BTreeMap<TallyKey, u64>> = BTreeMap::new();
        for ((run, place), entries) in &tally.0 {
            runs.entry(*run).or_default().insert(*place, *entries);
        }
        runs.into_iter().map(|(run, places)| Self { run, places }).collect()
    }
}

impl Status {
    /// What to do next: queue again what was given up, and resume what people hold and what would expire.
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        let failed = self.runs.iter().flat_map(|run| {
            run.places.keys().filter_map(|place| match place {
                TallyKey::Failed(stage) => Some(Advice::Redrive { stage: *stage, run: run.run }),
                _ => None,
            })
        });
        let expiring = self.stages.iter().filter(|stage| stage.expires_soon && stage.held.is_some());
        let resume = expiring.flat_map(|stage| stage.held.iter().flat_map(|held| held.advice(stage.stage)));
        failed.chain(resume).collect()
    }
}

impl App {
    /// Where everything stands. Counts all entries, which costs some thousand read units for 600,000 customers.
    ///
    /// # Errors
    /// When something of it can't be read.
    pub async fn status(&self) -> Result<Status, ReadError> {
        let (tally, roster) = self.count().await?;
        let (reputation, stages, queues, lanes) =
            futures::try_join!(self.reputation(), self.overviews(), self.depths(), self.stage_lanes())?;
        Ok(Status { roster, runs: StatusRun::all(&tally), reputation, stages, queues, lanes })
    }

    /// How recipients take the mails.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn reputation(&self) -> Result<ReputationReport, ReadError> {
        let breaker = self.reputation_breaker();
        let look = breaker.look().await?;
        let (will_hold, ReputationLook { counts, standing, held_since, .. }) = (look.will_hold(), look);
        Ok(ReputationReport { standing, held_since, will_hold, counts, policy: breaker.policy })
    }

    pub(crate) fn reputation_breaker(&self) -> ReputationBreaker<'_> {
        ReputationBreaker {
            log: &*self.ports.feedback,
            campaigns: &*self.ports.campaigns,
            controls: &*self.ports.controls,
            clock: self.clock(),
            policy: ReputationPolicy::default(),
        }
    }

    /// All entries by where they stand, and all customers by standing.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn count(&self) -> Result<(Tally, RosterCount), ReadError> {
        let now = self.clock().now();
        Ok(futures::try_join!(self.ports.reports.tally(now), self.ports.reports.roster())?)
    }

    /// How the stages are doing.
    ///
    /// # Errors
    /// When the ledger or a stage can't be looked at.
    pub async fn overviews(&self) -> Result<Vec<StageOverview>, ReadError> {
        try_join_all(self.ports.stages.deployed().iter().map(|stage| self.overview(stage))).await
    }

    async fn overview(&self, stage: StageName) -> Result<StageOverview, ReadError> {
        let overview = Overview {
            stages: &*self.ports.stages,
            controls: &*self.ports.controls,
            outcomes: &*self.ports.outcomes,
            ledger: &*self.ports.ledger,
            open: &*self.ports.open,
            clock: self.clock(),
            retention: self.ports.gauges.retention(stage).await?,
        };
        Ok(overview.of(stage).await?)
    }

    /// How full the queues are.
    ///
    /// # Errors
    /// When a queue can't be asked.
    pub async fn depths(&self) -> Result<Vec<Depth>, ReadError> {
        Ok(self.ports.gauges.depths().await?)
    }

    /// How many calls the providers can see at once.
    ///
    /// # Errors
    /// When they can't be asked for.
    pub async fn stage_lanes(&self) -> Result<Vec<StageLanes>, ReadError> {
        Ok(try_join_all(self.ports.stages.deployed().iter().map(|stage| self.ports.gauges.lanes(stage))).await?)
    }
}
