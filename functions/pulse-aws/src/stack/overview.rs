use crate::clock::SystemClock;
use anyhow::Result;
use pulse_core::{
    entry::StageName,
    overview::{Overview, StageOverview},
};

use super::{Stack, retention};

/// How both stages are doing.
///
/// # Errors
/// When the stack lacks an output, or can't be looked at.
pub async fn overview(stack: &Stack) -> Result<[StageOverview; 2]> {
    let (ledger, stages) = (stack.ledger()?, stack.stages()?);
    let of = async |stage| {
        let overview = Overview {
            stages: &stages,
            controls: &ledger,
            outcomes: &ledger,
            ledger: &ledger,
            open: &ledger,
            clock: &SystemClock,
            retention: retention(stack, stage).await?,
        };
        Ok::<_, anyhow::Error>(overview.of(stage).await?)
    };
    let (score, email) = tokio::try_join!(of(StageName::Score), of(StageName::Email))?;
    Ok([score, email])
}
