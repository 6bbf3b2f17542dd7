use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use pulse_app::App;
use pulse_core::{
    control::MinuteOutcomes,
    overview::StageOverview,
    ports::{Depth, RosterCount, StageLanes, Tally},
};

/// How far back the answers are shown.
pub(super) const MINUTES: usize = 60;

/// What is read every few seconds.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    /// How the stages are doing.
    pub stages: Vec<StageOverview>,
    /// What came of their calls, minute by minute, for the last hour.
    pub minutes: Vec<Vec<MinuteOutcomes>>,
    /// How full the queues are.
    pub queues: Vec<Depth>,
}

/// What is counted seldom.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    /// Entries by run and place.
    pub tally: Tally,
    /// Customers by standing.
    pub roster: RosterCount,
}

impl Figures {
    /// Reads them.
    pub(super) async fn read(app: &App) -> anyhow::Result<Self> {
        let hour = SignedDuration::from_mins(i64::try_from(MINUTES)?);
        let from = app.clock().now().saturating_sub(hour).unwrap_or(Timestamp::MIN);
        let deployed = app.ports.stages.deployed();
        let minutes = deployed.iter().map(async |stage| Ok(app.ports.outcomes.minutes(stage, from).await?));
        let (stages, queues, minutes) = tokio::try_join!(app.overviews(), app.depths(), try_join_all(minutes))?;
        Ok(Self { stages, minutes, queues })
    }
}

impl Entries {
    /// Counts them.
    pub(super) async fn count(app: &App) -> anyhow::Result<Self> {
        let (tally, roster) = app.count().await?;
        Ok(Self { tally, roster })
    }
}

/// Reads all stages' lanes.
pub(super) async fn lanes(app: &App) -> anyhow::Result<Vec<StageLanes>> {
    Ok(app.stage_lanes().await?)
}
