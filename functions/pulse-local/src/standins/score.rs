//! The scoring provider's stand-in.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use pulse_core::{
    customer::{CustomerId, Product},
    entry::{EntryId, ItemId},
    ports::Clock,
    run::RunId,
    stable_hash::stable_hash,
};
use pulse_sim::scorer::score_of;
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use super::{
    RequestMeter, StandInFault, StandInFaults, StandInOptions,
    latency::Latencies,
    server::{Connection, Server},
};

/// A scoring API with the contract of `pulse_providers::HttpScorer`. A customer's score in a
/// run is the same each time.
pub struct ScoreStandIn {
    server: Server,
    provider: Arc<Provider>,
}

struct Provider {
    authorization: String,
    latencies: Latencies,
    clock: Arc<dyn Clock>,
    meter: RequestMeter,
    faults: StandInFaults,
    scored: Mutex<BTreeMap<EntryId, u64>>,
}

#[derive(Deserialize)]
struct Question {
    customer: CustomerId,
    /// Read so that a request without one is refused; the score doesn't depend on it.
    #[serde(rename = "product")]
    _product: Product,
    run: RunId,
    #[serde(default)]
    item: Option<ItemId>,
}

impl ScoreStandIn {
    /// Starts it.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(options: StandInOptions) -> Result<Self> {
        let provider = Arc::new(Provider {
            authorization: format!("Bearer {:016x}", stable_hash("stand-in score", &options.seed.to_string())),
            latencies: Latencies::new(options.latency, options.seed)?,
            clock: options.clock,
            meter: RequestMeter::default(),
            faults: StandInFaults::default(),
            scored: Mutex::default(),
        });
        let router = Router::new().route("/v1/scores", post(answer)).with_state(provider.clone());
        let server = Server::start(&options.place, options.port, router).await?;
        Ok(Self { server, provider })
    }

    /// Where scores are asked for.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/v1/scores", self.server.url())
    }

    /// The Authorization header that it wants.
    #[must_use]
    pub fn authorization(&self) -> &str {
        &self.provider.authorization
    }

    /// Counts its calls.
    #[must_use]
    pub fn meter(&self) -> &RequestMeter {
        &self.provider.meter
    }

    /// What its calls are to meet.
    #[must_use]
    pub fn faults(&self) -> &StandInFaults {
        &self.provider.faults
    }

    /// How often each entry's score was worked out.
    #[must_use]
    pub fn scored(&self) -> BTreeMap<EntryId, u64> {
        self.provider.scored.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes no more connections, and waits for the calls in flight.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn answer(
    State(provider): State<Arc<Provider>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    headers: HeaderMap,
    question: Option<Json<Question>>,
) -> Response {
    let _in_flight = provider.meter.enter();
    let latency = provider.latencies.draw();
    let said = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if said != Some(provider.authorization.as_bytes()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Some(Json(question)) = question else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let entry = EntryId { customer: question.customer, run: question.run, item: question.item };
    let key = entry.message_key();
    if headers.get("Idempotency-Key").map(HeaderValue::as_bytes) != Some(key.as_bytes()) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let fault = provider.faults.meet(&key);
    let works = fault.as_ref().is_none_or(StandInFault::does_the_work);
    let answer = if works {
        sleep(latency).await;
        provider.score(&entry).into_response()
    } else {
        StatusCode::OK.into_response()
    };
    match fault {
        Some(fault) => fault.answer(&connection).await,
        None => answer,
    }
}

impl Provider {
    fn score(&self, entry: &EntryId) -> Json<serde_json::Value> {
        let score = score_of(entry, self.clock.now());
        *self.scored.lock().unwrap_or_else(PoisonError::into_inner).entry(entry.clone()).or_default() += 1;
        Json(json!({
            "score": score.value.expose(),
            "band": score.band.expose(),
            "as_of": score.as_of,
        }))
    }
}
