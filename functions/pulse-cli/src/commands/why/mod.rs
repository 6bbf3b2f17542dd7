//! `pulse why`.

mod run_text;

use anyhow::{Context, Result};
use clap::Args;
use pulse_aws::{clock::SystemClock, stack::Stack};
use pulse_core::{
    customer::CustomerId,
    ports::Clock as _,
    run::RunId,
    why::{CustomerInquiry, RunInquiry, Story},
};

use super::customer::Sheet;
use crate::{
    exit::Exit,
    output::{Output, Table, heading},
    rules::rules,
    target::Target,
};

/// What `pulse why` takes.
#[derive(Debug, Args)]
#[command(after_help = "Without a customer: everyone on the roster by where they are in the run, counted by queries \
                        and adding up to the roster. With one: their whole story, and the next thing that will happen.")]
pub struct Options {
    /// Whose story.
    #[arg(value_name = "CUSTOMER", value_parser = CustomerId::parse)]
    customer: Option<CustomerId>,

    /// In which run. Without it: the current one, or all of the customer's.
    #[arg(long, value_name = "RUN", value_parser = RunId::parse)]
    run: Option<RunId>,

    /// The most entries of each kind that are read to see what went wrong with them.
    #[arg(long, value_name = "N", default_value_t = 1_000, conflicts_with = "customer")]
    limit: usize,

    /// Doesn't ask why customers have no entry in the run, which takes half of the reading.
    #[arg(long, conflicts_with = "customer")]
    quick: bool,
}

/// Runs it.
///
/// # Errors
/// When the stack can't be found or read, or has no such customer or run.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let stack = target.find().await?;
    match &options.customer {
        Some(customer) => of_customer(&stack, customer, options.run, output).await,
        None => of_run(&stack, &options, output).await,
    }
}

async fn of_run(stack: &Stack, options: &Options, output: Output) -> Result<Exit> {
    let (ledger, stages) = (stack.ledger()?.metered(), stack.stages()?);
    let zone = stack.default_zone()?;
    let run = options.run.unwrap_or_else(|| RunId::of(SystemClock.now(), zone.rules()));
    let inquiry = RunInquiry {
        ledger: &ledger,
        reports: &ledger,
        open: &ledger,
        controls: &ledger,
        stages: &stages,
        clock: &SystemClock,
        limit: options.limit,
        in_depth: !options.quick,
    };
    let report = inquiry.why(run).await?;
    output.show(&report, || run_text::text(&report, &zone))?;
    Ok(Exit::Done)
}

async fn of_customer(stack: &Stack, id: &CustomerId, run: Option<RunId>, output: Output) -> Result<Exit> {
    let (ledger, schedules, stages) = (stack.ledger()?, stack.schedules()?, stack.stages()?);
    let inquiry = CustomerInquiry {
        ledger: &ledger,
        reports: &ledger,
        schedules: &schedules,
        controls: &ledger,
        memory: &ledger,
        stages: &stages,
        clock: &SystemClock,
        policy: stack.sweep_policy().await?,
        rules: rules(stack).await?,
    };
    let missing =
        || format!("Customer {id} is not on the roster: see `pulse enroll --help` for how to put someone there.");
    let mut story = inquiry.story(id).await?.with_context(missing)?;
    if let Some(run) = run {
        story = story.in_run(run).with_context(|| format!("Customer {id} has no entry in run {run}."))?;
    }
    output.show(&story, || text(&story))?;
    Ok(Exit::Done)
}

fn text(story: &Story) -> String {
    let Story { profile, schedule, entries, activities, stages, at, .. } = story;
    let sheet = Sheet { profile, schedule: schedule.as_ref(), activities, now: *at };
    let mut text = entries.iter().fold(sheet.profile(), |text, entry| text + &sheet.entry(entry));
    text += &sheet.notes();
    text += &heading("\nStages");
    let mut table = Table::default();
    for stage in stages {
        let holder = stage.holder.as_ref().map_or_else(|| "flows".to_owned(), |holder| holder.words(&profile.zone));
        let waiting = stage.waiting.map_or_else(String::new, |waiting| format!(", about {waiting} waiting"));
        table.push(stage.stage, holder + &waiting);
    }
    text += &table.render();
    text += &heading("\nWhat comes next");
    story.next_sentences().iter().fold(text, |text, sentence| text + "  " + sentence + "\n")
}
