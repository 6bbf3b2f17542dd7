//! Marketing Cloud's handshake, and the change of its keys.

use pulse_core::{
    feedback::FeedbackSource::MarketingCloud,
    ports::{Payload, PayloadError},
};
use pulse_feedback::Parsers;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::support::{CALLBACK, SECRET, ens, parsers, payload, received};

fn asks(callback: &str) -> Payload {
    let body = json!({"callbackId": callback, "verificationKey": "CZwJw4XATH6LK1fPWFeMDkIyVbro6T3ijXK8CrzQe2s="});
    payload(&body.to_string(), [], received())
}

#[test]
fn a_callback_is_verified_that_the_secret_names_and_no_other() {
    let asked = parsers().verification(MarketingCloud, &asks(CALLBACK)).unwrap();
    assert_eq!(asked.callback_id, CALLBACK);
    assert_eq!(asked.verification_key.expose_secret(), "CZwJw4XATH6LK1fPWFeMDkIyVbro6T3ijXK8CrzQe2s=");
    assert!(!format!("{asked:?}").contains("CZwJ"));
    assert_eq!(parsers().of(MarketingCloud).unwrap().parse(&asks(CALLBACK)), Ok(Vec::new()));

    assert!(parsers().verification(MarketingCloud, &asks("another")).is_none());
    let told = parsers().of(MarketingCloud).unwrap().parse(&asks("another"));
    assert!(matches!(told, Err(PayloadError::Forged(_))));
}

#[test]
fn a_callback_waits_for_its_name_among_the_dead_letters() {
    let parsers = Parsers::parse(&r#"{"marketing-cloud": {}}"#.into()).unwrap();
    assert!(parsers.verification(MarketingCloud, &asks(CALLBACK)).is_none());
    let told = parsers.of(MarketingCloud).unwrap().parse(&asks(CALLBACK));
    assert!(matches!(told, Err(PayloadError::Unreadable(_))));
}

#[test]
fn what_has_more_than_the_handshake_is_none() {
    let more = json!({"callbackId": CALLBACK, "verificationKey": "k", "eventCategoryType": "x"}).to_string();
    for body in [&more, "{}", "[]", r#"{"callbackId": 1, "verificationKey": "k"}"#] {
        assert!(parsers().verification(MarketingCloud, &payload(body, [], received())).is_none(), "{body}");
        let told = parsers().of(MarketingCloud).unwrap().parse(&payload(body, [], received()));
        assert!(matches!(told, Err(PayloadError::Forged(_))), "{body}");
    }
}

#[test]
fn both_keys_are_believed_while_one_is_exchanged() {
    for (key, is_believed) in [(SECRET, true), ("another", true), ("yet another", false), ("", false)] {
        let told = if key.is_empty() { payload("[]", [], received()) } else { ens("[]", key) };
        assert_eq!(parsers().of(MarketingCloud).unwrap().parse(&told).is_ok(), is_believed, "{key}");
    }
}
