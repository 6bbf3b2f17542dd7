mod delivery;
mod firing;

use std::collections::BTreeSet;

use futures::FutureExt as _;
use pulse_core::{
    customer::Zone,
    message::{Turn, WorkMessage},
    slot::Slot,
};

use super::*;
use crate::{
    clock::VirtualClock,
    queue::{MemoryQueue, Received},
    random::Randomness,
    time::VirtualTime,
};

const DAY: Duration = Duration::from_hours(24);

/// A scheduler, its target and its dead-letter queue.
struct Rig {
    time: VirtualTime,
    scheduler: Arc<MemoryScheduler>,
    target: Arc<MemoryQueue>,
    dlq: Arc<MemoryQueue>,
}

impl Rig {
    fn new(settings: SchedulerSettings) -> Self {
        let clock = Arc::new(VirtualClock::starting_at(at("2026-11-03T10:00:00Z")));
        let random = Randomness::of_seed(7).stream("scheduler");
        let scheduler = Arc::new(MemoryScheduler::new(clock.clone(), random, settings));
        let [target, dlq] = [(); 2].map(|()| Arc::new(MemoryQueue::new(clock.clone(), Duration::from_mins(1), None)));
        let time = VirtualTime::of(clock);
        scheduler.start(&time, target.clone(), dlq.clone());
        Self { time, scheduler, target, dlq }
    }

    /// One that fires within the minute.
    fn prompt() -> Self {
        Self::new(SchedulerSettings { window: Duration::ZERO, ..SchedulerSettings::default() })
    }

    fn put(&self, schedule: &MonthlySchedule) -> PutOutcome {
        self.scheduler.put(schedule).now_or_never().unwrap().unwrap()
    }

    fn get(&self, customer: &CustomerId) -> Option<MonthlySchedule> {
        self.scheduler.get(customer).now_or_never().unwrap().unwrap()
    }

    fn list(&self, page: Option<String>) -> Result<SchedulePage, SchedulesError> {
        self.scheduler.list("", page).now_or_never().unwrap()
    }

    fn run_until(&self, moment: &str) {
        self.time.run_until(at(moment));
    }

    /// Takes what has been delivered since.
    fn delivered(&self) -> Vec<Received> {
        take(&self.target)
    }

    /// The moments that the messages delivered since were due at.
    fn moments(&self) -> Vec<String> {
        self.delivered().iter().map(|received| due(received).to_string()).collect()
    }
}

fn take(queue: &MemoryQueue) -> Vec<Received> {
    let received = queue.receive(usize::MAX);
    queue.delete_all(received.iter().map(|received| &received.receipt));
    received
}

fn due(received: &Received) -> Timestamp {
    match WorkMessage::parse(&received.body, Timestamp::MIN).unwrap().turn().unwrap().turn {
        Turn::Scheduled(moment) => moment,
        Turn::Run { run, .. } => panic!("a schedule names a moment, not {run}"),
    }
}

fn at(moment: &str) -> Timestamp {
    moment.parse().unwrap()
}

fn id(customer: &str) -> CustomerId {
    CustomerId::parse(customer).unwrap()
}

fn monthly(customer: &str, day: i8, hour: i8, minute: i8, zone: &str) -> MonthlySchedule {
    let slot = Slot::parse(day, hour, minute, Zone::parse(zone).unwrap()).unwrap();
    MonthlySchedule { customer: id(customer), slot }
}

// EventBridge Scheduler API Reference, ListSchedules: at most 100 a page, and a NextToken.
#[test]
fn the_list_shows_live_schedules_page_by_page() {
    let rig = Rig::prompt();
    for n in 0..250 {
        rig.put(&monthly(&format!("c-{n:03}"), 10, 9, 0, "UTC"));
    }
    assert!(rig.scheduler.disable(&id("c-007")));
    assert!(rig.scheduler.lose(&id("c-008")));
    let (mut seen, mut pages, mut page) = (BTreeSet::new(), 0, None);
    loop {
        let SchedulePage { customers, next } = rig.list(page).unwrap();
        seen.extend(customers);
        pages += 1;
        page = next;
        if page.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), pages), (248, 3));
    assert!(!seen.contains(&id("c-007")) && !seen.contains(&id("c-008")));
    assert!(rig.list(Some("no such page".to_owned())).is_err());
}

#[test]
fn a_last_page_that_is_full_has_none_after_it() {
    let rig = Rig::prompt();
    assert_eq!(rig.list(None), Ok(SchedulePage::default()));
    for n in 0..100 {
        rig.put(&monthly(&format!("c-{n}"), 10, 9, 0, "UTC"));
    }
    let page = rig.list(None).unwrap();
    assert_eq!((page.customers.len(), page.next), (100, None));
}

#[test]
fn a_schedule_is_created_left_alone_updated_disabled_and_lost() {
    let rig = Rig::prompt();
    let (before, after) = (monthly("c-1", 10, 9, 0, "UTC"), monthly("c-1", 11, 9, 0, "UTC"));
    assert_eq!(rig.get(&id("c-1")), None);
    assert_eq!(rig.put(&before), PutOutcome::Created);
    assert_eq!(rig.put(&before), PutOutcome::Unchanged);
    assert_eq!(rig.put(&after), PutOutcome::Updated);
    assert_eq!(rig.get(&id("c-1")), Some(after.clone()));
    assert!(rig.scheduler.disable(&id("c-1")));
    assert!(!rig.scheduler.disable(&id("c-1")));
    assert_eq!(rig.get(&id("c-1")), None);
    assert_eq!(rig.put(&after), PutOutcome::Updated);
    assert!(rig.scheduler.lose(&id("c-1")));
    assert!(!rig.scheduler.lose(&id("c-1")) && !rig.scheduler.disable(&id("c-1")));
    assert_eq!(rig.put(&after), PutOutcome::Created);
    assert_eq!(rig.scheduler.delete(&id("c-1")).now_or_never().unwrap(), Ok(true));
    assert_eq!(rig.scheduler.delete(&id("c-1")).now_or_never().unwrap(), Ok(false));
}
