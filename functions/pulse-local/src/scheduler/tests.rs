use std::sync::Mutex;

use async_trait::async_trait;
use pulse_core::customer::Zone;
use pulse_core::failure::Cause;
use pulse_core::ports::{Clock as _, MonthlySchedule, Visibility};
use pulse_core::slot::Slot;
use pulse_sim::clock::VirtualClock;
use pulse_sim::schedules::MemorySchedules;

use super::*;

/// What was sent, and whether anything can be.
#[derive(Default)]
struct Queue {
    sent: Mutex<Vec<String>>,
    is_down_for: Mutex<Option<CustomerId>>,
}

#[async_trait]
impl StageQueue for Queue {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        if self.is_down_for.lock().unwrap().as_ref() == message.turn().ok().map(|turn| &turn.customer) {
            return Err(QueueError::Unavailable { queue: "score".into(), cause: Cause::new("It is down.") });
        }
        self.sent.lock().unwrap().push(message.body());
        // Whoever waits for this gets a turn.
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn hide(&self, _: &[Visibility]) -> Result<(), QueueError> {
        Ok(())
    }
}

struct World {
    schedules: Arc<MemorySchedules>,
    queue: Arc<Queue>,
    clock: Arc<VirtualClock>,
}

impl World {
    fn at(now: &str) -> Self {
        let clock = Arc::new(VirtualClock::starting_at(now.parse().unwrap()));
        Self { schedules: Arc::default(), queue: Arc::default(), clock }
    }

    fn scheduler(&self) -> LocalScheduler {
        LocalScheduler::new(self.schedules.clone(), self.queue.clone(), self.clock.clone())
    }

    async fn schedule(&self, id: &str, day: i8, hour: i8, minute: i8, zone: &str) {
        let slot = Slot::parse(day, hour, minute, Zone::parse(zone).unwrap()).unwrap();
        self.schedules.put(&MonthlySchedule { customer: customer(id), slot }).await.unwrap();
    }

    fn sent(&self) -> Vec<String> {
        let mut sent = std::mem::take(&mut *self.queue.sent.lock().unwrap());
        sent.sort();
        sent
    }

    fn set(&self, now: &str) {
        self.clock.set(now.parse().unwrap());
    }
}

fn customer(id: &str) -> CustomerId {
    CustomerId::parse(id).unwrap()
}

/// What Scheduler sends: the schedule's input, its token replaced (`EventBridge` Scheduler User Guide, "Adding
/// context attributes": as in 2022-03-22T18:59:43Z).
fn message(id: &str, moment: &str) -> String {
    WorkMessage::schedule_input(&customer(id)).replace(pulse_core::message::SCHEDULED_TIME_TOKEN, moment)
}

#[tokio::test]
async fn a_schedule_fires_once_at_its_own_minute_with_the_message_that_aws_would_send() {
    let world = World::at("2026-11-10T22:40:30Z");
    let mut scheduler = world.scheduler();
    world.schedule("c-1", 11, 7, 41, "Asia/Tokyo").await;
    world.schedule("c-2", 11, 7, 42, "Asia/Tokyo").await;
    assert_eq!(scheduler.fire_due().await.unwrap(), 0);
    world.set("2026-11-10T22:40:59Z");
    assert_eq!(scheduler.fire_due().await.unwrap(), 0);
    for (now, id, moment) in [
        ("2026-11-10T22:41:00Z", "c-1", "2026-11-10T22:41:00Z"),
        ("2026-11-10T22:42:03Z", "c-2", "2026-11-10T22:42:00Z"),
        ("2026-12-10T22:41:00Z", "c-1", "2026-12-10T22:41:00Z"),
    ] {
        world.set(now);
        assert_eq!(scheduler.fire_due().await.unwrap(), 1, "{now}");
        assert_eq!(scheduler.fire_due().await.unwrap(), 0, "{now}, again");
        assert_eq!(world.sent(), [message(id, moment)]);
    }
}

