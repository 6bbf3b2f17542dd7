//! Verifying a callback of Marketing Cloud's Event Notification Service.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use pulse_core::ports::SendError;
use pulse_local::standins::{MailStandIn, StandInOptions};
use pulse_providers::{EnsVerifier, secret::ClientCredentials};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What a verification comes to where Marketing Cloud answers so, and what it was asked.
async fn verified(status: u16) -> (Result<(), SendError>, Vec<Value>) {
    let tenant = MailStandIn::start(StandInOptions::default()).await.unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let answer = async move |headers: HeaderMap, Json(body): Json<Value>| {
        let is_bearer = headers["authorization"].to_str().unwrap().starts_with("Bearer ");
        heard.lock().unwrap().push(json!({"bearer": is_bearer, "body": body}));
        StatusCode::from_u16(status).unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rest = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/platform/v1/ens-verify", post(answer));
    tokio::spawn(axum::serve(listener, router).into_future());
    let credentials = ClientCredentials { id: tenant.client_id().into(), secret: tenant.client_secret().into() };
    let verifier = EnsVerifier::new(&rest, &tenant.auth_url(), credentials, Duration::from_secs(20)).unwrap();
    let told = verifier.verify("65b885ab", &"geheim".into()).await;
    let asked = asked.lock().unwrap().clone();
    (told, asked)
}

#[tokio::test]
async fn what_a_callback_was_sent_is_handed_back_with_a_token() {
    let (told, asked) = verified(200).await;
    assert_eq!(told, Ok(()));
    let body = json!({"callbackId": "65b885ab", "verificationKey": "geheim"});
    assert_eq!(asked, [json!({"bearer": true, "body": body})]);
}

#[tokio::test]
async fn a_refusal_is_final_and_trouble_passes() {
    for (status, is_final) in [(404, true), (400, true), (403, false), (500, false), (503, false), (429, false)] {
        let (told, asked) = verified(status).await;
        let told = told.unwrap_err();
        assert_eq!(matches!(told, SendError::Fail { .. }), is_final, "{status}: {told:?}");
        assert!(is_final || matches!(told, SendError::Retry { .. }), "{status}: {told:?}");
        assert!(!format!("{told} {told:?}").contains("geheim"));
        assert!(!asked.is_empty());
    }
}
