//! What is in the dead-letter queues, and what is done about each letter.

use std::time::Duration;

use async_trait::async_trait;
use pulse_core::{
    customer::{Customer, Standing},
    dead_letters::{CauseFilter, DeadLetterReport, Redrive, RedriveOrder, Redriven, Stuck, Survey, Way},
    entry::{Progress, SkipReason, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::{
        Clock as _, DeadLetter, DeadLetters, DlqName, IntakeQueue, Ledger as _, MoveProgress, MoveStart, MoveTicket,
        QueueError, Rate, Receipt, ScoreError, StageQueue, Undelivered,
    },
    run::RunId,
};
use pulse_sim::dead_letters::MemoryReader;
use pulse_tests::in_memory_stack::{InMemoryStack, customer, entry_id, start};

const REFUSED: &str = "The scoring API answered 422.";
const DOWN: &str = "The scoring API answered 503: it is Down.";

/// A stack with customers whose scoring was given up, each for a cause.
async fn dead_stack(dead: &[(&str, &str)]) -> InMemoryStack {
    let stack = InMemoryStack::new();
    for (id, cause) in dead {
        stack.enroll(&[customer(id)]).await;
        let failure = ScoreError::Fail { cause: Cause::new(*cause) };
        stack.scorer.fail_next_of(&entry_id(id, "2026-11"), [failure]);
    }
    for (id, _) in dead {
        stack.fire(&customer(id));
    }
    stack.drain().await;
    assert_eq!(stack.score.dlq.depth().visible, dead.len());
    stack
}

async fn look(stack: &InMemoryStack, dlq: DlqName, limit: usize) -> DeadLetterReport {
    let letters = stack.dead_letters(dlq);
    Survey { letters: &letters, ledger: &*stack.ledger, deliveries: &*stack.ledger, intake: &MemoryReader }
        .look(limit, &|| false)
        .await
        .unwrap()
}

async fn redrive(stack: &InMemoryStack, dlq: DlqName, order: &RedriveOrder) -> Redriven {
    let letters = stack.dead_letters(dlq);
    let queue = match dlq.stage() {
        Some(StageName::Score) => Some(&*stack.score.queue as &dyn StageQueue),
        Some(StageName::Email) => Some(&*stack.email.queue as &dyn StageQueue),
        Some(StageName::Deliver) => Some(&*stack.deliver.queue as &dyn StageQueue),
        Some(StageName::Call) => Some(&*stack.call.queue as &dyn StageQueue),
        None => None,
    };
    let redrive = Redrive {
        letters: &letters,
        queue,
        ledger: &*stack.ledger,
        deliveries: &*stack.ledger,
        sleeper: &*stack.clock,
        intake: &MemoryReader,
    };
    redrive.run(order, &mut |_| {}, &|| false).await.unwrap()
}

fn of_cause(words: &str) -> RedriveOrder {
    RedriveOrder { cause: Some(CauseFilter::parse(words).unwrap()), ..RedriveOrder::default() }
}

fn counts(report: &DeadLetterReport) -> Vec<(&str, usize)> {
    report.causes.iter().map(|group| (group.cause.as_str(), group.count)).collect()
}

async fn leave(stack: &InMemoryStack, id: &str) {
    stack.enroll(&[Customer { standing: Standing::Closed, ..customer(id) }]).await;
}

#[tokio::test]
async fn letters_are_told_by_cause_with_counts_times_and_examples_and_stay_where_they_are() {
    let stack = dead_stack(&[("c-1", REFUSED), ("c-2", DOWN), ("c-3", DOWN)]).await;
    let queued_at = stack.clock.now();
    stack.score.dlq.send_body("not json");
    stack.score.dlq.send_body(r#"{"v":1,"customer":"c-9","run":"2026-11"}"#);
    let before = stack.score.dlq.depth();

    let report = look(&stack, DlqName::Stage(StageName::Score), 1_000).await;
    let causes = counts(&report);
    assert_eq!((report.looked_at, report.more, causes[0]), (5, false, (DOWN, 2)));
    assert!(causes.contains(&(REFUSED, 1)) && causes.contains(&("The customer is unknown.", 1)), "{causes:?}");
    assert!(causes.contains(&("The message is not JSON of the form that Pulse sends.", 1)), "{causes:?}");

    let down = &report.causes[0];
    assert!(start() < down.first && down.first <= down.last && down.last < queued_at, "{down:?}");
    let examples: Vec<_> = down.examples.iter().map(|example| (example.customer.as_str(), example.run)).collect();
    let run = Some(RunId::parse("2026-11").unwrap());
    assert_eq!(examples, [("c-2", run), ("c-3", run)]);
    assert_eq!(stack.score.dlq.depth(), before);
    assert_eq!(look(&stack, DlqName::Stage(StageName::Email), 1_000).await, DeadLetterReport::default());
}

#[tokio::test]
async fn no_more_letters_are_looked_at_than_asked_for_and_it_is_told_that_there_are_more() {
    let stack = InMemoryStack::new();
    for n in 0..25 {
        stack.score.dlq.send_body(&n.to_string());
    }
    for (limit, looked_at, more) in [(1, 1, true), (24, 24, true), (25, 25, false), (1_000, 25, false)] {
        let report = look(&stack, DlqName::Stage(StageName::Score), limit).await;
        assert_eq!((report.looked_at, report.more), (looked_at, more));
        assert_eq!(stack.score.dlq.depth().visible, 25);
    }
}

#[tokio::test]
async fn a_redrive_brings_back_what_can_be_helped_and_says_what_cannot() {
    let stack = dead_stack(&[("c-1", REFUSED), ("c-2", DOWN)]).await;
    stack.score.dlq.send_body("not json");
    let redriven = redrive(&stack, DlqName::Stage(StageName::Score), &RedriveOrder::default()).await;
    let cause = Cause::new("The message is not JSON of the form that Pulse sends.");
    let expected =
        Redriven { way: Way::Fallback, redriven: 2, stuck: vec![Stuck { cause, count: 1 }], ..Redriven::default() };
    assert_eq!(redriven, expected);
    assert!(!redriven.is_complete());
    stack.drain().await;
    for id in ["c-1", "c-2"] {
        assert!(matches!(stack.progress(id, "2026-11").await, Progress::Done { .. }));
        assert_eq!(stack.mails(id), 1);
    }
    assert_eq!(stack.score.dlq.depth().visible, 1);
}

#[tokio::test]
async fn of_a_cause_only_its_letters_move_whatever_the_capitals() {
    let stack = dead_stack(&[("c-1", REFUSED), ("c-2", DOWN), ("c-3", DOWN)]).await;
    let dry = RedriveOrder { dry_run: true, ..of_cause("it is down") };
    let would_be = redrive(&stack, DlqName::Stage(StageName::Score), &dry).await;
    assert_eq!((would_be.redriven, would_be.others), (2, 1));
    assert_eq!((stack.score.dlq.depth().visible, stack.score.queue.depth().visible), (3, 0));

    assert_eq!(redrive(&stack, DlqName::Stage(StageName::Score), &of_cause("it is down")).await, would_be);
    stack.drain().await;
    assert_eq!(["c-1", "c-2", "c-3"].map(|id| stack.mails(id)), [0, 1, 1]);
    assert_eq!(counts(&look(&stack, DlqName::Stage(StageName::Score), 10).await), [(REFUSED, 1)]);
    assert_eq!(redrive(&stack, DlqName::Stage(StageName::Score), &of_cause("504")).await.redriven, 0);
}

#[tokio::test]
async fn of_customers_who_have_left_the_entries_are_closed_and_nobody_is_asked_about_them() {
    let stack = dead_stack(&[("c-1", DOWN), ("c-2", DOWN)]).await;
    leave(&stack, "c-1").await;
    let calls = stack.scorer.calls();
    let dry = RedriveOrder { dry_run: true, ..RedriveOrder::default() };
    assert_eq!(redrive(&stack, DlqName::Stage(StageName::Score), &dry).await.closed, 1);
    assert!(stack.state("c-1", "2026-11").await == "failed");

    let redriven = redrive(&stack, DlqName::Stage(StageName::Score), &RedriveOrder::default()).await;
    assert_eq!((redriven.redriven, redriven.closed), (1, 1));
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Skipped { reason: SkipReason::Closed, .. }));
    stack.drain().await;
    assert_eq!(["c-1", "c-2"].map(|id| stack.mails(id)), [0, 1]);
    let id = entry_id("c-1", "2026-11");
    assert_eq!(stack.scorer.calls().get(&id), calls.get(&id));
    assert_eq!(stack.score.dlq.depth().visible, 0);
}

