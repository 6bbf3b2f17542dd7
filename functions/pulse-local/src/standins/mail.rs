//! The email provider's stand-in. As Marketing Cloud: tokens, messages with their keys, their status, and those that
//! weren't sent after all. As Amazon SES: the call that sends. It tells what became of its mails, and shows them.

mod callbacks;
mod events;
mod fate;
mod inbox;
mod outbox;
mod publisher;
mod ses;
#[cfg(test)]
mod tests;
mod tokens;
mod way;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use pulse_core::{
    entry::EntryId,
    ports::{Clock, Ledger},
};
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use self::{
    callbacks::{Callbacks, verify_callback},
    outbox::{Message, Outbox},
    publisher::Publisher,
    tokens::{TokenRequest, Tokens},
};
use super::{
    RequestMeter, StandInFault, StandInFaults, StandInOptions, StandInPlace,
    fault::refusal,
    latency::Latencies,
    server::{Connection, Server},
};

pub(super) use self::way::encoded;
pub use self::{
    events::MailEvent,
    fate::{MailFates, MailShare},
    inbox::TakenMails,
    outbox::AcceptedMail,
    publisher::{MailEventCounts, MailEventTarget, MailEvents},
};

/// `MCMS_UTM_Validation_InvalidValue_to`.
const BAD_ADDRESS: u32 = 109_121;
/// `MCMS_UTM_Validation_InvalidValue`.
const BAD_TYPE: u32 = 10_005;
/// `MCMS_UTM_Validation_DuplicateMessageKey`.
const DUPLICATE_KEY: u32 = 109_110;
/// `MCMS_UTM_Runtime_ObjectNotFound`.
const NOT_FOUND: u32 = 30_003;

/// A Marketing Cloud tenant with one send definition, which takes whatever it is handed, and drops what doesn't fit its
/// data extension's fields; and an SES account that may send to anybody.
pub struct MailStandIn {
    server: Server,
    inbox: Server,
    provider: Arc<Provider>,
}

struct Provider {
    latencies: Latencies,
    clock: Arc<dyn Clock>,
    meter: RequestMeter,
    tokens: Tokens,
    callbacks: Callbacks,
    outbox: Arc<Outbox>,
    seed: u64,
    publisher: OnceLock<Publisher>,
    /// Where it is found who opted out by a click that wasn't the stand-in's.
    ledger: OnceLock<Arc<dyn Ledger>>,
    unknown_key: AtomicU16,
    send_faults: StandInFaults,
    status_faults: StandInFaults,
    token_faults: StandInFaults,
}

