//! The roster against the schedules against the ledger.

use std::{collections::BTreeMap, future::pending, sync::Mutex, time::Duration};

use async_trait::async_trait;
use futures::FutureExt as _;
use jiff::SignedDuration;
use pulse_core::{
    audit::{
        Audit, AuditCheckpoint, AuditCursor, AuditDepth, AuditEnd, AuditError, AuditName, AuditReport, AuditStart,
        Problem,
    },
    customer::{Customer, CustomerId, Standing},
    entry::{Entry, SkipReason},
    failure::Cause,
    ports::{
        AuditLog, Clock as _, Ledger as _, LedgerError, MonthlySchedule, PutOutcome, ScheduleError, SchedulePage,
        Schedules, SchedulesError,
    },
    slot::Slot,
};
use pulse_tests::in_memory_stack::{InMemoryStack, customer};

async fn stack_of(names: &[&str]) -> (InMemoryStack, Vec<Customer>) {
    let stack = InMemoryStack::new();
    let customers: Vec<_> = names.iter().map(|name| customer(name)).collect();
    stack.enroll(&customers).await;
    (stack, customers)
}

fn schedule(customer: &Customer, slot: &Slot) -> MonthlySchedule {
    MonthlySchedule { customer: customer.id.clone(), slot: slot.clone() }
}

#[tokio::test]
async fn nothing_is_found_on_a_sound_roster() {
    let (stack, _) = stack_of(&["c-1", "c-2"]).await;
    let report = stack.audit(true).await;
    assert_eq!((report.customers, report.read_in_whole), (2, 2));
    assert!(report.is_clean() && report.found.is_empty());
}

#[tokio::test]
async fn what_is_amiss_is_found_and_left_alone_unless_it_is_to_be_repaired() {
    let (stack, customers) = stack_of(&["c-1", "c-2", "c-3", "c-4"]).await;
    let [unscheduled, misplaced, unopened, left] = customers.as_slice() else { panic!("four") };
    stack.schedules.delete(&unscheduled.id).await.unwrap();
    let other = Slot::parse(3, 9, 0, misplaced.zone.clone()).unwrap();
    stack.schedules.put(&schedule(misplaced, &other)).await.unwrap();
    let open = stack.ledger.entries(&unopened.id).await.unwrap().remove(0);
    let skipped = open.skip(SkipReason::OptedOut, open.due(), None).unwrap();
    stack.ledger.apply(&skipped).await.unwrap();
    stack.enrollment().unenroll(&left.id).await.unwrap();
    stack.schedules.put(&schedule(left, &left.slot)).await.unwrap();
    let next =
        Entry::scheduled(pulse_core::entry::EntryId::of(left.id.clone(), open.id().run.next()), open.due(), None);
    stack.ledger.open(&next).await.unwrap();

    let expected = BTreeMap::from([
        (Problem::NoSchedule, 1),
        (Problem::WrongSlot, 1),
        (Problem::NoOpenEntry, 1),
        (Problem::StraySchedule, 1),
        (Problem::StrayEntry, 1),
    ]);
    let report = stack.audit(false).await;
    assert_eq!((&report.found, report.repaired), (&expected, 0));
    assert!(!report.is_clean());
    let report = stack.audit(true).await;
    assert_eq!((&report.found, report.repaired), (&expected, 5));
    assert!(report.is_clean());
    assert!(stack.audit(false).await.found.is_empty());
    let slot = stack.schedules.get(&misplaced.id).await.unwrap().unwrap().slot;
    assert_eq!(slot, misplaced.slot);
}

#[tokio::test]
async fn the_clock_begins_the_first_audit_goes_on_with_none_and_says_when_there_were_none_for_long() {
    let (stack, _) = stack_of(&["c-1"]).await;
    let daily = || Audit { name: AuditName::Daily, ..stack.audit_use_case(AuditDepth::Presence, true) };
    let resume = async || daily().run(AuditStart::Resume, pending(), &|_| {}).await.unwrap();
    assert!(matches!(resume().await, AuditEnd::Finished(_)), "the first");
    assert_eq!(resume().await, AuditEnd::NoneUnfinished);
    let day = SignedDuration::from_hours(24);
    assert_eq!(daily().was_finished_within(day).await, Ok(()));
    stack.clock.advance(Duration::from_hours(25));
    let overdue = daily().was_finished_within(day).await.unwrap_err();
    assert!(matches!(overdue, AuditError::Overdue { .. }), "{overdue}");
}

