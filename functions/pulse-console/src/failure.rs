//! What is answered where there is no report.

use std::fmt::Display;

use axum::{
    Json,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use pulse_app::{
    CampaignError, CancelError, CustomerWhyError, DeliveriesError, EndpointError, GiveError, LaneOrderError,
    PreviewError, ReadError, ReplayFailed, RunWhyError, SwitchError, words::advised,
};
use pulse_core::{
    advice::Advice, dead_letters::DeadLetterError, lanes::LaneChangeError, pausing::PausingError, ports::LedgerError,
    replay::ReplayError, settlement::SettlementError,
};
use serde_json::json;

use crate::layout;

/// Why there is no report: in words, with what to do next.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    words: String,
    /// Where to look next, with words for the link.
    next: Option<(&'static str, &'static str)>,
}

impl Failure {
    /// What was asked for isn't there.
    #[must_use]
    pub fn unknown(words: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, words: sentence(words.into(), None), next: None }
    }

    /// What was asked can't be understood.
    #[must_use]
    pub fn wrong(words: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, words: sentence(words.into(), None), next: None }
    }

    /// What was asked isn't done: nothing has changed.
    pub(crate) fn refused(words: String) -> Self {
        Self { status: StatusCode::CONFLICT, words, next: None }
    }

    /// What was asked is for operators.
    pub(crate) fn for_operators(words: &str) -> Self {
        Self { status: StatusCode::FORBIDDEN, words: words.to_owned(), next: None }
    }

    /// What it stands on doesn't answer, or refuses.
    pub(crate) fn elsewhere(error: impl Display) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, words: sentence(error, None), next: None }
    }

    /// With where to look next.
    #[must_use]
    pub fn see(self, path: &'static str, words: &'static str) -> Self {
        Self { next: Some((path, words)), ..self }
    }
}

/// An error as a sentence, with the command that is next.
pub(crate) fn sentence(error: impl Display, advice: Option<&Advice>) -> String {
    let words = advised(error, advice);
    let mut letters = words.trim_end_matches('.').chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let heading = match self.status {
            StatusCode::NOT_FOUND => "There is no such thing",
            StatusCode::FORBIDDEN => "That is for operators",
            StatusCode::CONFLICT => "That isn't done",
            status if status.is_client_error() => "That can't be understood",
            _ => "AWS doesn't answer, or refuses",
        };
        let mut page = layout::refused_with(self.status, heading, &self.words, self.next);
        page.extensions_mut().insert(Words(self.words));
        page
    }
}

/// The words of a failure, for whoever wants JSON.
#[derive(Debug, Clone)]
pub(crate) struct Words(String);

/// Says in the console's own way what axum says of a form, a path or a query that can't be read. What was sent isn't repeated.
pub(crate) fn in_words(response: Response) -> Response {
    let is_plain = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !response.status().is_client_error() || !is_plain {
        return response;
    }
    let words = match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => "That is more than a form may hold: shorten it.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            "That is no form: send one as a page does, application/x-www-form-urlencoded."
        }
        _ => "A field or the address holds what it can't, or a field is missing: go back, and look at each.",
    };
    let status = match response.status() {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    Failure { status, words: words.to_owned(), next: None }.into_response()
}

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

elsewhere!(LedgerError, DeadLetterError);

impl From<PreviewError> for Failure {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::Campaign(error) => Self::refused(sentence(error, None)),
            error => Self::elsewhere(error),
        }
    }
}

impl From<RunWhyError> for Failure {
    fn from(error: RunWhyError) -> Self {
        match error {
            RunWhyError::NoCampaign(_) => Self::unknown(error.to_string()),
            error => Self::elsewhere(error),
        }
    }
}

impl From<GiveError> for Failure {
    fn from(error: GiveError) -> Self {
        match error {
            GiveError::Ledger(error) => error.into(),
            error => Self::refused(sentence(error, None)),
        }
    }
}

