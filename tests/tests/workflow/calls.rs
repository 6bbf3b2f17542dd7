//! A campaign that calls a partner before it mails: what the partner answers, and what comes of it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use pulse_core::{
    campaign::{Audience, CampaignChange, CampaignEvent, CampaignLetter, CampaignRequest, Priority, Seal},
    control::Outcomes,
    customer::{Customer, Standing},
    entry::{Entry, EntryId, Plan, Progress, Queueing, SkipReason, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::{
        Campaigns as _, Clock as _, Ledger as _, OutcomeLog as _, Partner as _, PartnerAnswer, PartnerError,
        PartnerRequest,
    },
    run::RunId,
    stage::MeteredPartner,
};
use pulse_tests::in_memory_stack::{InMemoryStack, customer};

const CALLS: &[StageName] = &[StageName::Call, StageName::Email];
const LETTER: &str = "Subject: Your invoice\n\nIt is invoice {{ reference }}.";

fn run() -> RunId {
    RunId::parse("invoices").unwrap()
}

fn id(of: &Customer) -> EntryId {
    EntryId::of(of.id.clone(), run())
}

/// A campaign of these steps that runs, for one customer whose entry's message is sent.
async fn started(steps: &[StageName], letter: &str) -> (InMemoryStack, Customer) {
    let (stack, one) = (InMemoryStack::new(), customer("c-1"));
    stack.enroll(std::slice::from_ref(&one)).await;
    let (now, plan) = (stack.clock.now(), Plan::of_campaign(steps).unwrap());
    let letter = CampaignLetter::parse([("en", letter)]).unwrap();
    stack.ledger.put_campaign_letter(run(), &letter).await.unwrap();
    let request = CampaignRequest {
        plan,
        audience: Audience::given(&[one.id.clone().into()].into(), 1),
        unreached_of: None,
        letter: letter.digest(),
        deadline: None,
        priority: Priority::Normal,
        cap: None,
        at_most: None,
        a_day: None,
    };
    let mut change = CampaignChange::requested(run(), request, "aoife".into(), None, now);
    let seal = Seal::of([&one.id.clone().into()]);
    for event in [CampaignEvent::PlanningStarted, CampaignEvent::Sealed { seal }, CampaignEvent::Started] {
        assert!(stack.ledger.save_campaign(&change).await.unwrap());
        change = change.after().change(event, now).unwrap();
    }
    assert!(stack.ledger.save_campaign(&change).await.unwrap());
    stack.ledger.open(&Entry::of_campaign(id(&one), plan, now)).await.unwrap();
    dispatch(&stack, &one).await;
    (stack, one)
}

async fn dispatch(stack: &InMemoryStack, of: &Customer) {
    let change = entry(stack, of).await.dispatch(stack.clock.now()).unwrap();
    stack.ledger.apply(&change).await.unwrap();
    stack.queues[change.after().at()].send(&WorkMessage::for_entry(&id(of))).await.unwrap();
}

async fn entry(stack: &InMemoryStack, of: &Customer) -> Entry {
    stack.ledger.entry(&id(of)).await.unwrap().unwrap()
}

fn calls(stack: &InMemoryStack, of: &Customer) -> u64 {
    stack.partner.calls().get(&id(of)).copied().unwrap_or(0)
}

fn retry(after: Option<Duration>) -> Result<PartnerAnswer, PartnerError> {
    Err(PartnerError::Retry { after, cause: Cause::new("The partner answered 503 Service Unavailable.") })
}

#[tokio::test]
async fn whom_the_partner_has_done_something_for_is_mailed_what_it_calls_that() {
    let (stack, one) = started(CALLS, LETTER).await;
    stack.drain().await;
    let sent = entry(&stack, &one).await;
    assert!(matches!(sent.progress(), Progress::Done { .. }), "{sent:?}");
    assert_eq!(sent.called().unwrap().reference, stack.partner.reference_of(&id(&one)));
    let [mail] = &stack.mailer.accepted()[..] else { panic!("one mail") };
    assert!(mail.content.text.starts_with("It is invoice R-00001."), "{}", mail.content.text);
    assert_eq!((calls(&stack, &one), stack.scorer.calls().len()), (1, 0));
}

#[tokio::test]
async fn a_plan_may_score_call_and_mail() {
    let (stack, one) = started(&StageName::OF_ENTRIES, LETTER).await;
    stack.drain().await;
    let sent = entry(&stack, &one).await;
    assert!(matches!(sent.progress(), Progress::Done { .. }) && sent.score().is_some(), "{sent:?}");
    assert_eq!((calls(&stack, &one), stack.scorer.calls().len(), stack.mailer.accepted().len()), (1, 1, 1));
}

