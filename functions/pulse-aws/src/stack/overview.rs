use crate::clock::SystemClock;
use anyhow::Result;
use futures::future::try_join_all;
use pulse_core::{
    entry::StageName,
    overview::{Overview, StageOverview},
};

use super::{Stack, retention};

/// How the stages are doing.
///
/// # Errors
/// When the stack lacks an output, or can't be looked at.
pub async fn overview(stack: &Stack) -> Result<Vec<StageOverview>> {
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
    try_join_all(StageName::ALL.iter().map(|stage| of(*stage))).await
}
