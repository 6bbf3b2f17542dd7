//! What providers tell afterwards settles doubts, suppresses addresses and opts out, and repeats do no harm.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{Timestamp, ToSpan as _};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};
use pulse_core::{
    control::{Control, Hold, Note, Pause, PauseKind},
    customer::{ConsentSource, EmailAddress},
    entry::{Progress, SkipReason, StageName, TallyKey},
    failure::Cause,
    feedback::{
        About, Bounce, BounceKind, Feedback, FeedbackCount, FeedbackCounts, FeedbackKind, FeedbackListener,
        FeedbackSource, Heard, Reputation, ReputationBreaker, ReputationPolicy,
    },
    message::WorkMessage,
    pausing::{Pausing, PausingError, Resumed, write_pause},
    ports::{
        Clock as _, Controls as _, FeedbackLog as _, Intake, IntakeError, Ledger as _, LedgerListing as _,
        LedgerReports as _,
    },
    replay::{Replay, Replayed},
    run::RunId,
    suppression::{Release, SuppressionReason, change_suppression},
    tick::{DoubtSweep, MappingReconciler},
};
use pulse_sim::mailer::InjectedFailure;
use pulse_tests::in_memory_stack::{InMemoryStack, customer, entry_id};

const RUN: &str = "2026-11";

fn listener(stack: &InMemoryStack) -> FeedbackListener<'_> {
    FeedbackListener::new(&*stack.ledger, &*stack.ledger, &*stack.clock)
}

fn event(kind: FeedbackKind, run: &str, at: Timestamp) -> Feedback {
    let about = About { entry: Some(entry_id("c-1", run)), provider_id: Some("told".into()), ..About::default() };
    Feedback { source: FeedbackSource::Ses, id: "e-1".into(), about, kind, at }
}

fn bounced(kind: BounceKind) -> FeedbackKind {
    FeedbackKind::Bounced(Bounce { kind, status: Some("5.1.1".into()) })
}

/// A stack whose customer's mail met this.
async fn after(failures: impl IntoIterator<Item = InjectedFailure>) -> InMemoryStack {
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.enroll(&[customer("c-1")]).await;
    stack.mailer.fail_next(failures);
    stack.fire(&customer("c-1"));
    stack.drain().await;
    stack
}

async fn hear(stack: &InMemoryStack, kind: FeedbackKind) -> Heard {
    let listener = listener(stack);
    let heard = listener.hear(&event(kind, RUN, stack.clock.now())).await.unwrap();
    listener.finish().await;
    heard
}

async fn holds(stack: &InMemoryStack, address: &EmailAddress) -> Option<SuppressionReason> {
    let known = stack.ledger.suppression(address).await.unwrap()?;
    known.holds(FeedbackSource::Ses, stack.clock.now())
}

fn address() -> EmailAddress {
    let pulse_core::customer::Contact::Email(address) = customer("c-1").contact else { panic!("an address") };
    address
}

#[tokio::test]
async fn a_doubt_ends_with_the_first_event_and_the_mail_is_never_sent_again() {
    let stack = after([InjectedFailure::AnswerLost]).await;
    assert!(matches!(stack.progress("c-1", RUN).await, Progress::Indeterminate { .. }));
    assert_eq!(hear(&stack, FeedbackKind::Delivered).await, Heard::Done);
    let Progress::Done { provider_id, .. } = stack.progress("c-1", RUN).await else { panic!("it is in doubt") };
    assert_eq!(provider_id, "told");
    // Told once more, it changes nothing, and is noted once.
    let before = stack.entry("c-1", RUN).await;
    assert_eq!(hear(&stack, FeedbackKind::Delivered).await, Heard::Done);
    assert_eq!(stack.entry("c-1", RUN).await, before);
    let notes = stack.ledger.activities(&customer("c-1").id).await.unwrap();
    assert_eq!(notes.iter().filter(|note| note.what.contains("told that it has the mail")).count(), 1, "{notes:?}");
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
}