#[tokio::test]
async fn a_mail_in_doubt_is_not_closed_over_though_its_customer_has_left() {
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    stack.email.queue.purge();
    let (entry, now) = (stack.entry("c-1", "2026-11").await, stack.clock.now());
    let sending = entry.claim(StageName::Email, now, now).unwrap();
    stack.ledger.apply(&sending).await.unwrap();
    let failed = sending.after().fail(StageName::Email, Cause::new("The worker was killed."), now, None).unwrap();
    stack.ledger.apply(&failed).await.unwrap();
    stack.email.dlq.send_body(&WorkMessage::for_entry(entry.id()).body());
    leave(&stack, "c-1").await;

    let redriven = redrive(&stack, DlqName::Stage(StageName::Email), &RedriveOrder::default()).await;
    assert_eq!((redriven.redriven, redriven.closed), (1, 0));
    stack.drain().await;
    // The provider can't tell: only who looks there can.
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    assert_eq!(stack.mails("c-1"), 0);
}

#[tokio::test]
async fn a_letter_for_which_nothing_is_left_to_do_is_deleted_and_mails_nobody_again() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.drain().await;
    let letter = WorkMessage::for_entry(&entry_id("c-1", "2026-11")).body();
    stack.score.dlq.send_body(&letter);
    stack.email.dlq.send_body(&letter);
    for dlq in [DlqName::Stage(StageName::Score), DlqName::Stage(StageName::Email)] {
        let report = look(&stack, dlq, 10).await;
        assert_eq!(counts(&report), [("Already done: the entry is past the stage.", 1)]);
        let redriven = redrive(&stack, dlq, &RedriveOrder::default()).await;
        assert_eq!((redriven.redriven, redriven.done), (0, 1));
        assert_eq!(look(&stack, dlq, 10).await.looked_at, 0);
    }
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
}

