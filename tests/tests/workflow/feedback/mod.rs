//! What providers tell afterwards settles doubts, suppresses addresses and opts out, and repeats do no harm.

mod addresses;
mod order;
mod reputation;

use std::time::Duration;

use async_trait::async_trait;
use jiff::{Timestamp, ToSpan as _};
use pulse_core::{
    customer::{ConsentSource, Contact, EmailAddress},
    entry::{Progress, SkipReason, StageName, TallyKey},
    failure::Cause,
    feedback::{
        About, Bounce, BounceKind, Feedback, FeedbackCount, FeedbackKind, FeedbackListener, FeedbackSource, Heard,
    },
    message::WorkMessage,
    ports::{Clock as _, FeedbackLog as _, Intake, IntakeError, Ledger as _, LedgerListing as _, LedgerReports as _},
    replay::{Replay, Replayed},
    run::RunId,
    suppression::SuppressionReason,
    tick::DoubtSweep,
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
    let Contact::Email(address) = customer("c-1").contact else { panic!("an address") };
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
    DoubtSweep { ledger, listing: ledger, campaigns: ledger, intake, clock: &*stack.clock }.run().await.unwrap()
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
