//! `pulse doctor`.

mod text;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use pulse_app::{Examination, Finding, Level, MailSetup, Topic, received};
use pulse_aws::{account::StackAccount, config::MailProvider, stack::Stack};
use pulse_core::{customer::EmailAddress, entry::StageName};
use pulse_providers::{Sender, SesAccount, ses_client};
use serde::Serialize;

use crate::{app::app, exit::Exit, output::Output, target::Target};

/// What `pulse doctor` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Run it after a deployment, before the first customers. It changes nothing; it starts the stages' \
                        functions with an empty batch. infra/aws.md says what it can't see.\n\
                        Exit code 0: nothing has to be mended; 4: something has."
)]
pub struct Options {
    /// Reckons with so many customers, instead of those on the roster.
    #[arg(long, value_name = "COUNT")]
    customers: Option<u64>,

    /// Has the email function send one mail of a made-up customer to this address of your own.
    #[arg(long, value_name = "ADDRESS", value_parser = EmailAddress::parse)]
    mail_to: Option<EmailAddress>,

    /// Reads that mail as it arrived, saved with all its headers: SPF, DKIM, DMARC and what is signed. Asks no AWS.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["customers", "mail_to"])]
    received: Option<PathBuf>,
}

#[derive(Serialize)]
struct Shown<'a> {
    level: Level,
    topic: Topic,
    #[serde(flatten)]
    finding: &'a Finding,
}

/// Carries `pulse doctor` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found, or the file can't be read.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let found = match &options.received {
        Some(file) => {
            let what = || format!("The mail {} can't be read", file.display());
            received(&fs::read(file).with_context(what)?).with_context(what)?
        }
        None => examine(&target.find().await?, &options).await?,
    };
    let shown: Vec<_> =
        found.iter().map(|finding| Shown { level: finding.level(), topic: finding.topic(), finding }).collect();
    output.show(&shown, || text::text(&found))?;
    let worst = found.iter().map(Finding::level).max();
    Ok(if worst == Some(Level::Trouble) { Exit::PromiseBroken } else { Exit::Done })
}

async fn examine(stack: &Stack, options: &Options) -> Result<Vec<Finding>> {
    let app = app(stack, pulse_core::control::Actor::default())?;
    let account = StackAccount::new(stack.clone());
    let mut found = Vec::new();
    let config = stack.email_config().await;
    let ses = match config.map(|config| config.provider) {
        Ok(MailProvider::Ses { sender, configuration_set, rate_per_second }) => {
            let sender = Sender::parse(&sender).context("The parameter Sender can't be used")?;
            // A worker has its share of the account's rate.
            let workers = stack.lanes(StageName::Email).await.map_or(1, |lanes| lanes.maximum_concurrency);
            Some((sender, configuration_set, rate_per_second * f64::from(workers)))
        }
        Ok(MailProvider::MarketingCloud { .. }) => None,
        Err(error) => {
            found.push(Finding::Unknown { topic: Topic::Mail, why: format!("{error:#}") });
            None
        }
    };
    let ses_account = SesAccount::new(ses_client(&stack.aws));
    let mail = match &ses {
        Some((sender, configuration_set, rate_per_second)) => MailSetup::Ses {
            account: &ses_account,
            sender: sender.address(),
            configuration_set: configuration_set.as_deref(),
            rate_per_second: *rate_per_second,
        },
        None => MailSetup::Other,
    };
    let examination =
        Examination { account: &account, mail, customers: options.customers, test_mail_to: options.mail_to.as_ref() };
    found.extend(app.examine(&examination).await);
    Ok(found)
}
