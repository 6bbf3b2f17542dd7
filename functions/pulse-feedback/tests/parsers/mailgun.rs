//! Mailgun's signature, which doesn't cover the event.

use jiff::SignedDuration;
use pulse_core::{feedback::FeedbackSource, ports::PayloadError};
use serde_json::Value;

use crate::support::{SECRET, mailgun, parsers, payload, received};

const COMPLAINT: &str =
    r#"{"event-data": {"event": "complained", "timestamp": 1793869200, "recipient": "ada@example.com"}}"#;

#[test]
fn a_token_counts_for_one_event_which_may_come_again() {
    let parsers = parsers();
    let parser = parsers.of(FeedbackSource::Mailgun).unwrap();
    let first = mailgun(COMPLAINT, SECRET, received(), "t");
    let other = mailgun(&COMPLAINT.replace("ada@", "grace@"), SECRET, received(), "t");
    let told = parser.parse(&first).unwrap();
    assert!(matches!(parser.parse(&other), Err(PayloadError::Forged(_))));
    assert_eq!(parser.parse(&first), Ok(told));
    assert!(parser.parse(&mailgun(COMPLAINT, SECRET, received(), "u")).is_ok());
}

#[test]
fn what_counts_once_is_handed_out_for_those_that_saw_it_not() {
    let once = |payload| parsers().once(FeedbackSource::Mailgun, &payload);
    let first = once(mailgun(COMPLAINT, SECRET, received(), "t")).unwrap();
    let other = once(mailgun(&COMPLAINT.replace("ada@", "grace@"), SECRET, received(), "t")).unwrap();
    assert!(first.token == other.token && first.body != other.body);
    assert!(first.until > received());
    assert_eq!(once(mailgun(COMPLAINT, "another key", received(), "t")), None);
}

#[test]
fn a_signature_is_taken_for_as_long_as_mailgun_tries() {
    let parsed = |age| {
        let payload = mailgun(COMPLAINT, SECRET, received() - age, "t");
        parsers().of(FeedbackSource::Mailgun).unwrap().parse(&payload).is_ok()
    };
    assert!(
        parsed(SignedDuration::from_hours(8)) && !parsed(SignedDuration::from_hours(9) + SignedDuration::from_secs(1))
    );
    assert!(parsed(SignedDuration::from_mins(-5)) && !parsed(SignedDuration::from_mins(-6)));
}

#[test]
fn an_event_of_another_form_that_is_signed_well_is_not_read() {
    for body in ["{}", r#"{"event-data": []}"#, r#"{"event-data": {"event": "complained"}}"#] {
        let told = parsers().of(FeedbackSource::Mailgun).unwrap().parse(&mailgun(body, SECRET, received(), "t"));
        assert!(matches!(told, Err(PayloadError::Unreadable(_))), "{body}");
    }
}

#[test]
fn a_signature_is_taken_whose_timestamp_is_a_number() {
    let signed = mailgun(COMPLAINT, SECRET, received(), "t");
    let mut body: Value = serde_json::from_str(&signed.body).unwrap();
    body["signature"]["timestamp"] = received().as_second().into();
    let told = parsers().of(FeedbackSource::Mailgun).unwrap().parse(&payload(&body.to_string(), [], received()));
    assert_eq!(told.map(|told| told.len()), Ok(1));
}
