//! What every page has around it.

use std::sync::Arc;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, tz::TimeZone};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use pulse_core::{control::Actor, customer::Zone};

use crate::access::{Role, oidc::SIGN_OUT};

/// Of which stack it is, and who looks.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) stack: Arc<str>,
    pub(crate) actor: Actor,
    /// Whether there is an inbox to look at.
    pub(crate) has_inbox: bool,
    pub(crate) host: Option<HostPage>,
    pub(crate) time: Option<Arc<HostTime>>,
    /// As what they came in by name, if they did.
    pub(crate) role: Option<Role>,
}

/// A page that its host alone has.
#[derive(Debug, Clone, Copy)]
pub struct HostPage {
    /// Its path on the host.
    pub path: &'static str,
    /// What others link to it by.
    pub name: &'static str,
}

/// The moment of a world whose time isn't the browser's, and how many of its seconds pass in one of the browser's.
pub(crate) type HostTime = dyn Fn() -> (Timestamp, f64) + Send + Sync;

/// The pages that every page links to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Overview,
    Run,
    Campaigns,
    Letters,
    Feedback,
    Endpoints,
    Orders,
    Plan,
    /// Only where there is one.
    Inbox,
    /// The page that a host has beside those of the console, as a game day's.
    Host,
    /// A page that none links to.
    Other,
}

const PLACES: [(Place, &str, &str); 9] = [
    (Place::Overview, "/", "Overview"),
    (Place::Run, "/runs", "Run"),
    (Place::Campaigns, "/campaigns", "Campaigns"),
    (Place::Letters, "/dead-letters", "Dead letters"),
    (Place::Feedback, "/feedback", "Feedback"),
    (Place::Endpoints, "/endpoints", "Endpoints"),
    (Place::Orders, "/orders", "Orders"),
    (Place::Plan, "/plan", "Plan"),
    (Place::Inbox, "/inbox", "Inbox"),
];

/// A page, and whether it looks again by itself.
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) place: Place,
    /// Seconds after which it looks whether something has changed.
    pub(crate) every: Option<u32>,
    pub(crate) main: Markup,
}

impl Frame {
    pub(crate) fn page(&self, page: &Page) -> Markup {
        let time = self.time.as_ref().map(|time| time());
        let main = match self.role {
            Some(Role::Viewer) => PreEscaped(without_actions(&page.main.0)),
            Some(Role::Operator) | None => page.main.clone(),
        };
        document(
            &page.title,
            &html! {
                a.skip href="#main" { "To the content" }
                header.top {
                    a.brand href="/" { (mark()) "Pulse" }
                    nav aria-label="Pages" {
                        @for (place, path, name) in PLACES.into_iter().filter(|(place, ..)| *place != Place::Inbox || self.has_inbox) {
                            a href=(path) aria-current=[(place == page.place).then_some("page")] { (name) }
                        }
                        @if let Some(HostPage { path, name }) = self.host {
                            a href=(path) aria-current=[(page.place == Place::Host).then_some("page")] { (name) }
                        }
                    }
                    form.search role="search" method="post" action="/search" {
                        label.hidden for="search" { "Customer id or address" }
                        input #search type="search" name="q" placeholder="Customer id or address" autocomplete="off" required;
                        button { "Find" }
                    }
                }
                main #main tabindex="-1" data-every=[page.every] data-now=[time.map(|(now, _)| now)] data-pace=[time.map(|(_, pace)| pace)] {
                    (main)
                }
                footer {
                    p {
                        "Stack " strong { (self.stack) } ", as " strong { (self.actor) }
                        @if let Some(role) = self.role { ", " (role.as_str()) }
                    }
                    @if self.role.is_some() {
                        form method="post" action=(SIGN_OUT) { button.quiet { "Sign out" } }
                    }
                    p #state role="status" {}
                }
            },
        )
    }
}

/// What a page has but for its forms that do something: whoever only looks would be refused. A form holds no other.
fn without_actions(main: &str) -> String {
    let mut parts = main.split("<form");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (form, rest) = part.split_once("</form>").unwrap_or((part, ""));
        if form.split('>').next().is_some_and(|tag| tag.contains(" method=\"post\"")) {
            kept.push_str(rest);
        } else {
            kept.push_str("<form");
            kept.push_str(part);
        }
    }
    kept
}

/// A page for who isn't let in, or asks for what there isn't.
pub(crate) fn refused(status: StatusCode, heading: &str, words: &str) -> Response {
    refused_with(status, heading, words, None)
}

/// A page that says what is wrong, and where to look next.
pub(crate) fn refused_with(
    status: StatusCode,
    heading: &str,
    words: &str,
    next: Option<(&'static str, &'static str)>,
) -> Response {
    let page = document(
        heading,
        &html! {
            main #main.alone {
                h1 { (heading) }
                p { (words) }
                p { @if let Some((path, words)) = next { a href=(path) { (words) } " · " } a href="/" { "To the overview" } }
            }
        },
    );
    (status, page).into_response()
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Pulse" }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/console.css";
                script src="/assets/console.js" defer {}
            }
            body { (body) }
        }
    }
}

/// The mark, in the colour of the text.
fn mark() -> PreEscaped<&'static str> {
    PreEscaped(
        r#"<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><path d="M2 13h5l2.5-7 4 13 3-9 1.6 3H22"/></svg>"#,
    )
}

/// A moment in UTC. The script says beside it how long ago that is.
#[must_use]
pub fn moment(at: Timestamp) -> Markup {
    html! { time datetime=(format!("{at:.0}")) { (at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC")) } }
}

/// A moment as someone in `zone` reads it, and in UTC.
pub(crate) fn moment_in(at: Timestamp, zone: &Zone) -> Markup {
    let local = at.to_zoned(zone.rules().clone());
    let utc = at.to_zoned(TimeZone::UTC);
    html! {
        time datetime=(format!("{at:.0}")) { (local.strftime("%Y-%m-%d %H:%M:%S %Z")) }
        @if local.offset().seconds() != 0 { " " small { "(" (utc.strftime("%H:%M")) " UTC)" } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_only_looks_sees_all_of_a_page_but_what_does_something() {
        let page = html! {
            p { "before" }
            form.act method="post" action="/orders" { input type="text" name="note" value="<form"; button { "Do it" } }
            p { "between" }
            form method="get" action="/plan" { button { "Reckon" } }
            form action="/x" method="post" { button { "Do that" } }
            p { "after" }
        };
        let seen = without_actions(&page.0);
        for kept in
            ["before", "between", "after", "<form method=\"get\" action=\"/plan\"><button>Reckon</button></form>"]
        {
            assert!(seen.contains(kept), "{seen}");
        }
        assert!(!seen.contains("Do it") && !seen.contains("Do that") && !seen.contains("post"), "{seen}");
    }
}
