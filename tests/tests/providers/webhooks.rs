//! What is sent to other systems, and what their answers mean.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse as _, Response},
};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use pulse_core::ports::Payload;
use pulse_endpoints::{
    AddressRules, EndpointUrl, LONGEST_BODY, PostError, SigningKeys, WebhookClient, WebhookId, WebhookSettings,
};
use pulse_feedback::WebhookVerifier;
use pulse_tests::providers::{
    forgetful_server::{DeadConnection, ForgetfulServer},
    webhook_receiver::WebhookReceiver,
};
use serde_json::json;
use tokio::{io::AsyncReadExt as _, net::TcpListener, time::timeout};

pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &str = r#"{"type":"mail.sent"}"#;
/// In the URL's path, and in what receivers answer: shown nowhere.
const TOKEN: &str = "t0ken";
/// Longer than any call of a test takes.
const AMPLE: Duration = Duration::from_mins(1);
/// For a call that gets no answer.
const SHORT: Duration = Duration::from_millis(200);

pub(super) fn settings(timeout: Duration) -> WebhookSettings {
    WebhookSettings { connect_timeout: AMPLE, timeout, rules: AddressRules::AlsoLoopback }
}

fn now() -> Timestamp {
    "2026-11-05T09:00:00Z".parse().unwrap()
}

/// Posts once. Whatever comes of it, it shows neither the URL's path nor what was answered.
pub(super) async fn post(client: &WebhookClient, to: &EndpointUrl, body: &str) -> Result<(), PostError> {
    let (keys, id) = (SigningKeys::parse(&SECRET.into()).unwrap(), WebhookId::parse("msg_1").unwrap());
    let outcome = client.post(to, &keys, &id, body, now()).await;
    let shown = format!("{outcome:?} {client:?} {to:?} {keys:?}");
    assert!(!shown.contains(TOKEN) && !shown.contains(&SECRET[6..]), "{shown}");
    outcome
}

pub(super) fn url(base: &str) -> EndpointUrl {
    EndpointUrl::parse(&format!("{base}/{TOKEN}?key={TOKEN}"), AddressRules::AlsoLoopback).unwrap()
}

fn client(timeout: Duration) -> WebhookClient {
    WebhookClient::new(settings(timeout)).unwrap()
}

async fn receiver(answer: impl Fn() -> Response + Send + Sync + 'static) -> (WebhookReceiver, EndpointUrl) {
    let receiver = WebhookReceiver::start("127.0.0.1:0", answer).await.unwrap();
    let url = url(&format!("http://localhost:{}", receiver.address.port()));
    (receiver, url)
}

fn retried(outcome: Result<(), PostError>) -> String {
    match outcome {
        Err(PostError::Retry { after: None, cause }) => cause.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_webhook_is_a_post_of_its_body_that_its_receiver_can_verify() {
    let (system, url) = receiver(|| ([("set-cookie", "a=b")], "not JSON").into_response()).await;
    let client = client(AMPLE);
    for _ in 0..2 {
        post(&client, &url, BODY).await.unwrap();
    }
    let requests = system.received();
    assert_eq!(requests.len(), 2);
    for received in requests {
        assert_eq!(received.method, "POST");
        assert_eq!(received.target, format!("/{TOKEN}?key={TOKEN}"));
        let headers: BTreeMap<_, _> = received
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let names: Vec<_> = headers.keys().map(String::as_str).collect();
        let webhook = ["webhook-id", "webhook-signature", "webhook-timestamp"];
        let others = ["accept", "content-length", "content-type", "host", "user-agent"];
        assert_eq!(names, [&others[..], &webhook].concat(), "no cookie comes back");
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!((&*headers["webhook-id"], &*headers["webhook-timestamp"]), ("msg_1", "1793869200"));
        let payload = Payload { body: received.body, headers, received_at: now() };
        WebhookVerifier::new(&[SECRET.into()]).unwrap().verify(&payload).unwrap();
    }
}

#[tokio::test]
async fn each_status_is_success_the_end_of_the_webhook_or_of_the_endpoint_or_another_try() {
    for status in [
        200, 204, 299, 301, 400, 401, 403, 404, 408, 409, 410, 413, 414, 415, 418, 422, 425, 429, 431, 451, 500, 501,
        502, 503, 504, 599,
    ] {
        let answer = move || (StatusCode::from_u16(status).unwrap(), [(RETRY_AFTER, "7")], TOKEN).into_response();
        let (receiver, url) = receiver(answer).await;
        let outcome = post(&client(AMPLE), &url, BODY).await;
        let expected = match status {
            ..300 => "Ok",
            410 => "Gone",
            400 | 413 | 414 | 415 | 422 | 431 => "Rejected",
            401 | 403 => "Unrecognized, after 7",
            _ => "Retry after 7",
        };
        let told = match &outcome {
            Ok(()) => "Ok".to_owned(),
            Err(PostError::Gone { .. }) => "Gone".to_owned(),
            Err(PostError::Rejected { .. }) => "Rejected".to_owned(),
            Err(PostError::Unrecognized { after, .. }) => {
                format!("Unrecognized, after {}", after.unwrap_or_default().as_secs())
            }
            Err(PostError::Retry { after, .. }) => format!("Retry after {}", after.unwrap_or_default().as_secs()),
        };
        assert_eq!((told.as_str(), receiver.received().len()), (expected, 1), "{status}: {outcome:?}");
    }
}

#[tokio::test]
async fn retry_after_may_be_a_date_and_is_bounded() {
    for (text, seconds) in [("Thu, 05 Nov 2026 09:02:00 GMT", 120), ("604800", 86_400)] {
        let (_receiver, url) =
            receiver(move || (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, text)]).into_response()).await;
        let Err(PostError::Retry { after, cause }) = post(&client(AMPLE), &url, BODY).await else { panic!("503") };
        assert_eq!(after, Some(Duration::from_secs(seconds)));
        assert_eq!(cause.as_str(), "http://localhost answered 503 Service Unavailable.");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let (elsewhere, there) = receiver(|| StatusCode::OK.into_response()).await;
    for status in [300, 301, 302, 303, 304, 307, 308] {
        let location = there.expose().to_owned();
        let answer = move || (StatusCode::from_u16(status).unwrap(), [("location", location.clone())]).into_response();
        let (here, url) = receiver(answer).await;
        let cause = retried(post(&client(AMPLE), &url, BODY).await);
        assert!(cause.ends_with("redirects aren't followed. Correct the endpoint's URL."), "{cause}");
        assert_eq!((here.received().len(), elsewhere.connections()), (1, 0), "{status}");
    }
}

/// More than all buffers on the way hold, so that only a client that reads on has it written to its end; in pieces each of
/// which is read.
#[tokio::test]
async fn of_a_long_body_only_the_beginning_is_read() {
    const PIECES: usize = 1 << 16;
    let is_read = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_read);
    let long = move || {
        let flag = Arc::clone(&flag);
        let chunk = move |number: usize| {
            flag.store(number + 1 == PIECES, Ordering::Relaxed);
            Ok::<_, Infallible>(vec![b'x'; 1 << 10])
        };
        Body::from_stream(stream::iter(0..PIECES).map(chunk)).into_response()
    };
    let (_receiver, url) = receiver(long).await;
    post(&client(AMPLE), &url, BODY).await.unwrap();
    assert!(!is_read.load(Ordering::Relaxed), "64 MiB were read");
}

