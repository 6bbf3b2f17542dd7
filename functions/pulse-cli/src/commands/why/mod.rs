//! `pulse why`.

mod campaign_text;
mod run_text;

use anyhow::Result;
use clap::Args;
use pulse_app::{
    App, CustomerWhyError, RunQuestion,
    words::{Sheet, Suppressed},
};
use pulse_core::{customer::CustomerId, run::RunId, why::Timeline};

use super::customer::told;
use crate::{
    exit::Exit,
    output::{Output, Table, heading},
    target::Target,
    text::{self, advised},
};

/// What `pulse why` takes.
#[derive(Debug, Args)]
#[command(after_help = "Without a customer: everyone on the roster by where they are in the run, counted by queries \
                        and adding up to the roster; of a campaign, its own entries. With one: their whole story, and the next thing that will happen.")]
pub struct Options {
    /// Whose story.
    #[arg(value_name = "CUSTOMER", value_parser = CustomerId::parse)]
    customer: Option<CustomerId>,

    /// In which run: a month, or a campaign by its name. Without it: the current month's, or all of the customer's.
    #[arg(long, value_name = "RUN", value_parser = RunId::parse)]
    run: Option<RunId>,

    /// The most entries of each kind that are read to see what went wrong with them.
    #[arg(long, value_name = "N", default_value_t = 1_000, conflicts_with = "customer")]
    limit: usize,

    /// Doesn't ask why customers have no entry in the run, which takes half of the reading.
    #[arg(long, conflicts_with = "customer")]
    quick: bool,
}

/// Carries `pulse why` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or read, or has no such customer or run.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let app = target.app().await?;
    match &options.customer {
        Some(customer) => of_customer(&app, customer, options.run, output).await,
        None => of_run(&app, &options, output).await,
    }
}

async fn of_run(app: &App, options: &Options, output: Output) -> Result<Exit> {
    let zone = app.settings.zone()?;
    if let Some(run) = options.run.filter(|run| run.is_campaign()) {
        let why = app.why_campaign(run, options.limit).await?;
        output.show(&why, || campaign_text::text(&why, &zone))?;
        return Ok(Exit::Done);
    }
    let question = RunQuestion { run: options.run, limit: options.limit, in_depth: !options.quick };
    let report = app.why_run(question).await?;
    output.show(&report, || run_text::text(&report, &zone))?;
    Ok(Exit::Done)
}

async fn of_customer(app: &App, id: &CustomerId, run: Option<RunId>, output: Output) -> Result<Exit> {
    let story = app.why_customer(id, run).await.map_err(|error| match &error {
        CustomerWhyError::Customer(_) => advised(&error, error.advice().as_ref()),
        _ => error.into(),
    })?;
    output.show(&story, || text(&story))?;
    Ok(Exit::Done)
}

fn text(story: &Timeline) -> String {
    let Timeline { profile, schedule, entries, activities, suppression, stages, endpoints, at, .. } = story;
    let suppressed = suppression.as_deref().map_or(Suppressed::Untold, Suppressed::By);
    let sheet = Sheet { profile, schedule: schedule.as_ref(), activities, suppressed, now: *at };
    let mut text = told(&sheet, entries);
    text += &heading("\nStages");
    let mut table = Table::default();
    for stage in stages {
        let holder =
            stage.holder.as_ref().map_or_else(|| "flows".to_owned(), |holder| text::holder(holder, &profile.zone));
        let waiting = stage.waiting.map_or_else(String::new, |waiting| format!(", about {waiting} waiting"));
        table.push(stage.stage, holder + &waiting);
    }
    text += &table.render();
    text += &heading("\nWhat comes next");
    let sentences = text::next_sentences(story);
    text += &lines(&sentences);
    if !endpoints.is_empty() {
        text += &heading("\nWhat other systems know");
        let told = endpoints.iter().flat_map(|told| text::endpoint_sentences(told, &profile.zone));
        text += &lines(&told.collect::<Vec<_>>());
    }
    text
}

fn lines(sentences: &[String]) -> String {
    sentences.iter().fold(String::new(), |text, sentence| text + "  " + sentence + "\n")
}
