//! The mails that a stand-in took, in the local environment.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use maud::{Markup, html};
use pulse_app::words::grouped;
use pulse_core::customer::CustomerId;
use serde::Deserialize;

use super::{customer, mail::framed};
use crate::{
    Inbox, InboxMail, InboxPage,
    console::{Console, Of},
    failure::Failure,
    layout::{Page, Place, moment},
    wanted::Wanted,
};

/// Mails on a page.
const PAGE: usize = 50;

#[derive(Deserialize)]
pub(super) struct Asked {
    customer: Option<String>,
    #[serde(default)]
    skip: usize,
}

impl Asked {
    fn path(&self, skip: usize) -> String {
        let customer = self.customer.as_ref().map(|id| format!("&customer={id}")).unwrap_or_default();
        format!("/inbox?skip={skip}{customer}")
    }
}

pub(super) async fn list(State(console): Of, Query(asked): Query<Asked>, wanted: Wanted) -> Result<Response, Failure> {
    let wrong = |error| Failure::wrong(format!("{error}."));
    let asked = Asked { customer: asked.customer.filter(|id| !id.is_empty()), ..asked };
    asked.customer.as_deref().map(CustomerId::parse).transpose().map_err(wrong)?;
    let mails = of(&console)?.mails(asked.customer.as_deref(), asked.skip, PAGE).await;
    Ok(wanted.answer(&mails, || page(&console, "Inbox", Some(5), rows(&asked, &mails))))
}

fn of(console: &Console) -> Result<Arc<dyn Inbox>, Failure> {
    console.inbox.clone().ok_or_else(|| {
        Failure::unknown("Mails of this stack go to their recipients: only the local environment has an inbox.")
    })
}

fn page(console: &Console, title: &str, every: Option<u32>, main: Markup) -> Markup {
    console.frame.page(&Page { title: title.into(), place: Place::Inbox, every, main })
}

fn rows(asked: &Asked, InboxPage { all, mails }: &InboxPage) -> Markup {
    html! {
        h1 { "Inbox" }
        p { "What the stand-in for the email provider took, and sent to nobody." }
        form.fields method="get" action="/inbox" {
            label { "of one customer, by their id" input type="text" name="customer" value=[asked.customer.as_deref()] maxlength="64" autocomplete="off"; }
            button.quiet { "Show" }
        }
        @if mails.is_empty() {
            p.empty { "None" @if asked.customer.is_some() { " of this customer" } " yet: a mail is here as soon as the email stage has handed it over." }
        } @else {
            p.small { (grouped(asked.skip as u64 + 1)) " to " (grouped((asked.skip + mails.len()) as u64)) " of " (grouped(*all as u64)) ", the newest first" }
            table {
                thead { tr { th scope="col" { "subject" } th scope="col" { "to" } th scope="col" { "customer" } th scope="col" { "taken" } th scope="col" { "told of it" } } }
                tbody {
                    @for mail in mails {
                        tr {
                            th scope="row" dir="auto" { a href=(format!("/inbox/{}", mail.number)) { (subject(mail)) } }
                            td { (plain(&mail.to)) }
                            td { (whose(mail)) }
                            td { (moment(mail.at)) }
                            td { @if let Some((what, _)) = mail.told.last() { (what) } @else { "nothing yet" } }
                        }
                    }
                }
            }
            p {
                @if asked.skip > 0 { a href=(asked.path(asked.skip.saturating_sub(PAGE))) rel="prev" { "Newer" } " " }
                @if asked.skip + mails.len() < *all { a href=(asked.path(asked.skip + PAGE)) rel="next" { "Older" } }
            }
        }
    }
}

fn subject(mail: &InboxMail) -> &str {
    if mail.subject.trim().is_empty() { "(no subject)" } else { &mail.subject }
}

/// Without what turns the words around it (Unicode Standard Annex #9, "Explicit Directional Formatting Characters").
fn plain(text: &str) -> String {
    let turns = |letter| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.replace(turns, "\u{fffd}")
}

/// A stand-in takes any contact, also such as is no customer's.
fn whose(mail: &InboxMail) -> Markup {
    html! {
        @match CustomerId::parse(&mail.customer) {
            Ok(id) => a href=(customer::path(&id)) { (id) },
            Err(_) => (plain(&mail.customer)),
        }
    }
}

pub(super) async fn one(State(console): Of, Path(number): Path<usize>, wanted: Wanted) -> Result<Response, Failure> {
    let mail = find(&console, number).await?;
    Ok(wanted.answer(&mail, || page(&console, "A mail", Some(10), sheet(&mail))))
}

async fn find(console: &Console, number: usize) -> Result<InboxMail, Failure> {
    let mail = of(console)?.mail(number).await;
    mail.ok_or_else(|| {
        Failure::unknown("The stand-in took no such mail: look for it in the inbox.").see("/inbox", "To the inbox")
    })
}

fn sheet(mail: &InboxMail) -> Markup {
    html! {
        h1 dir="auto" { (subject(mail)) }
        table.facts {
            tbody {
                tr { th scope="row" { "to" } td { (plain(&mail.to)) ", customer " (whose(mail)) } }
                @if !mail.from.is_empty() { tr { th scope="row" { "from" } td { (plain(&mail.from)) } } }
                tr { th scope="row" { "taken" } td { (moment(mail.at)) } }
                tr {
                    th scope="row" { "told of it" }
                    td {
                        @if mail.told.is_empty() { "nothing yet" }
                        @for (what, at) in &mail.told { p { (what) " " (moment(*at)) } }
                    }
                }
            }
        }
        (super::mail::bodies(&format!("/inbox/{}/letter", mail.number), &mail.text))
        @if !mail.headers.is_empty() {
            h2 #headers { "Headers" }
            table.facts { tbody { @for (name, value) in &mail.headers { tr { th scope="row" { (name) } td { (plain(value)) } } } } }
        }
        p { a href="/inbox" { "To the inbox" } }
    }
}

/// As it was sent: whatever is in it.
pub(super) async fn letter(State(console): Of, Path(number): Path<usize>) -> Result<Response, Failure> {
    Ok(framed(find(&console, number).await?.html))
}
