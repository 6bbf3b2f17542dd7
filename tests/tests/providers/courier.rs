//! Word on its way to endpoints of each kind.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_config::{SdkConfig, retry::RetryConfig};
use axum::{
    http::{StatusCode, header::RETRY_AFTER},
    response::IntoResponse as _,
};
use futures::{FutureExt as _, future::ready};
use jiff::Timestamp;
use pulse_aws::sdk::for_emulator;
use pulse_core::{
    delivery::{Endpoint, Target, WebhookUrl},
    failure::Cause,
    ports::{Courier as _, CourierError, Word},
    trace::TraceHeader,
};
use pulse_endpoints::{AddressRules, EndpointCourier};
use pulse_feedback::WebhookVerifier;
use pulse_sim::{clock::VirtualClock, courier::MemoryCourier};
use pulse_tests::providers::{
    CourierBench, CourierTrouble,
    aws_server::{AwsAnswer, AwsServer},
    courier_conformance,
    samples::{endpoint, word},
    webhook_receiver::{Received, WebhookReceiver},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const FIRST: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECOND: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const NAME: &str = "pulse/endpoints/crm";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:facts";
const AMPLE: Duration = Duration::from_mins(1);
const MINUTE: Duration = Duration::from_mins(1);

/// Without attempts of the SDK's own, so that each answer is what a call came to.
fn aws(server: &AwsServer) -> SdkConfig {
    for_emulator(server.url()).to_builder().retry_config(RetryConfig::disabled()).build()
}

fn courier(aws_at: &AwsServer, clock: &Arc<VirtualClock>, timeout: Duration) -> EndpointCourier {
    EndpointCourier::new(&aws(aws_at), AddressRules::AlsoLoopback, timeout, clock.clone()).unwrap()
}

fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::starting_at(word(1).as_of))
}

fn secret(text: &str) -> AwsAnswer {
    AwsAnswer::Json(json!({ "SecretString": text }))
}

fn to_topic() -> Endpoint {
    endpoint(Target::Sns { topic: TOPIC.into() })
}

fn to_bus() -> Endpoint {
    endpoint(Target::EventBridge { bus: "facts".into() })
}

fn retried(outcome: Result<(), CourierError>) -> Cause {
    match outcome {
        Err(CourierError::Retry { after: None, cause }) => cause,
        other => panic!("{other:?}"),
    }
}

/// A system that answers with these statuses in turn, and takes all after that.
struct Crm {
    receiver: WebhookReceiver,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Crm {
    async fn start() -> Self {
        let answers = Arc::<Mutex<VecDeque<u16>>>::default();
        let next = answers.clone();
        let answer = move || {
            let status = next.lock().unwrap().pop_front().unwrap_or(200);
            let mut answer = StatusCode::from_u16(status).unwrap().into_response();
            if status == 429 {
                answer.headers_mut().insert(RETRY_AFTER, 7.into());
            }
            answer
        };
        Self { receiver: WebhookReceiver::start("127.0.0.1:0", answer).await.unwrap(), answers }
    }

    fn answer_next(&self, statuses: impl IntoIterator<Item = u16>) {
        self.answers.lock().unwrap().extend(statuses);
    }

    fn endpoint(&self) -> Endpoint {
        let url = format!("http://127.0.0.1:{}/t0ken", self.receiver.address.port());
        endpoint(Target::Webhook { url: WebhookUrl::new(url), secret: NAME.into() })
    }

    fn taken(&self, word: &Word) -> usize {
        let is_it = |sent: &&Received| sent.body == word.body && sent.headers["webhook-id"] == word.id;
        self.receiver.received().iter().filter(is_it).filter(|sent| sent.status == StatusCode::OK).count()
    }

    /// Which of the keys each webhook verifies with.
    fn signed_by(&self) -> Vec<&'static str> {
        let verifies = |key: &str, sent: &Received| {
            let seconds = sent.headers["webhook-timestamp"].to_str().unwrap().parse().unwrap();
            let payload = sent.payload(Timestamp::from_second(seconds).unwrap());
            WebhookVerifier::new(&[key.into()]).unwrap().verify(&payload).is_ok()
        };
        let of = |sent: &Received| [FIRST, SECOND].into_iter().find(|key| verifies(key, sent)).unwrap_or("neither");
        self.receiver.received().iter().map(of).collect()
    }
}

