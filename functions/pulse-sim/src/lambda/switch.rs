//! Whether a mapping is on, which takes a while to change.

use std::{
    convert::Infallible,
    future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Waker,
    time::Duration,
};

use futures::task::AtomicWaker;
use jiff::Timestamp;

/// The states that a mapping goes through when it is turned off and on (AWS Lambda API Reference,
/// `EventSourceMappingConfiguration`: `State`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MappingState {
    /// It reads.
    Enabled,
    /// It was told to stop, and reads still.
    Disabling,
    /// It doesn't read. What it had gathered before is handed over nevertheless.
    Disabled,
    /// It was told to start, and doesn't read yet.
    Enabling,
    /// Its settings are being changed, and it reads by the old ones.
    Updating,
}

/// A mapping that is changing can't be changed (AWS Lambda API Reference, `UpdateEventSourceMapping`:
/// `ResourceInUseException`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappingBusy {
    /// Which way it is changing.
    pub state: MappingState,
}

/// The shortest and the longest that a change takes. AWS says only that it takes time.
pub(super) const CHANGE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(1));

#[derive(Debug)]
pub(super) struct Switch {
    state: MappingState,
    changed_at: Option<Timestamp>,
    /// Whether it is to be turned on as soon as it is off.
    then_on: bool,
}

impl Switch {
    pub(super) fn on() -> Self {
        Self { state: MappingState::Enabled, changed_at: None, then_on: false }
    }

    pub(super) fn state(&self) -> MappingState {
        self.state
    }

    pub(super) fn reads(&self) -> bool {
        matches!(self.state, MappingState::Enabled | MappingState::Disabling | MappingState::Updating)
    }

    /// When the change that is under way is done.
    pub(super) fn changed_at(&self) -> Option<Timestamp> {
        self.changed_at
    }

    pub(super) fn check_settled(&self) -> Result<(), MappingBusy> {
        if self.changed_at.is_some() { Err(MappingBusy { state: self.state }) } else { Ok(()) }
    }

    /// Starts to change, so that it is done at `done_at`. What is as it should be stays.
    pub(super) fn set_enabled(&mut self, on: bool, done_at: Timestamp) -> Result<(), MappingBusy> {
        self.check_settled()?;
        let state = match (self.state, on) {
            (MappingState::Enabled, false) => MappingState::Disabling,
            (MappingState::Disabled, true) => MappingState::Enabling,
            _ => return Ok(()),
        };
        (self.state, self.changed_at) = (state, Some(done_at));
        Ok(())
    }

    /// Starts to change the settings, so that it is done at `done_at`. One that doesn't read has nothing to change.
    pub(super) fn update(&mut self, done_at: Timestamp) -> Result<(), MappingBusy> {
        self.check_settled()?;
        if self.state == MappingState::Enabled {
            (self.state, self.changed_at) = (MappingState::Updating, Some(done_at));
        }
        Ok(())
    }

    /// Changes the settings and turns it on at last, waiting for a change that is under way, as a deployment does.
    pub(super) fn insist_on(&mut self, done_at: Timestamp) {
        let changes = match self.state {
            MappingState::Enabled => self.update(done_at),
            _ => self.set_enabled(true, done_at),
        };
        self.then_on = changes.is_err() && self.state == MappingState::Disabling;
    }

    /// Ends the change that is due. `next` says when a change that starts now would be done.
    pub(super) fn settle(&mut self, now: Timestamp, next: impl FnOnce() -> Timestamp) {
        if self.changed_at.is_none_or(|changed_at| changed_at > now) {
            return;
        }
        self.changed_at = None;
        self.state = match self.state {
            MappingState::Disabling | MappingState::Disabled => MappingState::Disabled,
            MappingState::Enabling | MappingState::Updating | MappingState::Enabled => MappingState::Enabled,
        };
        if std::mem::take(&mut self.then_on) {
            (self.state, self.changed_at) = (MappingState::Enabling, Some(next()));
        }
    }
}

/// Ends one invocation as if its process were killed. Clones share one switch.
///
/// Whoever stands between the code and the world (a layer of faults around its ports) can let it
/// strike at any await. An invocation that has ended doesn't mind.
#[derive(Debug, Clone, Default)]
pub struct KillSwitch(Arc<MailLookup>);

#[derive(Debug, Default)]
struct MailLookup {
    sealed: AtomicBool,
    invocation: AtomicWaker,
}

impl KillSwitch {
    /// Strikes at this await, which never ends: the invocation is [`Died`](super::InvokeError::Died) by
    /// the time that its code would go on, and all that the code holds is dropped.
    pub async fn strike(&self) -> Infallible {
        self.seal();
        future::pending().await
    }

    /// Strikes from outside of the invocation, at whichever await it is.
    pub fn seal(&self) {
        self.0.sealed.store(true, Relaxed);
        self.0.invocation.wake();
    }

    /// Whether it has struck.
    #[must_use]
    pub fn has_struck(&self) -> bool {
        self.0.sealed.load(Relaxed)
    }

    pub(super) fn watch(&self, invocation: &Waker) {
        self.0.invocation.register(invocation);
    }
}
