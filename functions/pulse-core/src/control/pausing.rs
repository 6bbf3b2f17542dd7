use jiff::Timestamp;

use super::{Breaker, Console, Control, LastSeen, Pause};
use crate::{
    entry::StageName,
    ports::{Clock, Controls, LedgerError, StageError, Stages},
};

/// How often a write is tried that others get ahead of.
const TRIES: usize = 5;

/// Why a stage couldn't be paused or resumed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PausingError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Others keep changing the row.
    #[error("the {0} stage's control row is being changed by others: try again")]
    Contended(StageName),
    /// It is written down, but the stage couldn't be switched.
    #[error("it is written down, and tick will do it within a minute, but now {0}")]
    Switch(#[from] StageError),
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
}

/// Pauses stages and resumes them. What is asked for is written down first, and then done: if this
/// dies between the two, [`tick`](crate::tick) does it.
#[derive(Clone, Copy)]
pub struct Pausing<'a> {
    /// The stages.
    pub stages: &'a dyn Stages,
    /// Their control rows.
    pub controls: &'a dyn Controls,
    /// The time.
    pub clock: &'a dyn Clock,
}

impl Pausing<'_> {
    /// Pauses a stage. A second pause takes the place of the first.
    ///
    /// # Errors
    /// As [`PausingError`] says.
    pub async fn pause(&self, stage: StageName, pause: &Pause) -> Result<(), PausingError> {
        self.change(stage, |control| {
            control.pause = Some(pause.clone());
            control.mapping = LastSeen::Off;
        })
        .await?;
        Ok(self.stages.turn(stage, false).await.map(drop)?)
    }

    /// Resumes a stage, whatever held it: a provider that was taken to be out of order gets its calls
    /// again, and is judged anew.
    ///
    /// # Errors
    /// As [`PausingError`] says.
    pub async fn resume(&self, stage: StageName) -> Result<Resumed, PausingError> {
        let now = self.clock.now();
        let is_zero = self.stages.look(stage).await?.reserved == Some(0);
        let before = self.change(stage, |control| resumed(control, now)).await?;
        if is_zero {
            return Ok(Resumed::ReservedZero);
        }
        self.stages.turn(stage, true).await?;
        Ok(if before.hold(now).is_some() { Resumed::Flows } else { Resumed::Already })
    }

    /// Changes the row, and gives what was there before.
    async fn change(&self, stage: StageName, change: impl Fn(&mut Control)) -> Result<Control, PausingError> {
        for _ in 0..TRIES {
            let before = self.controls.control(stage).await?;
            let mut after = before.clone();
            change(&mut after);
            after.version += 1;
            if self.controls.save(stage, &after).await? {
                return Ok(before);
            }
        }
        Err(PausingError::Contended(stage))
    }
}

fn resumed(control: &mut Control, now: Timestamp) {
    control.pause = None;
    control.console = control.console.filter(|console| console.how == Console::ReservedZero);
    if matches!(control.breaker, Breaker::Open(_)) {
        control.breaker = Breaker::Closed { since: Some(now) };
    }
    // Else a mapping that is off still would look as if someone had turned it off again.
    control.mapping = LastSeen::Off;
}
