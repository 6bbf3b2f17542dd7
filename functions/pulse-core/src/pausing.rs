//! Pausing stages and resuming them.

use jiff::Timestamp;

use crate::{
    advice::Advice,
    control::{Actor, Breaker, Cleared, Console, Control, LastSeen, Note, Pause},
    entry::StageName,
    ports::{Controls, LedgerError},
    tick::{MappingReconciler, ReconcileError, Reconciled},
};

/// How often a write is tried that others get ahead of.
const TRIES: usize = 5;

/// Why a stage couldn't be paused or resumed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PausingError {
    /// The ledger can't be used: nothing is written down.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Others keep changing the row: nothing is written down.
    #[error("the {0} stage's control row is being changed by others: try again")]
    Contended(StageName),
    /// It is held because recipients take its mails badly: nothing is written down.
    #[error("the {0} stage is held because recipients take its mails badly, which only a note ends")]
    NoteNeeded(StageName),
    /// It is written down, but the stage couldn't be switched.
    #[error("it is written down, and tick will do it within a minute, but now {0}")]
    Switch(#[from] ReconcileError),
}

impl PausingError {
    /// Whether what was asked for is written down all the same, so that it is done without being asked for again.
    #[must_use]
    pub fn is_written_down(&self) -> bool {
        matches!(self, Self::Switch(_))
    }
}

/// What came of a resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed {
    /// The stage flows, or is about to.
    Flows,
    /// Nothing held it.
    Already,
    /// The function's reserved concurrency is 0, which only raising it ends.
    ReservedZero,
    /// Something holds it again: its provider is still out of order, or someone has paused it meanwhile.
    HeldAgain,
}

impl Resumed {
    /// What came of a resume after which the stage is found like this, unless nothing holds it.
    #[must_use]
    pub fn still_held(found: &Reconciled, now: Timestamp) -> Option<Self> {
        if found.status.reserved == Some(0) {
            return Some(Self::ReservedZero);
        }
        found.control.hold(now).map(|_| Self::HeldAgain)
    }

    /// Whether the stage flows, or is about to.
    #[must_use]
    pub fn flows(self) -> bool {
        matches!(self, Self::Flows | Self::Already)
    }

    /// What to do next, if it doesn't.
    #[must_use]
    pub fn advice(self, stage: StageName) -> Option<Advice> {
        match self {
            Self::Flows | Self::Already => None,
            Self::ReservedZero => Some(Advice::RaiseConcurrency { stage }),
            Self::HeldAgain => Some(Advice::LookAtStages),
        }
    }
}

/// Pauses stages and resumes them. What is asked for is written on the control row, and then the [reconciler](MappingReconciler)
/// is run at once, which switches the mapping: [`tick`](crate::tick) runs the same every minute, and so does
/// what was asked for if this dies between the two. Nothing of this needs tick to be alive.
#[derive(Clone, Copy)]
pub struct Pausing<'a> {
    /// What makes the mapping match the row.
    pub reconciler: MappingReconciler<'a>,
}

