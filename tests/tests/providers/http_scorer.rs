use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::{join_all, ready};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};
use pulse_aws::clock::SystemClock;
use pulse_core::{
    entry::EntryId,
    ports::{Clock, ScoreError, ScoreRequest, Scorer},
};
use pulse_local::standins::{ScoreStandIn, StandInFault, StandInOptions};
use pulse_providers::{
    HttpScorer,
    secret::{Authorization, Secret, SecretError},
};
use pulse_sim::clock::VirtualClock;
use pulse_tests::providers::{ScoreTrouble, ScorerBench, samples::request, scorer_conformance};
use serde_json::json;

const AMPLE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

async fn stand_in() -> ScoreStandIn {
    ScoreStandIn::start(StandInOptions::default()).await.unwrap()
}

fn scorer(provider: &ScoreStandIn, timeout: Duration) -> HttpScorer {
    let authorization = Authorization::new(&provider.authorization().into()).unwrap();
    HttpScorer::new(&provider.url(), Some(authorization.into()), timeout).unwrap()
}

/// What a scorer makes of one fault.
async fn meets(fault: StandInFault) -> ScoreError {
    let provider = stand_in().await;
    let silent = matches!(fault, StandInFault::Silence | StandInFault::WorkThenSilence);
    let timeout = if silent { SHORT } else { AMPLE };
    provider.faults().add([fault]);
    scorer(&provider, timeout).score(&request(1)).await.expect_err("a fault")
}

#[tokio::test]
async fn the_http_scorer_conforms() {
    let provider = stand_in().await;
    scorer_conformance(ScorerBench {
        scorer: &scorer(&provider, AMPLE),
        provoke: &|trouble| {
            provider.faults().add([match trouble {
                ScoreTrouble::Busy => StandInFault::busy("7"),
                ScoreTrouble::Down => StandInFault::status(503),
                ScoreTrouble::Refused => StandInFault::status(404),
            }]);
        },
    })
    .await;
}

#[tokio::test]
async fn the_score_is_the_one_that_the_provider_names() {
    let provider = stand_in().await;
    let body = json!({"score": 712, "band": "good", "as_of": "2026-11-03T08:15:00Z", "more": 1});
    provider.faults().add([StandInFault::Json { status: 200, body }]);
    let score = scorer(&provider, AMPLE).score(&request(1)).await.unwrap();
    assert_eq!((score.value.expose(), score.band.expose()), (712, "good"));
    assert_eq!(score.as_of.to_string(), "2026-11-03T08:15:00Z");
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let now = SystemClock.now();
    let later = now.saturating_add(Duration::from_mins(2)).unwrap();
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&later).unwrap();
    let ScoreError::Retry { after: Some(after), .. } = meets(StandInFault::busy(&date)).await else {
        panic!("no Retry-After")
    };
    assert!((100..=121).contains(&after.as_secs()), "{after:?}");
}

#[tokio::test]
async fn an_answer_that_holds_no_score_is_tried_again() {
    let bodies = [
        json!({"score": 1001, "band": "good", "as_of": "2026-11-03T08:15:00Z"}),
        json!({"score": 712, "band": "", "as_of": "2026-11-03T08:15:00Z"}),
        json!({"score": 712, "band": "good", "as_of": "yesterday"}),
        json!({"score": 712.5, "band": "good", "as_of": "2026-11-03T08:15:00Z"}),
        json!([]),
    ];
    let bodies = bodies.map(|body| StandInFault::Json { status: 200, body });
    for fault in
        bodies.into_iter().chain([StandInFault::Garbage, StandInFault::Flood(1 << 20), StandInFault::status(204)])
    {
        let error = meets(fault.clone()).await;
        assert!(matches!(error, ScoreError::Retry { after: None, .. }), "{fault:?}: {error:?}");
    }
}

