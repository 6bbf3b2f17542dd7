use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use pulse_core::ports::{ScoreError, Scorer};
use pulse_local::standins::{ScoreStandIn, StandInFault, StandInLatency, StandInOptions};
use pulse_providers::{HttpScorer, secret::Authorization};
use pulse_tests::providers::samples::{entry, request};
use tokio::time::Instant;

const AMPLE: Duration = Duration::from_secs(20);

fn scorer(provider: &ScoreStandIn) -> HttpScorer {
    let authorization = Authorization::new(&provider.authorization().into()).unwrap();
    HttpScorer::new(&provider.url(), Some(authorization.into()), AMPLE).unwrap()
}

#[tokio::test]
async fn a_caller_that_is_killed_is_in_flight_no_more() {
    let provider = ScoreStandIn::start(StandInOptions::default()).await.unwrap();
    provider.faults().set_rule(|_| Some(StandInFault::Silence));
    let scorer = Arc::new(scorer(&provider));
    let calls: Vec<_> = (0..120)
        .map(|number| {
            let scorer = scorer.clone();
            tokio::spawn(async move { scorer.score(&request(number)).await })
        })
        .collect();
    provider.meter().in_flight_is(120).await;
    for call in &calls {
        call.abort();
    }
    provider.meter().in_flight_is(0).await;
    assert_eq!((provider.meter().peak(), provider.meter().calls()), (120, 120));
}

#[tokio::test]
async fn a_hundred_and_twenty_calls_take_their_time_together() {
    let mean = Duration::from_millis(300);
    let options = StandInOptions { latency: StandInLatency::constant(mean), ..StandInOptions::default() };
    let provider = ScoreStandIn::start(options).await.unwrap();
    let scorer = scorer(&provider);
    let requests: Vec<_> = (0..120).map(request).collect();
    let started = Instant::now();
    let answers = join_all(requests.iter().map(|request| scorer.score(request))).await;
    let took = started.elapsed();
    assert!(answers.iter().all(Result::is_ok));
    assert!(took >= mean && took < mean * 60, "{took:?}");
    assert_eq!(provider.scored().len(), 120);
    assert_eq!(provider.scored()[&entry(0)], 1);
}

#[tokio::test]
async fn stopping_ends_the_calls_that_would_never_be_answered() {
    let provider = ScoreStandIn::start(StandInOptions::default()).await.unwrap();
    provider.faults().add([StandInFault::Silence]);
    let scorer = scorer(&provider);
    let call = tokio::spawn(async move { scorer.score(&request(1)).await });
    provider.meter().in_flight_is(1).await;
    provider.stop().await;
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, ScoreError::Retry { .. }), "{error:?}");
}

#[tokio::test]
async fn a_stand_in_that_is_dropped_is_gone() {
    let provider = ScoreStandIn::start(StandInOptions::default()).await.unwrap();
    let (scorer, url) = (scorer(&provider), provider.url());
    drop(provider);
    // Its port is free again as soon as the server has noticed.
    while tokio::net::TcpStream::connect(url.trim_start_matches("http://").split('/').next().unwrap()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(scorer.score(&request(1)).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = StandInOptions { port, ..StandInOptions::default() };
    let error = ScoreStandIn::start(options).await.err().unwrap().to_string();
    assert!(error.contains(&port.to_string()), "{error}");
}
