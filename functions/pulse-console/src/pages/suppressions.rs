//! Addresses that must not be mailed, as digests.

use axum::{extract::State, response::Response};
use maud::html;
use pulse_app::{
    SuppressionListed,
    words::{grouped, in_force},
};
use pulse_core::customer::Zone;

use crate::{
    console::Of,
    failure::Failure,
    layout::{Page, Place, moment},
    wanted::Wanted,
};

/// Newest ones that are listed.
const NEWEST: usize = 50;

pub(super) async fn show(State(console): Of, wanted: Wanted) -> Result<Response, Failure> {
    let read = async { Ok::<_, Failure>(console.app.suppressions(NEWEST).await?.into()) };
    let report = console.read.suppressions.get(console.now(), read).await?;
    Ok(wanted.answer(&*report, || {
        let all: u64 = report.by_reason.values().sum();
        let main = html! {
            div.heading { h1 { "Suppressions" } p.asof { "As of " (moment(report.at)) } }
            p { "Addresses that must not be mailed. Only digests of them are kept: look one up by the field above." }
            div.columns {
                section {
                    h2 { "By reason" }
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
                    h2 { "The newest" }
                    @if report.newest.is_empty() { p.empty { "None." } }
                    table {
                        tbody { @for listed in &report.newest { tr { td.digest { code { (listed.digest) } } td { (words(listed)) } } } }
                    }
                }
            }
        };
        console.frame.page(&Page { title: "Suppressions".into(), place: Place::Suppressions, every: None, main })
    }))
}

fn words(listed: &SuppressionListed) -> String {
    let held: Vec<_> = listed.state.in_force.iter().map(|held| in_force(held, &Zone::UTC)).collect();
    match &listed.state.released {
        Some(release) if held.is_empty() => format!("released by {}: {}", release.by, release.note),
        _ => held.join("; "),
    }
}
