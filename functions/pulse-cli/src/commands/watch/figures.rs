use jiff::{SignedDuration, Timestamp};
use pulse_aws::{
    clock::SystemClock,
    stack::{Depth, Lanes, Stack, depths, overview},
};
use pulse_core::{
    control::MinuteOutcomes,
    entry::StageName,
    overview::StageOverview,
    ports::{Clock as _, LedgerReports as _, OutcomeLog as _, RosterCount, Tally},
};

/// How far back the answers are shown.
pub(super) const MINUTES: usize = 60;

/// What is read every few seconds.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    /// How the stages are doing.
    pub stages: [StageOverview; 2],
    /// What came of their calls, minute by minute, for the last hour.
    pub minutes: [Vec<MinuteOutcomes>; 2],
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
    pub(super) async fn read(stack: &Stack) -> anyhow::Result<Self> {
        let ledger = stack.ledger()?;
        let hour = SignedDuration::from_mins(i64::try_from(MINUTES)?);
        let from = SystemClock.now().saturating_sub(hour).unwrap_or(Timestamp::MIN);
        let minutes = async |stage| Ok(ledger.minutes(stage, from).await?);
        let (stages, queues, score, email) =
            tokio::try_join!(overview(stack), depths(stack), minutes(StageName::Score), minutes(StageName::Email))?;
        Ok(Self { stages, minutes: [score, email], queues })
    }
}

impl Entries {
    /// Counts them.
    pub(super) async fn count(stack: &Stack) -> anyhow::Result<Self> {
        let ledger = stack.ledger()?;
        let (tally, roster) = tokio::try_join!(ledger.tally(SystemClock.now()), ledger.roster())?;
        Ok(Self { tally, roster })
    }
}

/// Reads both stages' lanes.
pub(super) async fn lanes(stack: &Stack) -> anyhow::Result<[Lanes; 2]> {
    let (score, email) = tokio::try_join!(Lanes::of(stack, StageName::Score), Lanes::of(stack, StageName::Email))?;
    Ok([score, email])
}