#[tokio::test]
async fn what_a_worker_that_died_left_claimed_is_settled_once_its_lease_is_over() {
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    let now = stack.clock.now();
    let until = now + 2.minutes();
    let claim = stack.entry("c-1", RUN).await.claim(StageName::Email, now, until).unwrap();
    stack.ledger.apply(&claim).await.unwrap();
    assert_eq!(hear(&stack, FeedbackKind::Delivered).await, Heard::Later { until });
    stack.clock.advance(Duration::from_mins(2));
    assert_eq!(hear(&stack, FeedbackKind::Delivered).await, Heard::Done);
    assert_eq!(stack.state("c-1", RUN).await, "sent");
    assert_eq!(stack.state("c-1", "2026-12").await, "scheduled", "the cycle goes on");
    // The message that is still in the queue sends nothing.
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 0);
}

#[tokio::test]
async fn a_mail_that_was_accepted_and_not_sent_fails_with_its_cause_and_is_not_sent_by_itself() {
    let stack = after([]).await;
    let kind = FeedbackKind::Rejected { cause: Cause::new("SES found a virus."), invalid_address: false };
    assert_eq!(hear(&stack, kind).await, Heard::Done);
    let Progress::Failed { cause, .. } = stack.progress("c-1", RUN).await else { panic!("it counts as sent") };
    assert_eq!(cause.as_str(), "SES found a virus.");
    // A message that is still on its way, and one that was queued again, send nothing.
    let id = entry_id("c-1", RUN);
    stack.queues[StageName::Email].send(&WorkMessage::for_entry(&id)).await.unwrap();
    stack.sweep().await;
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
    assert_eq!(stack.state("c-1", RUN).await, "failed");
    assert_eq!(holds(&stack, &address()).await, None);
}

#[tokio::test]
async fn bounces_and_complaints_suppress_the_address_they_tell_of_and_reputation_does_not() {
    let cases = [
        (bounced(BounceKind::Hard), Some(SuppressionReason::HardBounce)),
        (FeedbackKind::Complained, Some(SuppressionReason::Complaint)),
        (bounced(BounceKind::Soft), None),
        (bounced(BounceKind::Reputation), None),
        (FeedbackKind::Delayed, None),
        (
            FeedbackKind::Rejected { cause: Cause::new("No such address."), invalid_address: true },
            Some(SuppressionReason::Refused),
        ),
    ];
    for (kind, reason) in cases {
        let stack = after([]).await;
        hear(&stack, kind.clone()).await;
        assert_eq!(holds(&stack, &address()).await, reason, "{kind:?}");
    }
    // The address that the event names, and not the one that the customer has by now.
    let stack = after([]).await;
    let old = EmailAddress::parse("old@example.com").unwrap();
    let mut told = event(bounced(BounceKind::Hard), RUN, stack.clock.now());
    told.about.address = Some(old.clone());
    listener(&stack).hear(&told).await.unwrap();
    assert_eq!(holds(&stack, &old).await, Some(SuppressionReason::HardBounce));
    assert_eq!(holds(&stack, &address()).await, None);
}

/// A stack with mails of so many months sent.
async fn months(months: usize) -> InMemoryStack {
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.enroll(&[customer("c-1")]).await;
    for _ in 0..months {
        stack.fire(&customer("c-1"));
        stack.drain().await;
        stack.clock.advance(Duration::from_mins(1));
    }
    stack
}

