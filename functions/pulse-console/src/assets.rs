//! What pages load: from the program itself.

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

pub(crate) const STYLE: &str = include_str!("../assets/console.css");
pub(crate) const SCRIPT: &str = include_str!("../assets/console.js");
/// What programs find at the pages' addresses, for who draws pages of their own.
pub(crate) const OPENAPI: &str = include_str!("../openapi.json");
pub(crate) const ICON: &str = include_str!("../assets/icon.svg");

pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/assets/console.css", get(async || asset("text/css; charset=utf-8", STYLE)))
        .route("/assets/console.js", get(async || asset("text/javascript; charset=utf-8", SCRIPT)))
        .route("/openapi.json", get(async || asset("application/json", OPENAPI)))
        .route("/assets/icon.svg", get(async || asset("image/svg+xml", ICON)))
}

fn asset(content_type: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}
