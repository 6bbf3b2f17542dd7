//! Fault seeds: a month with everything that can go wrong in it, decided by one number.
//!
//! A seed makes a [`FaultPlan`]; [`run`] lives through it on the real stage code, and holds what came of it
//! against what must always hold; [`shrink`] finds the shortest plan that still breaks the promise.

mod campaigns;
mod check;
mod endpoints;
mod fault;
mod generate;
mod people;
mod plan;
mod run;
mod shrink;
mod turns;

pub use campaigns::CampaignAct;
pub use fault::{Act, Fault, Kind};
pub use people::{joins_later, person};
pub use plan::FaultPlan;
pub use run::{SeedReport, run, run_with};
pub use shrink::{Shrunk, shrink};
pub(crate) use {
    plan::active_faults,
    turns::{begin, end},
};
