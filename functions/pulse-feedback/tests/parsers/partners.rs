//! Standard Webhooks. The vectors of `v1` are what the official Python library signs (`standardwebhooks` 1.1.0 on `PyPI`,
//! `Webhook(secret).sign(id, moment, body)`); that of `v1a` is the official libraries' own, whose key `openssl pkey` turned
//! into the public one.

use std::{fs, process::Command};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use pulse_core::ports::{Payload, PayloadError};
use pulse_feedback::{Parsers, PartnerVerifier, WebhookVerifier};
use serde_json::json;

use crate::support::{hmac, payload};

const SHARED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PUBLIC: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const BODY: &str = r#"{"test": 2432232314}"#;
const BY_SHARED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const BY_PRIVATE: &str = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

fn at() -> Timestamp {
    Timestamp::from_second(1_614_265_330).unwrap()
}

fn sent(signature: &str) -> Payload {
    let headers = [("webhook-id", ID), ("webhook-timestamp", "1614265330"), ("webhook-signature", signature)];
    payload(BODY, headers, at())
}

fn verified(key: &str, payload: &Payload) -> bool {
    let told = WebhookVerifier::new(&[key.into()]).unwrap().verify(payload);
    assert!(matches!(told, Ok(()) | Err(PayloadError::Forged(_))), "{told:?}");
    told.is_ok()
}

#[test]
fn the_official_vectors_are_verified_by_their_own_keys_alone() {
    assert!(verified(SHARED, &sent(BY_SHARED)) && verified(PUBLIC, &sent(BY_PRIVATE)));
    assert!(!verified(PUBLIC, &sent(BY_SHARED)) && !verified(SHARED, &sent(BY_PRIVATE)));
    let body =
        r#"{"customer": "c-1", "sequence": 7, "occurred_at": "2026-11-05T09:00:00Z", "email": "zoë@example.com"}"#;
    let signature = "v1,Qg5gwac6vusoo7wJs9ItoE2mEuf8c9cHbFfKxxNv8oQ=";
    let headers = [
        ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
        ("webhook-timestamp", "1793869200"),
        ("webhook-signature", signature),
    ];
    let payload = payload(body, headers, Timestamp::from_second(1_793_869_200).unwrap());
    assert!(verified("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", &payload));
}

#[test]
fn one_good_signature_of_several_will_do() {
    let wrong = format!("v1,{}", BASE64_STANDARD.encode([0; 32]));
    for signatures in [
        format!("{wrong} {BY_SHARED}"),
        format!("v2,x {wrong} garbage , v1 {BY_PRIVATE} {BY_SHARED}"),
        format!("{BY_SHARED} {wrong}"),
        BY_SHARED.trim_end_matches('=').to_owned(),
    ] {
        assert!(verified(SHARED, &sent(&signatures)), "{signatures}");
    }
    for signatures in ["", " ", "v1", "v1,", "v1,*", &wrong, &BY_SHARED.replace("v1,", "v2,"), &BY_SHARED[3..]] {
        assert!(!verified(SHARED, &sent(signatures)), "{signatures}");
        assert!(!verified(PUBLIC, &sent(signatures)), "{signatures}");
    }
}

#[test]
fn what_was_changed_or_left_out_is_forged() {
    let good = sent(BY_SHARED);
    assert!(!verified(SHARED, &Payload { body: format!("{BODY} "), ..good.clone() }));
    assert!(!verified(PUBLIC, &Payload { body: format!("{BODY} "), ..sent(BY_PRIVATE) }));
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        for other in [None, Some(""), Some("1614265331"), Some("never")] {
            let mut changed = good.clone();
            match other {
                None => changed.headers.remove(name),
                Some(other) => changed.headers.insert(name.into(), other.into()),
            };
            assert!(!verified(SHARED, &changed), "{name}: {other:?}");
        }
    }
}

#[test]
fn a_signature_is_good_for_five_minutes_to_either_side() {
    let good = sent(BY_SHARED);
    let limit = SignedDuration::from_mins(5);
    let received = |received_at| verified(SHARED, &Payload { received_at, ..good.clone() });
    assert!(received(at() + limit) && received(at() - limit));
    let second = SignedDuration::from_secs(1);
    assert!(!received(at() + limit + second) && !received(at() - limit - second));
}

#[test]
fn a_change_that_is_signed_is_read_and_one_of_the_future_is_not() {
    let verifier = PartnerVerifier::new(&[SHARED.into()]).unwrap();
    let signed = |body: &str| {
        let key = BASE64_STANDARD.decode(SHARED.trim_start_matches("whsec_")).unwrap();
        let code = BASE64_STANDARD.encode(hmac(&key, &format!("{ID}.1614265330.{body}")));
        Payload { body: body.into(), ..sent(&format!("v1,{code}")) }
    };
    let body = |at: &str| json!({"customer": "c-1", "sequence": 7, "occurred_at": at, "opted_out": true}).to_string();
    let read = verifier.read(&signed(&body("2021-02-25T15:00:00Z"))).unwrap();
    assert_eq!((read.customer.as_str(), read.sequence, read.opted_out), ("c-1", 7, Some(true)));
    for unread in [body("2021-02-25T15:10:00Z"), "{".into(), "[]".into()] {
        assert!(matches!(verifier.read(&signed(&unread)), Err(PayloadError::Unreadable(_))), "{unread}");
    }
    assert!(matches!(verifier.read(&sent("v1,x")), Err(PayloadError::Forged(_))));
}

/// The lines of the documentation, run as they stand there, by a `curl` that says what it was given.
#[test]
fn the_documented_lines_make_a_signature_that_is_taken() {
    let documentation = format!("{}/../../infra/configuration.md", env!("CARGO_MANIFEST_DIR"));
    let documentation = fs::read_to_string(documentation).unwrap();
    let partners = documentation.split("## Partners").nth(1).expect("a section on partners");
    let lines = partners.split("```bash\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    assert!(lines.lines().count() <= 10, "ten lines");

    let script = format!("set -euo pipefail\ncurl() {{ printf '%s\\0' \"$@\"; }}\n{lines}");
    let run = Command::new("bash").args(["-c", &script]).env("url", "https://api.example/partners/crm").output();
    let run = run.expect("bash is installed");
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.success(), "bash, openssl and od are to be installed for this test: {told}");
    let given = String::from_utf8(run.stdout).unwrap();
    let given: Vec<&str> = given.split('\0').collect();
    let after =
        |option: &str| given.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1]).collect::<Vec<_>>();
    let headers = after("-H").into_iter().map(|header| header.split_once(": ").unwrap());
    let headers: Vec<_> = headers.filter(|(name, _)| name.starts_with("webhook-")).collect();
    let seconds = headers.iter().find(|(name, _)| *name == "webhook-timestamp").unwrap().1.parse().unwrap();
    let received_at = Timestamp::from_second(seconds).unwrap();
    let body = after("--data-binary")[0];
    let headers: [_; 3] = headers.try_into().unwrap();
    let secret = lines.lines().find_map(|line| line.strip_prefix("secret=")).unwrap();

    let parsers = json!({"partners": {"crm": {"keys": [secret.split_whitespace().next()]}}}).to_string();
    let parsers = Parsers::parse(&parsers.into()).unwrap();
    let (_, verifier) = parsers.partner("crm").unwrap();
    let change = verifier.read(&payload(body, headers, received_at)).unwrap();
    assert!(change.zone.is_some() && change.occurred_at <= received_at);
}
