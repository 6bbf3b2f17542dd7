use super::*;

// EventBridge Scheduler User Guide, "Schedule types on EventBridge Scheduler": "60 second precision".
#[test]
fn a_schedule_fires_within_its_minute_every_month() {
    let rig = Rig::prompt();
    rig.put(&monthly("c-1", 10, 9, 30, "Europe/Dublin"));
    rig.run_until("2027-03-01T00:00:00Z");
    let delivered = rig.delivered();
    let moments: Vec<_> = delivered.iter().map(|received| due(received).to_string()).collect();
    let expected = ["2026-11-10T09:30:00Z", "2026-12-10T09:30:00Z", "2027-01-10T09:30:00Z", "2027-02-10T09:30:00Z"];
    assert_eq!(moments, expected);
    for received in &delivered {
        let late = received.sent_at.duration_since(due(received)).as_secs();
        assert!((0..60).contains(&late), "fired {late} s late");
    }
    assert_eq!(rig.scheduler.counts(), SchedulerCounts { invocations: 4, ..SchedulerCounts::default() });
}

// EventBridge Scheduler User Guide, "Configuring flexible time windows in EventBridge Scheduler": "within
// 15 minutes after the scheduled time"; "Adding context attributes": the scheduled time is the schedule's.
#[test]
fn a_window_spreads_what_is_due_at_one_moment_and_leaves_the_moment_as_it_is() {
    let rig = Rig::new(SchedulerSettings::default());
    for n in 0..1_500 {
        rig.put(&monthly(&format!("c-{n}"), 10, 9, 0, "UTC"));
    }
    rig.run_until("2026-11-10T09:16:00Z");
    let delivered = rig.delivered();
    let mut by_minute = [0_u32; 15];
    for received in &delivered {
        assert_eq!(due(received), at("2026-11-10T09:00:00Z"));
        let minute = received.sent_at.duration_since(due(received)).as_mins();
        by_minute[usize::try_from(minute).unwrap()] += 1;
    }
    assert_eq!(delivered.len(), 1_500);
    assert!(by_minute.iter().all(|&count| (60..=145).contains(&count)), "{by_minute:?}");
}

// EventBridge Scheduler User Guide, "Schedule types on EventBridge Scheduler": daylight savings time, and
// cron expressions that name a day which not every month has.
#[test]
fn a_schedule_loses_the_month_whose_clocks_skip_its_time_or_that_lacks_its_day() {
    let rig = Rig::prompt();
    rig.put(&monthly("c-1", 28, 1, 30, "Europe/Dublin"));
    rig.put(&monthly("c-2", 31, 9, 0, "UTC"));
    rig.run_until("2027-05-01T00:00:00Z");
    let mut moments = rig.moments();
    moments.sort();
    let expected = [
        "2026-11-28T01:30:00Z",
        "2026-12-28T01:30:00Z",
        "2026-12-31T09:00:00Z",
        "2027-01-28T01:30:00Z",
        "2027-01-31T09:00:00Z",
        "2027-02-28T01:30:00Z",
        // 28 March 2027, 01:30 doesn't exist in Dublin.
        "2027-03-31T09:00:00Z",
        "2027-04-28T00:30:00Z",
    ];
    assert_eq!(moments, expected);
}

// The same page: a time that the clocks of autumn repeat.
#[test]
fn a_schedule_in_the_hour_that_autumn_repeats_fires_once() {
    let rig = Rig::prompt();
    rig.run_until("2027-10-20T00:00:00Z");
    rig.put(&monthly("c-1", 31, 1, 30, "Europe/Dublin"));
    rig.run_until("2027-12-01T00:00:00Z");
    assert_eq!(rig.moments(), ["2027-10-31T00:30:00Z"]);
}

#[test]
fn a_schedule_that_is_put_after_its_moment_fires_next_month() {
    let rig = Rig::prompt();
    rig.put(&monthly("c-1", 3, 10, 0, "UTC"));
    rig.put(&monthly("c-2", 3, 10, 1, "UTC"));
    rig.run_until("2026-12-20T00:00:00Z");
    assert_eq!(rig.moments(), ["2026-11-03T10:01:00Z", "2026-12-03T10:00:00Z", "2026-12-03T10:01:00Z"]);
}

// EventBridge Scheduler API Reference, UpdateSchedule: it replaces the schedule as a whole.
#[test]
fn an_update_replaces_what_was_planned_even_if_it_is_sooner() {
    let rig = Rig::prompt();
    rig.put(&monthly("c-1", 20, 9, 0, "UTC"));
    rig.put(&monthly("c-2", 10, 9, 0, "UTC"));
    rig.run_until("2026-11-05T00:00:00Z");
    rig.put(&monthly("c-1", 6, 9, 0, "UTC"));
    rig.put(&monthly("c-2", 10, 9, 0, "Asia/Tokyo"));
    rig.run_until("2026-12-01T00:00:00Z");
    assert_eq!(rig.moments(), ["2026-11-06T09:00:00Z", "2026-11-10T00:00:00Z"]);
}

#[test]
fn putting_the_same_schedule_again_within_its_window_takes_nothing_back() {
    let rig = Rig::new(SchedulerSettings::default());
    for n in 0..100 {
        rig.put(&monthly(&format!("c-{n}"), 10, 9, 0, "UTC"));
    }
    rig.run_until("2026-11-10T09:05:00Z");
    assert!((1..100).contains(&rig.target.depth().visible));
    for n in 0..100 {
        assert_eq!(rig.put(&monthly(&format!("c-{n}"), 10, 9, 0, "UTC")), PutOutcome::Unchanged);
    }
    rig.run_until("2026-11-10T09:15:00Z");
    assert_eq!(rig.delivered().len(), 100);
}

// EventBridge Scheduler User Guide, "Changing the schedule state in EventBridge Scheduler": a disabled
// schedule doesn't invoke its target.
#[test]
fn a_schedule_that_is_disabled_deleted_or_lost_fires_no_more_until_it_is_put_again() {
    let rig = Rig::prompt();
    for customer in ["deleted", "disabled", "lost", "put-again"] {
        rig.put(&monthly(customer, 10, 9, 0, "UTC"));
    }
    assert!(rig.scheduler.disable(&id("disabled")) && rig.scheduler.lose(&id("lost")));
    assert_eq!(rig.scheduler.delete(&id("deleted")).now_or_never().unwrap(), Ok(true));
    assert!(rig.scheduler.disable(&id("put-again")));
    rig.put(&monthly("put-again", 10, 9, 0, "UTC"));
    rig.run_until("2026-12-01T00:00:00Z");
    let delivered = rig.delivered();
    assert_eq!(delivered.len(), 1, "once, though it was planned twice");
    assert!(delivered[0].body.contains("put-again"));
    // The month that passed is not made up for.
    rig.put(&monthly("disabled", 10, 9, 0, "UTC"));
    rig.run_until("2026-12-10T10:00:00Z");
    assert_eq!(rig.moments(), ["2026-12-10T09:00:00Z"; 2]);
}

#[test]
fn the_same_seed_fires_at_the_same_moments() {
    let run = || {
        let rig = Rig::new(SchedulerSettings { duplicate: 0.3, ..SchedulerSettings::default() });
        for n in 0..50 {
            rig.put(&monthly(&format!("c-{n}"), 10, 9, n, "UTC"));
        }
        rig.run_until("2026-12-11T00:00:00Z");
        rig.delivered()
    };
    assert_eq!(run(), run());
}
