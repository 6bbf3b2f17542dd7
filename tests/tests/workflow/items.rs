//! A campaign that is about several items of a customer's: each is called for, mailed, told of and forgotten apart.

use std::time::Duration;

use futures::FutureExt as _;
use pulse_core::{
    campaign::{Audience, CampaignChange, CampaignEvent, CampaignLetter, CampaignRequest, Priority, Seal},
    control::Note,
    customer::Customer,
    entry::{Addressee, Entry, EntryId, Plan, Progress, Queueing, SkipReason, StageName},
    failure::Cause,
    feedback::{About, Feedback, FeedbackKind, FeedbackListener, FeedbackSource, Heard},
    forgetting::Forgetting,
    message::WorkMessage,
    ports::{CampaignEntries as _, Campaigns as _, Clock as _, Ledger as _, SendError},
    run::RunId,
};
use pulse_sim::mailer::InjectedFailure;
use pulse_tests::in_memory_stack::{InMemoryStack, customer};

const LETTER: &str = "Subject: Invoice {{ item }}\n\nIt is {{ reference }}, of {{ item }}.";

fn run() -> RunId {
    RunId::parse("invoices").unwrap()
}

fn of(item: &str) -> EntryId {
    EntryId::parse("c-1", "invoices", Some(item)).unwrap()
}

/// A campaign of these steps that runs, about these items of one customer, each of whose entries' messages is sent.
async fn started(stack: InMemoryStack, steps: &[StageName], items: &[&str], cap: Option<&str>) -> InMemoryStack {
    let one = customer("c-1");
    stack.enroll(std::slice::from_ref(&one)).await;
    let (now, plan) = (stack.clock.now(), Plan::of_campaign(steps).unwrap());
    let text = if plan.has(StageName::Call) { LETTER } else { "Subject: Invoice {{ item }}\n\nIt is there." };
    let letter = CampaignLetter::parse([("en", text)]).unwrap();
    stack.ledger.put_campaign_letter(run(), &letter).await.unwrap();
    let addressees: std::collections::BTreeSet<Addressee> = items.iter().map(|item| of(item).addressee()).collect();
    let request = CampaignRequest {
        plan,
        audience: Audience::given(&addressees, 10),
        unreached_of: None,
        letter: letter.digest(),
        deadline: None,
        priority: Priority::Normal,
        cap: cap.map(|cap| cap.parse().unwrap()),
        at_most: None,
        a_day: None,
    };
    let mut change = CampaignChange::requested(run(), request, "aoife".into(), None, now);
    let seal = Seal::of(&addressees);
    for event in [CampaignEvent::PlanningStarted, CampaignEvent::Sealed { seal }, CampaignEvent::Started] {
        assert!(stack.ledger.save_campaign(&change).await.unwrap());
        change = change.after().change(event, now).unwrap();
    }
    assert!(stack.ledger.save_campaign(&change).await.unwrap());
    for item in items {
        let held = Entry::of_campaign(of(item), plan, now);
        assert!(stack.ledger.open(&held).await.unwrap());
        let dispatched = held.dispatch(now).unwrap();
        stack.ledger.apply(&dispatched).await.unwrap();
        stack.queues[dispatched.after().at()].send(&WorkMessage::for_entry(&of(item))).await.unwrap();
    }
    stack
}

async fn entry(stack: &InMemoryStack, item: &str) -> Entry {
    stack.ledger.entry(&of(item)).await.unwrap().unwrap()
}

#[tokio::test]
async fn each_item_is_scored_called_for_and_mailed_once_with_its_own_reference() {
    let stack = started(InMemoryStack::new(), &StageName::OF_ENTRIES, &["A", "B"], None).await;
    // A message that comes twice is of the same item.
    stack.queues[StageName::Score].send(&WorkMessage::for_entry(&of("A"))).await.unwrap();
    stack.drain().await;
    for item in ["A", "B"] {
        let sent = entry(&stack, item).await;
        assert!(matches!(sent.progress(), Progress::Done { .. }), "{sent:?}");
        assert_eq!(sent.called().unwrap().reference, stack.partner.reference_of(&of(item)));
        assert_eq!((stack.partner.calls()[&of(item)], stack.mailer.accepted_of(&of(item))), (1, 1));
        let mails = stack.mailer.accepted();
        let mail = mails.iter().find(|mail| mail.entry == of(item)).unwrap();
        let reference = stack.partner.reference_of(&of(item)).unwrap();
        assert_eq!(mail.content.subject, format!("Invoice {item}"));
        assert!(
            mail.content.text.starts_with(&format!("It is {}, of {item}.", reference.expose())),
            "{}",
            mail.content.text
        );
    }
    assert_ne!(stack.partner.reference_of(&of("A")), stack.partner.reference_of(&of("B")));
    assert_eq!((stack.scorer.calls().len(), stack.mailer.accepted().len()), (2, 2));
}

