//! `pulse plan`.

mod options;
mod text;

use anyhow::Result;
use pulse_core::{
    bill::{ApiUse, Bill, Prices},
    plan::CapacityPlan,
};
use serde::Serialize;

pub use options::Options;

use crate::{exit::Exit, output::Output};

#[derive(Serialize)]
struct Planned {
    #[serde(flatten)]
    plan: CapacityPlan,
    bill: Bill,
}

/// Carries `pulse plan` out, and writes what came of it.
///
/// # Errors
/// When the plan can't be made, or can't be met.
pub fn run(options: &Options, output: Output) -> Result<Exit> {
    let demand = options.demand()?;
    let plan = CapacityPlan::of(&demand)?;
    let used = ApiUse::expected(demand.customers, demand.days.get(), demand.score, demand.email);
    let bill = Bill::of(&used, &Prices::default());
    let planned = Planned { plan, bill };
    output.show(&planned, || text::text(&demand, &planned.plan, &planned.bill))?;
    Ok(Exit::Done)
}
