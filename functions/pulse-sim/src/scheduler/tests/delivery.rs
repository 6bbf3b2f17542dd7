use super::*;

fn all_at_nine(rig: &Rig, count: usize) {
    for n in 0..count {
        rig.put(&monthly(&format!("c-{n}"), 10, 9, 0, "UTC"));
    }
}

// EventBridge Scheduler User Guide, "What is Amazon EventBridge Scheduler?": at-least-once delivery.
#[test]
fn a_firing_may_be_delivered_twice_with_the_same_moment() {
    let rig = Rig::new(SchedulerSettings { duplicate: 0.1, ..SchedulerSettings::default() });
    all_at_nine(&rig, 1_000);
    rig.run_until("2026-11-11T00:00:00Z");
    let delivered = rig.delivered();
    let once: BTreeSet<_> = delivered.iter().map(|received| &received.body).collect();
    assert_eq!(once.len(), 1_000);
    let twice = delivered.len() - 1_000;
    assert!((70..130).contains(&twice), "{twice} came twice");
    let counts = rig.scheduler.counts();
    assert_eq!((counts.invocations, counts.duplicates), (1_000 + twice as u64, twice as u64));
    // And each goes on next month.
    rig.run_until("2026-12-11T00:00:00Z");
    let next: BTreeSet<_> = rig.delivered().iter().map(due).collect();
    assert_eq!(next, [at("2026-12-10T09:00:00Z")].into());
}

// EventBridge Scheduler User Guide, "Quotas for Amazon EventBridge Scheduler": invocations over the
// throttle limit are "delayed" and not dropped.
#[test]
fn what_is_over_the_quota_is_delayed_and_not_lost() {
    let rig = Rig::new(SchedulerSettings { quota_per_second: 2, ..SchedulerSettings::default() });
    all_at_nine(&rig, 3_000);
    rig.run_until("2026-11-10T09:15:00Z");
    assert!(rig.target.depth().visible <= 1_802, "no more than two a second");
    rig.run_until("2026-11-10T10:00:00Z");
    let mut per_second = std::collections::BTreeMap::<i64, u32>::new();
    for received in rig.delivered() {
        *per_second.entry(received.sent_at.as_second()).or_default() += 1;
    }
    assert_eq!(per_second.values().sum::<u32>(), 3_000);
    assert_eq!(per_second.values().max(), Some(&2));
}

// EventBridge Scheduler API Reference, RetryPolicy; User Guide, "Managing a schedule": a failed delivery is
// tried again, with exponential backoff.
#[test]
fn a_target_that_was_down_for_hours_gets_everything_when_it_is_back() {
    let rig = Rig::prompt();
    all_at_nine(&rig, 200);
    rig.scheduler.set_target_down(at("2026-11-10T15:00:00Z"));
    rig.run_until("2026-11-10T14:59:59Z");
    assert_eq!(rig.target.depth().visible, 0);
    rig.run_until("2026-11-10T15:10:00Z");
    let delivered = rig.delivered();
    let customers: BTreeSet<_> = delivered.iter().map(|received| &received.body).collect();
    assert_eq!((delivered.len(), customers.len()), (200, 200));
    assert!(delivered.iter().all(|received| due(received) == at("2026-11-10T09:00:00Z")));
    let counts = rig.scheduler.counts();
    assert_eq!((counts.invocations, counts.dead_lettered), (counts.failures + 200, 0));
    // Doubling to ten minutes: some 40 to 60 attempts each in six hours, not thousands.
    assert!((200 * 40..200 * 60).contains(&counts.failures), "{} failures", counts.failures);
}

