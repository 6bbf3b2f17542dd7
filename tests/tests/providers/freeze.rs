//! Connections that have died while a function was frozen.

use std::time::Duration;

use pulse_aws::sdk::for_emulator;
use pulse_core::ports::{Mailer, Scorer, SendError};
use pulse_providers::{HttpScorer, MarketingCloudMailer, SesMailer, secret::ClientCredentials, ses_client};
use pulse_tests::providers::{
    forgetful_server::{DeadConnection, ForgetfulServer},
    samples::{mail, request},
};
use serde_json::{Value, json};

/// For a call that may get no answer.
const SHORT: Duration = Duration::from_secs(1);
const DEAD: [DeadConnection; 2] = [DeadConnection::Silent, DeadConnection::Reset];

fn ses(server: &ForgetfulServer) -> SesMailer {
    let client = ses_client(&for_emulator(server.url()));
    SesMailer::new(client, "pulse@example.com", None, 1e6, SHORT).unwrap()
}

fn message_id(_: &str) -> Value {
    json!({"MessageId": "ses-1"})
}

#[tokio::test]
async fn a_mail_to_ses_is_written_to_no_connection_of_an_earlier_invocation() {
    for dead in DEAD {
        let server = ForgetfulServer::start(1, dead, message_id).await.unwrap();
        let mailer = ses(&server);
        for number in 0..3 {
            mailer.connections().renew();
            let sent = mailer.send(&mail(number)).await;
            assert!(sent.is_ok(), "{dead:?}: {sent:?}");
        }
        assert_eq!(server.opened(), 3);
    }
}

#[tokio::test]
async fn a_mail_to_ses_is_written_to_no_connection_that_was_idle_for_long() {
    for dead in DEAD {
        let server = ForgetfulServer::start(1, dead, message_id).await.unwrap();
        let mailer = ses(&server).with_idle(Duration::from_nanos(1));
        for number in 0..3 {
            let sent = mailer.send(&mail(number)).await;
            assert!(sent.is_ok(), "{dead:?}: {sent:?}");
        }
    }
}

/// What makes the two tests before this one worth something: on such a connection a mail is lost.
#[tokio::test]
async fn a_mail_that_is_written_to_a_dead_connection_is_of_unknown_fate() {
    for dead in DEAD {
        let server = ForgetfulServer::start(2, dead, message_id).await.unwrap();
        let mailer = ses(&server);
        for number in 0..2 {
            mailer.send(&mail(number)).await.unwrap();
        }
        assert_eq!(server.opened(), 1, "within an invocation a connection is used again");
        let error = mailer.send(&mail(2)).await.unwrap_err();
        assert!(matches!(error, SendError::Lost { .. }), "{dead:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_mail_to_marketing_cloud_is_written_to_no_connection_of_an_earlier_invocation() {
    fn answer(path: &str) -> Value {
        match path {
            "/v2/token" => json!({"access_token": "t", "expires_in": 1079}),
            _ => json!({"requestId": "r", "errorcode": 0}),
        }
    }
    for dead in DEAD {
        // One call for the token, one for the first mail.
        let server = ForgetfulServer::start(2, dead, answer).await.unwrap();
        let credentials = ClientCredentials { id: "id".into(), secret: "secret".into() };
        let mailer = MarketingCloudMailer::new(server.url(), server.url(), "monthly", credentials, SHORT).unwrap();
        mailer.send(&mail(0)).await.unwrap();
        mailer.connections().renew();
        let sent = mailer.send(&mail(1)).await;
        assert!(sent.is_ok(), "{dead:?}: {sent:?}");
    }
}

#[tokio::test]
async fn a_score_is_asked_for_on_no_connection_of_an_earlier_invocation() {
    fn answer(_: &str) -> Value {
        json!({"score": 712, "band": "good", "as_of": "2026-11-03T08:15:00Z"})
    }
    for dead in DEAD {
        let server = ForgetfulServer::start(1, dead, answer).await.unwrap();
        let scorer = HttpScorer::new(server.url(), None, SHORT).unwrap();
        for number in 0..3 {
            scorer.connections().renew();
            let answer = scorer.score(&request(number)).await;
            assert!(answer.is_ok(), "{dead:?}: {answer:?}");
        }
    }
}
