//! Addresses that must not be mailed, as digests.

use axum::{extract::State, response::Response};
use maud::html;
use pulse_app::{
    SuppressionListed, SuppressionsReport,
    words::{grouped, in_force},
};
use pulse_core::customer::Zone;

use crate::{
    console::Of,
    failure::Failure,
    layout::{Page, Place, moment},
    tables::{Table, Tables},
};

/// Newest ones that are listed.
const NEWEST: usize = 50;

pub(super) async fn show(State(console): Of, tables: Tables) -> Result<Response, Failure> {
    let read = async { Ok::<_, Failure>(console.app.suppressions(NEWEST).await?.into()) };
    let report = console.read.suppressions.get(console.now(), read).await?;
    tables.answer(&*report, || sheets(&report), || {
        let all: u64 = report.by_reason.values().sum();
        let main = html! {
            div.heading { h1 { "Suppressions" } p.asof { "As of " (moment(report.at)) } }
            p { "Addresses that must not be mailed. Only digests of them are kept: look one up by the field above. What suppressed them lately is among " a href="/feedback" { "the feedback" } "." }
            div.columns {
                section {
                    h2 #reasons { "By reason" }
                    (tables.link("reasons"))
                    table {
                        tbody {
                            @for (reason, count) in &report.by_reason {
                                tr { th scope="row" { (reason) } td.number { (grouped(*count)) } }
                            }
                            tr.total { th scope="row" { "all" } td.number { (grouped(all)) } }
                            tr { th scope="row" { "released" } td.number { (grouped(report.released)) } }
                        }
                    }
                }
                section {
                    h2 #newest { "The newest" }
                    (tables.link("newest"))
                    @if report.newest.is_empty() { p.empty { "None." } }
                    table {
                        tbody { @for listed in &report.newest { tr { td.digest { code { (listed.digest) } } td { (words(listed)) } } } }
                    }
                }
            }
        };
        console.frame.page(&Page { title: "Suppressions".into(), place: Place::Feedback, every: None, main })
    })
}

fn sheets(report: &SuppressionsReport) -> Vec<Table> {
    let reasons = report.by_reason.iter().map(|(reason, count)| [reason.to_string(), count.to_string()]);
    let released = ["released".to_owned(), report.released.to_string()];
    let newest = report.newest.iter().map(|listed| [listed.digest.clone(), words(listed)]);
    vec![
        Table::new("reasons", ["reason", "addresses"], reasons.chain([released])),
        Table::new("newest", ["digest", "what_is_kept"], newest),
    ]
}

fn words(listed: &SuppressionListed) -> String {
    let held: Vec<_> = listed.state.in_force.iter().map(|held| in_force(held, &Zone::UTC)).collect();
    match &listed.state.released {
        Some(release) if held.is_empty() => format!("released by {}: {}", release.by, release.note),
        _ => held.join("; "),
    }
}
