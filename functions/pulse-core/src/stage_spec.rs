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
    /// Ask a campaign's partner to do something for a customer.
    Call,
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
    /// The environment variable that says so, in seconds.
    pub timeout_variable: &'static str,
    /// The queue's `maxReceiveCount`: on this receive a failing message is given up.
    pub max_receives: u32,
    /// Messages of a full batch. At the end of each, lanes have nothing to do until its last call has ended.
    pub batch: u32,
    /// For how long the function may run: for a full batch, with the fewest calls in flight that may be set.
    pub function_timeout: Duration,
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
    /// The parameter of the template without which a stack has no such stage; none for those that each stack has.
    pub given_by: Option<&'static str>,
}

/// A full batch of a stage of entries. The lanes of an invocation idle for some 0.7 of a call's time at its end, and so a batch of 240
/// on four of them can keep them busy for 98.9 % of the time, and one of 80 for 96.6 % (`cargo run --release -p pulse-sim --example
/// lanes`).
const BATCH_OF_ENTRIES: u32 = 240;

/// For how long its function may run.
const TIMEOUT_OF_ENTRIES: Duration = Duration::from_mins(5);

const SCORE: StageSpec = StageSpec {
    moves: Moves::Entries,
    effect: Effect::Idempotent,
    call_timeout: Duration::from_secs(20),
    timeout_variable: "SCORE_TIMEOUT_SECONDS",
    max_receives: 5,
    batch: BATCH_OF_ENTRIES,
    function_timeout: TIMEOUT_OF_ENTRIES,
    waiting: "scheduled",
    claimed: "scoring",
    activity: "scoring",
    title: "Score",
    prefix: "SCORE",
    given_by: None,
};

const EMAIL: StageSpec = StageSpec {
    moves: Moves::Entries,
    effect: Effect::AtMostOnce,
    call_timeout: Duration::from_secs(20),
    timeout_variable: "MAIL_TIMEOUT_SECONDS",
    max_receives: 5,
    batch: BATCH_OF_ENTRIES,
    function_timeout: TIMEOUT_OF_ENTRIES,
    waiting: "scored",
    claimed: "sending",
    activity: "mailing",
    title: "Email",
    prefix: "EMAIL",
    given_by: None,
};

const DELIVER: StageSpec = StageSpec {
    moves: Moves::Deliveries,
    effect: Effect::Idempotent,
    call_timeout: Duration::from_secs(20),
    timeout_variable: "DELIVER_TIMEOUT_SECONDS",
    max_receives: 5,
    batch: 80,
    function_timeout: Duration::from_mins(2),
    waiting: "to-deliver",
    claimed: "delivering",
    activity: "delivery",
    title: "Deliver",
    prefix: "DELIVER",
    given_by: None,
};

const CALL: StageSpec = StageSpec {
    moves: Moves::Entries,
    effect: Effect::Idempotent,
    call_timeout: Duration::from_secs(20),
    timeout_variable: "CALL_TIMEOUT_SECONDS",
    max_receives: 5,
    batch: BATCH_OF_ENTRIES,
    function_timeout: TIMEOUT_OF_ENTRIES,
    waiting: "to-call",
    claimed: "calling",
    activity: "calling",
    title: "Call",
    prefix: "CALL",
    given_by: Some("CallUrl"),
};

/// The stages that a stack has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageSet(PerStage<bool>);

impl StageSet {
    /// Those that each stack has.
    #[must_use]
    pub fn of_every_stack() -> Self {
        Self::of(|stage| stage.spec().given_by.is_none())
    }

    /// All that there are.
    #[must_use]
    pub fn full() -> Self {
        Self::of(|_| true)
    }

    /// Those of which this is so.
    #[must_use]
    pub fn of(has: impl FnMut(StageName) -> bool) -> Self {
        Self(PerStage::from_fn(has))
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn has(self, stage: StageName) -> bool {
        self.0[stage]
    }

    /// This one.
    ///
    /// # Errors
    /// When it isn't one of them.
    pub fn require(self, stage: StageName) -> Result<(), NoSuchStage> {
        if self.has(stage) { Ok(()) } else { Err(NoSuchStage { stage }) }
    }

    /// Each of them, in the order of the table.
    #[must_use]
    pub fn iter(self) -> impl DoubleEndedIterator<Item = StageName> + Clone {
        StageName::ALL.iter().copied().filter(move |stage| self.has(*stage))
    }

    /// Those of them that move entries, in the order in which a plan has them.
    pub fn of_entries(self) -> impl Iterator<Item = StageName> {
        StageName::OF_ENTRIES.into_iter().filter(move |stage| self.has(*stage))
    }
}

/// A stage that a stack hasn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this stack has no {stage} stage: deploy it with the parameter {}, and try again", .stage.spec().given_by.unwrap_or("of the stage"))]
pub struct NoSuchStage {
    /// As commands name it.
    pub stage: StageName,
}

impl StageName {
    /// The stage that gives an entry its score.
    pub const SCORED_BY: Self = Self::Score;

    /// All stages.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Those that move entries, in the order in which a plan has them.
    pub const OF_ENTRIES: [Self; 3] = [Self::Score, Self::Call, Self::Email];

    /// The stage's row in the table.
    #[must_use]
    pub const fn spec(self) -> &'static StageSpec {
        match self {
            Self::Score => &SCORE,
            Self::Email => &EMAIL,
            Self::Deliver => &DELIVER,
            Self::Call => &CALL,
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
