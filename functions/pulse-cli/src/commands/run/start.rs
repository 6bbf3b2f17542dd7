use std::{collections::BTreeSet, fmt::Write as _, fs, num::NonZeroU64, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::{ArgGroup, Args};
use jiff::Timestamp;
use pulse_app::{App, CampaignForecast, NewAudience, NewCampaign, words::customers_or_items};
use pulse_core::{
    campaign::{Audience, CampaignLetter, Foreseen, FrequencyCap, Priority, Question},
    control::Note,
    customer::{Locale, Product},
    entry::{Plan, StageName},
    run::RunId,
};
use pulse_letters::MinijinjaRenderer;

use super::{audience_file, campaign, told};
use crate::{
    exit::Exit,
    letter_files::{self, LetterFile},
    output::Output,
    text,
};

/// What `pulse run start` takes.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("whom").required(true).args(["audience", "unreached_of", "all", "product", "band", "region"]).multiple(true)),
    after_help = "Example: pulse run start spring-sale --audience ids.txt --letter spring.en.txt --deadline 90m --dry-run\n\
                  A line `c-1,INV-1` below `customer,item` is about an item: each has an entry, a call and a mail of its own.\n\
                  The name is given once, for good. --dry-run says whom it would reach and whom not, and why, and writes nothing."
)]
pub(super) struct Options {
    /// The campaign's name: at most 24 of a-z, 0-9 and hyphens, a letter first.
    #[arg(value_name = "NAME", value_parser = campaign)]
    name: RunId,

    /// A file of customers' ids, one a line. `-` is standard input.
    ///
    /// Where a customer has several items to be written to about, such as invoices, a line for each, below a first line
    /// `customer,item`: `c-1,INV-1`. An item is 1 to 24 letters, digits, `-` and `_`. Of other columns none counts but the first.
    /// Customers with items and without may stand in one file, but not
    /// one customer in both ways.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["unreached_of", "all", "product", "band", "region"])]
    audience: Option<PathBuf>,

    /// Those whom another campaign, which is over, was for and didn't reach, about the same items: what failed, or was abandoned or
    /// cancelled, be it before it was planned.
    #[arg(long, value_name = "NAME", value_parser = campaign, conflicts_with_all = ["all", "product", "band", "region"])]
    unreached_of: Option<RunId>,

    /// Everyone on the roster.
    #[arg(long)]
    all: bool,

    /// Those of the roster with this product.
    #[arg(long, value_name = "loan|card", value_parser = Product::parse)]
    product: Option<Product>,

    /// Those of the roster whose last score was in this band.
    #[arg(long, value_name = "BAND")]
    band: Option<String>,

    /// Those of the roster who live in this region, by its two letters, as their locale tells.
    #[arg(long, value_name = "REGION", value_parser = region)]
    region: Option<String>,

    /// The letter: a file for each language, as `spring.en.txt` or `ja=spring.txt`. The first is for all other languages.
    #[arg(long, value_name = "FILE", required = true)]
    letter: Vec<LetterFile>,

    /// The stages that each customer goes through: `email`, and before it `score`, `call` (a partner), or `score,call`.
    #[arg(long, value_name = "STEPS", value_parser = steps, default_value = "email")]
    steps: Plan,

    /// When it is waited for no longer: after so long, as in 90m or 2d, or at a moment (RFC 3339). What is open then is abandoned.
    #[arg(long, value_name = "WHEN", value_parser = deadline)]
    deadline: Option<Deadline>,

    /// Which campaign goes first.
    #[arg(long, value_name = "PRIORITY", default_value_t = Priority::Normal, value_parser = priority)]
    priority: Priority,

    /// Leaves out who had so many mails of all runs lately: `2/7d` is two in seven days. `none` leaves out nobody. The mail about
    /// each item counts.
    #[arg(long, value_name = "CAP", default_value = "3/7d", value_parser = cap)]
    cap: Cap,

