//! A day's backlog keeps the lanes busy, and batches that last for minutes keep no pause waiting.

use std::{sync::Arc, time::Duration};

use pulse_core::entry::StageName;
use pulse_sim::{
    backlog::{STAGES, backlog, quiet_day, world_with_a_day_of},
    world::{World, WorldSettings},
};

fn settings(seed: u64) -> WorldSettings {
    WorldSettings::shipped("2026-11-11T00:00:00Z".parse().expect("a moment"), seed)
}

#[test]
fn a_days_backlog_of_20_000_keeps_the_lanes_busy_for_98_percent_of_the_time() {
    for seed in 1..=3 {
        for (stage, report) in STAGES.iter().zip(backlog(20_000, settings(seed))) {
            assert!(report.busy >= 0.98, "seed {seed}, {stage}: {report:?}");
            // Latencies are drawn, and their mean is that of the settings to a percent or so.
            assert!(report.throughput >= 0.965, "seed {seed}, {stage}: {report:?}");
            assert_eq!(report.peak, 20, "seed {seed}, {stage}");
        }
    }
}

#[test]
fn batches_of_80_leave_lanes_idle_and_so_do_ten_calls_of_two_invocations() {
    let with = |change: &dyn Fn(&mut WorldSettings, StageName)| {
        let mut settings = settings(1);
        for stage in STAGES {
            change(&mut settings, stage);
        }
        backlog(20_000, settings)
    };
    let small = with(&|settings, stage| settings.stages[stage].batch_size = 80);
    let wide = with(&|settings, stage| {
        settings.stages[stage].maximum_concurrency = 2;
        settings.stages[stage].worker.in_flight = 10;
    });
    for report in small.iter().chain(&wide) {
        assert!(report.busy < 0.975, "{report:?}");
    }
}

#[test]
fn a_month_of_quiet_days_takes_fewer_gb_seconds_than_are_free() {
    let a_day: f64 = quiet_day(20_000, settings(1)).iter().map(|day| day.gb_seconds).sum();
    // AWS Lambda Pricing: 400,000 GB-seconds a month.
    assert!(a_day * 30.0 < 320_000.0, "{}", a_day * 30.0);
}

/// A world in which 2,000 wait to be scored, a minute after the first of them is called for.
fn a_minute_into_a_backlog(settings: WorldSettings) -> Arc<World> {
    let world = world_with_a_day_of(2_000, settings);
    for stage in STAGES {
        world.set_flowing(stage, false);
    }
    world.run_until(world.time.now() + Duration::from_hours(24));
    world.set_flowing(StageName::Score, true);
    while world.scorer.lanes().calls == 0 {
        world.run_until(world.time.now() + Duration::from_secs(1));
    }
    world.run_until(world.time.now() + Duration::from_mins(1));
    world
}

/// Pauses scoring in the middle of its batches, and resumes it: all calls end soon, and everybody is scored in the end.
fn pause_and_resume(settings: WorldSettings) {
    let world = a_minute_into_a_backlog(settings);
    world.set_flowing(StageName::Score, false);
    // It is asked for every ten seconds, and a call may take twenty.
    world.run_until(world.time.now() + Duration::from_secs(32));
    let paused = world.scorer.lanes();
    assert_eq!(paused.under_way, 0);
    world.run_until(world.time.now() + Duration::from_mins(30));
    assert_eq!(world.scorer.lanes().calls, paused.calls);
    // Of the thousand that had been received by then, some 480 were.
    assert!((300..700).contains(&paused.calls), "{}", paused.calls);
    world.set_flowing(StageName::Score, true);
    world.run_until(world.time.now() + Duration::from_hours(1));
    assert_eq!(world.scorer.lanes().calls, 2_000, "each is asked for once");
    assert_eq!(world.stacks[StageName::Email].queue.depth().visible, 2_000);
    assert_eq!(world.stacks[StageName::Score].dlq.depth().visible, 0);
    world.time.end();
}

#[test]
fn a_pause_ends_calls_within_half_a_minute_though_batches_last_for_minutes() {
    pause_and_resume(settings(1));
}

#[test]
fn what_a_pause_hands_back_on_its_last_receive_is_put_off_and_woken() {
    let mut last = settings(1);
    last.stages[StageName::Score].worker.max_receive_count = 1;
    pause_and_resume(last);
}
