//! Asks a console's router, as a browser that was let in.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use pulse_console::{Access, Console, Loopback};

use serde_json::Value;
use tower::ServiceExt as _;

use crate::{in_memory_app::InMemoryApp, made_up_inbox::with_mails};

/// Every kind of page of [the world that has seen a day](InMemoryApp::eventful), and everyone in it.
pub const PAGES: [&str; 43] = [
    "/",
    "/runs/2026-11",
    "/runs/2026-10",
    "/campaigns",
    "/campaigns/newcomers",
    "/campaigns/spring-sale",
    "/campaigns/price-change",
    "/campaigns/autumn",
    "/campaigns/winter",
    "/customers/c-0080",
    "/customers/c-next",
    "/customers/c-due",
    "/customers/c-scored",
    "/customers/c-sent",
    "/customers/c-failed",
    "/customers/c-hostile",
    "/customers/c-in-doubt",
    "/customers/c-unconfirmed",
    "/customers/c-put-off",
    "/customers/c-opted-out",
    "/customers/c-suppressed",
    "/customers/c-forgotten",
    "/customers/c-sent/mail?run=2026-11",
    "/customers/c-hostile/mail",
    "/customers/c-due/mail?pretend=yes",
    "/dead-letters",
    "/dead-letters/score",
    "/dead-letters/email",
    "/dead-letters/deliver",
    "/dead-letters/score?cause=The%20scoring%20API%20answered%20500.",
    "/stages/score",
    "/stages/email",
    "/stages/deliver",
    "/endpoints",
    "/endpoints/crm",
    "/orders",
    "/feedback",
    "/suppressions",
    "/plan",
    "/plan/campaign",
    "/inbox",
    "/inbox?customer=c-sent",
    "/inbox/0",
];

const HOST: &str = "127.0.0.1:4242";

/// A browser that was let in.
pub struct Client {
    router: Router,
    cookie: String,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// Whether it is one.
    pub status: StatusCode,
    /// What was told of it.
    pub headers: HeaderMap,
    /// It.
    pub body: String,
}

impl Answer {
    /// What it says as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Client {
    /// One that was let in by the link of a console over this world.
    ///
    /// # Panics
    /// When it isn't let in.
    pub async fn of(world: &InMemoryApp) -> Self {
        let (loopback, link) = Loopback::on(4242).expect("an answer");
        let console = Console::new(world.app.clone(), "pulse-test", Access::Loopback(Arc::new(loopback)));
        let router = with_mails(console).router();
        let mut client = Self { router, cookie: String::new() };
        let answer = client.get(&link).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        let cookie = answer.headers["set-cookie"].to_str().expect("an answer");
        cookie.split(';').next().expect("a cookie").clone_into(&mut client.cookie);
        client
    }

    /// Asks.
    ///
    /// # Panics
    /// When that is no request.
    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).header("host", HOST).header("cookie", &self.cookie);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = self
            .router
            .clone()
            .oneshot(request.body(Body::from(body.to_owned())).expect("an answer"))
            .await
            .expect("an answer");
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("an answer");
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.into()).expect("an answer"),
        }
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    /// Asks for a page's figures.
    ///
    /// # Panics
    /// When there are none.
    pub async fn get_json(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, &[("accept", "application/json")], "").await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        answer.json()
    }

    /// Presses a button of the console's own pages.
    pub async fn post(&self, path: &str, accept: &str, body: &str) -> Answer {
        let form = "application/x-www-form-urlencoded";
        let headers = [("sec-fetch-site", "same-origin"), ("accept", accept), ("content-type", form)];
        self.ask(Method::POST, path, &headers, body).await
    }
}

/// The rows of a page's tables, cell by cell, as a reader sees them.
#[must_use]
pub fn rows(html: &str) -> Vec<Vec<String>> {
    let cells = |row: &str| {
        let cells = row.split("<th").flat_map(|part| part.split("<td")).skip(1);
        cells.map(|cell| words(cell.split_once('>').map_or("", |(_, cell)| cell))).collect()
    };
    html.split("<tr").skip(1).map(|row| cells(row.split("</tr>").next().unwrap_or_default())).collect()
}

/// Text without its markup.
#[must_use]
pub fn words(html: &str) -> String {
    let text = html.split('<').enumerate().map(|(number, part)| match part.split_once('>') {
        Some((_, text)) if number > 0 => text,
        _ => part,
    });
    let text = text.collect::<String>().replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&amp;", "&").trim().to_owned()
}
