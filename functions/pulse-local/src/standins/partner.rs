//! The stand-in of a campaign's partner.

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
use jiff::Timestamp;
use pulse_core::{
    customer::CustomerId,
    entry::{EntryId, ItemId, Reference},
    run::RunId,
    stable_hash::stable_hash,
};
use pulse_sim::partner::numbered;
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use super::{
    RequestMeter, StandInFault, StandInFaults, StandInOptions,
    latency::Latencies,
    server::{Connection, Server},
};

/// A partner's API with the contract of `pulse_providers::HttpPartner`. It does one thing for each key, and refuses a key that
/// comes with another question.
pub struct PartnerStandIn {
    server: Server,
    partner: Arc<StandIn>,
}

struct StandIn {
    authorization: String,
    latencies: Latencies,
    meter: RequestMeter,
    faults: StandInFaults,
    done: Mutex<BTreeMap<EntryId, Done>>,
}

struct Done {
    asked_at: Timestamp,
    reference: Reference,
}

#[derive(Deserialize)]
struct Question {
    version: u32,
    run: RunId,
    customer: CustomerId,
    #[serde(default)]
    item: Option<ItemId>,
    asked_at: Timestamp,
}

impl PartnerStandIn {
    /// Starts it.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(options: StandInOptions) -> Result<Self> {
        let partner = Arc::new(StandIn {
            authorization: format!("Bearer {:016x}", stable_hash("stand-in partner", &options.seed.to_string())),
            latencies: Latencies::new(options.latency, options.seed)?,
            meter: RequestMeter::default(),
            faults: StandInFaults::default(),
            done: Mutex::default(),
        });
        let router = Router::new().route("/v1/invoices", post(answer)).with_state(partner.clone());
        let server = Server::start(&options.place, options.port, router).await?;
        Ok(Self { server, partner })
    }

    /// Where it is called.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/v1/invoices", self.server.url())
    }

    /// The Authorization header that it wants.
    #[must_use]
    pub fn authorization(&self) -> &str {
        &self.partner.authorization
    }

    /// Counts its calls.
    #[must_use]
    pub fn meter(&self) -> &RequestMeter {
        &self.partner.meter
    }

    /// What its calls are to meet.
    #[must_use]
    pub fn faults(&self) -> &StandInFaults {
        &self.partner.faults
    }

    /// What it calls what it has done for each entry.
    #[must_use]
    pub fn references(&self) -> BTreeMap<EntryId, Reference> {
        let done = self.partner.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.iter().map(|(entry, done)| (entry.clone(), done.reference.clone())).collect()
    }

    /// Takes no more connections, and waits for the calls in flight.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn answer(
    State(partner): State<Arc<StandIn>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    headers: HeaderMap,
    question: Option<Json<Question>>,
) -> Response {
    let _in_flight = partner.meter.enter();
    let latency = partner.latencies.draw();
    let said = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if said != Some(partner.authorization.as_bytes()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Some(Json(question)) = question.filter(|question| question.version == 1) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let entry = EntryId { customer: question.customer, run: question.run, item: question.item };
    let key = entry.message_key();
    if headers.get("Idempotency-Key").map(HeaderValue::as_bytes) != Some(key.as_bytes()) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let fault = partner.faults.meet(&key);
    let works = fault.as_ref().is_none_or(StandInFault::does_the_work);
    let answer = if works {
        sleep(latency).await;
        partner.act(&entry, question.asked_at)
    } else {
        StatusCode::OK.into_response()
    };
    match fault {
        Some(fault) => fault.answer(&connection).await,
        None => answer,
    }
}

impl StandIn {
    fn act(&self, entry: &EntryId, asked_at: Timestamp) -> Response {
        let mut all = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let number = all.len() + 1;
        let done = all.entry(entry.clone()).or_insert_with(|| Done { asked_at, reference: numbered(number) });
        if done.asked_at != asked_at {
            return StatusCode::UNPROCESSABLE_ENTITY.into_response();
        }
        Json(json!({ "reference": done.reference.expose() })).into_response()
    }
}
