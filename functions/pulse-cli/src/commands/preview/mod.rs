//! `pulse preview`.

mod letter_page;
mod page;
mod samples;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Args;
use pulse_app::{MailQuestion, PreviewedUnsubscribe};
use pulse_aws::clock::SystemClock;
use pulse_core::{
    campaign::LetterText,
    customer::CustomerId,
    entry::{Plan, StageName},
    ports::Clock as _,
    run::RunId,
    score::{Band, ScoreValue},
};
use pulse_letters::{FALLBACK, MinijinjaRenderer, language_of, languages};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::{
    exit::Exit,
    letter_files::{self, LetterFile},
    output::{Output, Table},
    target::Target,
    text::advised,
};

/// What `pulse preview` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// The customer's id.
    #[arg(value_name = "CUSTOMER", required_unless_present_any = ["all_languages", "letter"])]
    id: Option<String>,

    /// Write a page of made-up customers' mails in all languages instead. Asks nobody.
    #[arg(long, conflicts_with_all = ["id", "run", "score", "band"])]
    all_languages: bool,

    /// Write a page of what made-up customers would get of a campaign with this letter instead. Asks nobody. Once for each
    /// language, which is given or in the file's name, as in `spring.ja.txt`, or else English; the first is for customers of
    /// all others.
    #[arg(long, value_name = "[LANGUAGE=]FILE", conflicts_with_all = ["id", "all_languages", "run", "score", "band"])]
    letter: Vec<LetterFile>,

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
struct Shown {
    subject: String,
    html: PathBuf,
    text: PathBuf,
    language: String,
    for_want_of: Option<String>,
    unsubscribe: PreviewedUnsubscribe,
}

#[derive(Serialize)]
struct PreviewedLanguages {
    page: PathBuf,
    languages: Vec<&'static str>,
}

#[derive(Serialize)]
struct PreviewedLetter {
    page: PathBuf,
    languages: Vec<PreviewedText>,
    needs_score: bool,
    needs_partner: bool,
    /// Whether it can be sent only by a run that is about items.
    needs_item: bool,
}

#[derive(Serialize)]
struct PreviewedText {
    language: String,
    /// In which other language it is said how to unsubscribe, if there are no words of this one.
    words_below: Option<&'static str>,
}

/// Carries `pulse preview` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or read, has no such customer or score, or a file can't be written.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let Some(id) = &options.id else {
        return if options.letter.is_empty() { all_languages(&options, output) } else { letter(&options, output) };
    };
    let app = target.app().await?;
    let id = CustomerId::parse(id)?;
    let question = MailQuestion { run: options.run, pretended: pretended(&options)? };
    let mail = app.preview_mail(&MinijinjaRenderer::new()?, &id, &question).await;
    let mail = mail.map_err(|error| advised(&error, error.advice().as_ref()))?;
    let name = format!("{id}_{}", mail.run);
    let preview = Shown {
        html: write(&options.out, &format!("{name}.html"), &mail.html)?,
        text: write(&options.out, &format!("{name}.txt"), &mail.text)?,
        subject: mail.subject,
        language: mail.language,
        for_want_of: mail.for_want_of,
        unsubscribe: mail.unsubscribe,
    };
    output.show(&preview, || {
        let want = preview.for_want_of.as_ref().map(|locale| format!(", as there are no letters for {locale}"));
        Table::default()
            .row("subject", &preview.subject)
            .row("language", format!("{}{}", preview.language, want.unwrap_or_default()))
            .row(
                "unsubscribe",
                match preview.unsubscribe {
                    PreviewedUnsubscribe::Placeholder => {
                        "by a link, which unsubscribes nobody here: only the mail has theirs"
                    }
                    PreviewedUnsubscribe::Reply => "by a reply: this deployment has no link for it",
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

fn letter(options: &Options, output: Output) -> Result<Exit> {
    let letter = letter_files::read(&options.letter)?;
    let renderer = MinijinjaRenderer::new()?;
    // The fewest steps with which it can be written.
    renderer.check(&letter, Plan::of(&StageName::OF_ENTRIES)?, true)?;
    let without = |step: StageName| {
        let others = StageName::OF_ENTRIES.into_iter().filter(|other| *other != step);
        Plan::of_campaign(&others.collect::<Vec<_>>())
    };
    let needs_score = renderer.check(&letter, without(StageName::SCORED_BY)?, true).is_err();
    let needs_partner = renderer.check(&letter, without(StageName::Call)?, true).is_err();
    let needs_item = MinijinjaRenderer::needs_item(&letter)?;
    let steps = [(StageName::SCORED_BY, needs_score), (StageName::Call, needs_partner), (StageName::Email, true)];
    let needed: Vec<_> = steps.into_iter().filter(|(_, is_needed)| *is_needed).map(|(step, _)| step).collect();
    let page = letter_page::page(&renderer, &letter, Plan::of_campaign(&needed)?, needs_item, SystemClock.now())?;
    let language = |text: &LetterText| PreviewedText {
        language: text.language().to_string(),
        words_below: if language_of(text.language()).is_none() { Some(FALLBACK) } else { None },
    };
    let preview = PreviewedLetter {
        page: write(&options.out, "letter.html", &page)?,
        languages: letter.texts().iter().map(language).collect(),
        needs_score,
        needs_partner,
        needs_item,
    };
    output.show(&preview, || {
        let language = |text: &PreviewedText| match text.words_below {
            Some(other) => format!("{} (the words below it in {other})", text.language),
            None => text.language.clone(),
        };
        Table::default()
            .row("page", preview.page.display())
            .row("languages", preview.languages.iter().map(language).collect::<Vec<_>>().join(", "))
            .row("all others", format!("get it in {}", letter.fallback().language()))
            .row(
                "reference",
                if needs_partner { "is shown: only a run that calls a partner can send it" } else { "isn't needed" },
            )
            .row("item", if needs_item { "is shown: only a run about items can send it" } else { "isn't needed" })
            .row("score", if needs_score { "is shown: only a run that scores can send it" } else { "isn't needed" })
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

/// The score to pretend, if one is.
fn pretended(options: &Options) -> Result<Option<(ScoreValue, Band)>> {
    let (Some(value), Some(band)) = (options.score, &options.band) else { return Ok(None) };
    Ok(Some((ScoreValue::parse(value)?, Band::parse(band)?)))
}