#[tokio::test]
async fn a_partner_that_is_not_ready_is_asked_again_when_it_says_and_costs_no_receive() {
    let (stack, one) = started(CALLS, LETTER).await;
    let (began, ten) = (stack.clock.now(), Duration::from_mins(10));
    let answers = [Some(ten), None, Some(Duration::from_hours(1_000))];
    stack.partner.answer_next(answers.map(|after| Ok(PartnerAnswer::NotReady { after })));
    let mut due: Timestamp = began;
    for wait in [ten, Duration::from_mins(1), Duration::from_hours(1)] {
        assert!(stack.invoke(StageName::Call).await);
        let waits = entry(&stack, &one).await;
        due = due.saturating_add(wait).unwrap();
        assert_eq!((waits.state(), waits.queueing(), waits.due()), ("to-call", Queueing::Deferred, due));
        assert_eq!(waits.failure_streak(), None);
        // Nothing is in the queue, and the breaker has heard of no failure.
        assert_eq!(stack.call.queue.next_visible_at(), None);
        assert!(waits.dispatch(stack.clock.now()).is_err());
        stack.clock.advance(wait);
        dispatch(&stack, &one).await;
    }
    stack.drain().await;
    assert_eq!((calls(&stack, &one), stack.mailer.accepted().len()), (4, 1));
}

#[tokio::test]
async fn a_partner_in_trouble_is_called_again_for_the_same_entry() {
    let (stack, one) = started(CALLS, LETTER).await;
    stack.partner.answer_next([retry(None), retry(Some(Duration::from_mins(5))), retry(None)]);
    let began = stack.clock.now();
    stack.drain().await;
    let took = stack.clock.now().duration_since(began);
    assert!(Duration::try_from(took).unwrap() >= Duration::from_mins(5), "its Retry-After is heeded: {took:#}");
    assert!(matches!(entry(&stack, &one).await.progress(), Progress::Done { .. }));
    assert_eq!((calls(&stack, &one), stack.partner.done()), (4, 1));
}

fn refused() -> Result<PartnerAnswer, PartnerError> {
    Err(PartnerError::Fail { cause: Cause::new("The partner answered 422 Unprocessable Entity: it refuses this one.") })
}

/// It may be that its URL is mistaken: nobody fails for that.
#[tokio::test]
async fn a_partner_that_refuses_all_is_asked_again_when_it_is_well() {
    let (stack, one) = started(CALLS, LETTER).await;
    stack.partner.answer_next(vec![refused(); 5]);
    stack.drain().await;
    let waits = entry(&stack, &one).await;
    let told = waits.failure_streak().expect("it failed").cause.as_str().to_owned();
    assert!(told.contains("422") && told.ends_with("It has answered no others lately."), "{told}");
    assert_eq!((waits.state(), waits.queueing(), calls(&stack, &one)), ("to-call", Queueing::Deferred, 5));
    dispatch(&stack, &one).await;
    stack.drain().await;
    assert!(matches!(entry(&stack, &one).await.progress(), Progress::Done { .. }));
}

#[tokio::test]
async fn an_entry_that_is_refused_by_a_partner_that_answers_others_fails_and_is_not_mailed() {
    let (stack, one) = started(CALLS, LETTER).await;
    answered(&stack).await;
    stack.partner.answer_next([refused()]);
    stack.drain().await;
    let failed = entry(&stack, &one).await;
    let Progress::Failed { cause, .. } = failed.progress() else { panic!("{failed:?}") };
    assert_eq!(cause.as_str(), "The partner answered 422 Unprocessable Entity: it refuses this one.");
    assert_eq!((calls(&stack, &one), failed.at(), stack.mailer.accepted().len()), (1, StageName::Call, 0));
    assert_eq!(failed.asked_at(), None, "another campaign may call for it");
}

#[tokio::test]
async fn whom_a_partner_may_have_done_it_for_is_known() {
    let (stack, one) = started(CALLS, LETTER).await;
    let began = stack.clock.now();
    assert_eq!(entry(&stack, &one).await.asked_at(), None);
    stack.partner.answer_next(vec![retry(None); 2]);
    stack.drain().await;
    let sent = entry(&stack, &one).await;
    assert!(matches!(sent.progress(), Progress::Done { .. }));
    // Since it was asked first.
    assert_eq!(sent.asked_at(), Some(began));
}

