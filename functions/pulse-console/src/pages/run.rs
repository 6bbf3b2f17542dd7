//! Everyone in a run, and why they are not done.

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect, Response},
};
use maud::{Markup, html};
use pulse_app::{
    RunQuestion,
    words::{grouped, holder, place, reason, told},
};
use pulse_core::{
    bill::Prices,
    customer::Zone,
    feedback::FeedbackCount,
    run::RunId,
    snapshot::RunSnapshot,
    why::{CauseCount, CauseSample, Precision, RunReport, SampleOf},
};

use super::campaigns;
use crate::{
    console::{Console, Of},
    failure::Failure,
    layout::{Page, Place, moment},
    tables::{Table, Tables},
};

/// Entries of each kind that are read to see what went wrong with them.
const LIMIT: usize = 1_000;

pub(super) async fn current(State(console): Of) -> Redirect {
    let run = RunId::current(console.now());
    Redirect::to(&format!("/runs/{run}"))
}

/// Where a run's page is.
pub(super) fn path(run: RunId) -> String {
    if run.is_campaign() { campaigns::path(run) } else { format!("/runs/{run}") }
}

/// What the snapshot has of it. Counting costs, so that is a button.
pub(super) async fn show(State(console): Of, Path(run): Path<String>, tables: Tables) -> Result<Response, Failure> {
    let run = parse(&run)?;
    if run.is_campaign() {
        return Ok(Redirect::to(&path(run)).into_response());
    }
    let snapshot = console.snapshot().await?;
    let counted = snapshot.as_ref().and_then(|snapshot| snapshot.run.as_ref()).filter(|counted| counted.run == run);
    let places_of =
        |counted: &RunSnapshot| counted.places.iter().map(|(key, count)| [place(*key), count.to_string()]).collect();
    let rows = || counted.map_or_else(Vec::new, places_of);
    tables.answer(
        &counted,
        || vec![Table::new("places", ["where", "entries"], rows())],
        || {
            let main = html! {
                h1 { "Run " (run) }
                @match counted {
                    Some(counted) => { (places(counted)) (tables.link("places")) },
                    None => p.empty { "The last snapshot is of another run: count this one to see it." },
                }
                (count_form(run, counted))
            };
            page(&console, run, main)
        },
    )
}

/// Exact now.
pub(super) async fn count(State(console): Of, Path(run): Path<String>, tables: Tables) -> Result<Response, Failure> {
    let run = parse(&run)?;
    if run.is_campaign() {
        return Err(Failure::wrong(format!("{run} is a campaign, and no month: its page counts it by itself."))
            .see("/campaigns", "To the campaigns"));
    }
    let question = RunQuestion { run: Some(run), limit: LIMIT, in_depth: true };
    let report = console.app.why_run(question).await?;
    let zone = console.app.settings.zone().map_err(Failure::elsewhere)?;
    tables.answer(&report, || sheets(&report), || page(&console, run, exact(&report, &zone)))
}

/// As many tables as there are to ask for, in the order of the page.
fn sheets(report: &RunReport) -> Vec<Table> {
    let precision = |precision| match precision {
        Precision::Exact => "exact",
        Precision::AtLeast => "at least",
        Precision::AtMost => "at most",
    };
    let reasons = report.reasons.iter();
    let causes = report.causes.iter().flat_map(|sample| {
        let of = match sample.of {
            SampleOf::Failed => "given up",
            SampleOf::Due => "due",
        };
        let row = move |cause: &CauseCount| {
            [sample.stage.to_string(), of.to_owned(), cause.cause.to_string(), cause.entries.to_string()]
        };
        sample.causes.iter().map(row)
    });
    let feedback = FeedbackCount::ALL.iter();
    vec![
        Table::new(
            "reasons",
            ["where", "customers", "precision"],
            reasons.map(|one| [reason(one.reason), one.customers.to_string(), precision(one.precision).to_owned()]),
        ),
        Table::new("causes", ["stage", "of", "cause", "entries"], causes),
        Table::new(
            "feedback",
            ["what", "mails"],
            feedback.map(|count| [told(*count).to_owned(), report.feedback[*count].to_string()]),
        ),
    ]
}

fn parse(run: &str) -> Result<RunId, Failure> {
    RunId::parse(run).map_err(|error| Failure::wrong(format!("{error}.")).see("/runs", "To this month's run"))
}

