use pulse_core::{
    advice::Advice,
    control::Note,
    entry::EntryId,
    orders::OrderAction,
    replay::{Prospect, ReplayError, ReplayOne, Requeued},
};
use serde::Serialize;

use crate::{App, SettingsError};

/// What is to be done for an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayOrder {
    /// Nothing: it is only told what would be done.
    Preview,
    /// A message is queued for it.
    Again,
    /// The same also before it is due, or a further mail of the month. The note is kept.
    ByForce(Note),
}

/// What would be done for an entry, and what was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// What would be done if its message came now.
    #[serde(flatten)]
    pub prospect: Prospect,
    /// What was done, if anything.
    #[serde(flatten)]
    pub requeued: Option<Requeued>,
}

impl Replayed {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        let EntryId { customer, run, .. } = self.prospect.entry.clone();
        match self.requeued {
            Some(Requeued::Repeated { run }) => Some(Advice::Why { customer, run }),
            Some(Requeued::Queued { .. }) => None,
            // A campaign sends its entries' messages itself.
            None if self.prospect.preview.is_nothing() || run.is_campaign() => None,
            None => Some(Advice::ReplayAgain { customer, run }),
        }
    }
}

/// Why an entry isn't replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayFailed {
    /// It isn't to be, or can't be.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// It can't be read what the functions go by.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl ReplayFailed {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Replay(error) => error.advice(),
            Self::Settings(_) => None,
        }
    }
}

impl App {
    /// Tells what would be done for an entry now, and has it done if that is ordered.
    ///
    /// # Errors
    /// As [`ReplayFailed`] says. Doing it again is safe.
    pub async fn replay(&self, id: &EntryId, order: &ReplayOrder) -> Result<Replayed, ReplayFailed> {
        let replayed = self.replay_now(id, order).await;
        let (by_force, note) = match order {
            ReplayOrder::Preview => return replayed,
            ReplayOrder::Again => (false, None),
            ReplayOrder::ByForce(note) => (true, Some(note)),
        };
        let EntryId { customer, run, item } = id.clone();
        self.leave_order(OrderAction::Replay { customer, run, item, by_force }, note, &replayed).await;
        replayed
    }

    async fn replay_now(&self, id: &EntryId, order: &ReplayOrder) -> Result<Replayed, ReplayFailed> {
        let replay = ReplayOne {
            ledger: &*self.ports.ledger,
            controls: &*self.ports.controls,
            stages: &*self.ports.stages,
            queues: &self.ports.queues,
            clock: self.clock(),
            rules: self.settings.rules().await?,
        };
        let prospect = replay.preview(id).await?;
        let requeued = match order {
            ReplayOrder::Preview => None,
            ReplayOrder::Again => Some(replay.again(id, None).await?),
            ReplayOrder::ByForce(note) => Some(replay.again(id, Some(note)).await?),
        };
        Ok(Replayed { prospect, requeued })
    }
}
