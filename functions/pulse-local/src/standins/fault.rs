use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use axum::{
    Json,
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::server::Connection;

/// What a provider does instead of its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StandInFault {
    /// Answers with this status, and with this Retry-After if there is one.
    Status {
        /// From 100 to 999.
        status: u16,
        /// Seconds, or a date.
        retry_after: Option<String>,
    },
    /// Answers 400 with this error code, in Marketing Cloud's form.
    ErrorCode(u32),
    /// Answers with this status and this JSON.
    Json {
        /// From 100 to 999.
        status: u16,
        /// The body.
        body: Value,
    },
    /// Answers 200 with text that isn't JSON.
    Garbage,
    /// Answers 200 with this many bytes of JSON.
    Flood(usize),
    /// Closes the connection without an answer.
    HangUp,
    /// Never answers.
    Silence,
    /// Does its work and never answers.
    WorkThenSilence,
    /// Does its work and closes the connection without an answer.
    WorkThenHangUp,
}

impl StandInFault {
    /// A status without Retry-After.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None }
    }

    /// 429 with this Retry-After.
    #[must_use]
    pub fn busy(retry_after: &str) -> Self {
        Self::Status { status: 429, retry_after: Some(retry_after.to_owned()) }
    }

    pub(super) fn does_the_work(&self) -> bool {
        matches!(self, Self::WorkThenSilence | Self::WorkThenHangUp)
    }

    /// Answers, or doesn't.
    pub(super) async fn answer(&self, connection: &Connection) -> Response {
        match self {
            Self::Status { status, retry_after } => {
                let mut answer = status_code(*status).into_response();
                if let Some(after) = retry_after.as_ref().and_then(|after| after.parse().ok()) {
                    answer.headers_mut().insert(header::RETRY_AFTER, after);
                }
                answer
            }
            Self::Json { status, body } => (status_code(*status), Json(body.clone())).into_response(),
            Self::ErrorCode(code) => refusal(*code, "refused by script"),
            Self::Garbage => (StatusCode::OK, "<html><body>It works!</body></html>").into_response(),
            Self::Flood(bytes) => Body::from(format!("\"{}\"", "x".repeat(*bytes))).into_response(),
            Self::HangUp | Self::WorkThenHangUp => connection.hang_up(),
            Self::Silence | Self::WorkThenSilence => {
                connection.stand_in_stops().await;
                connection.hang_up()
            }
        }
    }
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// 400 in the form of Marketing Cloud.
pub(super) fn refusal(code: u32, message: &str) -> Response {
    let body = json!({
        "requestId": format!("refusal-{code}"),
        "errorcode": 109_001,
        "message": "MCMS_UTM_ResponsesHasErrors: 1 subscribers failed to queue out of 1",
        "responses": [{"errorcode": code, "message": message}],
    });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

type Rule = Box<dyn Fn(&str) -> Option<StandInFault> + Send + Sync>;

/// The faults to come.
#[derive(Default)]
pub struct StandInFaults {
    next: Mutex<VecDeque<StandInFault>>,
    rule: Mutex<Option<Rule>>,
}

impl StandInFaults {
    /// The next calls meet these, one after the other.
    pub fn add(&self, faults: impl IntoIterator<Item = StandInFault>) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    /// Each call that none of [`StandInFaults::add`] is left for meets what `rule` makes of its
    /// idempotency key, such as `c-1042_2026-11`.
    pub fn set_rule(&self, rule: impl Fn(&str) -> Option<StandInFault> + Send + Sync + 'static) {
        *self.rule.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(rule));
    }

    pub(super) fn meet(&self, key: &str) -> Option<StandInFault> {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.or_else(|| {
            let rule = self.rule.lock().unwrap_or_else(PoisonError::into_inner);
            rule.as_ref().and_then(|rule| rule(key))
        })
    }
}