fn page(console: &Console, run: RunId, main: Markup) -> Markup {
    console.frame.page(&Page { title: format!("Run {run}"), place: Place::Run, every: None, main })
}

fn places(run: &RunSnapshot) -> Markup {
    html! {
        p.asof { "Counted " (moment(run.counted_at)) }
        table.narrow {
            tbody {
                @for (key, count) in &run.places {
                    tr { th scope="row" { (place(*key)) } td.number { (grouped(*count)) } }
                }
                tr.total { th scope="row" { "all entries" } td.number { (grouped(run.places.values().sum())) } }
            }
        }
        @if run.sent_since > 0 { p.small { "About " (grouped(run.sent_since)) " mails were sent since." } }
    }
}

fn count_form(run: RunId, counted: Option<&RunSnapshot>) -> Markup {
    html! {
        form.act method="post" action=(format!("/runs/{run}")) {
            button { "Count now, with the reasons" }
            p.small {
                "Reads every entry of the run"
                @if let Some(counted) = counted {
                    ": counting alone took " (counted.read_units) " read units last, with the reasons it takes twice that, at $"
                    (Prices::default().reads) " a million"
                }
                "."
            }
        }
    }
}

fn exact(report: &RunReport, zone: &Zone) -> Markup {
    let all = report.roster.active + report.roster.closed;
    html! {
        h1 { "Run " (report.run) }
        p.asof { "Counted " (moment(report.at)) " for " (report.read_units) " read units" }
        table.narrow {
            thead { tr { th scope="col" { "where" } th.number scope="col" { "customers" } } }
            tbody {
                @for count in &report.reasons {
                    tr {
                        th scope="row" { (reason(count.reason)) }
                        td.number {
                            (match count.precision { Precision::Exact => "", Precision::AtLeast => "at least ", Precision::AtMost => "at most " })
                            (grouped(count.customers))
                        }
                    }
                }
                tr.total { th scope="row" { "everyone on the roster: " (grouped(report.roster.active)) " active, " (grouped(report.roster.closed)) " have left" } td.number { (grouped(all)) } }
            }
        }
        div.csvs { @for table in sheets(report) { (table.link()) } }
        @if report.adds_up() {
            p.note.good { "It adds up: everyone on the roster is accounted for, once." }
        } @else {
            p.note.held { "It is off by " (report.unaccounted) ": entries moved while they were counted. Count again." }
        }
        @if !report.holders.is_empty() {
            h2 #holders { "What holds stages" }
            @for (stage, held) in &report.holders { p { "The " (stage) " stage " (super::customer::commands(&holder(held, zone))) "." } }
        }
        @if !report.causes.is_empty() {
            h2 #causes { "What went wrong" }
            @for sample in &report.causes { (causes(sample, report.run)) }
        }
        h2 #feedback { "What became of the mails" }
        (super::feedback::all(&report.feedback))
        p.small { a href="/feedback" { "Feedback, day by day" } }
        @if !report.without_entry.is_empty() {
            h2 #without-entry { "Without any open entry" }
            p { @for id in &report.without_entry { a href=(super::customer::path(id)) { (id) } " " } }
            p { code { "pulse audit --repair" } " opens them." }
        }
    }
}

fn causes(sample: &CauseSample, run: RunId) -> Markup {
    let (read, all) = (grouped(sample.read), grouped(sample.entries));
    html! {
        h3 {
            (match sample.of { SampleOf::Failed => "Given up by", SampleOf::Due => "Due in" }) " the " (sample.stage) " stage: "
            @if sample.is_partial() { (read) " of " (all) " were read" } @else { "all " (all) }
        }
        table {
            thead { tr { th scope="col" { "cause" } th.number scope="col" { "entries" } th scope="col" { "some of them" } } }
            tbody {
                @for cause in &sample.causes {
                    tr {
                        td { (cause.cause) }
                        td.number { (grouped(cause.entries)) }
                        td { @for entry in &cause.examples { a href=(super::customer::path(&entry.customer)) { (entry.customer) } " " } }
                    }
                }
            }
        }
        @if sample.of == SampleOf::Failed {
            p.small { "When the cause is mended: " code { "pulse redrive " (sample.stage) " --run " (run) } }
        }
    }
}
