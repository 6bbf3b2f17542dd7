//! `pulse unenroll`.

use anyhow::Result;
use clap::Args;
use pulse_aws::clock::SystemClock;
use pulse_core::{customer::CustomerId, enrollment::Enrollment};
use serde::Serialize;

use crate::{exit::Exit, output::Output, target::Target};

/// What `pulse unenroll` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// Ids of the customers who leave.
    #[arg(required = true, value_name = "ID", value_parser = CustomerId::parse)]
    ids: Vec<CustomerId>,
}

#[derive(Serialize)]
struct Outcome {
    customer: CustomerId,
    unenrolled: bool,
}

/// Runs it.
///
/// # Errors
/// When the stack can't be found or used.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let stack = target.find().await?;
    let (ledger, schedules) = (stack.ledger()?, stack.schedules()?);
    let enrollment = Enrollment { ledger: &ledger, schedules: &schedules, clock: &SystemClock };
    let mut outcomes = Vec::new();
    for customer in options.ids {
        let unenrolled = enrollment.unenroll(&customer).await?;
        outcomes.push(Outcome { customer, unenrolled });
    }
    output.show(&outcomes, || {
        outcomes
            .iter()
            .map(|outcome| {
                if outcome.unenrolled {
                    format!("{} is off the roster: no schedule, no open entry.\n", outcome.customer)
                } else {
                    format!("{} is not on the roster.\n", outcome.customer)
                }
            })
            .collect()
    })?;
    let all = outcomes.iter().all(|outcome| outcome.unenrolled);
    Ok(if all { Exit::Done } else { Exit::Failed })
}
