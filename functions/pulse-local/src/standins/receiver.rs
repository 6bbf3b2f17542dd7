//! The stand-in for another system that is told of what happens: it takes Standard Webhooks, shows what it took, and fails
//! when it is told to.

mod fault;
mod keys;
mod pages;
mod taken;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Result;
use axum::{
    Router,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    middleware::from_fn,
    response::{IntoResponse, Response},
    routing::post,
};
use pulse_core::ports::{Clock, Payload};
use tokio::time::sleep;

use self::{
    keys::KnownKeys,
    taken::{Malformed, Taken},
};
use super::{
    StandInPlace,
    pages::only_here,
    server::{Connection, Server},
};

pub use self::{
    fault::{ReceiverFault, UnknownFault},
    keys::ReceiverKeys,
    taken::{ReceivedFact, ReceiverCounts},
};

/// How long a call takes while the receiver is slow: some fifty times as long as one that isn't, and a third of what Pulse
/// waits for.
const SLOW: Duration = Duration::from_secs(5);

/// Where word goes.
const HOOK: &str = "/hook";

/// Another system, on 127.0.0.1 alone: its pages show what it was told.
pub struct ReceiverStandIn {
    server: Server,
    receiver: Arc<Receiver>,
}

struct Receiver {
    keys: KnownKeys,
    clock: Arc<dyn Clock>,
    taken: Mutex<Taken>,
    fault: Mutex<Option<ReceiverFault>>,
}

impl ReceiverStandIn {
    /// What it is called as an endpoint.
    pub const ENDPOINT: &str = "crm";

    /// Starts it on a free port. It lets in who signs with these keys.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(keys: ReceiverKeys, fault: Option<ReceiverFault>, clock: Arc<dyn Clock>) -> Result<Self> {
        let keys = KnownKeys::new(keys);
        let receiver = Arc::new(Receiver { keys, clock, taken: Mutex::default(), fault: Mutex::new(fault) });
        let hook = Router::new().route(HOOK, post(take)).with_state(receiver.clone());
        let router = pages::router(receiver.clone()).merge(hook).layer(from_fn(only_here));
        let server = Server::start(&StandInPlace::default(), 0, router).await?;
        Ok(Self { server, receiver })
    }

    /// Where it is told.
    #[must_use]
    pub fn hook_url(&self) -> String {
        self.server.url() + HOOK
    }

    /// Where its pages are.
    #[must_use]
    pub fn page_url(&self) -> String {
        self.server.url()
    }

    /// Has it fail like this from now on, or work again.
    pub fn set_fault(&self, fault: Option<ReceiverFault>) {
        *self.receiver.fault() = fault;
    }

    /// How it fails, if it does.
    #[must_use]
    pub fn fault(&self) -> Option<ReceiverFault> {
        *self.receiver.fault()
    }

    /// What it took, in order, each fact once.
    #[must_use]
    pub fn facts(&self) -> Vec<ReceivedFact> {
        self.receiver.taken().facts().to_vec()
    }

    /// How much it took.
    #[must_use]
    pub fn counts(&self) -> ReceiverCounts {
        self.receiver.taken().counts()
    }

    /// Takes no more connections, and waits for the calls in flight.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl Receiver {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self) -> MutexGuard<'_, Option<ReceiverFault>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a webhook, if it is signed and can be read, whether it came before or not.
    async fn take(&self, headers: &HeaderMap, body: String) -> Response {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let payload = Payload { body, headers, received_at: self.clock.now() };
        match self.keys.verify(&payload).await {
            Ok(true) => {}
            Ok(false) => {
                self.taken().count_forged();
                return StatusCode::UNAUTHORIZED.into_response();
            }
            Err(_) => {
                self.taken().count_failed(self.clock.now());
                return (StatusCode::SERVICE_UNAVAILABLE, "The endpoint's key can't be looked up.\n").into_response();
            }
        }
        match self.taken().take(payload) {
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            Err(Malformed) => StatusCode::BAD_REQUEST.into_response(),
        }
    }
}

async fn take(
    State(receiver): State<Arc<Receiver>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let fault = *receiver.fault();
    if fault == Some(ReceiverFault::Slow) {
        sleep(SLOW).await;
    }
    let taken = match fault {
        Some(fault) if !fault.takes() => None,
        _ => Some(receiver.take(&headers, body).await),
    };
    let instead = fault.and_then(ReceiverFault::instead_of_an_answer);
    match (instead, taken) {
        (None, Some(answer)) => answer,
        (Some(instead), _) => {
            if fault != Some(ReceiverFault::Nonsense) {
                receiver.taken().count_failed(receiver.clock.now());
            }
            instead.answer(&connection).await
        }
        // A fault that takes nothing has something instead of an answer.
        (None, None) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
