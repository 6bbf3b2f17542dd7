//! In which form an answer is wanted.

use std::{convert::Infallible, future::ready};

use axum::{
    Json,
    extract::FromRequestParts,
    http::{header, request::Parts},
    response::{IntoResponse, Response},
};
use maud::Markup;
use serde::Serialize;

use crate::failure::Failure;

/// In which form an answer is wanted: a page, unless `Accept` names JSON or CSV and no HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A page, for a browser.
    Page,
    /// The same figures as JSON, for programs.
    Json,
    /// Of pages that have tables of figures.
    Csv,
}

impl<S: Sync> FromRequestParts<S> for Wanted {
    type Rejection = Infallible;

    fn from_request_parts(parts: &mut Parts, _: &S) -> impl Future<Output = Result<Self, Infallible>> + Send {
        ready(Ok(Self::of(parts)))
    }
}

impl Wanted {
    pub(crate) fn of(parts: &Parts) -> Self {
        let accepts = |kind: &str| {
            let accept = parts.headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
            accept
                .flat_map(|accept| accept.split(','))
                .any(|one| one.split(';').next().is_some_and(|one| one.trim() == kind))
        };
        let asked = |format: &str| parts.uri.query().unwrap_or_default().split('&').any(|pair| pair == format);
        let accepts_alone = |kind: &str| accepts(kind) && !accepts("text/html");
        if asked("format=json") || accepts_alone("application/json") {
            Self::Json
        } else if asked("format=csv") || accepts_alone("text/csv") {
            Self::Csv
        } else {
            Self::Page
        }
    }

    /// The report as it is wanted.
    pub fn answer(self, report: &impl Serialize, page: impl FnOnce() -> Markup) -> Response {
        match self {
            Self::Page => page().into_response(),
            Self::Json => Json(report).into_response(),
            Self::Csv => Failure::wrong("This page has no tables of figures: ask for it as JSON.").into_response(),
        }
    }
}