#[tokio::test]
async fn the_courier_to_webhooks_conforms() {
    let (server, crm) = (AwsServer::start().await.unwrap(), Crm::start().await);
    server.answer_next([secret(FIRST)]);
    courier_conformance(CourierBench {
        courier: &courier(&server, &clock(), AMPLE),
        endpoint: &crm.endpoint(),
        says_how_long: true,
        provoke: &|trouble| {
            crm.answer_next([match trouble {
                CourierTrouble::Busy => 429,
                CourierTrouble::Down => 503,
                CourierTrouble::Denied => 403,
                CourierTrouble::Refused => 400,
                CourierTrouble::Gone => 410,
            }]);
            true
        },
        taken: &|word| ready(crm.taken(word)).boxed(),
    })
    .await;
}

/// Of SNS and `EventBridge`.
async fn conforms(endpoint: Endpoint, is_of: fn(&Value, &Word) -> bool) {
    let server = AwsServer::start().await.unwrap();
    courier_conformance(CourierBench {
        courier: &courier(&server, &clock(), AMPLE),
        endpoint: &endpoint,
        says_how_long: false,
        provoke: &|trouble| {
            server.answer_next([match trouble {
                CourierTrouble::Busy => AwsAnswer::Error(400, "ThrottlingException", "Rate exceeded"),
                CourierTrouble::Down => AwsAnswer::Error(500, "InternalFailure", "Please come again."),
                CourierTrouble::Denied => AwsAnswer::Error(403, "AccessDeniedException", "User: .. may not"),
                CourierTrouble::Refused => {
                    AwsAnswer::Error(400, "ValidationException", "Too large: confidential-note of 2 MB")
                }
                CourierTrouble::Gone => return false,
            }]);
            true
        },
        taken: &|word| ready(server.done().iter().filter(|done| is_of(done, word)).count()).boxed(),
    })
    .await;
}

/// As the API references of both document them.
fn publish(word: &Word, [first, second]: [(&str, &str); 2]) -> Value {
    let mut fields = json!({ "Action": "Publish", "Version": "2010-03-31", "TopicArn": TOPIC, "Message": word.body });
    for (number, (name, value)) in [(1, first), (2, second)] {
        let prefix = format!("MessageAttributes.entry.{number}");
        fields[format!("{prefix}.Name")] = name.into();
        fields[format!("{prefix}.Value.DataType")] = "String".into();
        fields[format!("{prefix}.Value.StringValue")] = value.into();
    }
    fields
}

fn put(word: &Word) -> Value {
    json!({ "Entries": [{
        "Time": word.as_of.as_second(), "Source": "pulse", "Resources": [word.id], "DetailType": "mail.sent",
        "Detail": word.body, "EventBusName": "facts",
    }] })
}

#[tokio::test]
async fn the_courier_to_buses_conforms() {
    conforms(to_bus(), |done, word| *done == put(word)).await;
}

#[tokio::test]
async fn the_courier_to_topics_conforms() {
    // Attributes are a map, in whichever order.
    conforms(to_topic(), |done, word| {
        let (of_type, id) = (("type", "mail.sent"), ("id", word.id.as_str()));
        [[of_type, id], [id, of_type]].into_iter().any(|attributes| *done == publish(word, attributes))
    })
    .await;
}

#[tokio::test]
async fn the_courier_in_memory_conforms() {
    let (courier, to) = (MemoryCourier::default(), to_topic());
    let cause = || Cause::new("It was told to.");
    courier_conformance(CourierBench {
        courier: &courier,
        endpoint: &to,
        says_how_long: true,
        provoke: &|trouble| {
            let after = (trouble == CourierTrouble::Busy).then_some(Duration::from_secs(7));
            let failure = match trouble {
                CourierTrouble::Refused => CourierError::Rejected { cause: cause() },
                CourierTrouble::Gone => CourierError::Gone { cause: cause() },
                _ => CourierError::Retry { after, cause: cause() },
            };
            courier.fail_next(&to.name, [failure]);
            true
        },
        taken: &|word| ready(courier.brought().iter().filter(|(_, taken)| taken == word).count()).boxed(),
    })
    .await;
}

