use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{
    FutureExt,
    future::{join_all, ready},
};
use jiff::Timestamp;
use pulse_aws::{clock::SystemClock, sdk::for_emulator};
use pulse_core::{
    customer::EmailAddress,
    entry::EntryId,
    ports::{FeedbackParser as _, Mail, Mailer, Payload, ProviderRelease, ProviderSuppressions as _, SendError},
};
use pulse_feedback::SesParser;
use pulse_providers::{
    SesMailer, SesSuppressions,
    secret::{self, SecretStores},
    ses_client,
};
use pulse_tests::providers::{
    MailTrouble, MailerBench,
    aws_server::{AwsAnswer, AwsServer},
    emulated_ses::EmulatedSes,
    mailer_conformance,
    samples::{PERSONAL, mail},
};
use serde_json::{Value, json};

const AMPLE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);
const FAST: f64 = 1e6;

fn mailer(server: &AwsServer, rate: f64, timeout: Duration) -> SesMailer {
    let set = Some("pulse".to_owned());
    SesMailer::new(ses_client(&for_emulator(server.url())), "Pulse, Inc. <pulse@example.com>", set, rate, timeout)
        .unwrap()
}

/// The request for a mail, as SES documents it.
fn request(mail: &Mail) -> Value {
    let utf8 = |text: &str| json!({"Data": text, "Charset": "UTF-8"});
    json!({
        "FromEmailAddress": "=?utf-8?q?Pulse=2C_Inc=2E?= <pulse@example.com>",
        "Destination": {"ToAddresses": [mail.to.expose()]},
        "Content": {"Simple": {
            "Subject": utf8(&mail.content.subject),
            "Body": {"Text": utf8(&mail.content.text), "Html": utf8(&mail.content.html)},
            "Headers": [
                {"Name": "Auto-Submitted", "Value": "auto-generated"},
                {"Name": "Content-Language", "Value": mail.content.language},
                {"Name": "List-Unsubscribe", "Value": format!("<{}>", mail.unsubscribe.as_ref().unwrap().expose())},
                {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
            ],
        }},
        "EmailTags": [
            {"Name": "customer", "Value": mail.entry.customer.as_str()},
            {"Name": "run", "Value": "2026-11"},
        ],
        "ConfigurationSetName": "pulse",
    })
}

/// What a mailer makes of one answer. It asks once only.
async fn meets(answer: AwsAnswer) -> SendError {
    let server = AwsServer::start().await.unwrap();
    let timeout = if matches!(answer, AwsAnswer::Silence) { SHORT } else { AMPLE };
    server.answer_next([answer]);
    let error = mailer(&server, FAST, timeout).send(&mail(1)).await.expect_err("trouble");
    let shown = format!("{error} {error:?}");
    assert!(PERSONAL.iter().all(|personal| !shown.contains(personal)), "{shown}");
    assert_eq!(server.calls(), 1, "{error:?}");
    error
}

#[tokio::test]
async fn the_ses_mailer_conforms() {
    let server = AwsServer::start().await.unwrap();
    mailer_conformance(MailerBench {
        mailer: &mailer(&server, FAST, Duration::from_secs(2)),
        deduplicates: false,
        says_how_long: false,
        provoke: Some(&|trouble| {
            server.answer_next([match trouble {
                MailTrouble::Busy => AwsAnswer::Error(429, "TooManyRequestsException", "Rate exceeded."),
                MailTrouble::Down => AwsAnswer::Error(503, "ServiceUnavailable", "Please come again."),
                MailTrouble::Refused => AwsAnswer::Error(400, "MessageRejected", "It contains a virus."),
                MailTrouble::AddressRefused => {
                    AwsAnswer::Error(400, "BadRequestException", "Illegal address <personal-address@example.com>")
                }
                MailTrouble::AnswerLost => AwsAnswer::Silence,
            }]);
        }),
        accepted: &|mail| {
            let many = server.done().iter().filter(|done| **done == request(mail)).count();
            ready(many).boxed()
        },
    })
    .await;
}

#[tokio::test]
async fn the_ses_mailer_conforms_on_the_emulator() {
    let ses = EmulatedSes::ready_for("example.com").await;
    let sender = "Pulse <pulse@example.com>";
    mailer_conformance(MailerBench {
        mailer: &SesMailer::new(ses.client(), sender, None, FAST, AMPLE).unwrap(),
        deduplicates: false,
        says_how_long: false,
        provoke: None,
        accepted: &|mail| ses.count(sender, mail).boxed(),
    })
    .await;
    let stranger = SesMailer::new(ses.client(), "pulse@unverified.example", None, FAST, AMPLE).unwrap();
    let error = stranger.send(&mail(9)).await.unwrap_err();
    assert!(matches!(error, SendError::Retry { .. }), "{error:?}");
}

#[tokio::test]
async fn the_account_s_troubles_are_the_operator_s_to_mend() {
    let troubles = [
        (400, "SendingPausedException"),
        (400, "AccountSuspendedException"),
        (400, "LimitExceededException"),
        (400, "MailFromDomainNotVerifiedException"),
        (404, "NotFoundException"),
        (403, "AccessDeniedException"),
        (403, "ExpiredTokenException"),
        (400, "ThrottlingException"),
        (400, "AccountSendingPausedException"),
        (400, "ConfigurationSetSendingPausedException"),
    ];
    for (status, code) in troubles {
        let error = meets(AwsAnswer::Error(status, code, "about personal-address@example.com")).await;
        assert!(matches!(error, SendError::Retry { .. }), "{code}: {error:?}");
        assert!(error.to_string().contains(code), "{error}");
    }
    let words = "Email address is not verified. The following identities failed the check in region \
                 US-EAST-1: personal-address@example.com";
    let error = meets(AwsAnswer::Error(400, "MessageRejected", words)).await;
    assert!(matches!(error, SendError::Retry { .. }), "{error:?}");
}

/// A rejection counts as an answer, and lets the breaker be: everybody who is due would be given up.
#[tokio::test]
async fn an_account_that_may_not_send_is_told_from_a_mail_that_isnt_taken() {
    let words = [
        "Sending paused for this account. For more information, please check the inbox of the email address associated \
         with your AWS account.",
        "Sending suspended for this account. For more information, please check the inbox of the email address.",
        "Email sending for the configuration set pulse is paused.",
        "Email sending is disabled for your entire Amazon SES account.",
        "The account's ability to send email has been shut down.",
        "Daily message quota exceeded.",
        "Maximum sending rate exceeded.",
        "Throttling failure: please try again.",
    ];
    for words in words {
        for code in ["MessageRejected", "BadRequestException"] {
            let error = meets(AwsAnswer::Error(400, code, words)).await;
            assert!(matches!(error, SendError::Retry { .. }), "{code} {words}: {error:?}");
        }
    }
    let error = meets(AwsAnswer::Error(400, "MessageRejected", "Illegal address <paused.suspended@example>")).await;
    assert!(matches!(error, SendError::AddressRefused { .. }), "{error:?}");
}

#[tokio::test]
async fn an_address_that_ses_refuses_is_told_from_a_mail_that_it_refuses() {
    for words in ["Address blacklisted.", "Local address contains control or whitespace", "Missing final '@domain'"] {
        for code in ["MessageRejected", "BadRequestException"] {
            let error = meets(AwsAnswer::Error(400, code, words)).await;
            assert!(matches!(error, SendError::AddressRefused { .. }), "{code} {words}: {error:?}");
        }
    }
    let error = meets(AwsAnswer::Error(400, "BadRequestException", "Illegal content.")).await;
    assert!(matches!(error, SendError::Fail { .. }), "{error:?}");
}

#[tokio::test]
async fn whatever_may_have_been_accepted_is_lost_and_never_tried_again_by_the_sdk() {
    let answers = [
        AwsAnswer::Error(500, "InternalFailure", "Oops."),
        AwsAnswer::Error(502, "BadGateway", "Oops."),
        AwsAnswer::Error(504, "GatewayTimeout", "Oops."),
        AwsAnswer::Silence,
        AwsAnswer::Garbage,
        AwsAnswer::Json(json!({})),
    ];
    for answer in answers {
        let error = meets(answer.clone()).await;
        assert!(matches!(error, SendError::Lost { .. }), "{answer:?}: {error:?}");
    }
}

#[tokio::test]
async fn ses_out_of_reach_was_sent_nothing() {
    // Nothing listens on a port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mailer = SesMailer::new(ses_client(&for_emulator(&url)), "pulse@example.com", None, FAST, AMPLE).unwrap();
    let error = mailer.send(&mail(1)).await.unwrap_err();
    assert!(matches!(error, SendError::Retry { .. }), "{error:?}");
    assert_eq!(error.to_string(), "SES can't be reached.");
}

#[tokio::test]
async fn mails_beyond_the_sending_rate_are_tried_again_later() {
    let server = AwsServer::start().await.unwrap();
    // One at once, and the next in ten seconds: longer than a mail waits for its turn.
    let mailer = mailer(&server, 0.1, Duration::from_secs(10));
    let mails: Vec<_> = (0..10).map(mail).collect();
    let sent = join_all(mails.iter().map(|mail| mailer.send(mail))).await;
    assert_eq!(sent.iter().filter(|sent| sent.is_ok()).count(), 1, "{sent:?}");
    let later = |sent: &&Result<_, _>| matches!(sent, Err(SendError::Retry { after: Some(_), .. }));
    assert_eq!(sent.iter().filter(later).count(), 9, "{sent:?}");
    assert_eq!(server.calls(), 1);
}

#[test]
fn a_sender_or_a_rate_that_cant_be_is_refused() {
    let client = || ses_client(&for_emulator("http://127.0.0.1:1"));
    assert!(SesMailer::new(client(), "Pulse", None, 1.0, AMPLE).is_err());
    assert!(SesMailer::new(client(), "pulse@example.com", None, 0.0, AMPLE).is_err());
}

#[tokio::test]
async fn secrets_are_read_by_name_and_named_when_they_cant_be() {
    let server = AwsServer::start().await.unwrap();
    let client = SecretStores::new(&for_emulator(server.url()));
    let clock = || Arc::new(SystemClock);
    let secret = |text: &str| AwsAnswer::Json(json!({"Name": "pulse/score", "SecretString": text}));

    server.answer_next([secret(r#"{"authorization": "Bearer s3cret"}"#)]);
    let authorization = secret::authorization(&client, "pulse/score", clock()).await.unwrap();
    assert!(!format!("{authorization:?}").contains("s3cret"));
    assert_eq!(server.done(), [json!({"SecretId": "pulse/score"})]);

    server.answer_next([secret("Bearer s3cret"), secret(r#"{"client_id": "s3cret"}"#)]);
    let malformed = secret::authorization(&client, "pulse/score", clock()).await.unwrap_err().to_string();
    let incomplete = secret::client_credentials(&client, "pulse/score", clock()).await.unwrap_err().to_string();
    server.answer_next([AwsAnswer::Error(400, "ResourceNotFoundException", "no s3cret")]);
    let missing = secret::authorization(&client, "pulse/score", clock()).await.unwrap_err().to_string();
    assert!(missing.contains("ResourceNotFoundException"), "{missing}");
    for error in [malformed, incomplete, missing] {
        assert!(error.contains("pulse/score") && !error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_secret_whose_name_begins_with_a_slash_is_a_parameter() {
    let server = AwsServer::start().await.unwrap();
    let stores = SecretStores::new(&for_emulator(server.url()));
    let clock = || Arc::new(SystemClock);
    let parameter = |kind: &str, text: &str| {
        AwsAnswer::Json(json!({"Parameter": {"Name": "/pulse/score", "Type": kind, "Value": text, "Version": 3}}))
    };

    // Tried again, as the SDK's clients try.
    let busy = || AwsAnswer::Error(400, "ThrottlingException", "Rate exceeded");
    server.answer_next([busy(), busy(), parameter("SecureString", r#"{"authorization": "Bearer s3cret"}"#)]);
    let authorization = secret::authorization(&stores, "/pulse/score", clock()).await.unwrap();
    assert!(!format!("{authorization:?}").contains("s3cret"));
    assert_eq!(server.operations(), ["GetParameter"; 3]);
    assert_eq!(server.done(), [json!({"Name": "/pulse/score", "WithDecryption": true})]);

    server.answer_next([
        parameter("SecureString", "Bearer s3cret"),
        parameter("String", r#"{"authorization": "s3cret"}"#),
    ]);
    let malformed = secret::authorization(&stores, "/pulse/score", clock()).await.unwrap_err().to_string();
    let unencrypted = secret::authorization(&stores, "/pulse/score", clock()).await.unwrap_err().to_string();
    assert!(malformed.ends_with("correct it in Parameter Store"), "{malformed}");
    assert!(unencrypted.contains("is a String, which isn't encrypted"), "{unencrypted}");
    server.answer_next([AwsAnswer::Error(400, "ParameterNotFound", "no s3cret")]);
    let missing = secret::authorization(&stores, "/pulse/score", clock()).await.unwrap_err().to_string();
    assert!(missing.contains("(ParameterNotFound)") && missing.contains("ReadTheParameter"), "{missing}");
    for error in [malformed, unencrypted, missing] {
        assert!(error.contains("the parameter /pulse/score") && !error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn an_address_is_taken_off_the_list_of_ses_whether_it_is_on_it_or_not() {
    let server = AwsServer::start().await.unwrap();
    let list = SesSuppressions::new(ses_client(&for_emulator(server.url())));
    let address = EmailAddress::parse("ada@example.com").unwrap();
    server.answer_next([AwsAnswer::Json(json!({}))]);
    assert_eq!(list.release(&address).await, Ok(ProviderRelease::Released));
    let not_found = "Email address ada@example.com does not exist on your suppression list.";
    server.answer_next([AwsAnswer::Error(404, "NotFoundException", not_found)]);
    assert_eq!(list.release(&address).await, Ok(ProviderRelease::NotHeld));
    assert_eq!(server.requests(), ["DELETE /v2/email/suppression/addresses/ada%40example.com"; 2]);
}

#[tokio::test]
async fn what_ses_refuses_is_told_without_the_address() {
    let server = AwsServer::start().await.unwrap();
    let list = SesSuppressions::new(ses_client(&for_emulator(server.url())));
    let address = EmailAddress::parse("ada@example.com").unwrap();
    for (status, code, told) in [
        (403, "AccessDeniedException", "it takes ReleaseAtSes of PrivacyPolicy"),
        (400, "BadRequestException", "BadRequestException"),
    ] {
        server.answer_next([AwsAnswer::Error(status, code, "ada@example.com may not")]);
        let cause = list.release(&address).await.unwrap_err();
        assert!(cause.as_str().contains(told) && !cause.as_str().contains("ada"), "{cause}");
    }
}

#[tokio::test]
async fn a_mail_about_an_item_has_it_in_its_tags_and_its_events_are_of_it() {
    let server = AwsServer::start().await.unwrap();
    let of_item = Mail { entry: EntryId::parse("c-1", "invoices", Some("INV-1")).unwrap(), ..mail(1) };
    mailer(&server, FAST, AMPLE).send(&of_item).await.unwrap();
    let tags = server.done()[0]["EmailTags"].clone();
    let expected = [("customer", "c-1"), ("run", "invoices"), ("item", "INV-1")];
    assert_eq!(tags, json!(expected.map(|(name, value)| json!({"Name": name, "Value": value}))));

    // SES's events have each tag with a list of its values.
    let tags = expected.iter().map(|(name, value)| ((*name).to_owned(), json!([value])));
    let tags = Value::Object(tags.collect());
    let event = |tags: &Value| {
        let mail = json!({"timestamp": "2026-11-03T10:00:00Z", "messageId": "0100", "destination": [], "tags": tags});
        let delivery = json!({"timestamp": "2026-11-03T10:00:05Z", "recipients": []});
        let body = json!({"eventType": "Delivery", "mail": mail, "delivery": delivery}).to_string();
        let payload = Payload { body, headers: BTreeMap::default(), received_at: Timestamp::UNIX_EPOCH };
        SesParser.parse(&payload).unwrap()[0].about.entry.clone()
    };
    assert_eq!(event(&tags), Some(of_item.entry));
    // Of an item that is none it isn't told of the customer's entry without one.
    let mut strange = tags.clone();
    strange["item"] = json!(["INV 1"]);
    assert_eq!(event(&strange), None);
}
