//! The walks of infra/runbook.md, on the deployed stack with IAM enforced: `pulse` as it is typed, and boto3 in the
//! place of someone at the AWS console. What the emulator can't show of them is in the simulator's outages.

mod bad_deploy;
mod catch_up;
mod complaints_rise;
mod dlq_full;
mod endpoint_moves;
mod forgotten;
mod in_the_browser;
mod kept_ledger;
mod operator;
mod policies;
mod provider_down;
mod runbook;
mod tab;
mod weekend;

use std::{sync::LazyLock, time::Duration};

use pulse_tests::{deployed_stack::DeployedStack, emulator::shared};
use tokio::runtime::{Builder, Runtime};

/// One runtime for all tests of this program: the stand-ins live in it.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime"));

/// The lanes that the template gives each stage.
const LANES: usize = 20;

/// A stack of this name, deployed a moment ago.
async fn stack(name: &str) -> DeployedStack {
    DeployedStack::build(shared(), name, "runbook", Duration::from_millis(50)).await
}

/// A stack of this name that is taken for one that was deployed long ago.
async fn old_stack(name: &str) -> DeployedStack {
    let stack = stack(name).await;
    stack.let_the_tick_hurry().await;
    stack
}

fn assert_lanes_held(stack: &DeployedStack) {
    assert!(stack.score.meter().peak() <= LANES, "{} scoring calls at once", stack.score.meter().peak());
    assert!(stack.mail.meter().peak() <= LANES, "{} sends at once", stack.mail.meter().peak());
}
