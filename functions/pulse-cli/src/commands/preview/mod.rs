//! `pulse preview`.

mod page;
mod samples;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use pulse_aws::clock::SystemClock;
use pulse_core::{
    control::Actor,
    customer::{Customer, CustomerId},
    entry::Entry,
    ports::{Clock as _, Letter, Renderer as _},
    run::RunId,
    score::{Band, Score, ScoreValue},
};
use pulse_deployed::app;
use pulse_letters::{FALLBACK, MinijinjaRenderer, language_of, languages};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::{
    exit::Exit,
    output::{Output, Table},
    target::Target,
    text::advised,
};

/// What `pulse preview` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// The customer's id.
    #[arg(value_name = "CUSTOMER", required_unless_present = "all_languages")]
    id: Option<String>,

    /// Write a page of made-up customers' mails in all languages instead. Asks nobody.
    #[arg(long, conflicts_with_all = ["id", "run", "score", "band"])]
    all_languages: bool,

    /// The run to preview: by default the latest that has a score.
    #[arg(long, value_name = "YYYY-MM", value_parser = RunId::parse)]
    run: Option<RunId>,

    /// Pretend this score, 0 to 1000, for a customer who has none yet.
    #[arg(long, value_name = "SCORE", value_parser = clap::value_parser!(u32).range(0..=1000), requires = "band")]
    score: Option<u32>,

    /// The pretended score's band.
    #[arg(long, value_name = "BAND", requires = "score")]
    band: Option<String>,

    /// Folder to write to.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
}

#[derive(Serialize)]
struct PreviewedMail {
    subject: String,
    html: PathBuf,
    text: PathBuf,
    /// The mail's language.
    language: String,
    /// The customer's locale, if there are no letters in its language.
    for_want_of: Option<String>,
    /// What is in it to unsubscribe by.
    unsubscribe: Unsubscribe,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Unsubscribe {
    /// A link that unsubscribes nobody, where the customer's mail has theirs.
    Placeholder,
    /// No link: customers of this deployment reply.
    Reply,
}

#[derive(Serialize)]
struct PreviewedLanguages {
    page: PathBuf,
    languages: Vec<&'static str>,
}

/// Carries `pulse preview` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or read, has no such customer or score, or a file can't be written.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let Some(id) = &options.id else {
        return all_languages(&options, output);
    };
    let stack = target.find().await?;
    let app = app(&stack, Actor::default())?;
    let id = CustomerId::parse(id)?;
    let customer = app.profile(&id).await.map_err(|error| advised(&error, error.advice().as_ref()))?;
    let entries = app.ports.ledger.entries(&id).await?;
    let (run, score, previous) = choose(&options, &customer, &entries)?;
    // The customer's own link would opt them out for whoever opens it.
    let url = stack.email_config().await.context("Whether letters have a link can't be told")?.unsubscribe_url;
    let link = url.map(|url| url.placeholder());
    let letter =
        Letter { customer: &customer, run, score: &score, previous: previous.as_ref(), unsubscribe: link.as_ref() };
    let rendered = MinijinjaRenderer::new()?.render(&letter)?;
    let name = format!("{}_{run}", customer.id);
    let preview = PreviewedMail {
        html: write(&options.out, &format!("{name}.html"), &rendered.html)?,
        text: write(&options.out, &format!("{name}.txt"), &rendered.text)?,
        subject: rendered.subject,
        for_want_of: language_of(&customer.locale).is_none().then(|| customer.locale.to_string()),
        language: rendered.language,
        unsubscribe: if link.is_some() { Unsubscribe::Placeholder } else { Unsubscribe::Reply },
    };
    output.show(&preview, || {
        let want = preview.for_want_of.as_ref().map(|locale| format!(", as there are no letters for {locale}"));
        Table::default()
            .row("subject", &preview.subject)
            .row("language", format!("{}{}", preview.language, want.unwrap_or_default()))
            .row(
                "unsubscribe",
                match preview.unsubscribe {
                    Unsubscribe::Placeholder => "by a link, which unsubscribes nobody here: only the mail has theirs",
                    Unsubscribe::Reply => "by a reply: this deployment has no link for it",
                },
            )
            .row("html", preview.html.display())
            .row("text", preview.text.display())
            .render()
    })?;
    Ok(Exit::Done)
}

fn all_languages(options: &Options, output: Output) -> Result<Exit> {
    let preview = PreviewedLanguages {
        page: write(&options.out, "letters.html", &page::page(SystemClock.now())?)?,
        languages: languages().collect(),
    };
    output.show(&preview, || {
        Table::default()
            .row("page", preview.page.display())
            .row("languages", preview.languages.join(", "))
            .row("all others", format!("get their letters in {FALLBACK}"))
            .render()
    })?;
    Ok(Exit::Done)
}

fn write(folder: &Path, name: &str, content: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    // Written beside and moved there: whatever a link of that name leads to stays.
    let written = NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        Ok(file.persist(&path)?)
    });
    written.with_context(|| format!("{} can't be written", path.display()))?;
    Ok(path)
}

/// The run, its score, and the score before.
fn choose(options: &Options, customer: &Customer, entries: &[Entry]) -> Result<(RunId, Score, Option<Score>)> {
    let wanted = |entry: &&Entry| options.run.is_none_or(|run| entry.id().run == run);
    if let (Some(value), Some(band)) = (options.score, &options.band) {
        let entry = entries.iter().find(wanted);
        let now = SystemClock.now();
        let score = Score { value: ScoreValue::parse(value)?, band: Band::parse(band)?, as_of: now };
        let run = entry.map_or_else(|| RunId::of(now, customer.zone.rules()), |entry| entry.id().run);
        return Ok((run, score, entry.and_then(Entry::previous).cloned()));
    }
    let scored = entries.iter().filter(wanted).find_map(|entry| Some((entry, entry.score()?)));
    let Some((entry, score)) = scored else {
        bail!(
            "Customer {} has no score {}yet: add `--score 712 --band good` to see the mail with a pretended one.",
            customer.id,
            options.run.map(|run| format!("in run {run} ")).unwrap_or_default()
        );
    };
    Ok((entry.id().run, score.clone(), entry.previous().cloned()))
}
