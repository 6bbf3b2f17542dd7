//! Mails of which it isn't known whether the provider has them: whose they are.

use axum::{
    extract::State,
    response::{Redirect, Response},
};
use maud::{Markup, html};
use pulse_app::{Unsettled, words::grouped};
use pulse_core::entry::RunAndItem;

use super::customer;
use crate::{
    console::Of,
    failure::Failure,
    layout::{Page, Place, moment},
    wanted::Wanted,
};

/// Counts, and reads each of them: so it is a button.
pub(super) async fn list(State(console): Of, wanted: Wanted) -> Result<Response, Failure> {
    let doubts = console.app.doubts().await?;
    Ok(wanted.answer(&doubts, || {
        let main = html! {
            h1 { "Mails in doubt" }
            p { "None is sent again by itself. Whoever looked a mail up at the provider says on the customer's page what became of it." }
            h2 { "The provider's word is waited for" }
            (mails(&doubts.indeterminate))
            h2 { "Nobody told for a day" }
            (mails(&doubts.unconfirmed))
        };
        console.frame.page(&Page { title: "Mails in doubt".into(), place: Place::Feedback, every: None, main })
    }))
}

/// Who hands on where they were shown leads to where they can be had.
pub(super) async fn unlisted() -> Redirect {
    Redirect::to("/feedback#doubts")
}

fn mails(of: &Unsettled) -> Markup {
    html! {
        @if of.mails.is_empty() { p.empty { "None." } }
        @else {
            table {
                thead { tr { th scope="col" { "customer" } th scope="col" { "run" } th scope="col" { "since" } th scope="col" { "why" } } }
                tbody {
                    @for mail in &of.mails {
                        tr {
                            th scope="row" { a href=(customer::path(&mail.customer)) { (mail.customer) } }
                            td { (RunAndItem { run: mail.run, item: mail.item }) }
                            td { (moment(mail.since)) }
                            td { (mail.cause) }
                        }
                    }
                }
            }
        }
        @if of.all > of.mails.len() as u64 { p.small { "And " (grouped(of.all - of.mails.len() as u64)) " more." } }
    }
}
