//! No webhook goes to an address that isn't public, however its name came to lead there.
//!
//! In these tests an address of this machine is a public one, by the exception that the local environment has. `0.0.0.0`
//! is a private one: no rule allows it, and whoever connects to it reaches the receiver, which counts.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{http::StatusCode, response::IntoResponse as _};
use pulse_core::failure::Cause;
use pulse_endpoints::{AddressRules, EndpointUrl, PostError, WebhookClient, WebhookSettings};
use pulse_tests::providers::webhook_receiver::WebhookReceiver;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::webhooks::{post, settings, url};

const AMPLE: Duration = Duration::from_mins(1);

/// Answers each look-up with the next of these, and fails where there is none left.
struct Scripted(Mutex<VecDeque<Vec<IpAddr>>>);

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let addresses = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(addresses).collect())))
    }

    fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Resolve for Scripted {
    fn resolve(&self, _: Name) -> Resolving {
        let answer = self.0.lock().unwrap().pop_front();
        Box::pin(async move {
            let answer = answer.ok_or("no such name")?;
            Ok(Box::new(answer.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

async fn receiver(address: &str) -> WebhookReceiver {
    WebhookReceiver::start(address, || StatusCode::OK.into_response()).await.unwrap()
}

fn named(receiver: &WebhookReceiver) -> EndpointUrl {
    url(&format!("http://hooks.localhost:{}", receiver.address.port()))
}

fn client(resolver: &Arc<Scripted>) -> WebhookClient {
    WebhookClient::with_resolver(settings(AMPLE), resolver.clone()).unwrap()
}

fn refused(host: &str) -> Result<(), PostError> {
    let cause = Cause::new(format!("{host} isn't called: the name leads to an address that isn't public."));
    Err(PostError::Retry { after: None, cause })
}

/// What makes the other tests worth something.
#[tokio::test]
async fn the_private_address_of_these_tests_reaches_the_receiver() {
    // Whoever comes first has it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let receiver = receiver("127.0.0.1:0").await;
    let reached = reqwest::get(format!("http://0.0.0.0:{}/", receiver.address.port())).await;
    assert!(reached.is_ok() && receiver.received().len() == 1, "{reached:?}");
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_the_second_time_is_called_once() {
    for private in ["0.0.0.0", "::ffff:127.0.0.1"] {
        let receiver = receiver("127.0.0.1:0").await;
        let resolver = Scripted::new(&[&["127.0.0.1"], &[private]]);
        let client = client(&resolver);
        post(&client, &named(&receiver), "{}").await.unwrap();
        assert_eq!((receiver.connections(), resolver.left()), (1, 1), "one look-up for a connection");
        client.connections().renew();
        assert_eq!(post(&client, &named(&receiver), "{}").await, refused("http://hooks.localhost"));
        assert_eq!((receiver.connections(), resolver.left()), (1, 0), "{private}");
    }
}

/// There is no second look-up between the check and the connection: an answer is used up by one call.
#[tokio::test]
async fn what_was_looked_at_is_what_is_connected_to() {
    let first = receiver("127.0.0.1:0").await;
    let second = receiver(&format!("127.0.0.2:{}", first.address.port())).await;
    let resolver = Scripted::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let client = client(&resolver);
    for connections in [(1, 0), (1, 1)] {
        client.connections().renew();
        post(&client, &named(&first), "{}").await.unwrap();
        assert_eq!((first.connections(), second.connections()), connections);
        assert_eq!(first.received().len() + second.received().len() + resolver.left(), 2);
    }
}

#[tokio::test]
async fn one_private_address_among_others_refuses_them_all() {
    let receiver = receiver("127.0.0.1:0").await;
    for answer in [&["127.0.0.1", "10.0.0.1"], &["169.254.169.254", "127.0.0.1"], &["127.0.0.1", "0.0.0.0"]] {
        let outcome = post(&client(&Scripted::new(&[&answer[..]])), &named(&receiver), "{}").await;
        assert_eq!(outcome, refused("http://hooks.localhost"), "{answer:?}");
    }
    assert_eq!(receiver.connections(), 0);
}

/// By the rules of a deployed stack, this machine is private too.
#[tokio::test]
async fn public_only_refuses_this_machine_by_whatever_name_or_number() {
    let receiver = receiver("127.0.0.1:0").await;
    let port = receiver.address.port();
    let settings = WebhookSettings { rules: AddressRules::PublicOnly, ..settings(AMPLE) };
    for answer in ["127.0.0.1", "::1", "0.0.0.0", "::ffff:127.0.0.1", "fd00:ec2::254", "10.0.0.1"] {
        let client = WebhookClient::with_resolver(settings, Scripted::new(&[&[answer]])).unwrap();
        let to = url(&format!("https://hooks.example:{port}"));
        assert_eq!(post(&client, &to, "{}").await, refused("https://hooks.example"), "{answer}");
    }
    // They are read where this machine is allowed, and called where it isn't.
    let client = WebhookClient::new(settings).unwrap();
    for (base, why) in [
        (
            format!("https://127.0.0.1:{port}"),
            "https://127.0.0.1 isn't called: the URL leads to an address that isn't public.",
        ),
        (
            format!("https://2130706433:{port}"),
            "https://127.0.0.1 isn't called: the URL leads to an address that isn't public.",
        ),
        (
            format!("https://localhost:{port}"),
            "https://localhost isn't called: the URL leads to an address that isn't public.",
        ),
        (format!("http://127.0.0.1:{port}"), "http://127.0.0.1 isn't called: the URL doesn't begin with https://."),
    ] {
        let error = post(&client, &url(&base), "{}").await.unwrap_err();
        assert_eq!(error.to_string(), why);
        assert!(matches!(error, PostError::Retry { after: None, .. }), "{error:?}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_name_without_an_address_is_tried_again() {
    let receiver = receiver("127.0.0.1:0").await;
    let error = post(&client(&Scripted::new(&[])), &named(&receiver), "{}").await.unwrap_err();
    assert_eq!(error.to_string(), "http://hooks.localhost can't be reached: its name leads to no address.");
    assert!(matches!(error, PostError::Retry { after: None, .. }), "{error:?}");
}