impl Pausing<'_> {
    /// Pauses a stage. A second pause takes the place of the first.
    ///
    /// # Errors
    /// As [`PausingError`] says.
    pub async fn pause(&self, stage: StageName, pause: &Pause) -> Result<Reconciled, PausingError> {
        write_pause(self.reconciler.controls, stage, pause).await?;
        self.hold(stage).await
    }

    /// Makes a stage's mapping match its control row, on which a pause is [written](write_pause). Where the stage can't
    /// be looked at, its mapping is switched off all the same: a pause hangs on nothing that is read to judge by.
    ///
    /// # Errors
    /// As [`Pausing::reconcile`].
    pub async fn hold(&self, stage: StageName) -> Result<Reconciled, PausingError> {
        let reconciled = self.reconcile(stage).await;
        // Where others keep changing the row, they switch the stage by what it says then.
        let couldnt_judge = |error: &ReconcileError| !matches!(error, ReconcileError::Contended(_));
        if matches!(&reconciled, Err(PausingError::Switch(error)) if couldnt_judge(error)) {
            // The error tells of what came before, and of what tick does within a minute.
            let _ = self.reconciler.stages.set_enabled(stage, false).await;
        }
        reconciled
    }

    /// Resumes a stage, whatever held it: a provider that was taken to be out of order gets its calls
    /// again, and is judged anew. A hold for bad reputation takes a note of who ends it.
    ///
    /// # Errors
    /// As [`PausingError`] says.
    pub async fn resume(&self, stage: StageName, ending: Option<(&Actor, &Note)>) -> Result<Resumed, PausingError> {
        let now = self.reconciler.clock.now();
        if ending.is_none() && self.reconciler.controls.control(stage).await?.reputation.is_some() {
            return Err(PausingError::NoteNeeded(stage));
        }
        // Who can't be looked at is taken to be as the row says.
        let is_raised = self.reconciler.stages.status(stage).await.is_ok_and(|status| status.reserved != Some(0));
        let before = change(self.reconciler.controls, stage, |control| {
            // One that was written down meanwhile takes its note, too.
            if let Some((by, note)) = ending
                && control.reputation.take().is_some()
            {
                control.cleared = Some(Cleared { at: now, by: by.clone(), note: note.clone() });
            }
            resumed(control, is_raised, now);
        })
        .await?;
        let reconciled = self.reconcile(stage).await?;
        let flows = if before.hold(now).is_some() { Resumed::Flows } else { Resumed::Already };
        Ok(Resumed::still_held(&reconciled, self.reconciler.clock.now()).unwrap_or(flows))
    }

    /// Makes a stage's mapping match its control row, now.
    ///
    /// # Errors
    /// [`PausingError::Switch`] when it can't be done now: the next tick does it.
    pub async fn reconcile(&self, stage: StageName) -> Result<Reconciled, PausingError> {
        let mut tries = 1;
        loop {
            match self.reconciler.stage(stage).await {
                Err(ReconcileError::Contended(_)) if tries < TRIES => tries += 1,
                reconciled => return Ok(reconciled?),
            }
        }
    }
}

/// Writes a pause down, which needs nothing but the ledger. Whoever reconciles next switches the stage. Gives the row as it
/// was before: the pause takes the place of another, and none of any other hold's.
///
/// # Errors
/// When the ledger can't be used, or others keep changing the row.
pub async fn write_pause(controls: &dyn Controls, stage: StageName, pause: &Pause) -> Result<Control, PausingError> {
    change(controls, stage, |control| {
        control.pause = Some(pause.clone());
        control.mapping = LastSeen::Off;
    })
    .await
}

/// Ends a hold for bad reputation before tick makes it: what was counted until then counts no more.
///
/// # Errors
/// When the ledger can't be used, or others keep changing the row.
pub async fn clear_ahead(controls: &dyn Controls, stage: StageName, cleared: &Cleared) -> Result<(), PausingError> {
    change(controls, stage, |control| control.cleared = Some(cleared.clone())).await.map(drop)
}

/// Changes the row, and gives what was there before.
async fn change(
    controls: &dyn Controls,
    stage: StageName,
    change: impl Fn(&mut Control),
) -> Result<Control, PausingError> {
    for _ in 0..TRIES {
        let before = controls.control(stage).await?;
        let mut after = before.clone();
        change(&mut after);
        after.version += 1;
        if controls.save(stage, &after).await? {
            return Ok(before);
        }
    }
    Err(PausingError::Contended(stage))
}

fn resumed(control: &mut Control, is_raised: bool, now: Timestamp) {
    control.pause = None;
    // A reserved concurrency of 0 goes on holding the stage. Once it was raised, it would be taken for a pause that a
    // deployment undid, if there was one lately.
    control.console = control.console.filter(|console| console.how == Console::ReservedZero && !is_raised);
    if matches!(control.breaker, Breaker::Open(_)) {
        control.breaker = Breaker::Closed { since: Some(now) };
    }
    // Else a mapping that is off still would look as if someone had turned it off again.
    control.mapping = LastSeen::Off;
}