impl MailStandIn {
    /// Starts it.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(options: StandInOptions) -> Result<Self> {
        let provider = Arc::new(Provider {
            latencies: Latencies::new(options.latency, options.seed)?,
            clock: options.clock,
            meter: RequestMeter::default(),
            tokens: Tokens::new(options.seed),
            callbacks: Callbacks::default(),
            outbox: Arc::default(),
            seed: options.seed,
            publisher: OnceLock::new(),
            ledger: OnceLock::new(),
            unknown_key: AtomicU16::new(404),
            send_faults: StandInFaults::default(),
            status_faults: StandInFaults::default(),
            token_faults: StandInFaults::default(),
        });
        let router = Router::new()
            .route("/v2/token", post(give_token))
            .route("/messaging/v1/email/messages/", get(list_not_sent))
            .route("/messaging/v1/email/messages/{key}", get(tell_status).post(take_mail))
            .route("/platform/v1/ens-verify", post(verify_callback))
            .route("/v2/email/outbound-emails", post(ses::send_email))
            .with_state(provider.clone());
        let server = Server::start(&options.place, options.port, router).await?;
        // Whoever may call the provider may not look into its inbox: that is for this machine alone.
        let inbox = Server::start(&StandInPlace::default(), 0, inbox::router(provider.clone())).await?;
        Ok(Self { server, inbox, provider })
    }

    /// The REST base.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The authentication base.
    #[must_use]
    pub fn auth_url(&self) -> String {
        self.server.url()
    }

    /// Where its inbox can be looked at, on this machine.
    #[must_use]
    pub fn inbox_url(&self) -> String {
        self.inbox.url()
    }

    /// What is in its inbox, for other pages.
    #[must_use]
    pub fn taken(&self) -> TakenMails {
        TakenMails(self.provider.clone())
    }

    /// Tells Pulse from now on what becomes of the mails that it accepts. It can be told once where to.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn tell(&self, events: MailEvents) -> Result<()> {
        let Provider { seed, outbox, clock, .. } = &*self.provider;
        let publisher = Publisher::start(events, *seed, outbox.clone(), clock.clone())?;
        // A second one would tell everything twice.
        let _ = self.provider.publisher.set(publisher);
        Ok(())
    }

    /// Has its inbox show who opted out, whoever clicked: a link leads to the stack, and past the stand-in.
    pub fn look_up_opt_outs(&self, ledger: Arc<dyn Ledger>) {
        // A second one would be the same stack's.
        let _ = self.provider.ledger.set(ledger);
    }

    /// How much it has told.
    #[must_use]
    pub fn events(&self) -> MailEventCounts {
        self.provider.publisher.get().map(Publisher::counts).unwrap_or_default()
    }

    /// Waits until it has told all that there is to tell so far.
    pub async fn all_told(&self) {
        if let Some(publisher) = self.provider.publisher.get() {
            publisher.all_told().await;
        }
    }

    /// What it posts to a callback that it was told of, which has to be handed back for the callback to be verified.
    #[must_use]
    pub fn ask_to_verify(&self, callback: &str) -> serde_json::Value {
        self.provider.callbacks.ask(callback, self.provider.seed)
    }

    /// Whether it was.
    #[must_use]
    pub fn is_verified(&self, callback: &str) -> bool {
        self.provider.callbacks.is_verified(callback)
    }

    /// The id of the client that is let in.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.provider.tokens.client_id()
    }

    /// Its secret.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.provider.tokens.client_secret()
    }

    /// Counts its calls, those for tokens left out.
    #[must_use]
    pub fn meter(&self) -> &RequestMeter {
        &self.provider.meter
    }

    /// How many tokens were asked for.
    #[must_use]
    pub fn token_calls(&self) -> u64 {
        self.provider.tokens.calls()
    }

    /// Lets no token in that was given so far.
    pub fn revoke_tokens(&self) {
        self.provider.tokens.revoke();
    }

    /// Gives tokens that last for `life` from now on. Those of Marketing Cloud last 18 minutes.
    pub fn set_token_life(&self, life: Duration) {
        self.provider.tokens.set_life(life);
    }

    /// What calls that hand over a mail are to meet.
    #[must_use]
    pub fn faults(&self) -> &StandInFaults {
        &self.provider.send_faults
    }

    /// What questions for a mail's status are to meet.
    #[must_use]
    pub fn status_faults(&self) -> &StandInFaults {
        &self.provider.status_faults
    }

    /// What calls for a token are to meet. Their key is empty.
    #[must_use]
    pub fn token_faults(&self) -> &StandInFaults {
        &self.provider.token_faults
    }

    /// The mails that were accepted, in order.
    #[must_use]
    pub fn accepted(&self) -> Vec<AcceptedMail> {
        self.provider.outbox.accepted()
    }

    /// How many mails of months were accepted for each customer. What campaigns send comes beside.
    #[must_use]
    pub fn accepted_of_months(&self) -> BTreeMap<String, usize> {
        let is_of_month = |mail: &AcceptedMail| {
            EntryId::of_message_key(&mail.message_key).is_none_or(|entry| !entry.run.is_campaign())
        };
        let mut counts = BTreeMap::new();
        for mail in self.accepted().into_iter().filter(is_of_month) {
            *counts.entry(mail.contact).or_default() += 1;
        }
        counts
    }

    /// How many mails were accepted for each contact, that is customer.
    #[must_use]
    pub fn accepted_by_customer(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for mail in self.accepted() {
            *counts.entry(mail.contact).or_default() += 1;
        }
        counts
    }

    /// Says of a mail that was accepted that it wasn't sent in the end, for this subscriber error.
    pub fn drop_accepted(&self, message_key: &str, subscriber_error: u32) {
        self.provider.outbox.drop_accepted(message_key, subscriber_error, self.provider.clock.now());
    }

    /// Answers a question for the status of an unknown key with this status. No document says which it is: 404, or the 400
    /// that the page does name.
    pub fn answer_unknown_keys_with(&self, status: u16) {
        self.provider.unknown_key.store(status, Ordering::Relaxed);
    }

    /// For which business units tokens were asked, in order.
    #[must_use]
    pub fn business_units(&self) -> Vec<Option<u64>> {
        self.provider.tokens.business_units()
    }

    /// Has the client's secret be another from now on. Tokens that were given stay good.
    pub fn rotate_secret(&self, secret: &str) {
        self.provider.tokens.rotate(secret);
    }

    /// Takes no more connections, and waits for the calls in flight.
    pub async fn stop(self) {
        self.inbox.stop().await;
        self.server.stop().await;
    }
}

