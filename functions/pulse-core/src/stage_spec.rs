//! The table of stages.

use std::time::Duration;

use enum_map::{Enum, EnumMap};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A stage of the work on a row: a queue, a function that takes from it, and a provider that is called.
///
/// The enum is closed, so the compiler names every place that a new stage has to be thought of.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Enum,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum StageName {
    /// Ask the scoring provider.
    Score,
    /// Send the mail.
    Email,
    /// Tell another system of a fact.
    Deliver,
}

/// One value for each stage.
pub type PerStage<T> = EnumMap<StageName, T>;

/// What may come of calling a stage's provider twice for one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The same as of calling it once: a call whose answer is lost is made again.
    Idempotent,
    /// A second effect, such as a second mail: after a call whose answer is lost, the provider is asked, and
    /// nothing is called blindly.
    AtMostOnce,
}

/// What a stage moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moves {
    /// Customers' entries: a plan may have it.
    Entries,
    /// Word of facts, for endpoints. Each of them has a breaker, a pause and lanes of its own.
    Deliveries,
}

/// A row of the table of stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageSpec {
    /// What it moves.
    pub moves: Moves,
    /// What may come of a call that is made twice.
    pub effect: Effect,
    /// The longest that one call to the provider may take. A function's configuration may say otherwise.
    pub call_timeout: Duration,
    /// The queue's `maxReceiveCount`: on this receive a failing message is given up.
    pub max_receives: u32,
    /// The ledger's word for an entry that waits for the stage.
    pub waiting: &'static str,
    /// The ledger's word for an entry that a worker of the stage has claimed.
    pub claimed: &'static str,
    /// What the stage does, as in "scoring was given up".
    pub activity: &'static str,
    /// What the names of its resources in the template begin with.
    pub title: &'static str,
    /// What its environment variables and its index keys begin with.
    pub prefix: &'static str,
}

const SCORE: StageSpec = StageSpec {
    moves: Moves::Entries,
    effect: Effect::Idempotent,
    call_timeout: Duration::from_secs(20),
    max_receives: 5,
    waiting: "scheduled",
    claimed: "scoring",
    activity: "scoring",
    title: "Score",
    prefix: "SCORE",
};

const EMAIL: StageSpec = StageSpec {
    moves: Moves::Entries,
    effect: Effect::AtMostOnce,
    call_timeout: Duration::from_secs(20),
    max_receives: 5,
    waiting: "scored",
    claimed: "sending",
    activity: "mailing",
    title: "Email",
    prefix: "EMAIL",
};

const DELIVER: StageSpec = StageSpec {
    moves: Moves::Deliveries,
    effect: Effect::Idempotent,
    call_timeout: Duration::from_secs(20),
    max_receives: 5,
    waiting: "to-deliver",
    claimed: "delivering",
    activity: "delivery",
    title: "Deliver",
    prefix: "DELIVER",
};

impl StageName {
    /// The stage that gives an entry its score.
    pub const SCORED_BY: Self = Self::Score;

    /// All stages.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Those that move entries.
    pub const OF_ENTRIES: [Self; 2] = [Self::Score, Self::Email];

    /// The stage's row in the table.
    #[must_use]
    pub const fn spec(self) -> &'static StageSpec {
        match self {
            Self::Score => &SCORE,
            Self::Email => &EMAIL,
            Self::Deliver => &DELIVER,
        }
    }

    /// The stage that an operator means by a key: its word's first letter.
    #[must_use]
    pub fn of_key(key: char) -> Option<Self> {
        Self::ALL.iter().copied().find(|stage| stage.as_str().starts_with(key))
    }

    /// The word for it, as in `pulse-score-queue`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
