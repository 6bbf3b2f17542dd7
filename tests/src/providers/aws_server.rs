//! A server that answers an AWS SDK client as it is told, for what no emulator can be brought to
//! say. It knows SES's `SendEmail` and `DeleteSuppressedDestination`, and Secrets Manager's `GetSecretValue`.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::State,
    http::{Method, StatusCode, Uri},
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

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, does its work unless it is answered with an error, and says what to answer
    /// instead of the number of the work that it did.
    fn take(&self, request: String, body: Value) -> (usize, Option<AwsAnswer>) {
        let mut told = self.lock();
        told.calls += 1;
        told.requests.push(request);
        let answer = told.answers.pop_front();
        if !matches!(answer, Some(AwsAnswer::Error(..))) {
            told.done.push(body);
        }
        (told.done.len(), answer)
    }
}

async fn answer(State(server): State<AwsServer>, method: Method, uri: Uri, body: String) -> Response {
    let body = serde_json::from_str(&body).unwrap_or(Value::Null);
    let (number, answer) = server.take(format!("{method} {}", uri.path()), body);
    match answer {
        None => Json(json!({"MessageId": format!("ses-{number}")})).into_response(),
        Some(AwsAnswer::Json(body)) => Json(body).into_response(),
        Some(AwsAnswer::Garbage) => "<html>It works!</html>".into_response(),
        Some(AwsAnswer::Silence) => pending().await,
        Some(AwsAnswer::Error(status, code, message)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let body = Json(json!({"message": message}));
            (status, [("x-amzn-errortype", code)], body).into_response()
        }
    }
}
