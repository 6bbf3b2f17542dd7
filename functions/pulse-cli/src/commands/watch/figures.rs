use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use pulse_app::App;
use pulse_core::{
    control::MinuteOutcomes,
    entry::StageName,
    overview::StageOverview,
    ports::{Depth, RosterCount, StageLanes, Tally},
};

use super::{
    state::State,
    update::{SideEffect, Topic},
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
        let minutes = StageName::ALL.iter().map(async |stage| Ok(app.ports.outcomes.minutes(*stage, from).await?));
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

/// Everything is to be read now that isn't being read.
pub(super) fn read_all(state: &mut State) -> Vec<SideEffect> {
    [Topic::Figures, Topic::Lanes, Topic::Entries].into_iter().filter_map(|topic| read(state, topic)).collect()
}

/// What has been waited for long enough.
pub(super) fn due(state: &mut State) -> Vec<SideEffect> {
    let now = state.now;
    let due = [
        (state.figures.is_due(now), Topic::Figures),
        (state.lanes.is_due(now), Topic::Lanes),
        (state.entries.is_due(now), Topic::Entries),
    ];
    due.into_iter().filter(|(is_due, _)| *is_due).filter_map(|(_, topic)| read(state, topic)).collect()
}

/// This is to be read now, unless it is being read.
pub(super) fn read(state: &mut State, topic: Topic) -> Option<SideEffect> {
    let now = state.now;
    let is_awaited = match topic {
        Topic::Figures => state.figures.begin(now),
        Topic::Lanes => state.lanes.begin(now),
        Topic::Entries => state.entries.begin(now),
    };
    (!is_awaited).then_some(SideEffect::Read(topic))
}
