use futures::future::join_all;

use super::{MappingReconciler, ReconcileError, Reconciled, Sweep, Swept};
use crate::{control::Breaker, entry::StageName};

/// A tick: keeps all stages, and then sweeps them.
#[derive(Clone, Copy)]
pub struct Round<'a> {
    /// Makes the mappings match what holds their stages.
    pub keep: MappingReconciler<'a>,
    /// Looks after what fell off.
    pub sweep: Sweep<'a>,
}

/// What a tick did for a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRound {
    /// The stage concerned.
    pub stage: StageName,
    /// How it was kept.
    pub kept: Result<Reconciled, ReconcileError>,
    /// How it was swept.
    pub swept: Swept,
}

impl Round<'_> {
    /// Does it for all stages. What can't be done now is done by the next tick.
    pub async fn run(&self) -> Vec<StageRound> {
        join_all(StageName::ALL.iter().map(|stage| self.stage(*stage))).await
    }

    async fn stage(&self, stage: StageName) -> StageRound {
        let kept = Box::pin(self.keep.stage(stage)).await;
        if let Err(error) = &kept {
            tracing::warn!(%stage, %error, "not kept");
        }
        let swept = match &kept {
            Ok(kept) if wants_messages(kept) => self.sweep.requeue_probes(stage, self.keep.policy.probes).await,
            _ => Box::pin(self.sweep.stage(stage)).await.swept,
        };
        StageRound { stage, kept, swept }
    }
}

/// Whether a provider was to be tried, and no message was there to try it with.
fn wants_messages(kept: &Reconciled) -> bool {
    let is_open = matches!(kept.control.breaker, Breaker::Open(_));
    is_open && kept.sight.waiting == 0 && kept.probed.is_some_and(|probed| probed.messages == 0)
}