#[tokio::test]
async fn keys_are_read_when_they_are_needed_and_again_after_five_minutes() {
    let (server, crm, clock) = (AwsServer::start().await.unwrap(), Crm::start().await, clock());
    let courier = courier(&server, &clock, AMPLE);
    assert_eq!(server.calls(), 0);
    server.answer_next([secret(FIRST), secret(SECOND)]);
    for (wait, calls) in [(0, 1), (60, 1), (239, 1), (1, 2)] {
        clock.advance(Duration::from_secs(wait));
        courier.bring(&word(1), &crm.endpoint()).await.unwrap();
        assert_eq!(server.calls(), calls);
    }
    assert_eq!(crm.signed_by(), [FIRST, FIRST, FIRST, SECOND]);
    assert_eq!(server.done()[0], json!({ "SecretId": NAME }));
}

#[tokio::test]
async fn a_rotation_takes_hold_with_the_first_call_that_misses_it() {
    let (server, crm, clock) = (AwsServer::start().await.unwrap(), Crm::start().await, clock());
    let courier = courier(&server, &clock, AMPLE);
    let to = crm.endpoint();
    server.answer_next([secret(FIRST), secret(SECOND)]);
    courier.bring(&word(1), &to).await.unwrap();
    // It was read a moment ago: an endpoint that refuses everybody costs no second read, and no second call.
    for _ in 0..3 {
        crm.answer_next([401]);
        let cause = retried(courier.bring(&word(2), &to).await);
        assert!(cause.as_str().starts_with("http://127.0.0.1 answered 401"), "{cause}");
    }
    assert_eq!((server.calls(), crm.receiver.received().len()), (1, 4));
    clock.advance(MINUTE);
    crm.answer_next([403]);
    courier.bring(&word(2), &to).await.unwrap();
    assert_eq!((server.calls(), crm.taken(&word(2))), (2, 1));
    assert_eq!(crm.signed_by()[4..], [FIRST, SECOND]);
}

#[tokio::test]
async fn keys_that_stay_as_they_are_cost_no_second_call() {
    let (server, crm, clock) = (AwsServer::start().await.unwrap(), Crm::start().await, clock());
    let courier = courier(&server, &clock, AMPLE);
    server.answer_next([secret(FIRST), secret(FIRST), AwsAnswer::Error(500, "InternalServiceError", "")]);
    for calls in 1..=3 {
        crm.answer_next([401]);
        retried(courier.bring(&word(1), &crm.endpoint()).await);
        assert_eq!((server.calls(), crm.receiver.received().len()), (calls, calls.try_into().unwrap()));
        clock.advance(MINUTE);
    }
}

#[tokio::test]
async fn a_secret_that_cant_be_used_is_named_and_never_shown_and_used_once_it_is_mended() {
    let (server, crm) = (AwsServer::start().await.unwrap(), Crm::start().await);
    let courier = courier(&server, &clock(), AMPLE);
    let error = |code| AwsAnswer::Error(400, code, "confidential-words");
    for (answer, told) in [
        (error("ResourceNotFoundException"), "There is no secret pulse/endpoints/crm: make it"),
        (error("AccessDeniedException"), "(AccessDeniedException): it takes ReadEndpointKeys of DeliverRole"),
        (secret("confidential-key"), "The secret pulse/endpoints/crm is neither a key"),
        (secret("whsec_confidential"), "The secret pulse/endpoints/crm isn't the Base64"),
        (
            AwsAnswer::Json(json!({ "SecretBinary": "Zm9v" })),
            "The secret pulse/endpoints/crm can't be read (it is binary)",
        ),
    ] {
        server.answer_next([answer]);
        let cause = retried(courier.bring(&word(1), &crm.endpoint()).await);
        assert!(cause.as_str().contains(told) && cause.as_str().contains(NAME), "{cause}");
        assert!(!cause.as_str().contains("confidential"), "{cause}");
    }
    assert_eq!(crm.receiver.connections(), 0);
    server.answer_next([secret(FIRST)]);
    courier.bring(&word(1), &crm.endpoint()).await.unwrap();
}

