//! A server that answers an AWS SDK client as it is told, for what no emulator can be brought to
//! say. It knows SES's `SendEmail` and `DeleteSuppressedDestination`, Secrets Manager's `GetSecretValue`, SNS's `Publish`, and
//! `EventBridge`'s `PutEvents` and `DescribeEventBus`.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What a call is answered.
#[derive(Debug, Clone)]
pub enum AwsAnswer {
    /// An error of this status, code and message. The call did nothing.
    Error(u16, &'static str, &'static str),
    /// Another 200 than the usual one.
    Json(Value),
    /// None, ever. The call did its work.
    Silence,
    /// 200 with something that isn't JSON. The call did its work.
    Garbage,
}

/// The server. It ends with the runtime that it was started on.
#[derive(Clone)]
pub struct AwsServer {
    url: String,
    state: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    calls: u64,
    answers: VecDeque<AwsAnswer>,
    done: Vec<Value>,
    requests: Vec<String>,
    operations: Vec<String>,
}

impl AwsServer {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let server = Self { url: format!("http://{}", listener.local_addr()?), state: Arc::default() };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(server)
    }

    /// The endpoint.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the next calls are answered, one after the other.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = AwsAnswer>) {
        self.lock().answers.extend(answers);
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// The bodies of the calls that did their work.
    #[must_use]
    pub fn done(&self) -> Vec<Value> {
        self.lock().done.clone()
    }

    /// The methods and paths of all calls.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.lock().requests.clone()
    }

    /// The operations of all calls, of services that name them in a header.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        self.lock().operations.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, does its work unless it is answered with an error, and says what to answer
    /// instead of the number of the work that it did.
    fn take(&self, request: String, operation: &str, body: Value) -> (usize, Option<AwsAnswer>) {
        let mut told = self.lock();
        told.calls += 1;
        told.requests.push(request);
        told.operations.push(operation.to_owned());
        let answer = told.answers.pop_front();
        if !matches!(answer, Some(AwsAnswer::Error(..))) {
            told.done.push(body);
        }
        (told.done.len(), answer)
    }
}

async fn answer(
    State(server): State<AwsServer>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    text: String,
) -> Response {
    let speaks_xml = headers.get(CONTENT_TYPE).is_some_and(|of| of == "application/x-www-form-urlencoded");
    let body = if speaks_xml { read_form(&text) } else { serde_json::from_str(&text).unwrap_or(Value::Null) };
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let (number, answer) = server.take(format!("{method} {}", uri.path()), operation, body);
    match answer {
        None if speaks_xml => xml(
            StatusCode::OK,
            &format!(
                "<PublishResponse><PublishResult><MessageId>sns-{number}</MessageId></PublishResult></PublishResponse>"
            ),
        ),
        None => Json(match operation {
            "PutEvents" => json!({"FailedEntryCount": 0, "Entries": [{"EventId": format!("event-{number}")}]}),
            "DescribeEventBus" => json!({}),
            _ => json!({"MessageId": format!("ses-{number}")}),
        })
        .into_response(),
        Some(AwsAnswer::Json(body)) => Json(body).into_response(),
        Some(AwsAnswer::Garbage) => "<html>It works!</html>".into_response(),
        Some(AwsAnswer::Silence) => pending().await,
        Some(AwsAnswer::Error(status, code, message)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            if speaks_xml {
                let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
                return xml(status, &format!("<ErrorResponse>{error}</ErrorResponse>"));
            }
            let body = Json(json!({"message": message}));
            (status, [("x-amzn-errortype", code)], body).into_response()
        }
    }
}

/// The fields of a request in AWS's query protocol.
fn read_form(text: &str) -> Value {
    form_urlencoded::parse(text.as_bytes())
        .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
        .collect()
}

fn xml(status: StatusCode, body: &str) -> Response {
    (status, [(CONTENT_TYPE, "text/xml")], body.to_owned()).into_response()
}