/// Leaves a daily audit unfinished on the ledger, at its beginning.
async fn leave_unfinished(stack: &InMemoryStack, is_at_rest: bool) -> AuditCheckpoint {
    let before = stack.ledger.checkpoint(AuditName::Daily).await.unwrap();
    let now = stack.clock.now();
    let unfinished = AuditCheckpoint {
        version: before.as_ref().map_or(1, |before| before.version + 1),
        began_at: before.map_or(now, |before| before.began_at),
        taken_at: now,
        saved_at: now,
        finished_at: None,
        depth: AuditDepth::Everyone,
        repair: true,
        is_at_rest,
        cursor: AuditCursor::Entries { part: 0, after: None },
        report: AuditReport::default(),
        schedules: 0,
    };
    assert!(stack.ledger.save_checkpoint(AuditName::Daily, &unfinished).await.unwrap());
    unfinished
}

fn daily(stack: &InMemoryStack) -> Audit<'_> {
    Audit { name: AuditName::Daily, ..stack.audit_use_case(AuditDepth::Everyone, true) }
}

#[tokio::test]
async fn the_clock_leaves_an_audit_alone_that_is_under_way_and_takes_up_one_that_rests_or_died() {
    let (stack, _) = stack_of(&["c-1", "c-2"]).await;
    let resume = async || daily(&stack).run(AuditStart::Resume, pending(), &|_| {}).await.unwrap();
    leave_unfinished(&stack, false).await;
    assert_eq!(resume().await, AuditEnd::NoneUnfinished);
    stack.clock.advance(Duration::from_mins(10));
    assert!(matches!(resume().await, AuditEnd::Finished(report) if report.customers == 2));
    leave_unfinished(&stack, true).await;
    assert!(matches!(resume().await, AuditEnd::Finished(_)));
}

#[tokio::test]
async fn an_audit_that_never_ends_is_told_and_one_of_yesterday_is_not_gone_on_with() {
    let (stack, _) = stack_of(&["c-1"]).await;
    let within = SignedDuration::from_hours(26);
    for _ in 0..3 {
        leave_unfinished(&stack, true).await;
        assert_eq!(daily(&stack).was_finished_within(within).await, Ok(()));
        stack.clock.advance(Duration::from_hours(9));
    }
    assert!(matches!(daily(&stack).was_finished_within(within).await, Err(AuditError::Overdue { .. })));

    let left = leave_unfinished(&stack, true).await;
    stack.clock.advance(Duration::from_hours(24));
    let end = daily(&stack).run(AuditStart::ResumeOrBegin, pending(), &|_| {}).await;
    assert!(matches!(end, Ok(AuditEnd::Finished(_))), "{end:?}");
    let after = stack.ledger.checkpoint(AuditName::Daily).await.unwrap().unwrap();
    assert_eq!((after.began_at > left.began_at, after.finished_at), (true, Some(stack.clock.now())));
}

#[tokio::test]
async fn an_audit_that_another_has_taken_over_ends_and_the_other_goes_on() {
    let (stack, _) = stack_of(&["c-1"]).await;
    // Whoever goes on takes the checkpoint up, and the one before finds that when it writes next.
    let other = Mutex::new(None);
    let usurp = |_| {
        let begins_now = other.lock().unwrap().is_none();
        if begins_now {
            stack.clock.advance(Duration::from_secs(10));
            let audit = stack.audit_use_case(AuditDepth::Presence, true);
            *other.lock().unwrap() = audit.run(AuditStart::ResumeOrBegin, pending(), &|_| {}).now_or_never();
        }
    };
    let first = stack.audit_use_case(AuditDepth::Presence, true).run(AuditStart::Begin, pending(), &usurp).await;
    assert_eq!(first, Err(AuditError::TakenOver(AuditName::ByHand)));
    let Some(Ok(AuditEnd::Finished(report))) = other.into_inner().unwrap() else { panic!("finished") };
    assert_eq!(report.customers, 1);
}

/// A table that whoever asks may only read.
struct ReadOnly;

#[async_trait]
impl AuditLog for ReadOnly {
    async fn checkpoint(&self, _: AuditName) -> Result<Option<AuditCheckpoint>, LedgerError> {
        Ok(None)
    }

    async fn save_checkpoint(&self, _: AuditName, _: &AuditCheckpoint) -> Result<bool, LedgerError> {
        Err(LedgerError::Broken(Cause::new("DynamoDB answered AccessDeniedException.")))
    }
}