// EventBridge Scheduler User Guide, "Configuring a dead-letter queue for EventBridge Scheduler": what the
// retry policy, here 24 hours and 185 retries, could not deliver.
#[test]
fn what_can_not_be_delivered_for_a_day_goes_to_the_schedules_dead_letter_queue() {
    let rig = Rig::prompt();
    all_at_nine(&rig, 20);
    rig.scheduler.set_target_down(at("2026-11-12T00:00:00Z"));
    rig.run_until("2026-11-11T08:40:00Z");
    assert_eq!(rig.dlq.depth().visible, 0);
    rig.run_until("2026-11-11T09:00:00Z");
    let dead = take(&rig.dlq);
    assert_eq!(dead.len(), 20);
    assert!(dead.iter().all(|received| due(received) == at("2026-11-10T09:00:00Z")));
    rig.run_until("2026-12-11T00:00:00Z");
    assert_eq!(rig.moments(), ["2026-12-10T09:00:00Z"; 20], "the next month is as ever");
    let counts = rig.scheduler.counts();
    assert_eq!(counts.dead_lettered, 20);
    assert!(counts.failures <= 20 * 186, "{} failures", counts.failures);
}

// EventBridge Scheduler User Guide, "Configuring a schedule's dead-letter queue": EXHAUSTED_RETRY_CONDITION is there "if the
// error from the target API is a retryable error, and not a permanent error".
#[test]
fn what_the_target_refuses_goes_to_the_dead_letter_queue_at_once_and_never_comes_by_itself() {
    let rig = Rig::prompt();
    all_at_nine(&rig, 20);
    rig.scheduler.set_target_failing(TargetFailure::Refused, at("2026-11-10T12:00:00Z"));
    rig.run_until("2026-11-10T09:01:00Z");
    assert_eq!(take(&rig.dlq).len(), 20);
    rig.run_until("2026-11-12T00:00:00Z");
    let counts = rig.scheduler.counts();
    assert_eq!((rig.delivered().len(), counts.failures, counts.dead_lettered, counts.lost), (0, 20, 20, 0));
}

// The same page: the schedule's execution role needs sqs:SendMessage on the dead-letter queue.
#[test]
fn a_broken_role_leaves_no_dead_letter() {
    let rig = Rig::prompt();
    all_at_nine(&rig, 20);
    rig.scheduler.set_target_failing(TargetFailure::RoleBroken, at("2026-11-10T12:00:00Z"));
    rig.run_until("2026-11-12T00:00:00Z");
    let counts = rig.scheduler.counts();
    assert_eq!((rig.delivered().len(), take(&rig.dlq).len(), counts.dead_lettered, counts.lost), (0, 0, 0, 20));
    rig.run_until("2026-12-11T00:00:00Z");
    assert_eq!(rig.delivered().len(), 20, "the next month is as ever");
}

#[test]
fn a_schedule_deleted_while_its_target_is_down_is_still_delivered_once_invoked() {
    let rig = Rig::prompt();
    all_at_nine(&rig, 1);
    rig.scheduler.set_target_down(at("2026-11-10T10:00:00Z"));
    rig.run_until("2026-11-10T09:30:00Z");
    assert!(rig.scheduler.lose(&id("c-0")));
    rig.time.run_until(rig.time.now() + DAY * 60);
    assert_eq!(rig.moments(), ["2026-11-10T09:00:00Z"]);
}

#[test]
fn what_came_up_before_the_start_is_fired_at_once() {
    let clock = Arc::new(VirtualClock::starting_at(at("2026-11-03T10:00:00Z")));
    let time = VirtualTime::of(clock.clone());
    let random = Randomness::of_seed(7).stream("scheduler");
    let scheduler = Arc::new(MemoryScheduler::new(clock.clone(), random, SchedulerSettings::default()));
    let queue = Arc::new(MemoryQueue::new(clock, DAY, None));
    scheduler.put(&monthly("c-1", 10, 9, 0, "UTC")).now_or_never().unwrap().unwrap();
    time.run_until(at("2026-11-20T00:00:00Z"));
    assert_eq!(queue.depth().visible, 0);
    scheduler.start(&time, queue.clone(), queue.clone());
    time.run_until(at("2026-11-20T00:00:00Z"));
    let fired: Vec<_> = take(&queue).iter().map(|received| (due(received), received.sent_at)).collect();
    assert_eq!(fired, [(at("2026-11-10T09:00:00Z"), at("2026-11-20T00:00:00Z"))]);
}
