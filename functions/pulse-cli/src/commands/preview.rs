//! `pulse preview`.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use pulse_aws::clock::SystemClock;
use pulse_core::{
    customer::{Customer, CustomerId},
    entry::Entry,
    ports::{Clock as _, Letter, Renderer as _},
    run::RunId,
    score::{Band, Score, ScoreValue},
};
use pulse_letters::MinijinjaRenderer;
use serde::Serialize;

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
    #[arg(value_name = "CUSTOMER")]
    id: String,

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
}

/// Carries `pulse preview` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or read, has no such customer or score, or a file can't be written.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let app = target.app().await?;
    let id = CustomerId::parse(&options.id)?;
    let customer = app.profile(&id).await.map_err(|error| advised(&error, error.advice().as_ref()))?;
    let entries = app.ports.ledger.entries(&id).await?;
    let (run, score, previous) = choose(&options, &customer, &entries)?;
    let letter = Letter { customer: &customer, run, score: &score, previous: previous.as_ref() };
    let rendered = MinijinjaRenderer::new()?.render(&letter)?;
    let name = format!("{}_{run}", customer.id);
    let write = |extension: &str, content: &str| -> Result<PathBuf> {
        let path = options.out.join(format!("{name}.{extension}"));
        fs::write(&path, content).with_context(|| format!("{} can't be written", path.display()))?;
        Ok(path)
    };
    let preview = PreviewedMail {
        html: write("html", &rendered.html)?,
        text: write("txt", &rendered.text)?,
        subject: rendered.subject,
    };
    output.show(&preview, || {
        Table::default()
            .row("subject", &preview.subject)
            .row("html", preview.html.display())
            .row("text", preview.text.display())
            .render()
    })?;
    Ok(Exit::Done)
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
