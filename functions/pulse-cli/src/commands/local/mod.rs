//! `pulse local`: the whole of Pulse on this machine.

mod customers;
mod hearing;
mod inbox;
mod options;
mod patience;
mod progress;
mod promises;
mod providers;
mod receiving;
mod summary;
mod surroundings;

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Result, anyhow, bail};
use pulse_app::App;
use pulse_aws::{clock::SystemClock, config::process_variable, stack::Stack};
use pulse_console::{Console, serve};
use pulse_core::{control::Actor, entry::Plan, ports::Clock as _};
use pulse_deployed::app;
use pulse_local::{
    deployment::{Backend, Deployment, StackPlan, prepare, refuse_lacking_programs},
    emulator::{EmulatorOptions, refuse_a_taken_port},
    lambdas::{CargoBuild, Programs},
    scheduler::{FiringError, LocalScheduler},
    standins::TakenMails,
    workspace::Workspace,
};
use tokio::net::TcpListener;

use self::{
    customers::Demo, promises::Findings, providers::Providers, receiving::Receiving, surroundings::Surroundings,
};
use super::console;
use crate::{
    exit::Exit, interruption::interruption, local_record, local_record::LocalRecord, output::Output, target::actor,
};

pub use self::options::Options;

/// The stack's name on the emulator: always the same on Pulse's own, which starts empty; another one on each run on
/// somebody else's, where customers of an earlier run would have had their month already.
fn stack_name(backend: &Backend) -> String {
    match backend {
        Backend::Own(_) => "pulse-local".into(),
        Backend::At { .. } => format!("pulse-local-{}", SystemClock.now().as_second()),
    }
}

/// Runs it until everyone is accounted for, and then, without `--exit`, until it is interrupted.
///
/// # Errors
/// When something it needs is missing; with what to do about it.
pub async fn run(options: Options, output: Output) -> Result<Exit> {
    let interrupted = interruption()?;
    // An interruption before the summary is one; after it, it is how a person leaves.
    let summed_up = AtomicBool::new(false);
    // Dropping the work ends the emulator, its Lambdas and the stand-ins.
    tokio::select! {
        exit = demonstrate(options, output, &summed_up) => exit,
        () = interrupted => Ok(if summed_up.load(Ordering::Relaxed) { Exit::Done } else { Exit::Interrupted }),
    }
}

async fn demonstrate(options: Options, output: Output, summed_up: &AtomicBool) -> Result<Exit> {
    let workspace = Workspace::find()?;
    let programs = programs(&options);
    refuse_lacking_programs(&workspace, &programs)?;
    let backend = backend(&options, &workspace).await?;
    let surroundings = Surroundings::of(&options, backend.kind());
    if let Backend::At { url, kind } = &backend {
        output.remark(surroundings.remarks(kind, url));
    }
    let stack = stack_name(&backend);
    let (customers, roster) = customers::read(&options, &workspace, output)?;
    let providers = Providers::start(&options, &surroundings.place).await?;
    let steps = progress::Steps::new();
    let (emulator, packages) = prepare(&workspace, backend, programs, &steps.listener()).await?;
    let plan = StackPlan { stack: stack.clone(), parameters: providers.parameters(), secrets: providers.secrets() };
    let deployment = Deployment::deploy(&workspace, emulator.endpoint(), &packages, &plan, &steps.listener()).await?;
    steps.done(&format!("Pulse is deployed at {}.", emulator.endpoint()));

    let record = LocalRecord { endpoint: emulator.endpoint().into(), stack, since: SystemClock.now() };
    let left = local_record::folder().and_then(|folder| record.leave(&folder));
    let _left =
        left.inspect_err(|error| output.remark(format!("Commands with --local can't find this one: {error:#}")));
    let stack = Stack { aws: deployment.aws, outputs: deployment.outputs };
    if let Some(remark) = providers.connect(&stack, emulator.endpoint(), &options).await? {
        output.remark(remark);
    }
    output.remark(format!("The mails can be looked at while it runs: {}", providers.mail.inbox_url()));
    output.remark(format!("Campaigns may call a partner, by `--steps call,email`: {}", providers.partner.url()));
    let says = process_variable("USER").map(|user| Actor::named(&user));
    let app = app(&stack, actor(&stack, says).await)?;
    let receiving = if options.no_receiver || !surroundings.reach_loopback() {
        None
    } else {
        let receiving = Receiving::start(&stack, &app, options.receiver_fault).await?;
        output.remark(format!("What another system is told, the endpoint crm: {}", receiving.page()));
        Some(receiving)
    };
    let (console, listener, link) = local_console(&app, &stack, providers.mail.taken()).await?;
    output.remark(format!("The console, for one browser: {link}"));
    let console = serve(listener, console, pending());
    let demonstration = Box::pin(async {
        let demo = Demo::enroll(&stack, &app, customers).await?;
        let lasted = progress::follow(&stack, &demo, &providers, &surroundings).await?;
        let heard = hearing::follow(&stack, &providers, &options).await?;
        let told = match &receiving {
            Some(receiving) => {
                let customers = demo.customers.iter().map(|customer| &customer.id);
                Some(receiving.follow(&stack, &app, customers, &providers.mail.accepted_by_customer()).await?)
            }
            None => None,
        };
        let findings = Findings::gather(&stack, &demo, &providers, lasted, heard, told).await?;
        let held = findings.all_held();
        output.show(&findings, || summary::text(&findings, &link, options.exit))?;
        if options.exit {
            return Ok(exit(held, roster.rejected()));
        }
        summed_up.store(true, Ordering::Relaxed);
        pending().await
    });
    let demonstration = Box::pin(async {
        tokio::select! {
            exit = demonstration => exit,
            served = console => Err(served.err().map_or_else(|| anyhow!("The console has ended"), Into::into)),
        }
    });
    if !surroundings.fires {
        return demonstration.await;
    }
    let trouble = |error: &FiringError| output.remark(format!("Schedules that are due can't be fired yet: {error}"));
    tokio::select! {
        exit = demonstration => exit,
        never = scheduler(&stack)?.run(trouble) => match never {},
    }
}

