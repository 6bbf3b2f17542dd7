//! One suite for every parser, and what is each provider's own.

mod mailgun;
mod marketing_cloud;
mod partners;
mod support;

use pulse_core::{
    feedback::FeedbackKind,
    ports::{FeedbackParser as _, PayloadError},
};
use pulse_feedback::SesParser;
use serde_json::{Value, json};
use support::{PROVIDERS, Provider as _, SECRET, line, parsers, payload, received};

#[test]
fn every_fixture_tells_what_it_says_however_often_it_comes() {
    for provider in PROVIDERS {
        let fixtures = provider.fixtures();
        assert!(fixtures.len() > 10, "{provider:?}");
        let parsers = parsers();
        for fixture in fixtures {
            let payload = provider.signed(&fixture.body);
            let told = parsers.of(provider).unwrap().parse(&payload);
            let told = told.unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
            assert_eq!(told.iter().map(line).collect::<Vec<_>>(), fixture.tells, "{}", fixture.name);
            assert_eq!(parsers.of(provider).unwrap().parse(&payload), Ok(told.clone()), "{}", fixture.name);
            let ids: std::collections::BTreeSet<_> = told.iter().map(|event| &event.id).collect();
            assert_eq!(ids.len(), told.len(), "{}", fixture.name);
            assert!(told.iter().all(|event| event.source == provider), "{}", fixture.name);
        }
    }
}

#[test]
fn what_is_not_signed_as_the_provider_signs_is_forged() {
    for provider in PROVIDERS {
        for fixture in provider.fixtures() {
            for (what, payload) in provider.forgeries(&fixture.body) {
                let told = parsers().of(provider).unwrap().parse(&payload);
                assert!(matches!(told, Err(PayloadError::Forged(_))), "{}: {what}: {told:?}", fixture.name);
            }
        }
    }
}

#[test]
fn what_breaks_off_is_not_read() {
    for provider in PROVIDERS {
        for fixture in provider.fixtures().iter().filter(|fixture| !fixture.tells.is_empty()) {
            for length in [0, 1, fixture.body.len() / 2, fixture.body.len() - 1] {
                let told = parsers().of(provider).unwrap().parse(&provider.signed(&fixture.body[..length]));
                let told = told.expect_err(&fixture.name);
                // Mailgun's signature breaks off with the rest.
                let is_unreadable = matches!(told, PayloadError::Unreadable(_)) || provider.signs_inside();
                assert!(is_unreadable, "{}: {told:?}", fixture.name);
            }
        }
    }
}

#[test]
fn what_is_to_come_gives_nothing() {
    for (provider, body) in [
        (PROVIDERS[0], json!({"eventType": "Teleportation", "mail": {}})),
        (PROVIDERS[1], json!([{"eventCategoryType": "TransactionalSendEvents.EmailTeleported", "info": 7}])),
        (PROVIDERS[2], json!({"event-data": {"event": "teleported"}})),
    ] {
        let told = parsers().of(provider).unwrap().parse(&provider.signed(&body.to_string()));
        assert_eq!(told, Ok(Vec::new()), "{provider:?}");
    }
}

#[test]
fn what_is_huge_or_deep_is_dealt_with() {
    let deep = [("[", "]"), ("{\"a\":", "}")].map(|(open, close)| open.repeat(100_000) + "1" + &close.repeat(100_000));
    for provider in PROVIDERS {
        let parsers = parsers();
        let parse = |body: &str| parsers.of(provider).unwrap().parse(&provider.signed(body));
        for body in &deep {
            assert!(parse(body).is_err(), "{provider:?}");
        }
        for fixture in provider.fixtures().iter().filter(|fixture| fixture.body.contains("ada@example.com")) {
            let huge = fixture.body.replacen("ada@example.com", &"ada@example.com 5.1.1 ".repeat(10_000), 1);
            let _ = parse(&huge);
            let inside = fixture.body.replacen("\"ada@example.com\"", &deep[0], 1);
            let _ = parse(&inside);
        }
    }
}

/// Each value of each fixture exchanged for others: nothing panics, and nothing that is shown has what could be personal.
#[test]
fn nothing_that_is_shown_quotes_what_was_sent() {
    let strange =
        [json!("ada@example.com geheim"), json!(null), json!(1e300), json!([]), json!({"ada@example.com": "geheim"})];
    for provider in PROVIDERS {
        for fixture in provider.fixtures() {
            let body: Value = serde_json::from_str(&fixture.body).unwrap_or(fixture.body.clone().into());
            let parsers = parsers();
            for path in support::paths(&body) {
                for other in &strange {
                    let mut body = body.clone();
                    *body.pointer_mut(&path).unwrap() = other.clone();
                    let told = parsers.of(provider).unwrap().parse(&provider.signed(&body.to_string()));
                    let shown = match &told {
                        Err(error) => format!("{error} {error:?}"),
                        Ok(events) => events.iter().fold(String::new(), |shown, event| {
                            let cause = match &event.kind {
                                FeedbackKind::Rejected { cause, .. } => cause.as_str(),
                                FeedbackKind::Bounced(bounce) => bounce.status.as_deref().unwrap_or_default(),
                                _ => "",
                            };
                            format!("{shown} {} {cause} {:?}", event.id, event.about.address)
                        }),
                    };
                    for personal in ["ada@", "example.com", "geheim", SECRET] {
                        assert!(!shown.contains(personal), "{}{path}: {shown}", fixture.name);
                    }
                }
            }
        }
    }
    assert!(!format!("{:?}", parsers()).contains(SECRET));
}

#[test]
fn ses_is_read_without_a_signature_and_its_greetings_give_nothing() {
    let parse = |body: &str| SesParser.parse(&payload(body, [], received()));
    for kind in ["SubscriptionConfirmation", "UnsubscribeConfirmation"] {
        assert_eq!(parse(&json!({"Type": kind, "Message": "You have chosen to ..."}).to_string()), Ok(Vec::new()));
    }
    for unread in ["", "hello", "{}", r#"{"eventType": "Bounce"}"#, r#"{"Type": "Notification", "Message": "hello"}"#] {
        assert!(matches!(parse(unread), Err(PayloadError::Unreadable(_))), "{unread}");
    }
}
