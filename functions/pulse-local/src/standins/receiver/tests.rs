use axum::{Json, extract::State};
use pulse_aws::sdk;
use pulse_endpoints::{AddressRules, EndpointUrl, PostError, SigningKeys, WebhookClient, WebhookId, WebhookSettings};
use pulse_sim::clock::VirtualClock;
use reqwest::{Client, header::HeaderMap as Headers};
use serde_json::{Value, json};

use super::*;
use crate::http;

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A receiver, and Pulse that tells it.
struct Pair {
    receiver: ReceiverStandIn,
    client: WebhookClient,
    clock: Arc<VirtualClock>,
}

impl Pair {
    async fn with(keys: ReceiverKeys) -> Self {
        let clock = Arc::new(VirtualClock::starting_at("2026-11-03T10:00:00Z".parse().unwrap()));
        let receiver = ReceiverStandIn::start(keys, None, clock.clone()).await.unwrap();
        let settings = WebhookSettings { rules: AddressRules::AlsoLoopback, ..WebhookSettings::default() };
        Self { receiver, client: WebhookClient::new(settings).unwrap(), clock }
    }

    async fn new() -> Self {
        Self::with(ReceiverKeys::Given(vec![KEY.into()])).await
    }

    async fn tell_as(&self, key: &str, id: &str, body: &str) -> Result<(), PostError> {
        let url = EndpointUrl::parse(&self.receiver.hook_url(), AddressRules::AlsoLoopback).unwrap();
        let keys = SigningKeys::parse(&key.into()).unwrap();
        self.client.post(&url, &keys, &WebhookId::parse(id).unwrap(), body, self.clock.now()).await
    }

    async fn tell(&self, id: &str, kind: &str, version: u64) -> Result<(), PostError> {
        let customer = id.split('/').next();
        let data = json!({ "customer": customer, "run": "2026-11", "version": version });
        let body = json!({ "type": kind, "timestamp": "2026-11-03T09:59:58Z", "data": data });
        self.tell_as(KEY, id, &body.to_string()).await
    }

    fn ids(&self) -> Vec<String> {
        self.receiver.facts().into_iter().map(|fact| fact.id).collect()
    }

