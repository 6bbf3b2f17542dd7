//! `pulse plan`.

mod options;
mod text;

use anyhow::Result;
use pulse_app::Planned;

pub use options::Options;

use crate::{exit::Exit, output::Output};

/// Carries `pulse plan` out, and writes what came of it.
///
/// # Errors
/// When the plan can't be made, or can't be met.
pub fn run(options: &Options, output: Output) -> Result<Exit> {
    let demand = options.demand()?;
    let planned = Planned::of(&demand)?;
    output.show(&planned, || text::text(&demand, &planned))?;
    Ok(Exit::Done)
}
