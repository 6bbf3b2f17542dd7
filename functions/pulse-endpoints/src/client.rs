//! One attempt at telling one other system.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use pulse_core::failure::Cause;
use pulse_providers::{Connections, Pooled, SetupError, system_trust};
use reqwest::{Client, Response, dns::Resolve, header::CONTENT_TYPE, redirect};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::{
    AddressRules, EndpointUrl, PostError, SigningKeys, SystemResolver, WebhookId,
    outcome::{of_answer, of_no_answer, retry},
    resolver::GuardedResolver,
};

/// The longest body that is sent, in bytes. The specification recommends less than 20 KB.
pub const LONGEST_BODY: usize = 256 * 1024;

/// How much of an answer's body is read: not for what it says, but because a connection whose answer was read to its end can
/// be used again.
const LONGEST_ANSWER: usize = 4 * 1024;

/// Shorter than load balancers keep idle connections: 60 seconds, where nobody has set them otherwise (Elastic Load
/// Balancing, "Application Load Balancers": connection idle timeout).
const IDLE: Duration = Duration::from_secs(30);

/// How receivers are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookSettings {
    /// How long a name's look-up, the connection and TLS may take together.
    pub connect_timeout: Duration,
    /// How long an attempt may take, from its first step to the end of the answer.
    pub timeout: Duration,
    /// Who may be called.
    pub rules: AddressRules,
}

impl Default for WebhookSettings {
    /// Public receivers. The specification recommends 15 to 30 seconds ("Request timeouts").
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            rules: AddressRules::PublicOnly,
        }
    }
}

/// Tells other systems, over connections that it uses again within an invocation.
#[derive(Clone)]
pub struct WebhookClient {
    http: Arc<Pooled<Client>>,
    settings: WebhookSettings,
}

impl WebhookClient {
    /// A client that asks the system for the addresses of names.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new(settings: WebhookSettings) -> Result<Self, SetupError> {
        Self::with_resolver(settings, Arc::new(SystemResolver))
    }

    /// A client that asks `resolver`. The rules are held against what it says.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn with_resolver(settings: WebhookSettings, resolver: Arc<dyn Resolve>) -> Result<Self, SetupError> {
        let guard = Arc::new(GuardedResolver::new(resolver, settings.rules));
        let tls = system_trust()?;
        let first = build(settings, Arc::clone(&guard), &tls)?;
        let http = Pooled::new(first, move || build(settings, Arc::clone(&guard), &tls).ok());
        Ok(Self { http: Arc::new(http), settings })
    }

    /// Its connections, to be renewed when an invocation begins.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.http.connections()
    }

    /// Posts a body, JSON, once. `id` is the same over attempts; `now` is what is signed as this attempt's moment, and what a
    /// date in Retry-After is held against. It takes as long as the settings say at the most, and an answer that has begun
    /// counts, whatever becomes of its body.
    ///
    /// # Errors
    /// When the receiver doesn't say that it has taken it: see [`PostError`].
    pub async fn post(
        &self,
        to: &EndpointUrl,
        keys: &SigningKeys,
        id: &WebhookId,
        body: &str,
        now: Timestamp,
    ) -> Result<(), PostError> {
        if body.len() > LONGEST_BODY {
            let cause = Cause::new(format!("A body of {} bytes isn't sent: at most {LONGEST_BODY}.", body.len()));
            return Err(PostError::Rejected { cause });
        }
        // Addresses that stand in the URL itself are asked of no resolver.
        to.check(self.settings.rules).map_err(|error| retry(format!("{to} isn't called: the URL {error}.")))?;
        let request = self.http.client().post(to.url()).header(CONTENT_TYPE, "application/json");
        let signed = keys.sign(id, now, body);
        let request = signed.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let end = Instant::now() + self.settings.timeout;
        match timeout_at(end, request.body(body.to_owned()).send()).await {
            Ok(Ok(response)) => {
                let outcome = of_answer(to, response.status(), response.headers(), now);
                let _ = timeout_at(end, drain(response)).await;
                outcome
            }
            Ok(Err(error)) => Err(of_no_answer(to, &error)),
            Err(_) => Err(retry(format!("{to} didn't answer in time."))),
        }
    }
}

fn build(settings: WebhookSettings, guard: Arc<GuardedResolver>, tls: &ClientConfig) -> Result<Client, reqwest::Error> {
    Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(concat!("pulse/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(guard)
        .https_only(settings.rules == AddressRules::PublicOnly)
        // They would lead to where nobody has looked. A proxy would look names up itself.
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(IDLE)
        .build()
}

async fn drain(mut response: Response) {
    let mut left = LONGEST_ANSWER;
    while let Ok(Some(chunk)) = response.chunk().await {
        let Some(less) = left.checked_sub(chunk.len()) else { return };
        left = less;
    }
}

impl fmt::Debug for WebhookClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}
