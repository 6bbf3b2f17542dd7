//! What is told of mails afterwards, by each promise that it has, and the bugs that break it.

mod mutants;
mod reputation;

use std::{sync::Arc, time::Duration};

use pulse_core::entry::StageName;
use pulse_sim::{
    seeds::{Fault, FaultPlan, Kind, run},
    world::{
        FeedbackFaults, Production, Promise, ProviderFaults, RecipientWays, SimulatedMailProvider, SystemUnderTest,
    },
};

use self::mutants::{
    BatchesOptOuts, DropsDoubts, IgnoresLeases, LastEventWins, MailsBadAddresses, NeverEndsDoubts, SendsUnconfirmed,
    SuppressesNobody,
};
use crate::mutants::RemembersProfiles;

/// A month of a provider that can't be asked, which loses a tenth of its answers, and of which so many events are lost.
fn month(lost: f64) -> FaultPlan {
    let mut plan = FaultPlan::calm(7, 100, 35);
    plan.mail_provider = SimulatedMailProvider::Forgetful;
    plan.recipients =
        RecipientWays { hard: 0.1, complaints: 0.1, clicks: 0.3, delayed: 0.1, ..RecipientWays::default() };
    let lasts = plan.calm_from();
    let lossy = ProviderFaults { answer_lost: 0.1, ..ProviderFaults::default() };
    let told = FeedbackFaults { lost, repeated: 0.2, strangers: 0.1, ..FeedbackFaults::default() };
    let kinds = [Kind::Unreliable(StageName::Email, lossy), Kind::Feedback(told)];
    plan.faults = kinds.into_iter().map(|kind| Fault { at: Duration::ZERO, lasts, kind }).enumerate().collect();
    plan
}

/// The bug breaks this promise in this month, and what is shipped keeps all of them.
#[track_caller]
fn assert_caught(plan: &FaultPlan, bug: impl SystemUnderTest + 'static, promise: Promise) {
    let seen = run(plan, Arc::new(bug), false).violations;
    assert!(seen.iter().any(|violation| violation.promise == promise), "{promise}: {seen:#?}");
    assert_eq!(run(plan, Arc::new(Production), false).violations, []);
}

#[test]
fn dropping_what_is_told_of_a_mail_of_unknown_fate_is_caught() {
    assert_caught(&month(0.0), DropsDoubts, Promise::DoubtEnds);
}

#[test]
fn a_doubt_that_never_ends_by_itself_is_caught() {
    assert_caught(&month(0.5), NeverEndsDoubts, Promise::DoubtEnds);
}

#[test]
fn taking_silence_for_a_mail_that_was_not_sent_is_caught() {
    assert_caught(&month(0.5), SendsUnconfirmed, Promise::OneMail);
}

#[test]
fn going_by_the_profile_of_before_an_opt_out_is_caught() {
    assert_caught(&month(0.0), RemembersProfiles::default(), Promise::SilenceAfterOptOut);
}

#[test]
fn gathering_opt_outs_before_they_are_written_is_caught() {
    assert_caught(&month(0.0), BatchesOptOuts::default(), Promise::SilenceAfterOptOut);
}

#[test]
fn suppressing_nobody_is_caught() {
    assert_caught(&month(0.0), SuppressesNobody, Promise::NobodyAgainstTheirWill);
}

#[test]
fn mailing_without_a_look_at_what_is_suppressed_is_caught() {
    assert_caught(&month(0.0), MailsBadAddresses, Promise::NobodyAgainstTheirWill);
}

#[test]
fn going_by_the_last_event_is_caught() {
    assert_caught(&month(0.0), LastEventWins, Promise::OrderDoesNotMatter);
}

#[test]
fn changing_an_entry_that_a_worker_holds_is_caught() {
    // A worker that died holds its entry for as long as its lease lasts, and its provider tells of the mail before.
    let mut plan = month(0.0);
    let lasts = plan.calm_from();
    plan.faults.push((2, Fault { at: Duration::ZERO, lasts, kind: Kind::Deaths(0.02) }));
    assert_caught(&plan, IgnoresLeases, Promise::ClaimsAreLeft);
}
