//! `pulse plan`.

mod options;
mod text;

use anyhow::Result;
use pulse_core::plan::{Plan, StagePlan, Wish};
use pulse_sim::month::{ApiUse, Bill, Prices, StageScenario};
use serde::Serialize;

pub use options::Options;

use crate::{exit::Exit, output::Output};

#[derive(Serialize)]
struct Planned {
    #[serde(flatten)]
    plan: Plan,
    bill: Bill,
}

/// Runs it.
///
/// # Errors
/// When the plan can't be made, or can't be met.
pub fn run(options: &Options, output: Output) -> Result<Exit> {
    let wish = options.wish()?;
    let plan = Plan::of(&wish)?;
    let bill = bill(&wish, &plan);
    let planned = Planned { plan, bill };
    output.show(&planned, || text::text(&wish, &planned.plan, &planned.bill))?;
    Ok(Exit::Done)
}

fn bill(wish: &Wish, plan: &Plan) -> Bill {
    let stage = |stage: &StagePlan, latency| StageScenario {
        maximum_concurrency: stage.lanes.maximum_concurrency(),
        in_flight: stage.lanes.in_flight(),
        ..StageScenario::of_lanes(stage.lanes.count(), latency)
    };
    let score = stage(&plan.score, wish.score.latency());
    let email = stage(&plan.email, wish.email.latency());
    Bill::of(&ApiUse::expected(wish.customers, wish.days.get(), &score, &email), &Prices::default())
}