fn undelivered(code: &str, scheduled_at: &str) -> Undelivered {
    let scheduled_at = Some(scheduled_at.parse().unwrap());
    Undelivered { code: code.into(), message: Cause::new("The specified queue does not exist."), scheduled_at }
}

#[tokio::test]
async fn what_the_scheduler_could_not_deliver_is_told_by_its_code_and_mailed_for_the_run_it_was_due_in() {
    let stack = InMemoryStack::new();
    stack.enroll(&["c-1", "c-2", "c-3"].map(customer)).await;
    let input = |id: &str| WorkMessage::schedule_input(&customer(id).id);
    // As AWS writes it, the whole request; and as a scheduler that replaces nothing.
    let request =
        r#"{"MessageBody":"{\"v\":1,\"customer\":\"c-1\",\"scheduled\":\"2026-11-10T11:30:00Z\"}","QueueUrl":"q"}"#;
    stack.schedule_dlq.send_undelivered(request, undelivered("NonExistentQueue", "2026-11-10T11:30:00Z"));
    stack.schedule_dlq.send_undelivered(&input("c-2"), undelivered("NonExistentQueue", "2026-11-10T11:30:00Z"));
    stack.schedule_dlq.send_body(&input("c-3"));
    stack.schedule_dlq.send_undelivered("?", undelivered("NonExistentQueue", "2026-11-10T11:30:00Z"));

    let report = look(&stack, DlqName::Schedules, 10).await;
    assert_eq!(counts(&report)[0], ("NonExistentQueue", 2));
    assert_eq!(report.causes[0].detail, Some(Cause::new("The specified queue does not exist.")));
    assert!(counts(&report).contains(&("The scheduler doesn't say why.", 1)), "{report:?}");

    let redriven = redrive(&stack, DlqName::Schedules, &RedriveOrder::default()).await;
    assert_eq!((redriven.redriven, redriven.stuck.len()), (3, 1));
    stack.drain().await;
    for id in ["c-1", "c-2", "c-3"] {
        assert!(matches!(stack.progress(id, "2026-11").await, Progress::Done { .. }), "{id}");
        assert_eq!(stack.mails(id), 1);
    }
    assert_eq!(stack.schedule_dlq.depth().visible, 1);
}