#[tokio::test]
async fn trouble_that_passes_is_told_from_a_customer_without_a_score() {
    for status in [301, 401, 403, 408, 425, 429, 500, 502, 503, 504] {
        let error = meets(StandInFault::status(status)).await;
        assert!(matches!(error, ScoreError::Retry { .. }), "{status}: {error:?}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
    for status in [400, 404, 409, 410, 422] {
        let error = meets(StandInFault::status(status)).await;
        assert!(matches!(error, ScoreError::Fail { .. }), "{status}: {error:?}");
    }
}

#[tokio::test]
async fn a_call_without_an_answer_is_tried_again() {
    for fault in
        [StandInFault::Silence, StandInFault::WorkThenSilence, StandInFault::HangUp, StandInFault::WorkThenHangUp]
    {
        let error = meets(fault.clone()).await;
        assert!(matches!(error, ScoreError::Retry { after: None, .. }), "{fault:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_provider_that_is_gone_is_tried_again() {
    let provider = stand_in().await;
    let scorer = scorer(&provider, AMPLE);
    provider.stop().await;
    let error = scorer.score(&request(1)).await.unwrap_err();
    assert_eq!(error.to_string(), "The scoring provider can't be reached.");
}

#[tokio::test]
async fn a_wrong_secret_is_the_operator_s_to_mend_and_never_shown() {
    let provider = stand_in().await;
    let authorization = Authorization::new(&"Bearer s3cret".into()).unwrap();
    let scorer = HttpScorer::new(&provider.url(), Some(authorization.into()), AMPLE).unwrap();
    let error = scorer.score(&request(1)).await.unwrap_err();
    assert!(matches!(error, ScoreError::Retry { .. }) && error.to_string().contains("Check the secret"));
    let shown = format!("{scorer:?} {error:?} {error}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn a_secret_that_was_rotated_is_read_again_at_most_once_a_minute() {
    let provider = stand_in().await;
    let clock = Arc::new(VirtualClock::starting_at(Timestamp::UNIX_EPOCH));
    let values = ["Bearer first", "Bearer second", provider.authorization()];
    let values = values.map(|value| Authorization::new(&value.into()).unwrap());
    let reads = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&reads);
    let read = move || ready(Ok(values[count.fetch_add(1, Ordering::Relaxed)].clone()));
    let secret = Secret::read(read, clock.clone()).await.unwrap();
    let scorer = HttpScorer::new(&provider.url(), Some(secret), AMPLE).unwrap();
    let score_all = async || {
        let requests: Vec<_> = (0..20).map(request).collect();
        let answers = join_all(requests.iter().map(|request| scorer.score(request))).await;
        answers.iter().flatten().count()
    };

    assert_eq!((score_all().await, reads.load(Ordering::Relaxed)), (0, 1), "it was read a moment ago");
    clock.advance(Duration::from_mins(1));
    assert_eq!((score_all().await, reads.load(Ordering::Relaxed)), (0, 2), "the second is wrong too");
    clock.advance(Duration::from_mins(1));
    assert_eq!((score_all().await, reads.load(Ordering::Relaxed)), (20, 3));
}

#[tokio::test]
async fn a_secret_that_stays_wrong_costs_no_second_call() {
    let provider = stand_in().await;
    let clock = Arc::new(VirtualClock::starting_at(Timestamp::UNIX_EPOCH));
    let read = || ready(Ok(Authorization::new(&"Bearer wrong".into()).unwrap()));
    let secret = Secret::read(read, clock.clone()).await.unwrap();
    let scorer = HttpScorer::new(&provider.url(), Some(secret), AMPLE).unwrap();
    clock.advance(Duration::from_mins(1));
    assert!(scorer.score(&request(1)).await.is_err());
    assert_eq!(provider.meter().calls(), 1);
}

#[tokio::test]
async fn a_secret_that_cant_be_read_again_is_a_refusal_like_before() {
    let provider = stand_in().await;
    let clock = Arc::new(VirtualClock::starting_at(Timestamp::UNIX_EPOCH));
    let readable = AtomicBool::new(true);
    let read = move || {
        let unreadable = SecretError::Unreadable { name: "pulse/scoring".into(), code: "AccessDenied".into() };
        let value = Authorization::new(&"Bearer wrong".into()).unwrap();
        ready(if readable.swap(false, Ordering::Relaxed) { Ok(value) } else { Err(unreadable) })
    };
    let secret = Secret::read(read, clock.clone()).await.unwrap();
    let scorer = HttpScorer::new(&provider.url(), Some(secret), AMPLE).unwrap();
    clock.advance(Duration::from_mins(1));
    let error = scorer.score(&request(1)).await.unwrap_err();
    assert!(matches!(error, ScoreError::Retry { .. }) && error.to_string().contains("Check the secret"), "{error:?}");
}

#[tokio::test]
async fn each_item_of_a_customer_is_scored_by_its_own_key() {
    let provider = stand_in().await;
    let scorer = scorer(&provider, AMPLE);
    let all = [None, Some("INV-1"), Some("INV-2")].map(|item| EntryId::parse("c-1", "invoices", item).unwrap());
    for entry in &all {
        scorer.score(&ScoreRequest { entry: entry.clone(), ..request(1) }).await.unwrap();
    }
    assert!(provider.scored().keys().eq(&all), "{:?}", provider.scored());
}
