//! What is answered where there is no report.

use std::fmt::Display;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use pulse_app::{
    CancelError, CustomerWhyError, GiveError, LaneOrderError, PreviewError, ReadError, ReplayFailed, RunWhyError,
    SwitchError,
};
use pulse_core::{
    dead_letters::DeadLetterError, pausing::PausingError, ports::LedgerError, settlement::SettlementError,
};
use serde_json::json;

use crate::layout;

/// Why there is no report: in words, with what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    words: String,
}

impl Failure {
    /// What was asked for isn't there.
    pub(crate) fn unknown(words: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, words: words.into() }
    }

    /// What was asked can't be understood.
    pub(crate) fn wrong(words: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, words: words.into() }
    }

    /// What it stands on doesn't answer, or refuses.
    pub(crate) fn elsewhere(error: impl Display) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, words: format!("{error}.") }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let heading = match self.status {
            StatusCode::NOT_FOUND => "There is no such thing",
            StatusCode::BAD_REQUEST => "That can't be understood",
            _ => "That can't be told now",
        };
        let mut page = layout::refused(self.status, heading, &self.words);
        page.extensions_mut().insert(Words(self.words));
        page
    }
}

/// The words of a failure, for whoever wants JSON.
#[derive(Debug, Clone)]
pub(crate) struct Words(String);

/// Answers failures in JSON where JSON is wanted.
pub(crate) fn in_json(response: Response) -> Response {
    match response.extensions().get::<Words>() {
        Some(Words(words)) => (response.status(), Json(json!({ "error": words }))).into_response(),
        None => response,
    }
}

macro_rules! elsewhere {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::elsewhere(error)
            }
        })*
    };
}

elsewhere!(
    LedgerError,
    DeadLetterError,
    RunWhyError,
    GiveError,
    PreviewError,
    CancelError,
    LaneOrderError,
    ReplayFailed,
    SettlementError
);

impl From<SwitchError> for Failure {
    fn from(error: SwitchError) -> Self {
        match error {
            SwitchError::Pausing(PausingError::NoteNeeded(_)) => Self::wrong(format!("{error}.")),
            error => Self::elsewhere(error),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Customer(unknown) => Self::unknown(format!("{unknown}.")),
            error => Self::elsewhere(error),
        }
    }
}

impl From<CustomerWhyError> for Failure {
    fn from(error: CustomerWhyError) -> Self {
        match error {
            CustomerWhyError::Customer(unknown) => Self::unknown(format!("{unknown}.")),
            CustomerWhyError::NotInRun { .. } => Self::unknown(error.to_string()),
            error => Self::elsewhere(error),
        }
    }
}