    /// Isn't started with more entries than this: one for each customer, or for each of their items. How many --all, --product,
    /// --band and --region find is known only once they are planned: with more, the campaign is cancelled then.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    at_most: Option<u64>,

    /// Begins on so many entries a day at the most, in days of 24 hours from its start.
    #[arg(long, value_name = "N")]
    a_day: Option<NonZeroU64>,

    /// Why: others will read it.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse)]
    note: Option<Note>,

    /// Says whom it would reach and whom not, and why. Nothing is written.
    #[arg(long)]
    dry_run: bool,

    /// Writes with --dry-run what it would come to for each customer, as CSV.
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    list: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy)]
enum Deadline {
    After(Duration),
    At(Timestamp),
}

#[derive(Debug, Clone, Copy)]
struct Cap(Option<FrequencyCap>);

pub(super) fn steps(text: &str) -> Result<Plan, String> {
    let steps: Result<Vec<StageName>, _> = text.split(',').map(|step| step.trim().parse()).collect();
    Plan::of_campaign(&steps.unwrap_or_default()).map_err(|error| error.to_string())
}

fn deadline(text: &str) -> Result<Deadline, String> {
    if let Ok(at) = text.parse() {
        return Ok(Deadline::At(at));
    }
    match text::length(text)? {
        length if length < Duration::from_mins(2) => {
            Err("is shorter than two minutes: nothing would be sent".to_owned())
        }
        length => Ok(Deadline::After(length)),
    }
}

fn region(text: &str) -> Result<String, String> {
    let locale = Locale::parse(&format!("en-{text}")).ok();
    let region = locale.as_ref().and_then(Locale::region).map(str::to_owned);
    region
        .filter(|region| region.eq_ignore_ascii_case(text))
        .ok_or_else(|| "is no region that Unicode CLDR knows: write its two letters, as in IE".to_owned())
}

fn priority(text: &str) -> Result<Priority, String> {
    text.parse().map_err(|_| "is none of urgent, normal and bulk".to_owned())
}

fn cap(text: &str) -> Result<Cap, String> {
    match text {
        "none" => Ok(Cap(None)),
        text => text.parse().map(|cap| Cap(Some(cap))).map_err(|error| format!("{error}")),
    }
}

/// What is to be started, and how.
pub(super) struct Start {
    new: NewCampaign,
    deadline: Option<Deadline>,
    dry_run: bool,
    list: Option<PathBuf>,
}

/// Reads the files, and looks at the letter.
pub(super) fn check(options: Options) -> Result<Start> {
    let letter = letter_files::read(&options.letter)?;
    let audience = match (&options.audience, options.unreached_of) {
        (Some(path), _) => NewAudience::Ids(audience_file::read(path)?),
        (None, Some(run)) => NewAudience::Unreached(run),
        (None, None) => {
            let (product, band, region) = (options.product, options.band.clone(), options.region.clone());
            if options.all && (product.is_some() || band.is_some() || region.is_some()) {
                bail!("--all is everyone: leave it out, or what narrows it");
            }
            NewAudience::Asked(Question { product, band, region })
        }
    };
    let has_items = match &audience {
        NewAudience::Ids(ids) => ids.iter().any(|addressee| addressee.item.is_some()),
        // Whether those have any is known to the ledger.
        NewAudience::Unreached(_) => true,
        NewAudience::Asked(_) => false,
    };
    check_letter(&letter, options.steps, has_items)?;
    let new = NewCampaign {
        run: options.name,
        plan: options.steps,
        audience,
        needs_item: MinijinjaRenderer::needs_item(&letter)?,
        letter,
        deadline: None,
        priority: options.priority,
        cap: options.cap.0,
        at_most: options.at_most,
        a_day: options.a_day,
        quota: None,
        note: options.note,
    };
    Ok(Start { new, deadline: options.deadline, dry_run: options.dry_run, list: options.list })
}

/// Whether a letter can be written in a run of these steps, whose entries are about items or not.
pub(super) fn check_letter(letter: &CampaignLetter, plan: Plan, has_items: bool) -> Result<()> {
    let renderer = MinijinjaRenderer::new().context("the letters' frame can't be read")?;
    Ok(renderer.check(letter, plan, has_items)?)
}

