//! `pulse plan`.

mod campaign;
mod campaign_text;
mod options;
mod text;

use anyhow::Result;
use pulse_app::{Planned, PlannedCampaign};

pub use options::Options;

use self::options::Wanted;
use crate::{exit::Exit, output::Output};

/// What is left of an account's concurrency for reservations, unless AWS has been asked for more (AWS Lambda Developer
/// Guide, "Understanding Lambda function scaling": 1,000, of which 100 stay unreserved).
const RESERVABLE: u32 = 900;

/// Carries `pulse plan` out, and writes what came of it.
///
/// # Errors
/// When the plan can't be made, or can't be met.
pub fn run(options: &Options, output: Output) -> Result<Exit> {
    match options.wanted()? {
        Wanted::Months(demand) => {
            let planned = Planned::of(&demand)?;
            output.show(&planned, || text::text(&demand, &planned))?;
        }
        Wanted::Campaign(campaign) => {
            let planned = PlannedCampaign::of(&campaign)?;
            output.show(&planned, || campaign_text::text(&campaign, &planned))?;
        }
    }
    Ok(Exit::Done)
}
