//! Verifying a callback of the Event Notification Service (Marketing Cloud, "POST /platform/v1/ens-verify").

use std::time::Duration;

use pulse_core::ports::SendError;
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::{
    MarketingCloudMailer, Unmade,
    answers::{PROVIDER, passing, retry},
};
use crate::{
    Connections, SetupError, http,
    secret::{ClientCredentials, Secret},
};

/// Hands back to Marketing Cloud what it sent to a callback, so that it sends events there. The installed package needs the
/// scope to create callbacks.
#[derive(Debug)]
pub struct EnsVerifier {
    tenant: MarketingCloudMailer,
    url: Url,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verification<'a> {
    callback_id: &'a str,
    verification_key: &'a str,
}

impl EnsVerifier {
    /// The tenant whose REST base is `url` and whose authentication base is `auth_url`. A verification may take `timeout`.
    ///
    /// # Errors
    /// When one of the URLs is none.
    pub fn new(
        url: &str,
        auth_url: &str,
        credentials: impl Into<Secret<ClientCredentials>>,
        timeout: Duration,
    ) -> Result<Self, SetupError> {
        let verify = format!("{}/platform/v1/ens-verify", url.trim_end_matches('/'));
        Ok(Self {
            tenant: MarketingCloudMailer::new(url, auth_url, "", credentials, timeout)?,
            url: http::url("Marketing Cloud REST URL", &verify)?,
        })
    }

    /// The same in the business unit with this account identifier, its MID.
    #[must_use]
    pub fn in_business_unit(self, account_id: Option<u64>) -> Self {
        Self { tenant: self.tenant.in_business_unit(account_id), ..self }
    }

    /// Its connections, to be renewed when an invocation begins.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.tenant.connections()
    }

    /// Verifies a callback.
    ///
    /// # Errors
    /// [`SendError::Retry`] for trouble that may pass; [`SendError::Fail`] when Marketing Cloud refuses, as it does once the
    /// key was used, or is four hours old.
    pub async fn verify(&self, callback_id: &str, key: &SecretString) -> Result<(), SendError> {
        let body = Verification { callback_id, verification_key: key.expose_secret() };
        let answer = match self.tenant.call(|| self.tenant.http.client().post(self.url.clone()).json(&body)).await {
            Ok(answer) => answer,
            Err(Unmade::NoToken(error)) => return Err(error),
            Err(Unmade::NoAnswer(none)) => {
                return Err(retry(None, format!("{PROVIDER} {} when it was to verify a callback.", none.says())));
            }
        };
        if answer.status.is_success() {
            return Ok(());
        }
        let hint = if answer.status == StatusCode::NOT_FOUND {
            ": it knows no such callback, or its key was used already or is older than four hours. Create the callback anew."
        } else {
            " when it was to verify a callback."
        };
        Err(passing(&answer).unwrap_or_else(|| SendError::Fail { cause: answer.cause(PROVIDER, hint) }))
    }
}