impl From<CampaignError> for Failure {
    fn from(error: CampaignError) -> Self {
        let words = sentence(&error, error.advice().as_ref());
        match error {
            CampaignError::Ledger(error) => error.into(),
            CampaignError::Settings(error) => Self::elsewhere(error),
            CampaignError::Unknown(_) => Self::unknown(words).see("/campaigns", "To the campaigns"),
            _ => Self::refused(words),
        }
    }
}

impl From<CancelError> for Failure {
    fn from(error: CancelError) -> Self {
        let words = sentence(&error, error.advice().as_ref());
        match error {
            CancelError::Ledger(error) => error.into(),
            CancelError::Unknown(_) => Self::unknown(words),
            CancelError::Ended(_) | CancelError::Busy(_) => Self::refused(words),
        }
    }
}

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        let words = sentence(&error, error.advice().as_ref());
        match error {
            EndpointError::Ledger(error) => error.into(),
            EndpointError::Lanes(_) | EndpointError::Settings(_) | EndpointError::Account(_) => Self::elsewhere(error),
            EndpointError::Unknown(_) => Self::unknown(words).see("/endpoints", "To the endpoints"),
            _ => Self::refused(words),
        }
    }
}

impl From<DeliveriesError> for Failure {
    fn from(error: DeliveriesError) -> Self {
        match error {
            DeliveriesError::Endpoint(error) => error.into(),
            DeliveriesError::Letters(error) => error.into(),
        }
    }
}

impl From<LaneOrderError> for Failure {
    fn from(error: LaneOrderError) -> Self {
        match error {
            LaneOrderError::Change(LaneChangeError::Control(error)) => Self::elsewhere(error),
            error => Self::refused(sentence(&error, error.advice().as_ref())),
        }
    }
}

impl From<SwitchError> for Failure {
    fn from(error: SwitchError) -> Self {
        let words = sentence(&error, error.advice().as_ref());
        match error {
            SwitchError::Pausing(PausingError::NoteNeeded(_)) => Self::wrong(words),
            SwitchError::NoSuchStage(_) => Self::unknown(words),
            SwitchError::Pausing(PausingError::Contended(_)) | SwitchError::Undone(_) => Self::refused(words),
            SwitchError::Pausing(_) | SwitchError::Stage(_) | SwitchError::Slow { .. } => Self::elsewhere(error),
        }
    }
}

impl From<ReplayFailed> for Failure {
    fn from(error: ReplayFailed) -> Self {
        let words = sentence(&error, error.advice().as_ref());
        match error {
            ReplayFailed::Settings(error) => Self::elsewhere(error),
            ReplayFailed::Replay(ReplayError::Ledger(error)) => error.into(),
            ReplayFailed::Replay(ReplayError::Queue(_)) => Self::elsewhere(error),
            ReplayFailed::Replay(ReplayError::NoCustomer(_) | ReplayError::NoEntry(_)) => Self::unknown(words),
            ReplayFailed::Replay(_) => Self::refused(words),
        }
    }
}

impl From<SettlementError> for Failure {
    fn from(error: SettlementError) -> Self {
        let words = sentence(&error, error.advice().as_ref());
        match error {
            SettlementError::NoEntry(_) => Self::unknown(words),
            SettlementError::Known { .. } => Self::refused(words),
            SettlementError::Ledger(_) | SettlementError::Queue(_) => Self::elsewhere(error),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match &error {
            ReadError::Customer(_) => Self::unknown(sentence(&error, error.advice().as_ref())),
            _ => Self::elsewhere(error),
        }
    }
}

impl From<CustomerWhyError> for Failure {
    fn from(error: CustomerWhyError) -> Self {
        match &error {
            CustomerWhyError::Customer(_) | CustomerWhyError::NotInRun { .. } => {
                Self::unknown(sentence(&error, error.advice().as_ref()))
            }
            _ => Self::elsewhere(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_sentence_that_names_what_is_next() {
        assert_eq!(sentence("it is so", None), "It is so.");
        assert_eq!(sentence("It is so.", None), "It is so.");
        assert_eq!(sentence("changed", Some(&Advice::LookAtStages)), "Changed: see `pulse status`.");
    }
}
