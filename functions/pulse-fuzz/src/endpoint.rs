//! Where another system wants to be told, and what a receiver is told that Pulse signed.

use std::{collections::BTreeMap, net::IpAddr};

use jiff::Timestamp;
use pulse_core::{
    failure::Cause,
    ports::{Payload, PayloadError},
};
use pulse_endpoints::{AddressRules, EndpointUrl, SigningKeys, WebhookId};
use pulse_feedback::WebhookVerifier;

use crate::quotes_nothing;

const SHARED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW: i64 = 1_793_869_200;

/// A URL in the first line, a webhook's id in the second, a signature in the third, a body in the others.
///
/// # Panics
/// When a URL of an address that isn't public is taken, or shows its path; when a signature is believed that isn't ours, or
/// ours isn't.
pub fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut parts = text.splitn(4, '\n');
    let [url, id, signature, body] = [(); 4].map(|()| parts.next().unwrap_or_default());
    for rules in [AddressRules::PublicOnly, AddressRules::AlsoLoopback] {
        match EndpointUrl::parse(url, rules) {
            Ok(url) => is_safe(&url, rules),
            Err(error) => quotes_nothing(&Cause::new(error.to_string())),
        }
    }
    verified(id, signature, body);
}

fn is_safe(url: &EndpointUrl, rules: AddressRules) {
    let text = url.expose();
    assert!(EndpointUrl::parse(text, rules).as_ref() == Ok(url), "it reads again as the same");
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let (authority, _) = rest.split_once('/').unwrap_or_default();
    assert!(scheme == "https" || rules == AddressRules::AlsoLoopback, "it is read on the way");
    assert!(!authority.contains('@') && !text.contains('#'), "it has more than a request needs");
    let shown = url.to_string();
    assert!(text.starts_with(&shown) && shown.len() <= scheme.len() + 3 + authority.len(), "it shows its path");
    // What a client connects to without asking a resolver.
    let host = shown.trim_start_matches(scheme).trim_start_matches("://").trim_matches(['[', ']']);
    if let Ok(address) = host.parse::<IpAddr>() {
        assert!(rules.allow(address), "an address within is taken");
    }
}

fn verified(id: &str, signature: &str, body: &str) {
    let Ok(verifier) = WebhookVerifier::new(&[SHARED.into()]) else { panic!("the key is one") };
    let (Ok(keys), Ok(at)) = (SigningKeys::parse(&SHARED.into()), Timestamp::from_second(NOW)) else {
        panic!("the key is one")
    };
    let Ok(id) = WebhookId::parse(id) else { return };
    let headers: BTreeMap<_, _> = keys.sign(&id, at, body).map(|(name, value)| (name.to_owned(), value)).into();
    let ours = headers["webhook-signature"].clone();
    let mut payload = Payload { body: body.to_owned(), headers, received_at: at };
    assert!(verifier.verify(&payload).is_ok(), "what is signed here isn't believed");
    payload.headers.insert("webhook-signature".into(), signature.to_owned());
    match verifier.verify(&payload) {
        Ok(()) => assert!(signature.contains(ours.trim_end_matches('=')), "what isn't signed here is believed"),
        Err(PayloadError::Forged(cause)) => quotes_nothing(&cause),
        Err(other) => panic!("a signature is right or forged: {other:?}"),
    }
}
