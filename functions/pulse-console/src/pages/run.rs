//! Everyone in a run, and why they are not done.

use axum::{
    extract::{Path, State},
    response::{Redirect, Response},
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
    why::{CauseSample, Precision, RunReport, SampleOf},
};

use crate::{
    console::{Console, Of},
    failure::Failure,
    layout::{Page, Place, moment},
    wanted::Wanted,
};

/// Entries of each kind that are read to see what went wrong with them.
const LIMIT: usize = 1_000;

pub(super) async fn current(State(console): Of) -> Redirect {
    let run = RunId::current(console.now());
    Redirect::to(&format!("/runs/{run}"))
}

/// What the snapshot has of it. Counting costs, so that is a button.
pub(super) async fn show(State(console): Of, Path(run): Path<String>, wanted: Wanted) -> Result<Response, Failure> {
    let run = parse(&run)?;
    let snapshot = console.snapshot().await?;
    let counted = snapshot.as_ref().and_then(|snapshot| snapshot.run.as_ref()).filter(|counted| counted.run == run);
    Ok(wanted.answer(&counted, || {
        let main = html! {
            h1 { "Run " (run) }
            @match counted {
                Some(counted) => (places(counted)),
                None => p.empty { "The last snapshot is of another run: count this one to see it." },
            }
            (count_form(run, counted))
        };
        page(&console, run, main)
    }))
}

/// Exact now.
pub(super) async fn count(State(console): Of, Path(run): Path<String>, wanted: Wanted) -> Result<Response, Failure> {
    let run = parse(&run)?;
    let question = RunQuestion { run: Some(run), limit: LIMIT, in_depth: true };
    let report = console.app.why_run(question).await?;
    let zone = console.app.settings.zone().map_err(Failure::elsewhere)?;
    Ok(wanted.answer(&report, || page(&console, run, exact(&report, &zone))))
}

fn parse(run: &str) -> Result<RunId, Failure> {
    RunId::parse(run).map_err(|error| Failure::wrong(format!("{error}.")))
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
        @if report.adds_up() {
            p.note.good { "It adds up: everyone on the roster is accounted for, once." }
        } @else {
            p.note.held { "It is off by " (report.unaccounted) ": entries moved while they were counted. Count again." }
        }
        @if !report.holders.is_empty() {
            h2 { "What holds stages" }
            @for (stage, held) in &report.holders { p { "The " (stage) " stage " (super::customer::commands(&holder(held, zone))) "." } }
        }
        @if !report.causes.is_empty() {
            h2 { "What went wrong" }
            @for sample in &report.causes { (causes(sample, report.run)) }
        }
        h2 { "What became of the mails" }
        table.narrow {
            tbody {
                @for count in FeedbackCount::ALL {
                    tr { th scope="row" { (told(*count)) } td.number { (grouped(report.feedback[*count])) } }
                }
            }
        }
        @if !report.without_entry.is_empty() {
            h2 { "Without any open entry" }
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
