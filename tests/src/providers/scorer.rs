use std::time::Duration;

use futures::future::join_all;
use pulse_core::ports::{ScoreError, Scorer};

use super::samples::request;

/// What a scoring provider can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreTrouble {
    /// It asks for 7 seconds of peace.
    Busy,
    /// It is broken for the moment.
    Down,
    /// It won't score this customer.
    Refused,
}

/// A scorer, and a way to get its provider into trouble for one call.
pub struct ScorerBench<'a> {
    /// The scorer.
    pub scorer: &'a dyn Scorer,
    /// Makes the next call meet trouble.
    pub provoke: &'a dyn Fn(ScoreTrouble),
}

/// Holds a scorer to what the port promises.
///
/// # Panics
/// When it doesn't keep it.
pub async fn scorer_conformance(bench: ScorerBench<'_>) {
    an_entry_has_the_same_score_at_each_attempt(&bench).await;
    customers_are_told_apart(&bench).await;
    a_busy_provider_is_tried_again_when_it_says(&bench).await;
    a_broken_provider_is_tried_again(&bench).await;
    a_refused_customer_isnt_tried_again(&bench).await;
}

async fn an_entry_has_the_same_score_at_each_attempt(bench: &ScorerBench<'_>) {
    let first = bench.scorer.score(&request(1)).await.expect("a score");
    let second = bench.scorer.score(&request(1)).await.expect("a score");
    assert!(first.value == second.value && first.band == second.band);
}

async fn customers_are_told_apart(bench: &ScorerBench<'_>) {
    let requests: Vec<_> = (0..50).map(request).collect();
    let scores = join_all(requests.iter().map(|request| bench.scorer.score(request))).await;
    let mut values: Vec<_> = scores.into_iter().map(|score| score.expect("a score").value.expose()).collect();
    values.sort_unstable();
    values.dedup();
    assert!(values.len() > 30, "{} different scores of 50 customers", values.len());
}

async fn a_busy_provider_is_tried_again_when_it_says(bench: &ScorerBench<'_>) {
    (bench.provoke)(ScoreTrouble::Busy);
    let outcome = bench.scorer.score(&request(2)).await;
    let after = Some(Duration::from_secs(7));
    assert!(matches!(&outcome, Err(ScoreError::Retry { after: told, .. }) if *told == after), "{outcome:?}");
    assert!(bench.scorer.score(&request(2)).await.is_ok());
}

async fn a_broken_provider_is_tried_again(bench: &ScorerBench<'_>) {
    (bench.provoke)(ScoreTrouble::Down);
    let outcome = bench.scorer.score(&request(3)).await;
    assert!(matches!(outcome, Err(ScoreError::Retry { after: None, .. })), "{outcome:?}");
    assert!(bench.scorer.score(&request(3)).await.is_ok());
}

async fn a_refused_customer_isnt_tried_again(bench: &ScorerBench<'_>) {
    (bench.provoke)(ScoreTrouble::Refused);
    let outcome = bench.scorer.score(&request(4)).await;
    assert!(matches!(outcome, Err(ScoreError::Fail { .. })), "{outcome:?}");
    assert!(bench.scorer.score(&request(5)).await.is_ok());
}
