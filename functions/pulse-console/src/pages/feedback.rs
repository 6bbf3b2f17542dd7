//! What became of the mails: what providers and recipients told afterwards.

use std::collections::BTreeSet;

use axum::{
    extract::{Path, State},
    response::{Redirect, Response},
};
use maud::{Markup, html};
use pulse_app::{
    FeedbackReport, ReputationReport, RunFeedback,
    words::{RecipientsLine, Tone, decimal, grouped, place, recipients_lines, told},
};
use pulse_core::{
    bill::Prices,
    feedback::{FeedbackCount, FeedbackCounts, FeedbackDay, Reputation},
    ports::ReadUnits,
    run::RunId,
};

use super::{customer::commands, run};
use crate::{
    console::{Console, Of},
    failure::Failure,
    layout::{Page, Place, moment},
    tables::{Table, Tables},
};

/// What all hours of a month take to be read: some 150 bytes each, eventually consistent.
const A_MONTH: ReadUnits = ReadUnits::of_halves(28);

pub(super) async fn show(State(console): Of, tables: Tables) -> Result<Response, Failure> {
    let report = console.snapshot().await?.map(|snapshot| FeedbackReport::of(&snapshot));
    tables.answer(&report, || report.iter().flat_map(sheets).collect(), || {
        let main = match &report {
            None => html! {
                h1 { "Feedback" }
                p.empty {
                    "Nothing was counted yet. The tick function counts every five minutes; if nothing is here by then, look \
                     at its log, or at " code { "pulse doctor" } "."
                }
            },
            Some(report) => overview(report, RunId::current(console.now()), &tables),
        };
        page(&console, Some(60), main)
    })
}

fn sheets(report: &FeedbackReport) -> Vec<Table> {
    let days = report.days.iter().flat_map(|day| {
        let row = |count: &FeedbackCount| {
            [day.day.to_string(), day.run.to_string(), told(*count).to_owned(), day.count(*count).to_string()]
        };
        FeedbackCount::ALL.iter().map(row)
    });
    let depths = report.intake.iter();
    vec![
        Table::new("days", ["day", "run", "what", "mails"], days),
        Table::new(
            "intake",
            ["queue", "waiting", "in_flight"],
            depths.map(|depth| [depth.queue.clone(), depth.waiting.to_string(), depth.in_flight.to_string()]),
        ),
    ]
}

/// All mails of a run: a button, as it takes more than a look may.
pub(super) async fn count(State(console): Of, Path(run): Path<String>, tables: Tables) -> Result<Response, Failure> {
    let run = RunId::parse(&run).map_err(|error| Failure::wrong(format!("{error}.")))?;
    let report = console.app.run_feedback(run).await?;
    tables.answer(&report, || vec![counts(&report)], || page(&console, None, of_run(&report)))
}

fn counts(report: &RunFeedback) -> Table {
    let row = |count: &FeedbackCount| [told(*count).to_owned(), report.feedback[*count].to_string()];
    Table::new("run", ["what", "mails"], FeedbackCount::ALL.iter().map(row))
}

/// Who hands on where a count was shown leads to where it can be had.
pub(super) async fn uncounted() -> Redirect {
    Redirect::to("/feedback#runs")
}

fn page(console: &Console, every: Option<u32>, main: Markup) -> Markup {
    console.frame.page(&Page { title: "Feedback".into(), place: Place::Feedback, every, main })
}

fn overview(report: &FeedbackReport, current: RunId, tables: &Tables) -> Markup {
    html! {
        div.heading {
            h1 { "Feedback" }
            p.asof { "As of " (moment(report.at)) }
        }
        p {
            "What was told of mails after they were handed over, over seven days. Addresses that mustn't be mailed any more \
             are " a href="/suppressions" { "the suppressions" } "."
        }
        section {
            h2 #recipients { "Recipients " (standing(report.reputation.standing)) }
            (recipients(&report.reputation))
        }
        div.columns {
            section { h2 #kinds { "What became of the mails" } (kinds(&report.days)) }
            section { h2 #days { "Day by day" } (days(&report.days)) (tables.link("days")) }
        }
        div.columns {
            section { h2 #doubts { "Mails in doubt" } (doubts(report)) }
            section { h2 #intake { "What waits to be taken in" } (intake(report)) (tables.link("intake")) }
        }
        section {
            h2 #runs { "All mails of a run" }
            (count_form(current))
            (count_form(current.previous()))
        }
    }
}

pub(super) fn standing(standing: Reputation) -> Markup {
    let (class, word) = match standing {
        Reputation::Good => ("good", "good"),
        Reputation::Doubtful => ("held", "doubtful"),
        Reputation::Bad => ("bad", "bad"),
    };
    html! { span class=(format!("badge {class}")) { (word) } }
}

/// As `pulse status` says it.
pub(super) fn recipients(report: &ReputationReport) -> Markup {
    html! {
        table.facts {
            tbody {
                @for RecipientsLine { label, text, tone } in recipients_lines(report) {
                    tr.bad[tone == Tone::Bad] { th scope="row" { (label) } td { (commands(&text)) } }
                }
            }
        }
    }
}

fn rate(part: u64, of: u64) -> String {
    if of == 0 { String::new() } else { format!("{} %", decimal(part as f64 * 100.0 / of as f64)) }
}

fn kinds(days: &[FeedbackDay]) -> Markup {
    if days.is_empty() {
        return html! {
            p.empty {
                "Nothing was told. Where mails were sent, look whether the provider tells: " code { "pulse doctor" } " says so."
            }
        };
    }
    let runs: BTreeSet<_> = days.iter().map(|day| day.run).collect();
    let sum = |run: RunId, count| days.iter().filter(|day| day.run == run).map(|day| day.count(count)).sum::<u64>();
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "what" }
                    @for run in &runs { th.number scope="col" { a href=(run::path(*run)) { "run " (run) } } th.number scope="col" { "of those told of" } }
                }
            }
            tbody {
                @for count in FeedbackCount::ALL {
                    tr {
                        th scope="row" { (told(*count)) }
                        @for run in &runs {
                            td.number { (grouped(sum(*run, *count))) }
                            td.number { @if *count != FeedbackCount::Heard { (rate(sum(*run, *count), sum(*run, FeedbackCount::Heard))) } }
                        }
                    }
                }
            }
        }
    }
}

