use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Provider, not_authenticated};

/// Callbacks of the Event Notification Service, none of which is told anything before it is verified (developer guide, "POST
/// /platform/v1/ens-verify").
#[derive(Default)]
pub(super) struct Callbacks(Mutex<BTreeMap<String, Callback>>);

struct Callback {
    key: String,
    is_verified: bool,
}

/// The body of the call that verifies one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HandedBack {
    callback_id: String,
    verification_key: String,
}

impl Callbacks {
    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Callback>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is posted to a callback that is to be verified.
    pub(super) fn ask(&self, id: &str, seed: u64) -> Value {
        let key = format!("verify-{seed}-{id}");
        let asked = json!({ "callbackId": id, "verificationKey": key });
        self.known().insert(id.to_owned(), Callback { key, is_verified: false });
        asked
    }

    pub(super) fn is_verified(&self, id: &str) -> bool {
        self.known().get(id).is_some_and(|callback| callback.is_verified)
    }

    fn verify(&self, handed_back: &HandedBack) -> bool {
        let mut known = self.known();
        let callback = known.get_mut(&handed_back.callback_id);
        let callback = callback.filter(|callback| callback.key == handed_back.verification_key);
        callback.is_some_and(|callback| {
            callback.is_verified = true;
            true
        })
    }
}

pub(super) async fn verify_callback(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    Json(handed_back): Json<HandedBack>,
) -> Response {
    if !provider.lets_in(&headers) {
        return not_authenticated();
    }
    if provider.callbacks.verify(&handed_back) {
        return StatusCode::OK.into_response();
    }
    (StatusCode::NOT_FOUND, Json(json!({ "message": "There is no such callback, or its key is another." })))
        .into_response()
}
