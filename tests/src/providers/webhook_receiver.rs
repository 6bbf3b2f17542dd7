//! Another system: it keeps what it was sent, and answers as the test says.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode},
    response::Response,
    serve::ListenerExt as _,
};
use jiff::Timestamp;
use pulse_core::ports::Payload;
use tokio::net::TcpListener;

/// A request, read to its end.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
    /// What it was answered.
    pub status: StatusCode,
}

impl Received {
    /// The request, as who verifies it takes it.
    #[must_use]
    pub fn payload(&self, received_at: Timestamp) -> Payload {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = self.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        Payload { body: self.body.clone(), headers, received_at }
    }
}

/// The receiver. It ends with the runtime that it was started on.
pub struct WebhookReceiver {
    /// Where it listens.
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl WebhookReceiver {
    /// One that listens at `address`, whose port 0 is any that is free.
    ///
    /// # Errors
    /// When it can't listen there.
    pub async fn start(address: &str, answer: impl Fn() -> Response + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let this = Self { address: listener.local_addr()?, connections: Arc::default(), received: Arc::default() };
        let (connections, received) = (this.connections.clone(), this.received.clone());
        let answer = Arc::new(answer);
        let router = Router::new().fallback(move |request: Request| {
            let (received, answer) = (received.clone(), answer.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
                let answer = answer();
                locked(&received).push(Received {
                    method: head.method,
                    target: head.uri.to_string(),
                    headers: head.headers,
                    body: String::from_utf8_lossy(&body).into_owned(),
                    status: answer.status(),
                });
                answer
            }
        });
        let listener = listener.tap_io(move |_| _ = connections.fetch_add(1, Ordering::Relaxed));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(this)
    }

    /// How many connections were opened to it.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// What it was sent.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        locked(&self.received).clone()
    }
}

fn locked(received: &Mutex<Vec<Received>>) -> MutexGuard<'_, Vec<Received>> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}