#[tokio::test]
async fn after_a_sleep_of_the_machine_what_was_missed_fires_with_its_own_time() {
    let world = World::at("2026-11-10T09:00:00Z");
    world.schedule("c-1", 10, 9, 30, "UTC").await;
    let mut scheduler = world.scheduler();
    world.set("2026-12-10T12:00:00Z");
    assert_eq!(scheduler.fire_due().await.unwrap(), 2);
    assert_eq!(world.sent(), [message("c-1", "2026-11-10T09:30:00Z"), message("c-1", "2026-12-10T09:30:00Z")]);
}

#[tokio::test]
async fn one_that_is_started_anew_repeats_nothing_and_goes_on() {
    let world = World::at("2026-11-10T09:29:59Z");
    world.schedule("c-1", 10, 9, 30, "UTC").await;
    world.schedule("c-2", 10, 9, 31, "UTC").await;
    let mut scheduler = world.scheduler();
    world.set("2026-11-10T09:30:00Z");
    assert_eq!(scheduler.fire_due().await.unwrap(), 1);
    drop(scheduler);
    let mut scheduler = world.scheduler();
    world.set("2026-11-10T09:31:00Z");
    scheduler.fire_due().await.unwrap();
    assert_eq!(world.sent(), [message("c-1", "2026-11-10T09:30:00Z"), message("c-2", "2026-11-10T09:31:00Z")]);
}

#[tokio::test]
async fn what_the_queue_did_not_take_fires_later_and_the_rest_not_again() {
    let world = World::at("2026-11-10T09:00:00Z");
    for id in ["c-1", "c-2", "c-3"] {
        world.schedule(id, 10, 9, 30, "UTC").await;
    }
    let mut scheduler = world.scheduler();
    world.set("2026-11-10T09:30:00Z");
    *world.queue.is_down_for.lock().unwrap() = Some(customer("c-2"));
    let error = scheduler.fire_due().await.unwrap_err().to_string();
    assert!(error.contains("the score queue can't be used right now"), "{error}");
    *world.queue.is_down_for.lock().unwrap() = None;
    world.set("2026-11-10T09:30:10Z");
    assert_eq!(scheduler.fire_due().await.unwrap(), 1);
    let moment = "2026-11-10T09:30:00Z";
    assert_eq!(world.sent(), ["c-1", "c-2", "c-3"].map(|id| message(id, moment)));
}

#[tokio::test]
async fn a_schedule_that_is_gone_fires_no_more() {
    let world = World::at("2026-11-10T09:29:00Z");
    world.schedule("c-1", 10, 9, 30, "UTC").await;
    let mut scheduler = world.scheduler();
    world.schedules.delete(&customer("c-1")).await.unwrap();
    world.set("2026-11-10T09:30:00Z");
    assert_eq!(scheduler.fire_due().await.unwrap(), 0);
}

#[tokio::test]
async fn it_runs_at_every_full_minute_and_tells_of_trouble_when_it_begins() {
    let world = World::at("2026-11-10T09:28:20Z");
    world.schedule("c-1", 10, 9, 30, "UTC").await;
    *world.queue.is_down_for.lock().unwrap() = Some(customer("c-1"));
    let troubles = Mutex::new(Vec::new());
    let (clock, queue) = (world.clock.clone(), world.queue.clone());
    // The virtual clock moves on by itself whenever someone sleeps: the run is followed from its own reports.
    let told = |error: &FiringError| {
        troubles.lock().unwrap().push((clock.now().to_string(), error.to_string()));
        *queue.is_down_for.lock().unwrap() = None;
    };
    let run = world.scheduler().run(told);
    let fired = async {
        while world.queue.sent.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { biased; () = fired => (), never = run => match never {} }
    let troubles = troubles.into_inner().unwrap();
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert_eq!(troubles[0].0, "2026-11-10T09:30:00Z");
    assert_eq!(world.sent(), [message("c-1", "2026-11-10T09:30:00Z")]);
}

#[test]
fn the_next_minute_is_later_than_now() {
    for (now, next) in [
        ("2026-11-30T23:59:00Z", "2026-12-01T00:00:00Z"),
        ("2026-11-30T23:59:00.000000001Z", "2026-12-01T00:00:00Z"),
        ("2026-11-30T23:58:59.9Z", "2026-11-30T23:59:00Z"),
    ] {
        assert_eq!(next_minute(now.parse().unwrap()).to_string(), next, "{now}");
    }
}
