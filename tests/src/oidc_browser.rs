//! A browser that comes to a console by an issuer: it keeps cookies, and goes where it is sent when it is told to.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use axum::http::{Method, Request, StatusCode, header};

use crate::{console_client::Answer, issuer_stand_in::IssuerStandIn};

type Send =
    dyn Fn(Request<String>) -> Pin<Box<dyn Future<Output = Answer> + std::marker::Send>> + std::marker::Send + Sync;

/// The browser.
#[derive(Clone)]
pub struct OidcBrowser {
    /// Its cookies, by name.
    pub cookies: BTreeMap<String, String>,
    host: String,
    send: Arc<Send>,
}

impl OidcBrowser {
    /// One that asks a console which is called so, by `send`.
    pub fn new<F>(host: &str, send: impl Fn(Request<String>) -> F + std::marker::Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + std::marker::Send + 'static,
    {
        let send: Arc<Send> = Arc::new(move |request| Box::pin(send(request)));
        Self { cookies: BTreeMap::new(), host: host.into(), send }
    }

    /// Asks.
    ///
    /// # Panics
    /// When that is no request.
    pub async fn ask(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let mut request = Request::builder().method(method).uri(path).header(header::COOKIE, cookies);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header(header::HOST, &self.host);
        }
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = (self.send)(request.body(body.to_owned()).expect("a request")).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("a cookie");
            let (pair, attributes) = cookie.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a cookie");
            for needed in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
                assert!(name.starts_with("__Host-") && format!(";{attributes};").contains(needed), "{cookie}");
            }
            if attributes.ends_with("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Opens a page.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[("accept", "text/html"), ("sec-fetch-mode", "navigate")], "").await
    }

    /// Presses a button of one of the console's pages.
    pub async fn post(&mut self, path: &str, body: &str) -> Answer {
        let form = "application/x-www-form-urlencoded";
        let headers = [("sec-fetch-site", "same-origin"), ("accept", "text/html"), ("content-type", form)];
        self.ask(Method::POST, path, &headers, body).await
    }

    /// Goes to the issuer, by way of this page, and gives the path that it comes back with.
    ///
    /// # Panics
    /// When it isn't sent there and back.
    pub async fn go_to(&mut self, issuer: &IssuerStandIn, path: &str) -> String {
        let sent = self.get(path).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{sent:?}");
        let back = issuer.visit(sent.headers[header::LOCATION].to_str().expect("a link")).await;
        back.strip_prefix(&format!("https://{}", self.host)).expect("a link back").to_owned()
    }

    /// Signs in.
    pub async fn sign_in(&mut self, issuer: &IssuerStandIn) -> Answer {
        let back = self.go_to(issuer, "/").await;
        self.get(&back).await
    }
}
