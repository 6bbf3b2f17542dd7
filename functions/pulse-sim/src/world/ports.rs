use std::sync::Arc;

use pulse_core::ports::{
    Clock, Ledger, LedgerListing, Mailer, OpenEntries, Renderer, Schedules, Scorer, StageMemory, StageQueue, Stages,
};

/// All ports, as one invocation sees them.
#[derive(Clone)]
pub struct Ports {
    /// Profiles and entries.
    pub ledger: Arc<dyn Ledger>,
    /// Entries by what they wait for.
    pub open: Arc<dyn OpenEntries>,
    /// The ledger as lists.
    pub listing: Arc<dyn LedgerListing>,
    /// The score stage's queue.
    pub score_queue: Arc<dyn StageQueue>,
    /// The email stage's queue.
    pub email_queue: Arc<dyn StageQueue>,
    /// The scoring provider.
    pub scorer: Arc<dyn Scorer>,
    /// The email provider.
    pub mailer: Arc<dyn Mailer>,
    /// Writes the mails.
    pub renderer: Arc<dyn Renderer>,
    /// The scheduler.
    pub schedules: Arc<dyn Schedules>,
    /// The stages from outside.
    pub stages: Arc<dyn Stages>,
    /// What is remembered of them.
    pub memory: Arc<dyn StageMemory>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}
