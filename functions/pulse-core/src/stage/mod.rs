//! The stages: what is decided for an entry, the runner of a step, and the worker that drives a batch of messages
//! through one. The table of them is in `stage_spec`.

mod call;
mod decision;
mod deliver;
mod eligibility;
mod email;
mod lane;
mod lines;
mod meter;
mod preview;
mod provider_watch;
mod row;
mod rules;
mod runner;
mod score;
mod step;
mod verdict;
mod worker;
mod worker_chores;

pub use crate::stage_spec::{Effect, Moves, NoSuchStage, PerStage, StageName, StageSet, StageSpec};
pub use call::CallStep;
pub(crate) use decision::has_work;
pub use decision::{CampaignFacts, CapFact, Decision, Facts, Resolution, Standing};
pub use deliver::{DeliverStep, Errand, Prospect};
pub(crate) use eligibility::mailable;
pub(crate) use eligibility::next_entry;
pub use email::{EmailPolicy, EmailRules, EmailStep};
pub use lane::Lane;
pub use lines::Lines;
pub use meter::{Meter, MeterReading, MeteredMailer, MeteredPartner, MeteredScorer};
pub use preview::Preview;
pub use provider_watch::{ProviderWatch, Watch};
pub use row::{Entries, Row, Rows, Written};
pub use rules::Rules;
pub use runner::StageRunner;
pub use score::ScoreStep;
pub use step::{CallError, ChangeOf, Claim, RowOf, Step, Work};
pub use verdict::{Verdict, Wait};
pub use worker::{
    BESIDE_THE_LANES, CLOSING_TIME, HOLD_GRACE, LEASE_GRACE, RawMessage, Stage, Task, Worked, Worker, WorkerSettings,
};