#[tokio::test]
async fn who_unsubscribes_at_the_provider_is_opted_out_or_if_only_the_address_is_told_suppressed() {
    let stack = after([]).await;
    let mut told = event(FeedbackKind::Unsubscribed, RUN, stack.clock.now());
    told.about = About { address: Some(address()), ..About::default() };
    assert_eq!(listener(&stack).hear(&told).await, Ok(Heard::NoEntry));
    assert_eq!(holds(&stack, &address()).await, Some(SuppressionReason::Unsubscribed));
    // One that the provider calls by an id which nobody here has.
    let stack = after([]).await;
    told.about.customer = Some(customer("c-9").id);
    assert_eq!(listener(&stack).hear(&told).await, Ok(Heard::NoEntry));
    assert_eq!(holds(&stack, &address()).await, Some(SuppressionReason::Unsubscribed));
    let stack = after([]).await;
    assert_eq!(hear(&stack, FeedbackKind::Unsubscribed).await, Heard::Done);
    assert!(stack.ledger.customer(&customer("c-1").id).await.unwrap().unwrap().consent.opted_out());
    assert_eq!(holds(&stack, &address()).await, None);
}

#[tokio::test]
async fn three_runs_in_a_row_that_come_back_suppress_for_ninety_days_in_whatever_order_they_are_told() {
    for order in [["2026-11", "2026-12", "2027-01"], ["2027-01", "2026-11", "2026-12"]] {
        let stack = months(3).await;
        for run in order {
            assert_eq!(holds(&stack, &address()).await, None);
            let at = stack.entry("c-1", run).await.scheduled_at() + 1.hour();
            listener(&stack).hear(&event(bounced(BounceKind::Soft), run, at)).await.unwrap();
        }
        assert_eq!(holds(&stack, &address()).await, Some(SuppressionReason::SoftBounces));
        // The second turns out to have arrived.
        let at = stack.entry("c-1", "2026-12").await.scheduled_at() + 5.hours();
        listener(&stack).hear(&event(FeedbackKind::Delivered, "2026-12", at)).await.unwrap();
        assert_eq!(holds(&stack, &address()).await, None);
    }
    let stack = months(3).await;
    for run in ["2026-11", "2026-12", "2027-01"] {
        let at = stack.entry("c-1", run).await.scheduled_at() + 1.hour();
        listener(&stack).hear(&event(bounced(BounceKind::Soft), run, at)).await.unwrap();
    }
    stack.clock.advance(Duration::from_hours(91 * 24));
    assert_eq!(holds(&stack, &address()).await, None);
}

#[tokio::test]
async fn soft_bounces_are_counted_by_address_and_anew_after_a_release() {
    let stack = months(4).await;
    let old = EmailAddress::parse("old@example.com").unwrap();
    let told = async |run: &str, address: &EmailAddress| {
        let at = stack.entry("c-1", run).await.scheduled_at() + 1.hour();
        let mut told = event(bounced(BounceKind::Soft), run, at);
        told.about.address = Some(address.clone());
        listener(&stack).hear(&told).await.unwrap();
    };
    told("2026-11", &old).await;
    told("2026-12", &old).await;
    told("2027-01", &address()).await;
    assert_eq!((holds(&stack, &old).await, holds(&stack, &address()).await), (None, None));
    told("2027-01", &old).await;
    assert_eq!(holds(&stack, &old).await, Some(SuppressionReason::SoftBounces));
    let at = stack.entry("c-1", "2027-01").await.scheduled_at() + 2.hours();
    let note = Note::parse("They asked for it.").unwrap();
    change_suppression(&*stack.ledger, &old, |known| {
        known.released(Release { at, by: "ops".into(), note: note.clone() })
    })
    .await
    .unwrap();
    told("2027-02", &old).await;
    assert_eq!(holds(&stack, &old).await, None);
}

