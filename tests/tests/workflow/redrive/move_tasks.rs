//! Redrives that the queue does itself.

use std::{collections::BTreeSet, sync::Arc};

use pulse_core::{
    customer::{Customer, Standing},
    dead_letters::{Redrive, RedriveOrder, RedriveProgress, Way},
    entry::{self, EntryId, SkipReason, StageName},
    ports::{DlqName, Rate},
};
use pulse_sim::{
    clock::VirtualClock, dead_letters::MemoryReader, mailer::MemoryMailer, scorer::MemoryScorer, time::VirtualTime,
};
use pulse_tests::in_memory_stack::{InMemoryStack, entry_id, start};

use super::{assert_everyone_is_mailed_once, die};

/// A stack under a time in which tasks move letters.
fn stack_in_time() -> (InMemoryStack, VirtualTime) {
    let clock = Arc::new(VirtualClock::starting_at(start()));
    let stack = InMemoryStack::under(clock.clone(), MemoryScorer::new(clock.clone()), MemoryMailer::deduplicating());
    (stack, VirtualTime::of(clock))
}

#[test]
fn where_everything_moves_the_queue_does_it_itself_and_the_stage_closes_who_has_left() {
    let (stack, time) = stack_in_time();
    let customers = time.run(die(&stack, 50));
    let (gone, here) = customers.split_at(1);
    time.run(stack.enroll(&[Customer { standing: Standing::Closed, ..gone[0].clone() }]));
    let calls = stack.scorer.calls();

    let letters = stack.dead_letters(DlqName::Stage(StageName::Score)).with_move_tasks(time.clone());
    let redrive = Redrive {
        letters: &letters,
        queue: Some(&*stack.score.queue),
        ledger: &*stack.ledger,
        deliveries: &*stack.ledger,
        sleeper: &time,
        intake: &MemoryReader,
    };
    let order = RedriveOrder { rate: Some(Rate::parse("5/s").unwrap()), ..RedriveOrder::default() };
    let (began, mut seen) = (time.now(), BTreeSet::new());
    let mut watch = |RedriveProgress { done, of }: RedriveProgress| {
        assert_eq!(of, Some(50));
        seen.insert(done);
    };
    let redriven = time.run(redrive.run(&order, &mut watch, &|| false)).unwrap();
    assert_eq!((redriven.way, redriven.redriven, redriven.is_complete()), (Way::MoveTask, 50, true));
    let took = time.now().duration_since(began).as_secs();
    assert!((9..=12).contains(&took), "50 letters at 5/s took {took} s");
    assert!(seen.len() > 3 && seen.contains(&50), "{seen:?}");

    time.run(assert_everyone_is_mailed_once(&stack, here));
    let id = EntryId::of(gone[0].id.clone(), entry_id("c-0", "2026-11").run);
    let left = time.run(stack.progress(id.customer.as_str(), "2026-11"));
    assert!(matches!(left, entry::Progress::Skipped { reason: SkipReason::Closed, .. }), "{left:?}");
    assert_eq!((stack.mails(id.customer.as_str()), stack.scorer.calls().get(&id)), (0, calls.get(&id)));
}

#[test]
fn a_task_that_someone_else_has_started_is_followed_and_one_that_is_left_alone_goes_on() {
    let (stack, time) = stack_in_time();
    let customers = time.run(die(&stack, 40));
    let letters = stack.dead_letters(DlqName::Stage(StageName::Score)).with_move_tasks(time.clone());
    let redrive = Redrive {
        letters: &letters,
        queue: Some(&*stack.score.queue),
        ledger: &*stack.ledger,
        deliveries: &*stack.ledger,
        sleeper: &time,
        intake: &MemoryReader,
    };
    let order = RedriveOrder { rate: Some(Rate::parse("2").unwrap()), ..RedriveOrder::default() };
    let stopped = time.run(redrive.run(&order, &mut |_| {}, &|| true)).unwrap();
    assert!(stopped.interrupted && stopped.redriven < 40, "{stopped:?}");

    let followed = time.run(redrive.run(&RedriveOrder::default(), &mut |_| {}, &|| false)).unwrap();
    assert_eq!((followed.way, followed.redriven), (Way::SomeonesMoveTask, 40));
    time.run(assert_everyone_is_mailed_once(&stack, &customers));
}

#[test]
fn a_task_that_someone_cancels_is_told_as_one_that_ended_early() {
    let (stack, time) = stack_in_time();
    time.run(die(&stack, 40));
    let letters = stack.dead_letters(DlqName::Stage(StageName::Score)).with_move_tasks(time.clone());
    let redrive = Redrive {
        letters: &letters,
        queue: Some(&*stack.score.queue),
        ledger: &*stack.ledger,
        deliveries: &*stack.ledger,
        sleeper: &time,
        intake: &MemoryReader,
    };
    let order = RedriveOrder { rate: Some(Rate::parse("2").unwrap()), ..RedriveOrder::default() };
    let mut watch = |progress: RedriveProgress| {
        if progress.done >= 10 {
            let _ = stack.score.dlq.last_move_task().expect("a task").cancel();
        }
    };
    let cancelled = time.run(redrive.run(&order, &mut watch, &|| false)).unwrap();
    assert!(cancelled.trouble.is_some() && (10..40).contains(&cancelled.redriven), "{cancelled:?}");
    let left = stack.score.dlq.depth().visible as u64;
    assert_eq!(left + cancelled.redriven, 40);
}
