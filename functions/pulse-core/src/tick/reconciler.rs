use jiff::Timestamp;

use crate::{
    control::{Breaker, BreakerPolicy, Console, ConsolePause, Control, LastSeen, Outcomes},
    entry::StageName,
    ports::{Clock, Controls, LedgerError, OutcomeLog, Probed, StageError, StageStatus, Stages, Switch},
};

/// Makes each stage's mapping match its control row: pauses that were asked for, those that were made
/// in the AWS console, and the breaker of a provider that is out of order.
///
/// It goes by how things are, not by what happened: a signal that was lost is made up for by the next
/// tick.
#[derive(Clone, Copy)]
pub struct MappingReconciler<'a> {
    /// The stages.
    pub stages: &'a dyn Stages,
    /// Their control rows.
    pub controls: &'a dyn Controls,
    /// What came of the calls to their providers.
    pub outcomes: &'a dyn OutcomeLog,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// When a provider is taken to be out of order.
    pub policy: BreakerPolicy,
}

/// How a stage was found, and what was made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// Its control row now.
    pub control: Control,
    /// How it was found.
    pub status: StageStatus,
    /// Which way it was turned, if it was.
    pub turned: Option<bool>,
    /// What was tried with a provider that is out of order, if anything.
    pub probed: Option<Probed>,
}

/// Why a stage couldn't be reconciled. The next tick tries again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReconcileError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The stage can't be looked at or switched.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Someone else changed the row meanwhile.
    #[error("the {0} stage's control row was changed meanwhile")]
    Contended(StageName),
}

impl MappingReconciler<'_> {
    /// Makes a stage's mapping match its control row.
    ///
    /// # Errors
    /// As [`ReconcileError`] says.
    pub async fn stage(&self, stage: StageName) -> Result<Reconciled, ReconcileError> {
        // The row first: what is seen of the mapping is then no older than what is known of it, and a
        // pause that is written in between is found by its version.
        let before = self.controls.control(stage).await?;
        let status = self.stages.status(stage).await?;
        let now = self.clock.now();
        let mut control = before.clone();
        let _ = control.pause.take_if(|pause| pause.until.is_some_and(|until| until <= now));
        self.adopt_manual_change(&mut control, &status, now).await?;
        let probed = self.judge_provider(stage, &mut control, &status, now).await?;
        let on = control.hold(now).is_none();
        if !on {
            control.mapping = LastSeen::Off;
        } else if status.mapping == Switch::On {
            control.mapping = LastSeen::On;
        }
        self.save(stage, &before, &mut control).await?;
        // A mapping that is changing takes no other change: the next tick sees what has become of it.
        let is_settled = matches!(status.mapping, Switch::On | Switch::Off);
        let turned = (is_settled && on != status.mapping.is_on()).then_some(on);
        if let Some(on) = turned {
            // Busy is as good: the next tick finds it.
            self.stages.set_enabled(stage, on).await?;
            tracing::warn!(%stage, on, "the mapping is turned");
        }
        Ok(Reconciled { control, status, turned, probed })
    }

    async fn save(&self, stage: StageName, before: &Control, after: &mut Control) -> Result<(), ReconcileError> {
        if before == after {
            return Ok(());
        }
        after.version += 1;
        if self.controls.save(stage, after).await? { Ok(()) } else { Err(ReconcileError::Contended(stage)) }
    }

    /// What people did past Pulse: reserved concurrency of 0, a mapping that is off though nobody here
    /// turned it off, and either undone.
    async fn adopt_manual_change(
        &self,
        control: &mut Control,
        status: &StageStatus,
        now: Timestamp,
    ) -> Result<(), StageError> {
        let is_zero = status.reserved == Some(0);
        let turned_off = !status.mapping.is_on() && control.mapping != LastSeen::Off;
        let undone = match control.console.map(|console| console.how) {
            Some(Console::ReservedZero) => !is_zero,
            // One that is being changed may go back to what it was.
            Some(Console::MappingDisabled) => status.mapping == Switch::On,
            Some(Console::KeptAfterDeployment) | None => false,
        };
        if undone {
            // A deployment does the same, and means nothing by it.
            let kept = self.stages.is_being_deployed().await?;
            control.console = control
                .console
                .filter(|_| kept)
                .map(|ConsolePause { since, .. }| ConsolePause { how: Console::KeptAfterDeployment, since });
        }
        let seen = if is_zero {
            Some(Console::ReservedZero)
        } else {
            (turned_off && control.hold(now).is_none()).then_some(Console::MappingDisabled)
        };
        if let Some(how) = seen {
            let since = control.console.map_or(now, |before| before.since);
            control.console = Some(ConsolePause { how, since });
        }
        Ok(())
    }

    async fn judge_provider(
        &self,
        stage: StageName,
        control: &mut Control,
        status: &StageStatus,
        now: Timestamp,
    ) -> Result<Option<Probed>, ReconcileError> {
        match &control.breaker {
            Breaker::Closed { since } => {
                let minutes = self.outcomes.minutes(stage, self.policy.window_start(now)).await?;
                if let Some(judged) = self.policy.judge(&minutes, *since, now) {
                    let Outcomes { calls, failures, .. } = judged;
                    tracing::error!(%stage, calls, failures, "the provider is out of order: the stage is held");
                    control.breaker = Breaker::Open(self.policy.open(&judged, now));
                }
                Ok(None)
            }
            // Nobody is to be called while people hold the stage, and a mapping that is still on would
            // hand over more than a few.
            Breaker::Open(open) if open.probe_at <= now && !control.is_paused(now) && status.mapping == Switch::Off => {
                let open = open.clone();
                let probed = self.stages.probe(stage, self.policy.probes).await?;
                control.breaker = self.after_probe(stage, &open, probed, now).await?;
                Ok(Some(probed))
            }
            Breaker::Open(_) => Ok(None),
        }
    }

    async fn after_probe(
        &self,
        stage: StageName,
        open: &crate::control::Open,
        probed: Probed,
        began: Timestamp,
    ) -> Result<Breaker, LedgerError> {
        let minutes = self.outcomes.minutes(stage, began).await?;
        let seen = Outcomes::sum(minutes.iter().map(|minute| &minute.outcomes));
        let now = self.clock.now();
        let answered = seen.succeeded_at.is_some_and(|at| at >= began);
        if probed.failed > 0 && !(answered && probed.failed * 2 <= probed.messages) {
            return Ok(Breaker::Open(self.policy.stay_open(open, &seen, now)));
        }
        if !answered {
            // Nothing was there to try it with, or nothing that needed a call.
            return Ok(Breaker::Open(open.clone()));
        }
        tracing::warn!(%stage, "the provider is well again: the stage flows");
        Ok(Breaker::Closed { since: Some(now) })
    }
}