#[tokio::test]
async fn a_click_opts_out_at_once_with_its_proof_and_mails_that_wait_are_not_sent() {
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    let listening = listener(&stack);
    let id = customer("c-1").id;
    for _ in 0..2 {
        let at = stack.clock.now();
        assert_eq!(listening.unsubscribe(&id, Cause::new("Message m-1."), at).await, Ok(true));
    }
    listening.finish().await;
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 0);
    let Progress::Skipped { reason, .. } = stack.progress("c-1", RUN).await else { panic!("not skipped") };
    assert_eq!(reason, SkipReason::OptedOut);
    let kept = stack.ledger.customer(&id).await.unwrap().unwrap();
    let record = kept.consent.record().unwrap();
    assert_eq!((record.by, record.proof.as_ref().map(Cause::as_str)), (ConsentSource::Customer, Some("Message m-1.")));
    // No import takes it back.
    stack.clock.advance(Duration::from_hours(24));
    stack.enroll(&[customer("c-1")]).await;
    assert!(stack.ledger.customer(&id).await.unwrap().unwrap().consent.opted_out());
    assert_eq!(counted(&stack, FeedbackCount::Unsubscribed).await, 1);
    let nobody = listener(&stack).unsubscribe(&customer("c-9").id, Cause::new("Message m-2."), stack.clock.now()).await;
    assert_eq!(nobody, Ok(false));
}

async fn counted(stack: &InMemoryStack, count: FeedbackCount) -> u64 {
    let run = RunId::parse(RUN).unwrap();
    let hours = stack.ledger.feedback_counts(run, Timestamp::UNIX_EPOCH).await.unwrap();
    hours.iter().map(|(_, counts)| counts[count]).sum()
}

#[tokio::test]
async fn what_became_of_a_mail_is_counted_once() {
    let stack = after([]).await;
    for kind in [FeedbackKind::Delivered, FeedbackKind::Delivered, FeedbackKind::Complained, FeedbackKind::Delivered] {
        hear(&stack, kind).await;
    }
    let all = [FeedbackCount::Heard, FeedbackCount::Delivered, FeedbackCount::Complained];
    for count in all {
        assert_eq!(counted(&stack, count).await, 1, "{count:?}");
    }
    assert_eq!(counted(&stack, FeedbackCount::HardBounced).await, 0);
}

#[tokio::test]
async fn an_event_of_a_mail_that_is_not_pulses_is_passed_over_and_its_address_kept() {
    let stack = after([]).await;
    let mut told = event(FeedbackKind::Complained, RUN, stack.clock.now());
    told.about = About { address: Some(address()), ..About::default() };
    assert_eq!(listener(&stack).hear(&told).await, Ok(Heard::NoEntry));
    assert_eq!(holds(&stack, &address()).await, Some(SuppressionReason::Complaint));
}

/// An intake that has been read, or not.
struct Read(bool);

#[async_trait]
impl Intake for Read {
    async fn is_caught_up(&self) -> Result<bool, IntakeError> {
        Ok(self.0)
    }
}

async fn sweep_doubts(stack: &InMemoryStack, is_read: bool) -> usize {
    let (ledger, intake) = (&*stack.ledger, &Read(is_read));
    DoubtSweep { ledger, listing: ledger, intake, clock: &*stack.clock }.run().await.unwrap()
}

#[tokio::test]
async fn a_doubt_of_which_nobody_tells_for_a_day_is_unconfirmed_unless_the_intake_is_not_read() {
    let stack = after([InjectedFailure::AnswerLost]).await;
    stack.clock.advance(Duration::from_hours(24) - Duration::from_secs(1));
    assert_eq!(sweep_doubts(&stack, true).await, 0);
    stack.clock.advance(Duration::from_hours(4));
    assert_eq!(sweep_doubts(&stack, false).await, 0);
    assert_eq!(sweep_doubts(&stack, true).await, 1);
    assert_eq!(stack.state("c-1", RUN).await, "unconfirmed");
    assert_eq!(sweep_doubts(&stack, true).await, 0);
    stack.sweep().await;
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
    // What is told later still counts.
    hear(&stack, FeedbackKind::Delivered).await;
    assert_eq!(stack.state("c-1", RUN).await, "sent");
}

fn breaker(stack: &InMemoryStack) -> ReputationBreaker<'_> {
    let policy = ReputationPolicy::default();
    ReputationBreaker { log: &*stack.ledger, controls: &*stack.ledger, clock: &*stack.clock, policy }
}

