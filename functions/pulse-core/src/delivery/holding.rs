//! Pausing endpoints and resuming them: a write of the control row, which everyone reads who works on word.

use jiff::Timestamp;

use super::{EndpointControl, EndpointName};
use crate::{
    control::{Breaker, Pause},
    ports::{EndpointControls, LedgerError},
};

/// How often a write is tried that others get ahead of.
const TRIES: usize = 5;

/// Why an endpoint isn't paused or resumed. Nothing is written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldingError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Others keep changing the row.
    #[error("endpoint {0}'s control row is being changed by others: try again")]
    Contended(EndpointName),
}

/// Holds an endpoint's word back. The pause takes the place of another. Gives the row as it was before.
///
/// # Errors
/// As [`HoldingError`] says.
pub async fn pause_endpoint(
    controls: &dyn EndpointControls,
    name: &EndpointName,
    pause: &Pause,
) -> Result<EndpointControl, HoldingError> {
    change(controls, name, |control| control.pause = Some(pause.clone())).await
}

/// Lets an endpoint's word flow, whatever held it: one that was out of order is judged anew by what happens from `now` on. Gives
/// the row as it was before.
///
/// # Errors
/// As [`HoldingError`] says.
pub async fn resume_endpoint(
    controls: &dyn EndpointControls,
    name: &EndpointName,
    now: Timestamp,
) -> Result<EndpointControl, HoldingError> {
    change(controls, name, |control| {
        (control.pause, control.gone) = (None, None);
        if matches!(control.breaker, Breaker::Open(_)) {
            control.breaker = Breaker::Closed { since: Some(now) };
        }
    })
    .await
}

/// Changes the row, if that changes anything, and gives what was there before.
async fn change(
    controls: &dyn EndpointControls,
    name: &EndpointName,
    change: impl Fn(&mut EndpointControl),
) -> Result<EndpointControl, HoldingError> {
    for _ in 0..TRIES {
        let before = controls.endpoint_control(name).await?;
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(before);
        }
        after.version += 1;
        if controls.save_endpoint_control(name, &after).await? {
            return Ok(before);
        }
    }
    Err(HoldingError::Contended(name.clone()))
}