/// The console of the local stack, with the link that lets a browser in.
async fn local_console(app: &App, stack: &Stack, mails: TakenMails) -> Result<(Console, TcpListener, String)> {
    // Tick takes a first snapshot then, and not after five minutes.
    app.want_snapshot().await?;
    let (console, listener, link) = console::console(app.clone(), stack.outputs.stack(), 0).await?;
    Ok((console.with_inbox(Arc::new(inbox::LocalInbox(mails))), listener, link))
}

/// How it ends by itself. A promise that is broken is worse than a row that was left out.
fn exit(all_held: bool, left_out: u64) -> Exit {
    match (all_held, left_out) {
        (false, _) => Exit::PromiseBroken,
        (true, 0) => Exit::Done,
        (true, _) => Exit::SomeRejected,
    }
}

fn scheduler(stack: &Stack) -> Result<LocalScheduler> {
    let queue = stack.queue(Plan::MONTHLY.first())?;
    Ok(LocalScheduler::new(Arc::new(stack.schedules()?), Arc::new(queue), Arc::new(SystemClock)))
}

fn programs(options: &Options) -> Programs {
    match &options.functions {
        Some(folder) => Programs::In(folder.clone()),
        None => Programs::Build(CargoBuild::like_cargo_run()),
    }
}

async fn backend(options: &Options, workspace: &Workspace) -> Result<Backend> {
    let Some(url) = process_variable("AWS_ENDPOINT_URL").filter(|url| !url.is_empty()) else {
        // Now, and not after minutes of installing and building.
        refuse_a_taken_port(options.port)?;
        return Ok(Backend::Own(EmulatorOptions {
            port: Some(options.port),
            enforce_iam: true,
            log: Some(workspace.target_dir().join("pulse-local.log")),
        }));
    };
    if url.contains("amazonaws.com") {
        bail!(
            "AWS_ENDPOINT_URL points at AWS itself: `pulse local` is for emulators. Unset it, or see README.md for how to deploy."
        );
    }
    Backend::at(url).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_were_left_out_are_in_the_exit_code_and_a_broken_promise_before_them() {
        assert_eq!(exit(true, 0), Exit::Done);
        assert_eq!(exit(true, 2), Exit::SomeRejected);
        assert_eq!(exit(false, 0), Exit::PromiseBroken);
        assert_eq!(exit(false, 2), Exit::PromiseBroken);
    }
}