async fn give_token(
    State(provider): State<Arc<Provider>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    Json(request): Json<TokenRequest>,
) -> Response {
    let given = provider.tokens.give(&request, provider.clock.now());
    match provider.token_faults.meet("") {
        Some(fault) => fault.answer(&connection).await,
        None => match given {
            Some(token) => Json(token).into_response(),
            None => (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response(),
        },
    }
}

async fn take_mail(
    State(provider): State<Arc<Provider>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    Path(key): Path<String>,
    headers: HeaderMap,
    Json(message): Json<Message>,
) -> Response {
    if !provider.lets_in(&headers) {
        let _in_flight = provider.meter.enter();
        return not_authenticated();
    }
    provider.send(&connection, &key.clone(), || provider.take(key, message, trace(&headers))).await
}

/// What a call is traced by.
fn trace(headers: &HeaderMap) -> Option<String> {
    headers.get("X-Amzn-Trace-Id").and_then(|trace| trace.to_str().ok()).map(ToOwned::to_owned)
}

async fn tell_status(
    State(provider): State<Arc<Provider>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response {
    let _in_flight = provider.meter.enter();
    if !provider.lets_in(&headers) {
        return not_authenticated();
    }
    if let Some(fault) = provider.status_faults.meet(&key) {
        return fault.answer(&connection).await;
    }
    if let Some(status) = provider.outbox.status(&key) {
        return Json(status).into_response();
    }
    let body = json!({"errorcode": NOT_FOUND, "message": "MCMS_UTM_Runtime_ObjectNotFound"});
    let status = StatusCode::from_u16(provider.unknown_key.load(Ordering::Relaxed)).unwrap_or(StatusCode::NOT_FOUND);
    (status, Json(body)).into_response()
}

/// The query of a question for the mails that weren't sent.
#[derive(Deserialize)]
struct Listing {
    r#type: String,
    #[serde(rename = "$pagesize")]
    page_size: usize,
    #[serde(rename = "lastEventId")]
    last_event_id: Option<u64>,
}

async fn list_not_sent(
    State(provider): State<Arc<Provider>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    Query(listing): Query<Listing>,
    headers: HeaderMap,
) -> Response {
    let _in_flight = provider.meter.enter();
    if !provider.lets_in(&headers) {
        return not_authenticated();
    }
    if let Some(fault) = provider.status_faults.meet("") {
        return fault.answer(&connection).await;
    }
    if listing.r#type != "notSent" {
        return refusal(BAD_TYPE, "MCMS_UTM_Validation_InvalidValue");
    }
    Json(provider.outbox.not_sent(listing.last_event_id, listing.page_size)).into_response()
}

fn not_authenticated() -> Response {
    let body = json!({"errorcode": 40_001, "message": "MCMS_UTM_Authentication_NotAuthenticated"});
    (StatusCode::UNAUTHORIZED, Json(body)).into_response()
}

impl Provider {
    fn lets_in(&self, headers: &HeaderMap) -> bool {
        self.tokens.lets_in(headers, self.clock.now())
    }

    /// Has a call that hands over a mail take its time, and meet its fault.
    async fn send(&self, connection: &Connection, key: &str, take: impl FnOnce() -> Response) -> Response {
        let _in_flight = self.meter.enter();
        let latency = self.latencies.draw();
        let fault = self.send_faults.meet(key);
        let works = fault.as_ref().is_none_or(StandInFault::does_the_work);
        let answer = if works {
            // A caller that is killed on the way may leave a mail behind or not: halfway, both happen.
            sleep(latency / 2).await;
            let answer = take();
            sleep(latency.saturating_sub(latency / 2)).await;
            answer
        } else {
            StatusCode::OK.into_response()
        };
        match fault {
            Some(fault) => fault.answer(connection).await,
            None => answer,
        }
    }

    fn plan(&self, mail: &AcceptedMail) {
        if let Some(publisher) = self.publisher.get() {
            publisher.plan(mail);
        }
    }

    fn take(&self, key: String, message: Message, trace: Option<String>) -> Response {
        if !message.recipient.to.contains('@') {
            return refusal(BAD_ADDRESS, "MCMS_UTM_Validation_InvalidValue_to");
        }
        match self.outbox.take(key, message, trace, self.clock.now()) {
            Some((receipt, mail)) => {
                if let Some(mail) = mail {
                    self.plan(&mail);
                }
                (StatusCode::ACCEPTED, Json(receipt)).into_response()
            }
            None => refusal(
                DUPLICATE_KEY,
                "MCMS_UTM_Validation_DuplicateMessageKey: messageKey reused within the past 2 days",
            ),
        }
    }
}
