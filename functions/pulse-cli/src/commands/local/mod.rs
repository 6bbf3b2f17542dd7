//! `pulse local`: the whole of Pulse on this machine.

mod customers;
mod options;
mod progress;
mod promises;
mod providers;
mod summary;

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use futures::FutureExt as _;
use pulse_aws::{clock::SystemClock, config::process_variable};
use tokio::signal::unix::{SignalKind, signal};

use self::{customers::Demo, promises::Findings, providers::Providers};
use crate::{
    exit::Exit,
    local::{
        deployment::{Backend, Deployment, StackPlan, prepare},
        emulator::EmulatorOptions,
        lambdas::CargoBuild,
        workspace::Workspace,
    },
    output::Output,
    stack::{LocalRecord, Stack},
};

pub use self::options::Options;

/// The stack's name on the emulator.
const STACK: &str = "pulse-local";

/// Runs it until everyone is accounted for, and then, without `--exit`, until it is interrupted.
///
/// # Errors
/// When something it needs is missing; with what to do about it.
pub async fn run(options: Options, output: Output) -> Result<Exit> {
    let mut interrupted = Box::pin(interruption()?);
    let work = demonstrate(options, output);
    let mut work = Box::pin(work.fuse());
    // Dropping the work ends the emulator, its Lambdas and the stand-ins.
    tokio::select! {
        exit = &mut work => exit,
        () = &mut interrupted => Ok(Exit::Interrupted),
    }
}

/// Ctrl-C, or the polite signals of a closed terminal and of `kill`.
fn interruption() -> Result<impl Future<Output = ()>> {
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
        .into_iter()
        .map(signal)
        .collect::<Result<Vec<_>, _>>()
        .context("Signals can't be listened for")?;
    Ok(async move {
        let waits = signals.iter_mut().map(|signal| signal.recv().boxed());
        futures::future::select_all(waits).await;
    })
}

/// Takes the record of this run away with it.
struct Recorded(Workspace);

impl Drop for Recorded {
    fn drop(&mut self) {
        LocalRecord::remove(&self.0);
    }
}

async fn demonstrate(options: Options, output: Output) -> Result<Exit> {
    let workspace = Workspace::find()?;
    let customers = customers::read(&options, &workspace, output)?;
    let providers = Arc::new(Providers::start(&options).await?);
    let steps = progress::Steps::new();
    let (emulator, packages) =
        prepare(&workspace, backend(&options)?, CargoBuild::like_cargo_run(), &steps.listener()).await?;
    let plan = StackPlan { stack: STACK.into(), parameters: providers.parameters(), secrets: providers.secrets() };
    let deployment = Deployment::deploy(&workspace, emulator.endpoint(), &packages, &plan, &steps.listener()).await?;
    steps.done(&format!("Pulse is deployed at {}.", emulator.endpoint()));

    let _recorded = Recorded(workspace.clone());
    LocalRecord { endpoint: emulator.endpoint().into(), stack: STACK.into() }.write(&workspace)?;
    let stack = Stack { aws: deployment.aws, outputs: deployment.outputs };
    let demo = Demo::enroll(&stack, customers).await?;
    let lasted = progress::follow(&stack, &demo, &providers).await?;
    let findings = Findings::gather(&stack, &demo, &providers, lasted).await?;
    let held = findings.all_held();
    output.show(&findings, || summary::text(&findings, options.exit))?;
    if options.exit {
        return Ok(if held { Exit::Done } else { Exit::PromiseBroken });
    }
    std::future::pending().await
}

fn backend(options: &Options) -> Result<Backend> {
    let Some(url) = process_variable("AWS_ENDPOINT_URL").filter(|url| !url.is_empty()) else {
        return Ok(Backend::Own(EmulatorOptions { port: Some(options.port), enforce_iam: true, log: None }));
    };
    if url.contains("amazonaws.com") {
        bail!(
            "AWS_ENDPOINT_URL points at AWS itself: `pulse local` is for emulators. Unset it, or see README.md for how to deploy."
        );
    }
    Ok(Backend::At(url))
}

/// The time, for this command's parts.
const CLOCK: SystemClock = SystemClock;
