use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use pulse_aws::account::StackAccount;
use pulse_core::{
    customer::EmailAddress,
    entry::{Plan, StageName},
    ports::{Account as _, TestMail, TestedLetter},
};
use serde::Serialize;

use super::start;
use crate::{
    exit::Exit,
    letter_files::{self, LetterFile},
    output::Output,
    target::Target,
};

/// What `pulse run test` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example: pulse run test --letter spring.en.txt --letter spring.ja.txt --to me@example.com\n\
                        One mail for each language, of a made-up customer, by the deployed email function. It is counted nowhere.")]
pub(super) struct Options {
    /// The letter, as `pulse run start` takes it.
    #[arg(long, value_name = "FILE", required = true)]
    letter: Vec<LetterFile>,

    /// Your own address.
    #[arg(long, value_name = "ADDRESS", value_parser = EmailAddress::parse)]
    to: EmailAddress,

    /// The stages that each customer is to go through, as `pulse run start` takes them.
    #[arg(long, value_name = "STEPS", value_parser = start::steps, default_value = "email")]
    steps: Plan,
}

/// What came of the mail in one language.
#[derive(Debug, Serialize)]
struct Tested {
    language: String,
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

pub(super) async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let letter = letter_files::read(&options.letter)?;
    let (has_score, has_reference) = (options.steps.has(StageName::SCORED_BY), options.steps.has(StageName::Call));
    start::check_letter(&letter, options.steps, true)?;
    let account = StackAccount::new(target.find().await?);
    let mut tested = Vec::new();
    for text in letter.texts() {
        let language = text.language().clone();
        let (letter, has_item) = (letter.clone(), true);
        let campaign = TestedLetter { letter, language: language.clone(), has_score, has_reference, has_item };
        let cause = match account.send_test_mail(&options.to, Some(&campaign)).await? {
            TestMail::Accepted { .. } => None,
            TestMail::Failed(cause) => Some(cause.to_string()),
        };
        tested.push(Tested { language: language.to_string(), accepted: cause.is_none(), cause });
    }
    output.show(&tested, || text(&tested))?;
    Ok(if tested.iter().all(|tested| tested.accepted) { Exit::Done } else { Exit::Failed })
}

fn text(tested: &[Tested]) -> String {
    tested.iter().fold(String::new(), |mut text, Tested { language, cause, .. }| {
        let _ = match cause {
            None => writeln!(text, "The letter in {language} is on its way to you."),
            Some(cause) => writeln!(text, "The letter in {language} wasn't sent: {cause}"),
        };
        text
    })
}
