//! Finding a customer, or an address. Addresses go by POST, so that none is in a URL.

use axum::{
    Form, Json,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use pulse_app::{
    AddressSearch, SearchCost, SoughtAddress, SuppressionState,
    words::{grouped, in_force, lasting},
};
use pulse_core::{
    customer::{CustomerId, Zone},
    ports::RosterCount,
};
use serde::Deserialize;

use super::{customer, overview::cents};
use crate::{
    access::Role,
    console::{Console, Of},
    failure::Failure,
    layout::{Page, Place, moment},
    wanted::Wanted,
};

#[derive(Deserialize)]
pub(super) struct Search {
    q: String,
}

impl Search {
    /// What was typed isn't repeated: it may be an address all the same.
    fn nothing() -> Failure {
        Failure::wrong("That is neither a customer's id nor an address that can be mailed.")
    }
}

pub(super) async fn find(State(console): Of, wanted: Wanted, Form(search): Form<Search>) -> Result<Response, Failure> {
    let q = search.q.trim();
    let sought = SoughtAddress::parse(q);
    if q.contains('@') {
        let Some(SoughtAddress::Address(address)) = &sought else { return Err(Search::nothing()) };
        if console.frame.role == Some(Role::Viewer) {
            return Err(Failure::for_operators(
                "Addresses are looked up by operators. You find customers by their ids.",
            ));
        }
        let state = console.app.suppression(address).await?;
        if wanted == Wanted::Json {
            return Ok(Json(&state).into_response());
        }
        let main = html! { h1 { "One address" } (suppressed(state.as_ref())) (form(&console, q).await?) };
        return Ok(page(&console, main));
    }
    let id = CustomerId::parse(q).map_err(|error| Failure::wrong(format!("{error}.")))?;
    // A digest is a possible id as well: only where nobody has it, it is one.
    if sought.is_some() && console.app.ports.ledger.customer(&id).await?.is_none() {
        if wanted == Wanted::Json {
            let words = "No customer has this id. If it is the beginning of a digest, ask /search/customers for it.";
            return Err(Failure::unknown(words));
        }
        let main = html! {
            h1 { "One digest" }
            p { "No customer has this id. It may be the beginning of a digest, as " a href="/suppressions" { "the suppressions" } " show them." }
            (form(&console, q).await?)
        };
        return Ok(page(&console, main));
    }
    Ok(Redirect::to(&customer::path(&id)).into_response())
}

fn page(console: &Console, main: Markup) -> Response {
    let page = Page { title: "One address".into(), place: Place::Feedback, every: None, main };
    console.frame.page(&page).into_response()
}

fn suppressed(state: Option<&SuppressionState>) -> Markup {
    html! {
        @match state {
            None => p.note.good { "The address isn't suppressed, and never was." },
            Some(state) => {
                @if state.in_force.is_empty() { p.note.good { "The address isn't suppressed." } }
                @else {
                    div.note.bad {
                        p { "The address is suppressed:" }
                        ul { @for held in &state.in_force { li { (in_force(held, &Zone::UTC)) } } }
                    }
                }
                @if let Some(release) = &state.released {
                    p { "It was released " (moment(release.at)) " by " (release.by) ": " (release.note) }
                }
            }
        }
    }
}

/// The button, with what it costs. No index has addresses, so that all profiles are read.
async fn form(console: &Console, q: &str) -> Result<Markup, Failure> {
    let snapshot = console.snapshot().await?;
    let roster = snapshot.and_then(|snapshot| Some(snapshot.run.as_ref()?.roster));
    let (whose, roster) = match roster {
        Some(roster) => ("all profiles", roster),
        None => ("all profiles: for 600,000 customers", RosterCount { active: 600_000, closed: 0 }),
    };
    let SearchCost { read_units, dollars, seconds } = SearchCost::of(roster);
    Ok(html! {
        form.act method="post" action="/search/customers" {
            input type="hidden" name="q" value=(q);
            button.quiet { "Find the customers who have it" }
            p.small {
                "Reads " (whose) ": about " (grouped(read_units)) " read units, " (cents(dollars)) ", some "
                (lasting(std::time::Duration::from_secs(seconds))) ". One search goes on at a time."
            }
        }
    })
}

/// Customers with that address, by what is kept of them.
pub(super) async fn customers(
    State(console): Of,
    wanted: Wanted,
    Form(search): Form<Search>,
) -> Result<Response, Failure> {
    let sought = SoughtAddress::parse(search.q.trim()).ok_or_else(Search::nothing)?;
    // A second one would take as long again, and cost as much.
    let Ok(_only) = console.read.searches.try_lock() else {
        return Err(Failure::refused("Someone looks for an address already: try again when that has ended.".into()));
    };
    let found = console.app.search_address(&sought).await?;
    Ok(match wanted {
        Wanted::Json => Json(&found).into_response(),
        _ => page(&console, shown(&found)),
    })
}

fn shown(found: &AddressSearch) -> Markup {
    html! {
        h1 { "Who has this address" }
        @if found.customers.is_empty() { p.empty { "Nobody on the roster." } }
        ul { @for id in &found.customers { li { a href=(customer::path(id)) { (id) } } } }
        @if found.more { p.note.held { "More than these have it: as many aren't named." } }
        p.small { (grouped(found.profiles)) " profiles were read, which took " (found.read_units) " read units." }
        @if found.unreadable > 0 {
            p.note.held { (grouped(found.unreadable)) " profiles can't be read back, and may have it: " code { "pulse audit" } " names them." }
        }
    }
}
