use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use pulse_core::stable_hash::stable_hash;
use serde::{Deserialize, Serialize};

/// What Marketing Cloud says of its own tokens.
const LIFE: Duration = Duration::from_secs(1079);

/// A request for a token.
#[derive(Deserialize)]
pub(super) struct TokenRequest {
    grant_type: String,
    client_id: String,
    client_secret: String,
    account_id: Option<u64>,
}

/// A token, as it is given.
#[derive(Serialize)]
pub(super) struct Answer {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
}

/// Gives tokens to the one client there is, and knows which ones are good.
pub(super) struct Tokens {
    client_id: String,
    state: Mutex<Given>,
}

struct Given {
    client_secret: String,
    business_units: Vec<Option<u64>>,
    life: Duration,
    good_until: BTreeMap<String, Timestamp>,
}

impl Tokens {
    pub(super) fn new(seed: u64) -> Self {
        let word = |purpose: &str| format!("{:016x}", stable_hash(purpose, &seed.to_string()));
        Self {
            client_id: word("stand-in client id"),
            state: Mutex::new(Given {
                client_secret: word("stand-in client secret"),
                business_units: Vec::new(),
                life: LIFE,
                good_until: BTreeMap::new(),
            }),
        }
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn client_secret(&self) -> String {
        self.lock().client_secret.clone()
    }

    pub(super) fn calls(&self) -> u64 {
        self.lock().business_units.len() as u64
    }

    pub(super) fn business_units(&self) -> Vec<Option<u64>> {
        self.lock().business_units.clone()
    }

    pub(super) fn rotate(&self, secret: &str) {
        secret.clone_into(&mut self.lock().client_secret);
    }

    pub(super) fn revoke(&self) {
        self.lock().good_until.clear();
    }

    pub(super) fn set_life(&self, life: Duration) {
        self.lock().life = life;
    }

    pub(super) fn give(&self, request: &TokenRequest, now: Timestamp) -> Option<Answer> {
        let mut state = self.lock();
        state.business_units.push(request.account_id);
        let known = request.grant_type == "client_credentials"
            && request.client_id == self.client_id
            && request.client_secret == state.client_secret;
        if !known {
            return None;
        }
        let access_token =
            format!("{:016x}", stable_hash(&state.client_secret, &state.business_units.len().to_string()));
        let until = now.saturating_add(state.life).unwrap_or(Timestamp::MAX);
        state.good_until.insert(access_token.clone(), until);
        Some(Answer { access_token, token_type: "Bearer", expires_in: state.life.as_secs() })
    }

    pub(super) fn lets_in(&self, headers: &HeaderMap, now: Timestamp) -> bool {
        let said = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = said.and_then(|said| said.strip_prefix("Bearer "));
        token.is_some_and(|token| self.lock().good_until.get(token).is_some_and(|until| now < *until))
    }

    fn lock(&self) -> MutexGuard<'_, Given> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
