//! Mails that recipients take badly hold the email stage.

use std::time::Duration;

use jiff::ToSpan as _;
use pulse_core::{
    campaign::{
        Audience, CampaignChange, CampaignEvent, CampaignOutcome, CampaignReport, CampaignRequest, Priority, Seal,
    },
    control::{Hold, Note, Pause},
    customer::CustomerId,
    entry::{Plan, StageName},
    feedback::{FeedbackCount, FeedbackCounts, Reputation, ReputationBreaker, ReputationPolicy},
    pausing::{Pausing, PausingError, Resumed, write_pause},
    ports::{Campaigns as _, Clock as _, Controls as _, FeedbackLog as _},
    run::RunId,
    tick::MappingReconciler,
};
use pulse_tests::in_memory_stack::InMemoryStack;

use super::RUN;

fn breaker(stack: &InMemoryStack) -> ReputationBreaker<'_> {
    let policy = ReputationPolicy::default();
    let (log, campaigns, controls, clock) = (&*stack.ledger, &*stack.ledger, &*stack.ledger, &*stack.clock);
    ReputationBreaker { log, campaigns, controls, clock, policy }
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
    let Some(Hold::Reputation(hold)) = control.hold(stack.clock.now()) else { panic!("it flows") };
    assert!(hold.note.as_str().contains("31 were called spam"), "{}", hold.note);

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

#[tokio::test]
async fn a_pause_and_a_hold_for_bad_reputation_stand_side_by_side_and_neither_ends_the_other() {
    let stack = InMemoryStack::new();
    let run = RunId::parse(RUN).unwrap();
    let bad = FeedbackCounts::from_fn(|count| match count {
        FeedbackCount::Heard => 10_000,
        FeedbackCount::Complained => 50,
        _ => 0,
    });
    stack.ledger.count_feedback(run, stack.clock.now(), &bad).await.unwrap();
    let pause = |words, until| {
        let (note, since) = (Note::parse(words).unwrap(), stack.clock.now());
        Pause { by: "ops".into(), note, since, until }
    };
    let control = async || stack.ledger.control(StageName::Email).await.unwrap();
    let earlier = pause("The template is wrong.", None);
    write_pause(&*stack.ledger, StageName::Email, &earlier).await.unwrap();
    assert_eq!(breaker(&stack).run().await, Ok(Reputation::Bad));
    assert_eq!(control().await.pause, Some(earlier));
    let hold = control().await.reputation.unwrap();
    assert!(hold.note.as_str().contains("50 were called spam"), "{}", hold.note);
    // Another pause takes the first one's place, and its end ends nothing else.
    let later = pause("The letter is late.", Some(stack.clock.now() + 1.hour()));
    write_pause(&*stack.ledger, StageName::Email, &later).await.unwrap();
    let row = control().await;
    let holds: Vec<_> = row.holds(stack.clock.now()).collect();
    assert_eq!(holds, [Hold::Reputation(&hold), Hold::Command(&later)]);
    stack.clock.advance(Duration::from_hours(2));
    assert_eq!(control().await.hold(stack.clock.now()), Some(Hold::Reputation(&hold)));
}

#[tokio::test]
async fn complaints_about_a_campaign_hold_the_stage_while_it_runs_and_for_as_long_as_mails_count_after_it() {
    let stack = InMemoryStack::new();
    let run = RunId::parse("spring").unwrap();
    let request = CampaignRequest {
        plan: Plan::of(&[StageName::Email]).unwrap(),
        audience: Audience::given(&[CustomerId::parse("c-1").unwrap().into()].into(), 1),
        unreached_of: None,
        letter: "digest".into(),
        deadline: None,
        priority: Priority::Normal,
        cap: None,
        at_most: None,
        a_day: None,
    };
    let mut change = CampaignChange::requested(run, request, "ops".into(), None, stack.clock.now());
    assert!(stack.ledger.save_campaign(&change).await.unwrap());
    let bad = FeedbackCounts::from_fn(|count| match count {
        FeedbackCount::Heard => 2_000,
        FeedbackCount::Complained => 5,
        _ => 0,
    });
    stack.ledger.count_feedback(run, stack.clock.now(), &bad).await.unwrap();
    assert_eq!(breaker(&stack).look().await.unwrap().standing, Reputation::Doubtful);
    let sealed = CampaignEvent::Sealed { seal: Seal::of(&[CustomerId::parse("c-1").unwrap().into()]) };
    let report = CampaignReport {
        outcome: CampaignOutcome::Succeeded,
        counts: [].into(),
        causes: vec![],
        planned_within: Duration::ZERO,
        ran_for: Duration::ZERO,
        stages: vec![],
    };
    let started = [CampaignEvent::PlanningStarted, sealed, CampaignEvent::Started];
    for event in started.into_iter().chain([CampaignEvent::LastClosed, CampaignEvent::Finished { report }]) {
        change = change.after().change(event, stack.clock.now()).unwrap();
        assert!(stack.ledger.save_campaign(&change).await.unwrap());
    }
    // Most complaints come when everything has gone out.
    stack.clock.advance(Duration::from_hours(6 * 24));
    stack.ledger.count_feedback(run, stack.clock.now(), &bad).await.unwrap();
    let worse = FeedbackCounts::from_fn(|count| if count == FeedbackCount::Complained { 3 } else { 0 });
    stack.ledger.count_feedback(run, stack.clock.now(), &worse).await.unwrap();
    assert_eq!(breaker(&stack).run().await, Ok(Reputation::Bad));
    assert!(stack.ledger.control(StageName::Email).await.unwrap().reputation.is_some());
    assert_eq!(breaker(&stack).look().await.unwrap().days.len(), 2);
}