    async fn look(&self, path: &str) -> (u16, String) {
        let answer = web().get(self.receiver.page_url() + path).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap().replace("&#x2f;", "/"))
    }

    async fn order(&self, fault: &str, headers: &[(&'static str, &str)]) -> (u16, String) {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let post = web().post(format!("{}/fault/{fault}", self.receiver.page_url()));
        let answer = post.headers(headers.collect::<Headers>()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

fn web() -> Client {
    http::client(Duration::from_secs(10)).unwrap()
}

#[tokio::test]
async fn what_is_signed_is_kept_once_in_the_order_in_which_it_came() {
    let pair = Pair::new().await;
    for (id, kind, version) in [
        ("c-1/2026-11/6/sent", "mail.sent", 6),
        ("c-2/2026-11/8/delivered", "mail.delivered", 8),
        ("c-1/2026-11/6/sent", "mail.sent", 6),
        ("c-1/2026-11/7/delivered", "mail.delivered", 7),
        ("c-2/2026-11/6/sent", "mail.sent", 6),
    ] {
        pair.tell(id, kind, version).await.unwrap();
    }
    let told = pair.receiver.facts();
    let ids = ["c-1/2026-11/6/sent", "c-2/2026-11/8/delivered", "c-1/2026-11/7/delivered", "c-2/2026-11/6/sent"];
    assert_eq!(pair.ids(), ids);
    assert_eq!(told.iter().map(|fact| fact.is_in_order).collect::<Vec<_>>(), [true, true, true, false]);
    assert_eq!(told[0].repeats, [pair.clock.now()]);
    let counts = ReceiverCounts { facts: 4, repeats: 1, out_of_order: 1, ..ReceiverCounts::default() };
    assert_eq!(pair.receiver.counts(), counts);
}

#[tokio::test]
async fn what_is_signed_with_another_key_or_cannot_be_read_is_refused_and_not_kept() {
    let pair = Pair::new().await;
    let body = r#"{"type":"pulse.test","timestamp":"2026-11-03T10:00:00Z","data":{}}"#;
    let refused = pair.tell_as(OTHER, "test/1", body).await;
    assert!(matches!(refused, Err(PostError::Unrecognized { .. })), "{refused:?}");
    let unsigned = web().post(pair.receiver.hook_url()).body(body).send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
    let refused = pair.tell_as(KEY, "test/1", "[]").await;
    assert!(matches!(refused, Err(PostError::Rejected { .. })), "{refused:?}");
    let counts = ReceiverCounts { wrong_signatures: 2, ..ReceiverCounts::default() };
    assert_eq!((pair.receiver.counts(), pair.ids()), (counts, vec![]));
    // What was refused under an id isn't taken for a repeat of it.
    pair.tell_as(KEY, "test/1", body).await.unwrap();
    assert_eq!((pair.ids(), pair.receiver.facts()[0].customer.clone()), (vec!["test/1".to_owned()], None));
}

#[tokio::test]
async fn each_fault_is_what_pulse_takes_it_for_and_is_over_when_it_is_mended() {
    let pair = Pair::new().await;
    let tell = async |number: u64, fault: &str| {
        pair.receiver.set_fault(Some(fault.parse().unwrap()));
        let answer = pair.tell(&format!("c-{number}/2026-11/6/sent"), "mail.sent", 6).await;
        let taken = pair.ids().len();
        pair.receiver.set_fault(None);
        pair.tell(&format!("c-{number}/2026-11/6/sent"), "mail.sent", 6).await.unwrap();
        (answer.err(), taken)
    };
    let thirty = Some(Duration::from_secs(30));
    assert!(matches!(tell(0, "down").await, (Some(PostError::Retry { after: None, .. }), 0)));
    assert!(matches!(tell(1, "429").await, (Some(PostError::Retry { after, .. }), 1) if after == thirty));
    assert!(matches!(tell(2, "503").await, (Some(PostError::Retry { after: None, .. }), 2)));
    assert!(matches!(tell(3, "410").await, (Some(PostError::Gone { .. }), 3)));
    assert!(matches!(tell(4, "400").await, (Some(PostError::Rejected { .. }), 4)));
    assert_eq!(pair.receiver.counts().repeats, 0);
    assert!(matches!(tell(5, "lost-answers").await, (Some(PostError::Retry { .. }), 6)));
    assert!(matches!(tell(6, "nonsense").await, (None, 7)));
    let counts = pair.receiver.counts();
    // All but nonsense, which is a success whatever it says.
    assert_eq!((counts.facts, counts.repeats, counts.failed), (7, 2, 6));
    assert_eq!(counts.last_failed_at, Some(pair.clock.now()));
}

/// Secrets Manager, whose one secret is this text.
async fn secrets_manager(secret: Arc<Mutex<String>>) -> String {
    let answer = async |State(secret): State<Arc<Mutex<String>>>| {
        let text = secret.lock().unwrap().clone();
        Json(json!({ "Name": "pulse-local/endpoints/crm", "SecretString": text }))
    };
    let router = Router::new().fallback(answer).with_state(secret);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    url
}

#[tokio::test]
async fn a_key_that_is_exchanged_is_known_when_it_is_first_met_and_the_one_before_stays_known() {
    let secret = Arc::new(Mutex::new(KEY.to_owned()));
    let aws = Box::new(sdk::for_emulator(&secrets_manager(secret.clone()).await));
    let pair = Pair::with(ReceiverKeys::InSecret { aws, name: "pulse-local/endpoints/crm".into() }).await;
    let tell = async |key: &str, id: &str| {
        let body = r#"{"type":"pulse.test","timestamp":"2026-11-03T10:00:00Z","data":{}}"#;
        pair.tell_as(key, id, body).await
    };
    tell(KEY, "test/1").await.unwrap();
    assert!(tell(OTHER, "test/2").await.is_err());
    *secret.lock().unwrap() = json!({ "current": OTHER, "previous": KEY }).to_string();
    tell(OTHER, "test/2").await.unwrap();
    *secret.lock().unwrap() = OTHER.to_owned();
    tell(KEY, "test/3").await.unwrap();
    assert_eq!((pair.ids().len(), pair.receiver.counts().wrong_signatures), (3, 1));
    *secret.lock().unwrap() = "no key".to_owned();
    let third = "whsec_dGhpcmQgdGhpcmQgdGhpcmQgdGhpcmQgdGhpcmQ=";
    assert!(
        matches!(tell(third, "test/4").await, Err(PostError::Retry { .. })),
        "it may be one as soon as that is mended"
    );
}

#[tokio::test]
async fn its_pages_show_each_customers_facts_in_order_with_what_was_wrong_with_them() {
    let pair = Pair::new().await;
    assert!(pair.look("/").await.1.contains("Told of nothing yet"));
    for (id, kind, version) in [
        ("c-1/2026-11/7/delivered", "mail.delivered", 7),
        ("c-1/2026-11/6/sent", "mail.sent", 6),
        ("c-2/2026-11/6/sent", "mail.sent", 6),
        ("c-2/2026-11/6/sent", "mail.sent", 6),
    ] {
        pair.tell(id, kind, version).await.unwrap();
    }
    let test = r#"{"type":"pulse.<b>","timestamp":"2026-11-03T10:00:00Z","data":{}}"#;
    pair.tell_as(KEY, "test/1", test).await.unwrap();
    let (_, listed) = pair.look("/").await;
    let rows = listed.split("<tbody>").nth(1).unwrap();
    // Who was told of last is first, and of each what came first.
    let places = [">c-2</td>", "came again once", ">c-1</td>", "mail.delivered</a>", "mail.sent</a>", "out of order"];
    let mut rest = rows;
    for words in places {
        rest = rest.split_once(words).unwrap_or_else(|| panic!("{words}: {rows}")).1;
    }
    assert!(listed.contains("pulse.&lt;b&gt;"), "{listed}");
    let (_, sent) = pair.look("/?type=mail.sent&q=C-2").await;
    assert!(sent.contains(">c-2</td>") && !sent.contains(">c-1</td>") && !sent.contains("out of order"), "{sent}");
    assert!(pair.look("/?q=c-9").await.1.contains("There is none of these"));

    let (_, fact) = pair.look("/facts/1").await;
    for words in ["c-1/2026-11/6/sent", "after a newer one", "&quot;version&quot;:6", "never", "/facts/0", "/facts/2"] {
        assert!(fact.contains(words), "{words}: {fact}");
    }
    assert_eq!((pair.look("/facts/9").await.0, pair.look("/nothing").await.0), (404, 404));

    let all: Value = serde_json::from_str(&pair.look("/facts").await.1).unwrap();
    assert_eq!(
        (&all["fault"], &all["counts"]["facts"], &all["counts"]["repeats"]),
        (&Value::Null, &json!(4), &json!(1))
    );
    assert_eq!((&all["facts"][1]["type"], &all["facts"][1]["is_in_order"]), (&json!("mail.sent"), &json!(false)));
    assert_eq!(all["facts"][3]["body"], test, "as it came");
}

#[tokio::test]
async fn it_is_told_to_fail_by_its_page_and_by_programs_and_not_by_pages_of_elsewhere() {
    let pair = Pair::new().await;
    let own = pair.receiver.page_url();
    let browser = [("accept", "text/html"), ("sec-fetch-site", "same-origin"), ("origin", "null")];
    // To where the list is, whose status is 200.
    assert_eq!(pair.order("down", &browser).await.0, 200);
    assert_eq!(pair.receiver.fault(), Some(ReceiverFault::Down));
    assert!(pair.look("/").await.1.contains("It hangs up without an answer"));
    let said = "The receiver answers 500 from now on.\n".to_owned();
    assert_eq!(pair.order("500", &[("origin", &own)]).await, (200, said));
    for elsewhere in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "http://evil.example")]
    {
        assert_eq!(pair.order("none", &[elsewhere]).await.0, 403, "{elsewhere:?}");
    }
    let (status, said) = pair.order("broken", &[]).await;
    assert!(status == 404 && said.contains("must be down, silent"), "{said}");
    assert_eq!(pair.receiver.fault(), Some(ReceiverFault::Status(500)));
    assert_eq!(pair.order("none", &[]).await, (200, "The receiver works from now on.\n".to_owned()));
    assert_eq!(pair.receiver.fault(), None);
    assert_eq!(pair.order("none", &[("host", "evil.example")]).await.0, 421);
}