#[tokio::test]
async fn a_body_that_stands_still_holds_nobody_and_the_status_counts() {
    for status in [StatusCode::OK, StatusCode::GONE] {
        let (_receiver, url) = receiver(move || {
            let still = stream::iter([Ok::<_, Infallible>("x")]).chain(stream::pending());
            (status, Body::from_stream(still)).into_response()
        })
        .await;
        let outcome = timeout(AMPLE, post(&client(SHORT), &url, BODY)).await.expect("it is held");
        assert_eq!(outcome.is_ok(), status == StatusCode::OK, "{outcome:?}");
        assert!(matches!(outcome, Ok(()) | Err(PostError::Gone { .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn without_an_answer_there_is_another_try() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let cause = retried(post(&client(SHORT), &url(&base), BODY).await);
    assert_eq!(cause, "http://127.0.0.1 didn't answer in time.");
    drop(listener);
    let cause = retried(post(&client(AMPLE), &url(&base), BODY).await);
    assert_eq!(cause, "http://127.0.0.1 can't be reached.");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1 << 14]).await;
    });
    let cause = retried(post(&client(AMPLE), &url(&base), BODY).await);
    assert_eq!(cause, "http://127.0.0.1 hung up without an answer.");
}

#[tokio::test]
async fn a_receiver_that_speaks_no_tls_gets_nothing() {
    let (receiver, _) = receiver(|| StatusCode::OK.into_response()).await;
    let cause = retried(post(&client(AMPLE), &url(&format!("https://{}", receiver.address)), BODY).await);
    assert_eq!(cause, "https://127.0.0.1 can't be reached over TLS. See whether its certificate is valid.");
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_long_is_not_sent() {
    let (receiver, url) = receiver(|| StatusCode::OK.into_response()).await;
    let client = client(AMPLE);
    let outcome = post(&client, &url, &"x".repeat(LONGEST_BODY + 1)).await;
    let Err(PostError::Rejected { cause }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(cause.as_str(), "A body of 262145 bytes isn't sent: at most 262144.");
    assert_eq!(receiver.connections(), 0);
    post(&client, &url, &"x".repeat(LONGEST_BODY)).await.unwrap();
    assert_eq!(receiver.received()[0].body.len(), LONGEST_BODY);
}

#[tokio::test]
async fn a_webhook_is_written_to_no_connection_of_an_earlier_invocation() {
    for dead in [DeadConnection::Silent, DeadConnection::Reset] {
        let server = ForgetfulServer::start(1, dead, |_| json!({})).await.unwrap();
        let client = client(AMPLE);
        for _ in 0..3 {
            client.connections().renew();
            post(&client, &url(server.url()), BODY).await.unwrap();
        }
        assert_eq!(server.opened(), 3);
    }
}