#[tokio::test]
async fn complaints_hold_the_email_stage_until_someone_ends_it_with_a_note() {
    let stack = InMemoryStack::new();
    let mails = |mails, complaints| {
        FeedbackCounts::from_fn(|count| match count {
            FeedbackCount::Heard => mails,
            FeedbackCount::Complained => complaints,
            _ => 0,
        })
    };
    let run = RunId::parse(RUN).unwrap();
    stack.ledger.count_feedback(run, stack.clock.now(), &mails(10_000, 30)).await.unwrap();
    assert_eq!(breaker(&stack).run().await, Ok(Reputation::Doubtful));
    assert_eq!(stack.ledger.control(StageName::Email).await.unwrap().hold(stack.clock.now()), None);
    stack.ledger.count_feedback(run, stack.clock.now(), &mails(0, 1)).await.unwrap();
    assert_eq!(breaker(&stack).run().await, Ok(Reputation::Bad));
    let control = stack.ledger.control(StageName::Email).await.unwrap();
    let Some(Hold::Command(pause)) = control.hold(stack.clock.now()) else { panic!("it flows") };
    assert_eq!((pause.kind, pause.until), (PauseKind::Reputation, None));
    assert!(pause.note.as_str().contains("31 were called spam"), "{}", pause.note);

    let reconciler = MappingReconciler {
        stages: &stack.stages,
        controls: &*stack.ledger,
        outcomes: &*stack.ledger,
        clock: &*stack.clock,
        policy: stack.breaker,
    };
    let pausing = Pausing { reconciler };
    let refused = pausing.resume(StageName::Email, None).await;
    assert_eq!(refused, Err(PausingError::NoteNeeded(StageName::Email)));
    let note = Note::parse("The wrong list was cleaned.").unwrap();
    stack.clock.advance(Duration::from_mins(5));
    let resumed = pausing.resume(StageName::Email, Some((&"ops".into(), &note))).await;
    assert_eq!(resumed, Ok(Resumed::Flows));
    // What was counted before doesn't hold it again, and what comes does.
    assert_eq!(breaker(&stack).run().await, Ok(Reputation::Good));
    stack.clock.advance(Duration::from_hours(1));
    stack.ledger.count_feedback(run, stack.clock.now(), &mails(1_000, 4)).await.unwrap();
    assert_eq!(breaker(&stack).run().await, Ok(Reputation::Bad));
}

/// What is told of mails of three runs, one of them in doubt.
fn told() -> impl Strategy<Value = Feedback> {
    let kinds = vec![
        FeedbackKind::Accepted,
        FeedbackKind::Delivered,
        FeedbackKind::Delayed,
        bounced(BounceKind::Hard),
        bounced(BounceKind::Soft),
        bounced(BounceKind::Soft),
        bounced(BounceKind::Reputation),
        FeedbackKind::Complained,
        FeedbackKind::Rejected { cause: Cause::new("No such address."), invalid_address: true },
        FeedbackKind::Unsubscribed,
    ];
    let runs = vec!["2026-11", "2026-12", "2027-01"];
    (select(kinds), select(runs), 0..4_i64).prop_map(|(kind, run, hours)| {
        let at: Timestamp = "2027-02-01T10:00:00Z".parse().unwrap();
        event(kind, run, at + hours.hours())
    })
}