#[tokio::test]
async fn the_scheduled_moment_counts_and_not_when_the_letter_was_written() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.clock.set("2026-12-01T00:30:00Z".parse().unwrap());
    let input = WorkMessage::schedule_input(&customer("c-1").id);
    stack.schedule_dlq.send_undelivered(&input, undelivered("NonExistentQueue", "2026-11-10T11:30:00Z"));
    assert_eq!(redrive(&stack, DlqName::Schedules, &RedriveOrder::default()).await.redriven, 1);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Done { .. }));
    let december = stack.ledger.entry(&entry_id("c-1", "2026-12")).await.unwrap().unwrap();
    assert_eq!(december.state(), "scheduled");
}

/// Letters that came in by a partner's way.
struct OfPartner<'l>(&'l dyn DeadLetters);

#[async_trait]
impl DeadLetters for OfPartner<'_> {
    fn name(&self) -> DlqName {
        DlqName::Intake(IntakeQueue::Feedback)
    }

    async fn count(&self) -> Result<u64, QueueError> {
        self.0.count().await
    }

    async fn hidden(&self) -> Result<u64, QueueError> {
        self.0.hidden().await
    }

    async fn take(&self, most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, QueueError> {
        let mut letters = self.0.take(most, hidden_for).await?;
        for letter in &mut letters {
            letter.attributes.insert("route".to_owned(), "partners/crm".to_owned());
        }
        Ok(letters)
    }

    async fn hide(&self, receipts: &[Receipt], hidden_for: Duration) -> Result<(), QueueError> {
        self.0.hide(receipts, hidden_for).await
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.0.delete(receipts).await
    }

    async fn send_back(&self, letter: &DeadLetter) -> Result<(), QueueError> {
        self.0.send_back(letter).await
    }

    async fn start_move(&self, rate: Option<Rate>) -> Result<MoveStart, QueueError> {
        self.0.start_move(rate).await
    }

    async fn follow_move(&self, ticket: &MoveTicket) -> Result<MoveProgress, QueueError> {
        self.0.follow_move(ticket).await
    }
}

#[tokio::test]
async fn an_opt_out_of_nobody_on_the_roster_is_called_by_that_and_can_be_taken_once_they_are() {
    let stack = InMemoryStack::new();
    let change = |opted_out| {
        format!(
            r#"{{"customer": "c-9", "sequence": 1, "occurred_at": "2026-11-26T09:30:00Z", "opted_out": {opted_out}}}"#
        )
    };
    stack.score.dlq.send_body(&change(true));
    stack.score.dlq.send_body(&change(false));
    let letters = stack.dead_letters(DlqName::Stage(StageName::Score));
    let survey = Survey {
        letters: &OfPartner(&letters),
        ledger: &*stack.ledger,
        deliveries: &*stack.ledger,
        intake: &MemoryReader,
    };
    let report = survey.look(10, &|| false).await.unwrap();
    let nobody = report.causes.iter().find(|group| group.cause.as_str().contains("isn't on the roster")).unwrap();
    assert_eq!((nobody.count, nobody.examples[0].customer.as_str()), (1, "c-9"));
    assert!(report.causes.iter().any(|group| group.cause.as_str().starts_with("This release can read it")));
    stack.enroll(&[customer("c-9")]).await;
    let report = survey.look(10, &|| false).await.unwrap();
    let [group] = report.causes.as_slice() else { panic!("{report:?}") };
    assert_eq!((group.count, group.cause.as_str().starts_with("This release can read it")), (2, true));
}
