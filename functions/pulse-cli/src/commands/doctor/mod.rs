//! `pulse doctor`.

mod text;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use pulse_app::{Examination, Finding, Level, MailSetup, Topic, received};
use pulse_aws::{account::StackAccount, config::MailProvider, stack::Stack};
use pulse_core::{customer::EmailAddress, entry::StageName};
use pulse_deployed::app;
use pulse_providers::{Sender, SesAccount, ses_client};
use serde::Serialize;

use crate::{exit::Exit, output::Output, target::Target};

/// The largest mail that SES sends (Amazon SES Developer Guide, "Service quotas": message size).
const LARGEST_MAIL: u64 = 40 << 20;

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

    /// Reads that mail as it arrived, saved with all its headers: SPF, DKIM, DMARC and what is signed. "-" is standard
    /// input. Asks no AWS.
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
            received(&arrived(file).with_context(what)?).with_context(what)?
        }
        None => examine(&target.find().await?, &options).await?,
    };
    let shown: Vec<_> =
        found.iter().map(|finding| Shown { level: finding.level(), topic: finding.topic(), finding }).collect();
    output.show(&shown, || text::text(&found))?;
    let worst = found.iter().map(Finding::level).max();
    Ok(if worst == Some(Level::Trouble) { Exit::PromiseBroken } else { Exit::Done })
}

/// A mail's bytes, of a file or from standard input.
fn arrived(path: &Path) -> Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        return up_to_the_largest(io::stdin().lock());
    }
    // Asked first: opening a pipe waits for somebody to write into it.
    if !fs::metadata(path)?.is_file() {
        bail!("it is no file: save the mail as one, or have \"-\" read it from standard input");
    }
    up_to_the_largest(File::open(path)?)
}

fn up_to_the_largest(from: impl Read) -> Result<Vec<u8>> {
    let mut mail = Vec::new();
    from.take(LARGEST_MAIL + 1).read_to_end(&mut mail)?;
    if mail.len() as u64 > LARGEST_MAIL {
        bail!("it is larger than 40 MB, which no mail is that SES sends");
    }
    Ok(mail)
}

async fn examine(stack: &Stack, options: &Options) -> Result<Vec<Finding>> {
    let app = app(stack, pulse_core::control::Actor::default())?;
    let account = StackAccount::new(stack.clone());
    let mut found = Vec::new();
    let config = stack.email_config().await;
    let has_links = config.as_ref().ok().map(|config| config.unsubscribe_url.is_some());
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
    let (customers, test_mail_to) = (options.customers, options.mail_to.as_ref());
    let examination = Examination { account: &account, mail, has_links, customers, test_mail_to };
    found.extend(app.examine(&examination).await);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_or_no_mails_size_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(arrived(folder.path()).unwrap_err().to_string().contains("it is no file"));
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(arrived(&pipe).unwrap_err().to_string().contains("it is no file"));
        assert!(up_to_the_largest(io::repeat(b'x')).unwrap_err().to_string().contains("larger than 40 MB"));
        assert_eq!(up_to_the_largest(io::repeat(b'x').take(LARGEST_MAIL)).unwrap().len() as u64, LARGEST_MAIL);
    }
}