#[tokio::test]
async fn whoever_may_only_read_can_audit_and_repairs_nothing() {
    let (stack, customers) = stack_of(&["c-1"]).await;
    stack.schedules.delete(&customers[0].id).await.unwrap();
    let audit = async |repair| {
        let audit = Audit { log: &ReadOnly, ..stack.audit_use_case(AuditDepth::Presence, repair) };
        audit.run(AuditStart::ResumeOrBegin, pending(), &|_| {}).await
    };
    let Ok(AuditEnd::Finished(report)) = audit(false).await else { panic!("finished") };
    assert_eq!(report.found, BTreeMap::from([(Problem::NoSchedule, 1)]));
    assert!(matches!(audit(true).await, Err(AuditError::Ledger(LedgerError::Broken(_)))));
}

/// A scheduler that lists so, and lets nobody look at a schedule.
struct Closed(fn(Cause) -> SchedulesError);

#[async_trait]
impl Schedules for Closed {
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError> {
        self.get(&schedule.customer).await.map(|_| PutOutcome::Unchanged)
    }

    async fn get(&self, customer: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError> {
        Err(ScheduleError::Denied { customer: customer.clone(), cause: Cause::new("You may not.") })
    }

    async fn delete(&self, customer: &CustomerId) -> Result<bool, ScheduleError> {
        self.get(customer).await.map(|_| false)
    }

    async fn list(&self, _: &str, _: Option<String>) -> Result<SchedulePage, SchedulesError> {
        Err((self.0)(Cause::new("You may not.")))
    }
}

#[tokio::test]
async fn whoever_may_not_see_the_schedules_hears_so_at_once_and_an_outage_is_waited_for() {
    let (stack, _) = stack_of(&["c-1"]).await;
    let ended = async |list, depth| {
        let began = stack.clock.now();
        let audit = Audit { schedules: &Closed(list), ..stack.audit_use_case(depth, false) };
        let error = audit.run(AuditStart::Begin, pending(), &|_| {}).await.unwrap_err();
        (error, stack.clock.now().duration_since(began).as_secs())
    };
    let (error, seconds) = ended(SchedulesError::Denied, AuditDepth::Presence).await;
    assert_eq!((error.to_string(), seconds), ("the schedules can't be listed: You may not.".into(), 0));
    let (error, seconds) = ended(SchedulesError::Unavailable, AuditDepth::Presence).await;
    assert!(matches!(error, AuditError::Schedules(SchedulesError::Unavailable(_))), "{error}");
    assert!((60..=125).contains(&seconds), "{seconds} s");

    // Entries come first: someone without one is looked at, and nobody may.
    let closed = Closed(SchedulesError::Unavailable);
    let enrolled = stack.ledger.entries(&CustomerId::parse("c-1").unwrap()).await.unwrap().remove(0);
    stack.ledger.apply(&enrolled.skip(SkipReason::OptedOut, enrolled.due(), None).unwrap()).await.unwrap();
    let audit = Audit { schedules: &closed, ..stack.audit_use_case(AuditDepth::Presence, false) };
    let began = stack.clock.now();
    let error = audit.run(AuditStart::Begin, pending(), &|_| {}).await.unwrap_err();
    assert!(matches!(error, AuditError::Schedule(ScheduleError::Denied { .. })), "{error}");
    assert_eq!(stack.clock.now(), began);
}

#[tokio::test]
async fn a_schedule_of_someone_unknown_is_told_and_left_alone() {
    let (stack, customers) = stack_of(&["c-1"]).await;
    let lost = CustomerId::parse("c-lost").unwrap();
    let schedule = MonthlySchedule { customer: lost.clone(), slot: customers[0].slot.clone() };
    stack.schedules.put(&schedule).await.unwrap();
    let report = stack.audit(true).await;
    assert_eq!(report.found, BTreeMap::from([(Problem::UnknownCustomer, 1)]));
    assert!(!report.is_clean());
    assert_eq!(stack.schedules.get(&lost).await.unwrap(), Some(schedule));
}

#[tokio::test]
async fn a_repair_writes_no_profile_so_it_brings_nobody_back() {
    let (stack, customers) = stack_of(&["c-1"]).await;
    let gone = Customer { standing: Standing::Closed, ..customers[0].clone() };
    stack.rewrite(&gone).await;
    let before = stack.ledger.customer(&gone.id).await.unwrap();
    stack.enrollment().repair(&gone.id).await.unwrap();
    assert_eq!(stack.ledger.customer(&gone.id).await.unwrap(), before);
    assert_eq!(stack.schedules.get(&gone.id).await.unwrap(), None);
}