/// An item that waits for those before it has its message sent again, ten minutes later.
async fn ten_minutes_later(stack: &InMemoryStack, item: &str) {
    stack.clock.advance(Duration::from_mins(10));
    let waits = entry(stack, item).await;
    assert_eq!(waits.queueing(), Queueing::Deferred, "{waits:?}");
    let dispatched = waits.dispatch(stack.clock.now()).unwrap();
    stack.ledger.apply(&dispatched).await.unwrap();
    stack.queues[StageName::Email].send(&WorkMessage::for_entry(&of(item))).await.unwrap();
    stack.drain().await;
}

#[tokio::test]
async fn of_items_that_workers_have_at_once_the_first_are_mailed_up_to_the_cap() {
    for items in [["A", "B", "C"], ["C", "B", "A"]] {
        let stack = started(InMemoryStack::new(), &[StageName::Email], &items, Some("2/7d")).await;
        stack.drain().await;
        for item in ["A", "B"] {
            assert!(matches!(entry(&stack, item).await.progress(), Progress::Done { .. }));
        }
        if items[0] == "C" {
            ten_minutes_later(&stack, "C").await;
        }
        let skipped = entry(&stack, "C").await;
        assert!(
            matches!(skipped.progress(), Progress::Skipped { reason: SkipReason::FrequencyCap, .. }),
            "{skipped:?}"
        );
    }
}

#[tokio::test]
async fn an_item_that_waits_has_the_place_of_one_that_failed() {
    let stack = InMemoryStack::new();
    let refused = SendError::Fail { cause: Cause::new("The provider refuses it.") };
    stack.mailer.fail_next([InjectedFailure::Refused(refused)]);
    let stack = started(stack, &[StageName::Email], &["C", "B", "A"], Some("2/7d")).await;
    stack.drain().await;
    ten_minutes_later(&stack, "C").await;
    let mut sent: Vec<_> = stack.mailer.accepted().into_iter().map(|mail| mail.entry).collect();
    sent.sort();
    assert_eq!(sent, [of("A"), of("C")]);
    assert!(matches!(entry(&stack, "B").await.progress(), Progress::Failed { .. }));
}

#[tokio::test]
async fn what_a_provider_tells_of_one_item_settles_no_other() {
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.mailer.fail_next([InjectedFailure::AnswerLost, InjectedFailure::AnswerLost]);
    let stack = started(stack, &[StageName::Email], &["A", "B"], None).await;
    stack.drain().await;
    for item in ["A", "B"] {
        assert!(matches!(entry(&stack, item).await.progress(), Progress::Indeterminate { .. }));
    }
    let about = About { entry: Some(of("B")), provider_id: Some("told".into()), ..About::default() };
    let (source, at) = (FeedbackSource::Ses, stack.clock.now());
    let event = Feedback { source, id: "e-1".into(), about, kind: FeedbackKind::Delivered, at };
    let listener = FeedbackListener::new(&*stack.ledger, &*stack.ledger, &*stack.clock);
    assert_eq!(listener.hear(&event).await, Ok(Heard::Done));
    assert!(matches!(entry(&stack, "A").await.progress(), Progress::Indeterminate { .. }));
    assert!(matches!(entry(&stack, "B").await.progress(), Progress::Done { .. }));
}

#[tokio::test]
async fn whoever_is_forgotten_is_in_all_of_their_items() {
    let stack = started(InMemoryStack::new(), &[StageName::Call, StageName::Email], &["A", "B"], None).await;
    stack.drain().await;
    let forgetting = Forgetting {
        ledger: &*stack.ledger,
        in_campaigns: &*stack.ledger,
        notes: &*stack.ledger,
        schedules: &stack.schedules,
        sleeper: &*stack.clock,
    };
    let Customer { id, .. } = customer("c-1");
    let note = Note::parse("asked by letter").unwrap();
    let forgotten = forgetting.forget(&id, &"aoife".into(), &note, &mut |_, _| {}).now_or_never().unwrap();
    assert_eq!(forgotten.unwrap().unwrap().in_doubt, []);
    let kept = stack.ledger.entries_in_campaigns(&id).await.unwrap();
    assert!(kept.len() == 2 && kept.iter().all(|entry| entry.is_erased() && entry.called().is_none()), "{kept:?}");
}
