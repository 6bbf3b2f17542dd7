//! `pulse run`.

mod audience_file;
mod held;
mod list;
mod quota;
mod show;
mod start;
mod test;

use anyhow::Result;
use clap::{Args, Subcommand};
use pulse_app::CampaignError;
use pulse_core::{
    control::{Actor, Note},
    parse::ParseError,
    run::{CampaignName, RunId},
};

use crate::{
    exit::Exit,
    output::Output,
    target::{self, Target},
    text::advised,
};

/// What `pulse run` takes.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,

    /// What you are called, beside whose credentials these are.
    #[arg(long, global = true, value_name = "NAME", env = "USER", default_value = "someone")]
    by: Actor,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Start a campaign: a letter to many customers, beside their monthly mails.
    Start(Box<start::Options>),
    /// Send a campaign's letter to yourself, as a made-up customer gets it.
    Test(test::Options),
    /// Show the campaigns, the newest first.
    List(list::Options),
    /// Show one campaign: where its entries stand, what happened, and what comes next.
    Show(Named),
    /// Hold a campaign: nothing more of it is sent, and nothing is lost.
    Pause(Noted),
    /// Have a campaign go on where it was held. It never starts over.
    Resume(held::ResumeOptions),
    /// End a campaign before its time, for good.
    Cancel(Noted),
}

/// Which campaign.
#[derive(Debug, Args)]
struct Named {
    /// The campaign's name.
    #[arg(value_name = "NAME", value_parser = campaign)]
    name: RunId,
}

/// Which campaign, and why.
#[derive(Debug, Args)]
struct Noted {
    /// The campaign's name.
    #[arg(value_name = "NAME", value_parser = campaign)]
    name: RunId,

    /// Why: others will read it.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse)]
    note: Note,
}

/// Reads a campaign's name.
fn campaign(text: &str) -> Result<RunId, ParseError> {
    CampaignName::parse(text).map(RunId::campaign)
}

/// Carries `pulse run` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or used, there is no such campaign, or it can't be as it is asked for.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let Options { action, by } = options;
    // What is wrong whatever the stack is like is said before it is looked for.
    match action {
        Action::Test(options) => test::run(options, target, output).await,
        Action::Start(options) => {
            let start = start::check(*options)?;
            let stack = target.find().await?;
            let (app, quota) = (target::app_for(&stack, Some(by)).await?, quota::a_day(&stack).await);
            start::run(&app, quota, start, output).await
        }
        Action::List(options) => list::run(&target.app().await?, &options, output).await,
        Action::Show(Named { name }) => show::run(&target.app().await?, name, output).await,
        Action::Pause(Noted { name, note }) => held::pause(&target.app_of(Some(by)).await?, name, &note, output).await,
        Action::Resume(options) => held::resume(&target.app_of(Some(by)).await?, options, output).await,
        Action::Cancel(Noted { name, note }) => {
            held::cancel(&target.app_of(Some(by)).await?, name, &note, output).await
        }
    }
}

fn told(error: CampaignError) -> anyhow::Error {
    match error.advice() {
        None => error.into(),
        advice => advised(&error, advice.as_ref()),
    }
}