fn days(days: &[FeedbackDay]) -> Markup {
    if days.is_empty() {
        return html! { p.empty { "None." } };
    }
    let shown = [
        (FeedbackCount::HardBounced, "hard bounces"),
        (FeedbackCount::Complained, "complaints"),
        (FeedbackCount::Unsubscribed, "opt-outs"),
    ];
    let is_of_several = days.iter().any(|day| day.run != days[0].run);
    html! {
        table.days {
            thead {
                tr {
                    th scope="col" { "day" } th.number scope="col" { (told(FeedbackCount::Heard)) }
                    @for (_, words) in shown { th.number scope="col" { (words) } }
                }
            }
            tbody {
                @for day in days.iter().rev() {
                    tr {
                        th.day scope="row" { (day.day.strftime("%a %-d %b")) @if is_of_several { br; small { "run " (day.run) } } }
                        td.number { (grouped(day.count(FeedbackCount::Heard))) }
                        @for (count, _) in shown {
                            td.number { (grouped(day.count(count))) " " small { (rate(day.count(count), day.count(FeedbackCount::Heard))) } }
                        }
                    }
                }
            }
        }
        p.small { "Days are in UTC; the first is what is left of it within seven days." }
    }
}

fn doubts(report: &FeedbackReport) -> Markup {
    let Some((run, counted_at)) = report.run else {
        return html! { p.empty { "No run was counted yet: " a href="/" { "the overview" } " can count it now." } };
    };
    html! {
        @if report.doubts.is_empty() { p.empty { "None in run " (run) "." } }
        table {
            tbody {
                @for (key, count) in &report.doubts { tr { th scope="row" { (place(*key)) } td.number { (grouped(*count)) } } }
            }
        }
        p.small { a href=(run::path(run)) { "Run " (run) } ", counted " (moment(counted_at)) "." }
        @if !report.doubts.is_empty() {
            form.act method="post" action="/doubts" {
                button.quiet { "Whose are they?" }
                p.small { "They are settled by their provider's word, or by yours on the customer's page. To list them takes what counting takes, and a read for each." }
            }
        }
    }
}

fn intake(report: &FeedbackReport) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "queue" } th.number scope="col" { "waiting" } th.number scope="col" { "in flight" } } }
            tbody {
                @for depth in &report.intake {
                    tr.bad[depth.dead_letters && depth.waiting > 0] {
                        th scope="row" { @if depth.dead_letters { a href="/dead-letters" { (depth.queue) } } @else { (depth.queue) } }
                        td.number { (grouped(depth.waiting)) }
                        td.number { (grouped(depth.in_flight)) }
                    }
                }
            }
        }
        @if report.intake.is_empty() { p.empty { "This stack has no intake: what providers tell isn't heard." } }
    }
}

fn count_form(run: RunId) -> Markup {
    html! {
        form.act method="post" action=(format!("/feedback/{run}")) {
            button.quiet { "Count run " (run) }
            p.small { "Reads its hours: up to some " (A_MONTH) " read units, at $" (Prices::default().reads) " a million." }
        }
    }
}

fn of_run(report: &RunFeedback) -> Markup {
    let RunFeedback { run, feedback, read_units } = report;
    html! {
        h1 { "Feedback: run " (run) }
        p.asof { "As it was told by now; it took " (read_units) " read units" }
        (all(feedback))
        (counts(report).link())
        p { a href=(run::path(*run)) { "Run " (run) } " · " a href="/feedback" { "Feedback over seven days" } }
    }
}

/// What became of all mails of a run.
pub(super) fn all(feedback: &FeedbackCounts) -> Markup {
    let heard = feedback[FeedbackCount::Heard];
    html! {
        table.narrow {
            tbody {
                @for count in FeedbackCount::ALL {
                    tr {
                        th scope="row" { (told(*count)) }
                        td.number { (grouped(feedback[*count])) }
                        td.number { @if *count != FeedbackCount::Heard { (rate(feedback[*count], heard)) } }
                    }
                }
            }
        }
    }
}