pub(super) async fn run(app: &App, quota: Option<u64>, start: Start, output: Output) -> Result<Exit> {
    let Start { mut new, deadline, dry_run, list } = start;
    new.quota = quota;
    let now = app.clock().now();
    new.deadline = match deadline {
        Some(Deadline::At(at)) if at <= now => bail!("the deadline {at} is over already"),
        Some(Deadline::At(at)) => Some(at),
        Some(Deadline::After(length)) => now.checked_add(length).ok(),
        None => None,
    };
    if dry_run {
        let forecast = app.foresee_campaign(&new).await.map_err(told)?;
        if let Some(path) = list {
            fs::write(&path, each(&forecast)).with_context(|| format!("{} can't be written", path.display()))?;
        }
        output.show(&forecast, || foreseen(&forecast, &new, now))?;
        return Ok(Exit::Done);
    }
    let given = match &new.audience {
        NewAudience::Ids(ids) => Some(ids.iter().collect::<BTreeSet<_>>().len() as u64),
        _ => None,
    };
    let campaign = app.start_campaign(&new).await.map_err(told)?;
    output.show(&campaign, || {
        let run = campaign.run;
        let mut text = format!("Campaign {run} is asked for");
        if let Audience::Given { entries, items, .. } = campaign.request.audience {
            let _ = write!(text, ", for {}", customers_or_items(entries, items));
            match given.map(|given| given - entries) {
                None | Some(0) => {}
                Some(unknown) => {
                    let _ = write!(text, " ({unknown} were left out whose ids nobody on the roster has)");
                }
            }
        }
        text + &format!(". Tick plans it and begins on it within minutes: `pulse run show {run}` says how far it is.\n")
    })?;
    Ok(Exit::Done)
}

fn foreseen(forecast: &CampaignForecast, new: &NewCampaign, now: Timestamp) -> String {
    let mut text = format!(
        "Campaign {} would be for {}, as they are now.\n{:>9}  would be mailed\n",
        forecast.run,
        customers_or_items(forecast.customers, forecast.items),
        forecast.mailed
    );
    for (reason, count) in &forecast.skipped {
        let _ = writeln!(text, "{count:>9}  would be skipped: {reason}");
    }
    if forecast.unknown > 0 {
        let _ = writeln!(text, "{:>9}  are left out: nobody on the roster has their ids", forecast.unknown);
    }
    if let Some(most) = new.at_most.filter(|most| forecast.customers > *most) {
        let _ = match new.audience {
            NewAudience::Asked(_) => {
                writeln!(text, "That is more than --at-most {most}: once planned, it would be cancelled.")
            }
            _ => writeln!(text, "That is more than --at-most {most}: it would not be started."),
        };
    }
    if let Some(beyond) = new.beyond_quota(forecast.customers) {
        let _ = writeln!(text, "It would not be started: {beyond}.");
    }
    if let Some(beyond) = new.beyond_deadline(forecast.customers, now) {
        let _ = writeln!(text, "It would not be started: {beyond}.");
    }
    text + "Nothing was written.\n"
}

fn each(forecast: &CampaignForecast) -> String {
    let has_items = forecast.each.iter().any(|(addressee, _)| addressee.item.is_some());
    let mut text = if has_items { "customer,item,would,reason\n" } else { "customer,would,reason\n" }.to_owned();
    for (addressee, foreseen) in &forecast.each {
        let comma = if has_items && addressee.item.is_none() { "," } else { "" };
        let _ = match foreseen {
            Foreseen::Mailed => writeln!(text, "{addressee}{comma},be mailed,"),
            Foreseen::Skipped(reason) => writeln!(text, "{addressee}{comma},be skipped,{reason}"),
            Foreseen::Unknown => writeln!(text, "{addressee}{comma},be left out,unknown"),
        };
    }
    text
}