/// The ledger of a customer who had mails of three months, and of whom this was told.
async fn ledger_after(told: &[Feedback]) -> impl PartialEq + std::fmt::Debug + use<> {
    let stack = months(2).await;
    stack.mailer.fail_next([InjectedFailure::AnswerLost]);
    stack.fire(&customer("c-1"));
    stack.drain().await;
    stack.clock.advance(Duration::from_hours(24 * 60));
    let listener = listener(&stack);
    for event in told {
        assert_eq!(listener.hear(event).await, Ok(Heard::Done));
    }
    let id = customer("c-1").id;
    let rows = stack.ledger.entries(&id).await.unwrap().into_iter().map(|entry| {
        let mut row = serde_json::to_value(entry).unwrap();
        row.as_object_mut().unwrap().remove("version");
        row
    });
    let rows: Vec<_> = rows.collect();
    let consent = stack.ledger.customer(&id).await.unwrap().unwrap().consent;
    let suppressed =
        stack.ledger.suppression(&address()).await.unwrap().unwrap_or_default().in_force(stack.clock.now());
    (rows, consent.opted_out(), consent.record().and_then(|record| record.as_of), suppressed)
}

#[test]
fn whatever_order_it_is_told_in_and_however_often_the_ledger_is_the_same() {
    let orders = vec(told(), 1..8).prop_flat_map(|told| {
        let twice: Vec<_> = told.iter().chain(&told).cloned().collect();
        (Just(told), Just(twice).prop_shuffle())
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = ProptestConfig { cases: 200, ..ProptestConfig::default() };
    let checked = TestRunner::new(config).run(&orders, |(told, again)| {
        let (one, other) = runtime.block_on(async { (ledger_after(&told).await, ledger_after(&again).await) });
        prop_assert_eq!(one, other);
        Ok(())
    });
    assert_eq!(checked, Ok(()));
}

#[tokio::test]
async fn who_has_paused_the_stage_is_not_overruled_and_a_pause_beside_a_hold_ends_none() {
    let stack = InMemoryStack::new();
    let run = RunId::parse(RUN).unwrap();
    let bad = FeedbackCounts::from_fn(|count| match count {
        FeedbackCount::Heard => 10_000,
        FeedbackCount::Complained => 50,
        _ => 0,
    });
    stack.ledger.count_feedback(run, stack.clock.now(), &bad).await.unwrap();
    let pause = |until| Pause {
        by: "ops".into(),
        note: Note::parse("The template is wrong.").unwrap(),
        since: stack.clock.now(),
        until,
        kind: PauseKind::Operator,
    };
    write_pause(&*stack.ledger, StageName::Email, &pause(None)).await.unwrap();
    assert_eq!(breaker(&stack).run().await, Ok(Reputation::Bad));
    let control = stack.ledger.control(StageName::Email).await.unwrap();
    assert_eq!(control.pause, Some(pause(None)));
    // Held for its reputation, it is paused for an hour: that ends nothing.
    let held = Control { version: control.version + 1, pause: None, ..control };
    assert!(stack.ledger.save(StageName::Email, &held).await.unwrap());
    assert_eq!(breaker(&stack).run().await, Ok(Reputation::Bad));
    let until = Some(stack.clock.now() + 1.hour());
    write_pause(&*stack.ledger, StageName::Email, &pause(until)).await.unwrap();
    stack.clock.advance(Duration::from_hours(2));
    let control = stack.ledger.control(StageName::Email).await.unwrap();
    assert!(control.is_paused(stack.clock.now()));
    assert_eq!(control.pause.map(|pause| pause.kind), Some(PauseKind::Reputation));
}

#[tokio::test]
async fn a_dropped_mail_is_not_among_what_a_redrive_brings_back_and_takes_a_further_mail() {
    let stack = after([]).await;
    let kind = FeedbackKind::Rejected { cause: Cause::new("SES found a virus."), invalid_address: false };
    hear(&stack, kind).await;
    let run = RunId::parse(RUN).unwrap();
    let closed = async |key| stack.ledger.closed_entries(run, key, None, 10).await.unwrap();
    assert_eq!(closed(TallyKey::Failed(StageName::Email)).await, []);
    assert_eq!(closed(TallyKey::Dropped).await, [entry_id("c-1", RUN)]);
    let replayed = Replay { listing: &*stack.ledger, queues: &stack.queues };
    assert_eq!(replayed.failed(run, StageName::Email, 10).await, Ok(Replayed::default()));
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
}
