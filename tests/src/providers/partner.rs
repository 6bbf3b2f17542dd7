use std::time::Duration;

use pulse_core::{
    entry::Reference,
    ports::{Partner, PartnerAnswer, PartnerError},
};

use super::samples::errand;

/// What a partner can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartnerTrouble {
    /// It asks for 7 seconds of peace.
    Busy,
    /// It is broken for the moment.
    Down,
    /// It has it under way, for 7 seconds.
    NotReady,
    /// It won't do this one.
    Refused,
    /// It does it, and its answer is lost.
    AnswerLost,
}

/// A partner, and a way to get it into trouble for one call.
pub struct PartnerBench<'a> {
    /// The partner.
    pub partner: &'a dyn Partner,
    /// Makes the next call meet trouble.
    pub provoke: &'a dyn Fn(PartnerTrouble),
}

const SEVEN: Option<Duration> = Some(Duration::from_secs(7));

/// Holds a partner to what the port promises.
///
/// # Panics
/// When it doesn't keep it.
pub async fn partner_conformance(bench: PartnerBench<'_>) {
    a_thing_is_done_once_for_each_entry(&bench).await;
    a_thing_whose_answer_was_lost_is_known_again(&bench).await;
    a_partner_that_is_not_ready_says_when(&bench).await;
    trouble_that_passes_is_told_from_a_refusal(&bench).await;
}

async fn done(bench: &PartnerBench<'_>, number: usize) -> Reference {
    match bench.partner.ask(&errand(number)).await {
        Ok(PartnerAnswer::Done { reference: Some(reference) }) => reference,
        other => panic!("not done: {other:?}"),
    }
}

async fn a_thing_is_done_once_for_each_entry(bench: &PartnerBench<'_>) {
    let (first, other) = (done(bench, 1).await, done(bench, 2).await);
    assert!(first != other, "two entries have one reference");
    assert!(done(bench, 1).await == first, "the same key has another reference");
}

async fn a_thing_whose_answer_was_lost_is_known_again(bench: &PartnerBench<'_>) {
    (bench.provoke)(PartnerTrouble::AnswerLost);
    let outcome = bench.partner.ask(&errand(3)).await;
    assert!(matches!(outcome, Err(PartnerError::Retry { after: None, .. })), "{outcome:?}");
    assert!(done(bench, 3).await == done(bench, 3).await);
}

async fn a_partner_that_is_not_ready_says_when(bench: &PartnerBench<'_>) {
    (bench.provoke)(PartnerTrouble::NotReady);
    let outcome = bench.partner.ask(&errand(4)).await;
    assert_eq!(outcome, Ok(PartnerAnswer::NotReady { after: SEVEN }));
    done(bench, 4).await;
}

async fn trouble_that_passes_is_told_from_a_refusal(bench: &PartnerBench<'_>) {
    (bench.provoke)(PartnerTrouble::Busy);
    let outcome = bench.partner.ask(&errand(5)).await;
    assert!(matches!(&outcome, Err(PartnerError::Retry { after, .. }) if *after == SEVEN), "{outcome:?}");
    (bench.provoke)(PartnerTrouble::Down);
    let outcome = bench.partner.ask(&errand(5)).await;
    assert!(matches!(outcome, Err(PartnerError::Retry { after: None, .. })), "{outcome:?}");
    (bench.provoke)(PartnerTrouble::Refused);
    let outcome = bench.partner.ask(&errand(5)).await;
    assert!(matches!(outcome, Err(PartnerError::Fail { .. })), "{outcome:?}");
    done(bench, 5).await;
}
