//! A customer's mail, as it was or would be sent.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    http::header,
    response::{Html, IntoResponse as _, Response},
};
use maud::{Markup, html};
use pulse_app::{MailError, MailQuestion, PreviewedMail, PreviewedUnsubscribe};
use pulse_core::{
    customer::CustomerId,
    ports::Renderer,
    run::RunId,
    score::{Band, ScoreValue},
};
use serde::Deserialize;

use super::customer;
use crate::{
    console::{Console, Of},
    failure::{Failure, sentence},
    layout::{Page, Place},
    wanted::Wanted,
};

/// What is pretended of a customer who has no score yet.
const PRETENDED: (u32, &str) = (712, "good");

/// What browsers are told of somebody's HTML: to give it an origin of its own, which runs, loads and sends nothing.
const SANDBOX: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
                       frame-ancestors 'self'; sandbox";

#[derive(Deserialize)]
pub(super) struct Asked {
    run: Option<String>,
    pretend: Option<String>,
}

impl Asked {
    fn question(&self) -> Result<MailQuestion, Failure> {
        let wrong = |error| Failure::wrong(format!("{error}."));
        let of_run = self.run.as_deref().map(RunId::parse).transpose().map_err(wrong)?;
        let (value, band) = PRETENDED;
        let pretended = match self.pretend {
            Some(_) => Some((ScoreValue::parse(value).map_err(wrong)?, Band::parse(band).map_err(wrong)?)),
            None => None,
        };
        Ok(MailQuestion { run: of_run, pretended })
    }
}

/// Where an entry's mail is shown.
pub(super) fn path(id: &CustomerId, run: RunId, has_score: bool) -> String {
    let pretend = if has_score { "" } else { "&pretend=yes" };
    format!("{}/mail?run={run}{pretend}", customer::path(id))
}

pub(super) async fn show(
    State(console): Of,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    wanted: Wanted,
) -> Result<Response, Failure> {
    let id = parse(&id)?;
    let mail = preview(&console, &id, &asked).await?;
    Ok(wanted.answer(&mail, || {
        let shown = sheet(&id, &asked, &mail);
        console.frame.page(&Page {
            title: format!("Mail to customer {id}"),
            place: Place::Other,
            every: None,
            main: shown,
        })
    }))
}

/// The HTML part by itself.
pub(super) async fn letter(
    State(console): Of,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    Ok(framed(preview(&console, &parse(&id)?, &asked).await?.html))
}

fn parse(id: &str) -> Result<CustomerId, Failure> {
    CustomerId::parse(id).map_err(|error| Failure::wrong(format!("{error}.")))
}

async fn preview(console: &Console, id: &CustomerId, asked: &Asked) -> Result<PreviewedMail, Failure> {
    let renderer: &Arc<dyn Renderer> =
        console.letters.as_ref().ok_or_else(|| Failure::unknown("This console has no letters to show."))?;
    console.app.preview_mail(&**renderer, id, &asked.question()?).await.map_err(|error| match error {
        MailError::Read(error) => error.into(),
        MailError::NoScore { .. } => {
            let what_else = "the customer's page leads to their mail with a pretended one";
            Failure::unknown(sentence(format!("{error}: {what_else}"), None))
        }
        MailError::Forgotten(_) => Failure::unknown(sentence(error, None)),
        MailError::Settings(_) | MailError::Render(_) => Failure::elsewhere(error),
    })
}

fn sheet(id: &CustomerId, asked: &Asked, mail: &PreviewedMail) -> Markup {
    let letter = path(id, mail.run, asked.pretend.is_none()).replacen("/mail?", "/mail/letter?", 1);
    html! {
        h1 { "Mail to customer " a href=(customer::path(id)) { (id) } ", run " (mail.run) }
        @if asked.pretend.is_some() {
            p.note.held { "With a pretended score of " (PRETENDED.0) ", " (PRETENDED.1) ": nobody has been scored so." }
        }
        table.facts {
            tbody {
                tr { th scope="row" { "subject" } td { bdi lang=(mail.language) { (mail.subject) } } }
                tr {
                    th scope="row" { "language" }
                    td { (mail.language) @if let Some(locale) = &mail.for_want_of { ", as there are no letters for " (locale) } }
                }
                tr {
                    th scope="row" { "unsubscribe" }
                    td {
                        (match mail.unsubscribe {
                            PreviewedUnsubscribe::Placeholder => "by a link, which unsubscribes nobody here: only the mail has theirs",
                            PreviewedUnsubscribe::Reply => "by a reply: this deployment has no link for it",
                        })
                    }
                }
            }
        }
        p.small { "Written now, of the templates of this program, as " code { "pulse preview " (id) } " does. What was sent is with the provider alone." }
        (bodies(&letter, &mail.text))
    }
}

/// The two parts of a mail: HTML in a frame of its own, and text.
pub(super) fn bodies(letter: &str, text: &str) -> Markup {
    html! {
        h2 #letter { "As HTML" }
        iframe.letter src=(letter) sandbox="" title="The mail as HTML" {}
        h2 #text { "As text" }
        pre.letter dir="auto" { (text) }
    }
}

/// Somebody's HTML, for a frame.
pub(super) fn framed(html: String) -> Response {
    ([(header::CONTENT_SECURITY_POLICY, SANDBOX)], Html(html)).into_response()
}
