//! What the stand-ins' pages have in common: they are for a person at this machine, and load nothing from elsewhere.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use jiff::{Timestamp, tz::TimeZone};
use minijinja::{Environment, Value};

use super::mail::encoded;

/// Pages by their names, and the frame that they extend, `page.html`.
pub(super) fn pages(pages: &[(&'static str, &'static str)]) -> Environment<'static> {
    let mut all = Environment::new();
    all.add_filter("urlencode", |text: String| encoded(&text));
    for (name, text) in [("page.html", include_str!("pages/page.html"))].iter().chain(pages) {
        all.add_template(name, text).expect("a page that its test has rendered");
    }
    all
}

/// Refuses pages of elsewhere that have a name of theirs point here, and tells browsers what none of these pages needs.
pub(super) async fn only_here(request: Request, next: Next) -> Response {
    let name = host(request.headers()).rsplit_once(':').map_or(host(request.headers()), |(name, _)| name);
    if !["127.0.0.1", "localhost"].contains(&name) {
        return (StatusCode::MISDIRECTED_REQUEST, "This is at 127.0.0.1 only.\n").into_response();
    }
    let mut answer = next.run(request).await;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    answer
}

/// Whether a browser says that a page of elsewhere asks for something (Fetch Metadata, W3C: `Sec-Fetch-Site`; where it isn't
/// said, RFC 6454: `Origin`). Programs say neither.
pub(super) fn is_asked_from_elsewhere(headers: &HeaderMap) -> bool {
    match (text(headers, "sec-fetch-site"), text(headers, "origin")) {
        (Some(site), _) => !["same-origin", "none"].contains(&site),
        (None, origin) => origin.is_some_and(|origin| origin.strip_prefix("http://") != Some(host(headers))),
    }
}

fn host(headers: &HeaderMap) -> &str {
    text(headers, header::HOST.as_str()).unwrap_or_default()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("pages/style.css")).into_response()
}

/// A page that may send forms to one place beside itself, if any.
pub(super) fn show(pages: &Environment<'_>, page: &str, values: &Value, sends_to: &str) -> Response {
    let rendered = pages.get_template(page).and_then(|page| page.render(values));
    let Ok(html) = rendered else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "The page can't be made.\n").into_response();
    };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self' {sends_to}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let mut headers = HeaderMap::new();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    (headers, Html(html)).into_response()
}

/// The time of day, by this machine's zone.
pub(super) fn clock_time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string()
}
