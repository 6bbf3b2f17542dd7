//! What AWS says of an account, as a test wants to hear it: SES, Service Quotas, STS and EventBridge Scheduler, as far
//! as `pulse doctor` asks them. The emulator always says that all is well.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// It, over HTTP.
pub struct AccountStandIn {
    said: Arc<Mutex<Said>>,
    url: String,
    server: JoinHandle<()>,
}

struct Said {
    answers: BTreeMap<String, Value>,
    clock: SignedDuration,
    now: fn() -> Timestamp,
}

impl AccountStandIn {
    /// Starts it, with an account that is fit for customers. `now` is the time.
    ///
    /// # Panics
    /// When it can't listen.
    pub async fn start(now: fn() -> Timestamp) -> Self {
        let said = Arc::new(Mutex::new(Said { answers: fit(), clock: SignedDuration::ZERO, now }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let routes = Router::new().fallback(answer).with_state(said.clone());
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        Self { said, url, server }
    }

    /// Where it listens, by the variables that the SDK takes (AWS SDKs and Tools Reference Guide, "Service-specific
    /// endpoints").
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        ["SESV2", "SERVICE_QUOTAS", "STS", "SCHEDULER"]
            .map(|service| match service {
                "SESV2" => "AWS_ENDPOINT_URL_SESV2",
                "SERVICE_QUOTAS" => "AWS_ENDPOINT_URL_SERVICE_QUOTAS",
                "STS" => "AWS_ENDPOINT_URL_STS",
                _ => "AWS_ENDPOINT_URL_SCHEDULER",
            })
            .map(|variable| (variable, self.url.clone()))
            .into()
    }

    /// Has it answer otherwise to one question, told by the path's end or the operation, or not know it (null).
    ///
    /// # Panics
    /// When another test's thread panicked with the answers in hand.
    pub fn say(&self, question: &str, answer: Value) {
        self.said.lock().expect("not poisoned").answers.insert(question.to_owned(), answer);
    }

    /// Sets its clock ahead of this machine's.
    ///
    /// # Panics
    /// As [`AccountStandIn::say`].
    pub fn set_clock_ahead(&self, ahead: SignedDuration) {
        self.said.lock().expect("not poisoned").clock = ahead;
    }
}

impl Drop for AccountStandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// In the words of the API references.
fn fit() -> BTreeMap<String, Value> {
    let identity = json!({
        "IdentityType": "DOMAIN", "VerifiedForSendingStatus": true,
        "DkimAttributes": { "SigningEnabled": true, "Status": "SUCCESS" },
        "MailFromAttributes": {
            "MailFromDomain": "mail.example.com", "MailFromDomainStatus": "SUCCESS",
            "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
        },
    });
    let quota = |name: &str, value: f64| json!({ "QuotaName": name, "Value": value });
    BTreeMap::from([
        (
            "account".to_owned(),
            json!({
                "EnforcementStatus": "HEALTHY", "ProductionAccessEnabled": true, "SendingEnabled": true,
                "SendQuota": { "Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 0.0 },
            }),
        ),
        ("example.com".to_owned(), identity),
        (
            "ListServiceQuotas".to_owned(),
            json!({ "Quotas": [quota("Number of schedules", 1e7), quota("CreateSchedule request rate", 250.0)] }),
        ),
        ("GetCallerIdentity".to_owned(), json!("arn:aws:iam::000000000000:root")),
        ("schedule-groups".to_owned(), json!({ "State": "ACTIVE" })),
        ("schedules".to_owned(), json!({ "Schedules": [] })),
    ])
}

async fn answer(
    State(said): State<Arc<Mutex<Said>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path: Vec<_> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()?.rsplit('.').next());
    let question = match (target, path.as_slice()) {
        (Some(operation), _) => operation,
        (None, ["schedule-groups", _]) => "schedule-groups",
        (None, [.., last]) => last,
        _ if body.starts_with(b"Action=GetCallerIdentity") => "GetCallerIdentity",
        _ => return (StatusCode::NOT_FOUND, format!("{method} {uri}")).into_response(),
    };
    let said = said.lock().expect("not poisoned");
    let date = rfc2822::to_string(&((said.now)() + said.clock).to_zoned(jiff::tz::TimeZone::UTC)).expect("a date");
    match said.answers.get(question) {
        Some(Value::String(arn)) => {
            let answer = format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                 <Arn>{arn}</Arn><UserId>AIDA</UserId><Account>000000000000</Account></GetCallerIdentityResult>\
                 </GetCallerIdentityResponse>"
            );
            ([(header::DATE, date), (header::CONTENT_TYPE, "text/xml".into())], answer).into_response()
        }
        None | Some(Value::Null) => (
            StatusCode::NOT_FOUND,
            [("x-amzn-errortype", "NotFoundException")],
            json!({ "message": "it isn't there" }).to_string(),
        )
            .into_response(),
        Some(answer) => ([(header::CONTENT_TYPE, "application/json".to_owned())], answer.to_string()).into_response(),
    }
}