#[tokio::test]
async fn keys_that_cant_be_read_any_more_go_on_signing_and_are_asked_for_once_a_minute() {
    let (server, crm, clock) = (AwsServer::start().await.unwrap(), Crm::start().await, clock());
    let courier = courier(&server, &clock, AMPLE);
    let error = || AwsAnswer::Error(400, "AccessDeniedException", "confidential-words");
    server.answer_next([secret(FIRST), error(), error(), secret(SECOND)]);
    for (wait, calls) in [(0, 1), (300, 2), (30, 2), (30, 3), (60, 4)] {
        clock.advance(Duration::from_secs(wait));
        courier.bring(&word(1), &crm.endpoint()).await.unwrap();
        assert_eq!(server.calls(), calls);
    }
    assert_eq!(crm.signed_by(), [FIRST, FIRST, FIRST, FIRST, SECOND]);
}

#[tokio::test]
async fn who_may_not_be_called_is_not_and_no_key_is_read_for_it() {
    let (server, crm) = (AwsServer::start().await.unwrap(), Crm::start().await);
    let courier = EndpointCourier::new(&aws(&server), AddressRules::PublicOnly, AMPLE, clock()).unwrap();
    let cause = retried(courier.bring(&word(1), &crm.endpoint()).await);
    assert_eq!(cause.as_str(), "The endpoint's URL doesn't begin with https://: correct the endpoint.");
    let no_id = Word { id: "a.b".into(), ..word(1) };
    let courier = self::courier(&server, &clock(), AMPLE);
    let outcome = courier.bring(&no_id, &crm.endpoint()).await;
    assert!(matches!(outcome, Err(CourierError::Rejected { .. })), "{outcome:?}");
    assert_eq!((server.calls(), crm.receiver.connections()), (0, 0));
}

#[tokio::test]
async fn nobody_holds_a_lane_for_longer_than_a_call_may_take() {
    let server = AwsServer::start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = WebhookUrl::new(format!("http://{}/", listener.local_addr().unwrap()));
    let silent = endpoint(Target::Webhook { url, secret: NAME.into() });
    server.answer_next([secret(FIRST), AwsAnswer::Silence]);
    for to in [silent, to_topic()] {
        let cause = retried(courier(&server, &clock(), Duration::from_millis(200)).bring(&word(1), &to).await);
        assert_eq!(cause.as_str(), "Endpoint crm wasn't done within 0.2 s.");
    }
}

#[tokio::test]
async fn what_sns_answers_is_the_words_fault_or_the_topics_or_passes() {
    let server = AwsServer::start().await.unwrap();
    let courier = courier(&server, &clock(), AMPLE);
    for (status, code, words, told) in [
        (400, "InvalidParameter", "Invalid parameter: Message too long", None),
        (400, "InvalidParameterValue", "Invalid parameter value", None),
        (400, "ParameterValueInvalid", "The value of the attribute isn't valid.", None),
        (400, "InvalidParameter", "Invalid parameter: TopicArn", Some("can't do with the topic")),
        (400, "InvalidParameter", "Invalid parameter: The MessageGroupId parameter is required", Some("can't do with")),
        (404, "NotFound", "Topic does not exist", Some("knows no topic arn:aws:sns:eu-west-1:123456789012:facts")),
        (403, "AuthorizationError", "User: .. may not", Some("it takes PublishToTopics of DeliverRole")),
        (403, "KMSAccessDenied", "", Some("can't use the key of the topic")),
        (400, "KMSThrottling", "", Some("SNS answered KMSThrottling.")),
        (400, "Throttled", "Rate exceeded", Some("SNS answered Throttled.")),
        (403, "InvalidClientTokenId", "", Some("SNS answered InvalidClientTokenId.")),
        (503, "ServiceUnavailable", "", Some("SNS answered ServiceUnavailable.")),
    ] {
        server.answer_next([AwsAnswer::Error(status, code, words)]);
        let outcome = courier.bring(&word(1), &to_topic()).await;
        match told {
            None => assert!(matches!(outcome, Err(CourierError::Rejected { .. })), "{code}: {outcome:?}"),
            Some(told) => {
                let cause = retried(outcome);
                assert!(cause.as_str().contains(told), "{code}: {cause}");
            }
        }
    }
    server.answer_next([AwsAnswer::Garbage]);
    retried(courier.bring(&word(1), &to_topic()).await);
    let nowhere = EndpointCourier::new(&for_emulator("http://127.0.0.1:1"), AddressRules::default(), AMPLE, clock());
    assert_eq!(retried(nowhere.unwrap().bring(&word(1), &to_topic()).await).as_str(), "SNS can't be reached.");
}