#[tokio::test]
async fn a_partner_that_has_it_under_way_without_an_end_fails_the_entry_after_seven_days() {
    let (stack, one) = started(CALLS, LETTER).await;
    let not_ready = || Ok(PartnerAnswer::NotReady { after: None });
    stack.partner.answer_next([not_ready(), not_ready(), not_ready()]);
    assert!(stack.invoke(StageName::Call).await);
    for (wait, state) in [(7 * 24, "to-call"), (1, "failed")] {
        stack.clock.advance(Duration::from_hours(wait));
        dispatch(&stack, &one).await;
        assert!(stack.invoke(StageName::Call).await);
        assert_eq!(entry(&stack, &one).await.state(), state);
    }
    let failed = entry(&stack, &one).await;
    let Progress::Failed { cause, .. } = failed.progress() else { panic!("{failed:?}") };
    assert_eq!(cause.as_str(), "Its partner has had it under way for seven days.");
    assert!(failed.asked_at().is_some() && stack.mailer.accepted().is_empty());
}

/// Another invocation's call was answered, and is reported.
async fn answered(stack: &InMemoryStack) {
    let now = stack.clock.now();
    let outcomes = Outcomes { calls: 1, succeeded_at: Some(now), ..Outcomes::default() };
    stack.ledger.report(StageName::Call, now, &outcomes).await.unwrap();
}

#[tokio::test]
async fn so_many_refusals_in_a_row_are_believed() {
    let (stack, one) = started(CALLS, LETTER).await;
    let invocation = || MeteredPartner {
        partner: stack.partner.clone(),
        meter: Arc::default(),
        log: stack.ledger.clone(),
        clock: stack.clock.clone(),
    };
    let request = || PartnerRequest { entry: id(&one), asked_at: stack.clock.now(), trace: None };
    let is_believed = async |by: &MeteredPartner| {
        stack.partner.answer_next([refused()]);
        matches!(by.ask(&request()).await, Err(PartnerError::Fail { .. }))
    };
    let first = invocation();
    assert!(!is_believed(&first).await, "it has answered none yet");
    for _ in 0..2 {
        assert!(first.ask(&request()).await.is_ok());
        for _ in 0..5 {
            assert!(is_believed(&first).await);
        }
        assert!(!is_believed(&first).await, "it answers no others any more");
    }
    assert!(!is_believed(&invocation()).await, "nobody has told of an answer");
    answered(&stack).await;
    assert!(is_believed(&invocation()).await);
    stack.clock.advance(Duration::from_mins(2));
    let now = stack.clock.now();
    stack.ledger.report(StageName::Call, now, &Outcomes { calls: 5, refused: 5, ..Outcomes::default() }).await.unwrap();
    assert!(!is_believed(&invocation()).await, "five were refused since");
    for _ in 0..4 {
        assert!(!is_believed(&invocation()).await, "of the same minute, one answer doesn't outweigh five refusals");
        answered(&stack).await;
    }
    assert!(is_believed(&invocation()).await, "it answers most others");
    stack.clock.advance(Duration::from_mins(119));
    assert!(is_believed(&invocation()).await);
    stack.clock.advance(Duration::from_mins(2));
    assert!(!is_believed(&invocation()).await, "it is too long ago");
}

#[tokio::test]
async fn nobody_is_called_for_who_gets_no_mail_or_whose_campaign_is_over() {
    let (stack, one) = started(CALLS, LETTER).await;
    stack.rewrite(&Customer { standing: Standing::Closed, ..one.clone() }).await;
    stack.drain().await;
    let skipped = entry(&stack, &one).await;
    assert!(matches!(skipped.progress(), Progress::Skipped { reason: SkipReason::Closed, .. }), "{skipped:?}");
    assert_eq!(calls(&stack, &one), 0);

    let (stack, one) = started(CALLS, LETTER).await;
    let campaign = stack.ledger.campaign(run()).await.unwrap().unwrap();
    let note = pulse_core::control::Note::parse("It was the wrong letter.").unwrap();
    let cancel = CampaignEvent::CancelAsked { by: "max".into(), note };
    assert!(stack.ledger.save_campaign(&campaign.change(cancel, stack.clock.now()).unwrap()).await.unwrap());
    stack.drain().await;
    assert!(matches!(entry(&stack, &one).await.progress(), Progress::Cancelled { .. }));
    assert_eq!(calls(&stack, &one), 0);
}

#[tokio::test]
async fn a_letter_that_shows_what_the_partner_did_not_say_is_not_written() {
    let (stack, one) = started(CALLS, LETTER).await;
    stack.partner.answer_next([Ok(PartnerAnswer::Done { reference: None })]);
    stack.drain().await;
    let failed = entry(&stack, &one).await;
    let Progress::Failed { cause, .. } = failed.progress() else { panic!("{failed:?}") };
    assert!(cause.as_str().contains("`reference`, which isn't known of this customer"), "{cause}");
    assert_eq!((failed.at(), stack.mailer.accepted().len()), (StageName::Email, 0));
}
