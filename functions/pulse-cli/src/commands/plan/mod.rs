//! `pulse plan`.

mod options;
mod text;

use anyhow::Result;
use pulse_core::{
    bill::{ApiUse, Bill, Prices},
    plan::Plan,
};
use serde::Serialize;

pub use options::Options;

use crate::{exit::Exit, output::Output};

#[derive(Serialize)]
struct Planned {
    #[serde(flatten)]
    plan: Plan,
    bill: Bill,
}

/// Carries `pulse plan` out, and writes what came of it.
///
/// # Errors
/// When the plan can't be made, or can't be met.
pub fn run(options: &Options, output: Output) -> Result<Exit> {
    let wish = options.wish()?;
    let plan = Plan::of(&wish)?;
    let used = ApiUse::expected(wish.customers, wish.days.get(), wish.score, wish.email);
    let bill = Bill::of(&used, &Prices::default());
    let planned = Planned { plan, bill };
    output.show(&planned, || text::text(&wish, &planned.plan, &planned.bill))?;
    Ok(Exit::Done)
}
