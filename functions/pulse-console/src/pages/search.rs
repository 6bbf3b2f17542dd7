//! Finding a customer, or an address. Addresses go by POST, so that none is in a URL.

use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use maud::html;
use pulse_app::words::in_force;
use pulse_core::customer::{CustomerId, EmailAddress, Zone};
use serde::Deserialize;

use super::customer;
use crate::{
    console::Of,
    failure::Failure,
    layout::{Page, Place, moment},
};

#[derive(Deserialize)]
pub(super) struct Search {
    q: String,
}

pub(super) async fn find(State(console): Of, Form(search): Form<Search>) -> Result<Response, Failure> {
    let q = search.q.trim();
    if !q.contains('@') {
        let id = CustomerId::parse(q).map_err(|error| Failure::wrong(format!("{error}.")))?;
        return Ok(Redirect::to(&customer::path(&id)).into_response());
    }
    // What was typed isn't repeated: it may be an address all the same.
    let address = EmailAddress::parse(q)
        .map_err(|_| Failure::wrong("That is neither a customer's id nor an address that can be mailed."))?;
    let state = console.app.suppression(&address).await.map_err(Failure::elsewhere)?;
    let main = html! {
        h1 { "One address" }
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
        p.small { "Addresses are kept as digests: who has one is known by their id alone." }
    };
    let page = Page { title: "One address".into(), place: Place::Suppressions, every: None, main };
    Ok(console.frame.page(&page).into_response())
}
