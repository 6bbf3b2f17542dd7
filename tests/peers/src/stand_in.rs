//! All that a function talks to, on one port of this machine: Lambda's Runtime API, `DynamoDB`, SQS, and the scoring provider,
//! which answers at once.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    ledger,
    month::Case,
    queues,
    tally::{Step, Tally},
};

/// What a function said to the Runtime API.
pub(crate) enum Event {
    /// It asks for an invocation, and waits until it is given one.
    Polled(oneshot::Sender<Invocation>),
    /// It has answered.
    Answered(Value),
    /// It has failed, or could not start.
    Failed(String),
}

/// An invocation: a batch, and the moment by which it must have ended, in milliseconds since 1970.
pub(crate) struct Invocation {
    /// The event.
    pub(crate) event: Arc<str>,
    /// The deadline.
    pub(crate) deadline: i64,
}

/// It, over HTTP.
pub(crate) struct StandIn {
    address: SocketAddr,
    tally: Arc<Mutex<Tally>>,
    events: mpsc::UnboundedReceiver<Event>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Shared {
    tally: Arc<Mutex<Tally>>,
    events: mpsc::UnboundedSender<Event>,
}

impl StandIn {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn start() -> Result<Self> {
        let (sender, events) = mpsc::unbounded_channel();
        let tally = Arc::<Mutex<Tally>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/2018-06-01/runtime/init/error", post(failed))
            .route("/scores", post(score))
            .fallback(any(aws))
            .with_state(Shared { tally: Arc::clone(&tally), events: sender });
        let server = tokio::spawn(async move {
            // It ends with the measurement, and not before.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, tally, events, server })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next that the function says.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// What was called.
    pub(crate) fn tally(&self) -> Tally {
        lock(&self.tally).clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes": next invocation.
async fn next(State(shared): State<Shared>) -> Response {
    let (sender, receiver) = oneshot::channel();
    let _ = shared.events.send(Event::Polled(sender));
    let Ok(Invocation { event, deadline }) = receiver.await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("Lambda-Runtime-Deadline-Ms", deadline.to_string()),
        (
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:us-east-1:123456789012:function:pulse-score".to_owned(),
        ),
        ("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned()),
    ];
    (headers, [(header::CONTENT_TYPE, "application/json")], event.to_string()).into_response()
}

async fn answered(State(shared): State<Shared>, Path(_): Path<String>, body: Bytes) -> Response {
    let answer = serde_json::from_slice(&body).unwrap_or_default();
    let _ = shared.events.send(Event::Answered(answer));
    (StatusCode::ACCEPTED, Json(json!({ "status": "OK" }))).into_response()
}

async fn failed(State(shared): State<Shared>, body: Bytes) -> Response {
    let _ = shared.events.send(Event::Failed(String::from_utf8_lossy(&body).into_owned()));
    (StatusCode::ACCEPTED, Json(json!({ "status": "OK" }))).into_response()
}

async fn score(State(shared): State<Shared>, headers: HeaderMap, Json(question): Json<Value>) -> Response {
    let mut tally = lock(&shared.tally);
    tally.count("POST, score");
    let Some(case) = question["customer"].as_str().map(Case::of) else {
        tally.fault(format!("a question about nobody: {question}"));
        return StatusCode::BAD_REQUEST.into_response();
    };
    let wanted = json!({ "customer": case.id(), "product": "loan", "run": "2026-11" });
    let is_keyed = headers.get("idempotency-key").is_some_and(|key| *key == *case.question_key());
    if question != wanted || !is_keyed || !headers.contains_key("x-amzn-trace-id") {
        tally.fault(format!("a question that is {question}, or has no key or trace"));
    }
    tally.step(case.id(), Step::Asked);
    Json(case.answer()).into_response()
}

/// The JSON protocols of `DynamoDB` and SQS: a POST whose target is the operation.
async fn aws(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut tally = lock(&shared.tally);
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let is_signed = headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-"));
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = match target.split_once('.') {
        Some(("DynamoDB_20120810", operation)) => ledger::answer(operation, &call, &mut tally),
        Some(("AmazonSQS", operation)) => queues::answer(operation, &call, &mut tally),
        _ => None,
    };
    match answer {
        Some(answer) if is_signed => {
            ([(header::CONTENT_TYPE, "application/x-amz-json-1.0")], answer.to_string()).into_response()
        }
        _ => {
            tally.fault(format!("a call of {target:?} that nothing answers, or that isn't signed"));
            StatusCode::BAD_REQUEST.into_response()
        }
    }
}