#[tokio::test]
async fn an_event_that_failed_in_an_answer_of_200_has_failed() {
    let server = AwsServer::start().await.unwrap();
    let courier = courier(&server, &clock(), AMPLE);
    courier.bring(&word(1), &to_bus()).await.unwrap();
    let failed = |code: &str, words: &str| {
        AwsAnswer::Json(json!({ "FailedEntryCount": 1, "Entries": [{ "ErrorCode": code, "ErrorMessage": words }] }))
    };
    for (answer, told) in [
        (failed("MalformedDetail", "Detail is malformed: confidential-note"), None),
        (failed("InvalidArgument", "Detail is too long"), None),
        (failed("InvalidArgument", "Parameter EventBusName is not valid"), Some("can't do with the event bus facts")),
        (failed("AccessDeniedException", ""), Some("it takes PutOntoBuses of DeliverRole in template.yaml")),
        (failed("ThrottlingException", ""), Some("EventBridge answered ThrottlingException.")),
        (failed("InternalFailure", ""), Some("EventBridge answered InternalFailure.")),
        (failed("NotAuthorizedForSourceException", ""), Some("answered NotAuthorizedForSourceException.")),
        (AwsAnswer::Json(json!({ "FailedEntryCount": 0, "Entries": [] })), Some("doesn't say what became of")),
        (AwsAnswer::Json(json!({})), Some("doesn't say what became of")),
    ] {
        server.answer_next([answer]);
        let outcome = courier.bring(&word(2), &to_bus()).await;
        match told {
            None => {
                assert!(matches!(outcome, Err(CourierError::Rejected { .. })), "{outcome:?}");
                assert!(!format!("{outcome:?}").contains("confidential"), "{outcome:?}");
            }
            Some(told) => {
                let cause = retried(outcome);
                assert!(cause.as_str().contains(told), "{cause}");
            }
        }
    }
}

#[tokio::test]
async fn an_event_goes_to_no_bus_that_is_not_there() {
    let (server, clock) = (AwsServer::start().await.unwrap(), clock());
    let courier = courier(&server, &clock, AMPLE);
    for (code, told) in [
        ("ResourceNotFoundException", "EventBridge knows no event bus facts (ResourceNotFoundException): make it"),
        ("AccessDeniedException", "it takes PutOntoBuses of DeliverRole"),
    ] {
        server.answer_next([AwsAnswer::Error(400, code, "")]);
        let cause = retried(courier.bring(&word(1), &to_bus()).await);
        assert!(cause.as_str().contains(told), "{cause}");
    }
    assert_eq!(server.operations(), ["DescribeEventBus"; 2]);
    for wait in [0, 59, 1] {
        clock.advance(Duration::from_secs(wait));
        courier.bring(&word(1), &to_bus()).await.unwrap();
    }
    let asked = ["DescribeEventBus", "PutEvents", "PutEvents", "DescribeEventBus", "PutEvents"];
    assert_eq!(server.operations()[2..], asked);
}

#[tokio::test]
async fn an_event_goes_on_with_its_trace() {
    let server = AwsServer::start().await.unwrap();
    let courier = courier(&server, &clock(), AMPLE);
    let trace = TraceHeader::parse("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
    courier.bring(&Word { trace: Some(trace), ..word(1) }, &to_bus()).await.unwrap();
    let mut expected = put(&word(1));
    expected["Entries"][0]["TraceHeader"] = "Root=1-5759e988-bd862e3fe1be46a994272793".into();
    assert_eq!(server.done()[1], expected);
}
