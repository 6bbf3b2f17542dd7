//! The deployed stack on the emulator, IAM enforced: a missing permission, a wrong name or a wrong
//! variable in template.yaml fails here.

mod campaigns;
mod console;
mod dead_letters;
mod deliveries;
mod faults;
mod holds;
mod intake;
mod kills;
mod lanes;
mod orders;
mod panics;
mod scheduled;
mod ses;
mod why;

use std::{sync::LazyLock, time::Duration};

use pulse_tests::{deployed_stack::DeployedStack, emulator::shared};
use tokio::{
    runtime::{Builder, Runtime},
    sync::OnceCell,
};

/// One runtime for all tests of this program: the stand-ins live in it.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime"));

static STACK: OnceCell<DeployedStack> = OnceCell::const_new();

static CALLING: OnceCell<DeployedStack> = OnceCell::const_new();

/// A stack whose campaigns may call a partner.
async fn calling_stack() -> &'static DeployedStack {
    CALLING
        .get_or_init(async || {
            DeployedStack::build_calling(shared(), "calling", "stack", Duration::from_millis(50)).await
        })
        .await
}

/// The stack that the tests share, each with customers of its own.
async fn stack() -> &'static DeployedStack {
    STACK
        .get_or_init(async || {
            let stack = DeployedStack::build(shared(), "faulty", "stack", Duration::from_millis(50)).await;
            stack.score.faults().set_rule(faults::by_the_word_in_the_id());
            stack.mail.faults().set_rule(faults::by_the_word_in_the_id());
            stack
        })
        .await
}
