//! Enrolment where the scheduler takes so many calls a second and no more, refuses some, or everyone.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use pulse_core::{
    customer::{Customer, CustomerId, EmailAddress},
    delivery::Delivery,
    enrollment::EnrollmentError,
    entry::{Change, Entry, EntryId},
    failure::Cause,
    ports::{
        Activity, Ledger, LedgerError, MonthlySchedule, PutOutcome, ScheduleError, SchedulePage, Schedules,
        SchedulesError, Sleeper,
    },
    suppression::Suppression,
};
use pulse_sim::{ledger::MemoryLedger, time::VirtualTime};

use super::{World, cause, customer, now, start};
use crate::{App, ConsentCounts, Counts, EnrollError};

/// How long a call takes.
const CALL: Duration = Duration::from_millis(30);

/// What a scheduler does with a call in the second that it comes in: the number of that call, and whose it is.
type Answer = fn(u64, &CustomerId) -> Option<fn(CustomerId, Cause) -> ScheduleError>;

struct FakeScheduler {
    time: VirtualTime,
    answer: Answer,
    by_second: Mutex<BTreeMap<i64, u64>>,
    refused: Mutex<u64>,
}

impl FakeScheduler {
    async fn call(&self, customer: &CustomerId) -> Result<PutOutcome, ScheduleError> {
        let number = {
            let mut by_second = self.by_second.lock().unwrap();
            let number = by_second.entry(self.time.now().as_second()).or_default();
            *number += 1;
            *number
        };
        self.time.sleep(CALL).await;
        match (self.answer)(number, customer) {
            None => Ok(PutOutcome::Created),
            Some(error) => {
                *self.refused.lock().unwrap() += 1;
                Err(error(customer.clone(), cause()))
            }
        }
    }
}

#[async_trait]
impl Schedules for FakeScheduler {
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError> {
        self.call(&schedule.customer).await
    }

    async fn get(&self, _: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError> {
        Ok(None)
    }

    async fn delete(&self, customer: &CustomerId) -> Result<bool, ScheduleError> {
        self.call(customer).await.map(|_| true)
    }

    async fn list(&self, _: &str, _: Option<String>) -> Result<SchedulePage, SchedulesError> {
        Ok(SchedulePage::default())
    }
}

/// What came of enrolling so many, who was refused, and how long it took in seconds; and how many calls came to nothing.
struct Enrolled {
    counts: Result<Counts, EnrollError>,
    refused: Vec<u64>,
    seconds: i64,
    calls: u64,
    in_vain: u64,
    /// Of each profile, whether all that belongs to it was made.
    settled: Vec<bool>,
}

fn enroll(count: u64, answer: Answer) -> Enrolled {
    let world = World::new();
    let time = VirtualTime::of(world.clock.clone());
    let fake =
        Arc::new(FakeScheduler { time: time.clone(), answer, by_second: Mutex::default(), refused: Mutex::default() });
    let sleeper: Arc<dyn Sleeper> = Arc::new(time.clone());
    let mut ports = world.app.ports.clone();
    ports.schedules = fake.clone();
    ports.sleeper = sleeper;
    let app = App { ports, ..world.app };
    let mut refused = Vec::new();
    let customers = (0..count).map(|number| (number, customer(&format!("c-{number}"))));
    let mut watch = |number, cause: Option<&Cause>| {
        if cause.is_some() {
            refused.push(number);
        }
    };
    let counts = time.run(app.enroll(customers, start(), &mut watch, &|| false));
    let seconds = time.now().duration_since(start()).as_secs();
    let calls = fake.by_second.lock().unwrap().values().sum();
    let in_vain = *fake.refused.lock().unwrap();
    let mut settled = Vec::new();
    world.ledger.for_each_customer(|customer| settled.push(customer.mark.settled));
    Enrolled { counts, refused, seconds, calls, in_vain, settled }
}

/// So many new customers, whose marks are empty.
fn new(new: u64) -> Counts {
    Counts { new, consent: ConsentCounts { empty_of_new: new, ..ConsentCounts::default() }, ..Counts::default() }
}

/// A ledger that can't be used so many times at first.
struct Wavering {
    ledger: Arc<MemoryLedger>,
    in_vain: Mutex<u64>,
}

#[async_trait]
impl Ledger for Wavering {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        {
            let mut left = self.in_vain.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return Err(LedgerError::Unavailable(cause()));
            }
        }
        self.ledger.customer(id).await
    }

    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError> {
        self.ledger.save_with_word(customer, word).await
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        self.ledger.entry(id).await
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.ledger.entries(customer).await
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.ledger.open(entry).await
    }

    async fn write_change(&self, change: &Change) -> Result<(), LedgerError> {
        self.ledger.write_change(change).await
    }

    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        self.ledger.suppression(address).await
    }

    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError> {
        self.ledger.save_suppression(address, suppression).await
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        self.ledger.note(activity).await
    }
}

#[test]
fn a_ledger_that_is_away_for_a_moment_stops_nobody() {
    for (in_vain, enrolls) in [(9, true), (10, false)] {
        let world = World::new();
        let mut ports = world.app.ports.clone();
        ports.ledger = Arc::new(Wavering { ledger: world.ledger.clone(), in_vain: Mutex::new(in_vain) });
        let app = App { ports, ..world.app };
        let counts = now(app.enroll(std::iter::once((2, customer("c-1"))), start(), &mut |_, _| {}, &|| false));
        let expected = new(1);
        assert_eq!(counts.is_ok_and(|counts| counts == expected), enrolls, "{in_vain} times in vain");
        let left = now(app.unenroll(vec![customer("c-1").id]));
        assert_eq!(left.unwrap()[0].unenrolled, enrolls);
    }
}

fn unavailable(customer: CustomerId, cause: Cause) -> ScheduleError {
    ScheduleError::Unavailable { customer, cause }
}

fn refused(customer: CustomerId, cause: Cause) -> ScheduleError {
    ScheduleError::Refused { customer, cause }
}

fn denied(customer: CustomerId, cause: Cause) -> ScheduleError {
    ScheduleError::Denied { customer, cause }
}

#[test]
fn a_roster_is_enrolled_at_the_pace_that_the_scheduler_bears() {
    for (quota, answer, longest) in [
        (250, (|number, _| (number > 250).then_some(unavailable as _)) as Answer, 30),
        (50, |number, _| (number > 50).then_some(unavailable as _), 150),
    ] {
        let done = enroll(5_000, answer);
        assert_eq!(done.counts, Ok(new(5_000)), "at {quota} a second");
        assert!(done.seconds <= longest, "at {quota} a second it took {} s", done.seconds);
        assert!(
            done.in_vain * 4 < done.calls,
            "at {quota} a second {} of {} calls came to nothing",
            done.in_vain,
            done.calls
        );
    }
    let free = enroll(5_000, |_, _| None);
    assert!(free.seconds <= 5, "where the quota is thousands, it took {} s", free.seconds);
}

#[test]
fn who_is_refused_is_told_and_the_others_go_on() {
    let done = enroll(300, |_, customer| customer.as_str().ends_with('7').then_some(refused as _));
    assert_eq!(done.counts, Ok(new(270)));
    let mut told = done.refused;
    told.sort_unstable();
    assert_eq!(told, (0..300).filter(|number| number % 10 == 7).collect::<Vec<_>>());
    assert_eq!(done.in_vain, 30, "who is refused for good is asked for once");
}

#[test]
fn a_roster_that_is_refused_as_a_whole_ends_and_so_does_one_that_may_not_be_enrolled() {
    let done = enroll(5_000, |_, _| Some(refused as _));
    assert_eq!(done.counts, Err(EnrollError::Everyone(cause())));
    assert_eq!(done.refused.len(), 100 + 63, "those under way then are ended and told");

    let done = enroll(5_000, |_, _| Some(denied as _));
    let Err(EnrollError::Stopped { error: EnrollmentError::Schedule(ScheduleError::Denied { .. }), .. }) = done.counts
    else {
        panic!("{:?}", done.counts)
    };
    assert!(done.refused.is_empty() && done.calls <= 64, "{} calls", done.calls);
}

#[test]
fn when_one_row_stops_it_those_under_way_are_enrolled_to_the_end() {
    let done = enroll(5_000, |_, customer| (customer.as_str() == "c-70").then_some(denied as _));
    assert!(matches!(&done.counts, Err(EnrollError::Stopped { customer, .. }) if customer.as_str() == "c-70"));
    assert!((64..200).contains(&done.settled.len()), "{} customers", done.settled.len());
    assert!(done.settled.iter().all(|settled| *settled), "nobody is half on the roster");
}

#[test]
fn a_scheduler_that_stays_out_of_order_ends_it_after_two_minutes() {
    let done = enroll(100, |_, _| Some(unavailable as _));
    assert!(matches!(done.counts, Err(EnrollError::Stopped { .. })), "{:?}", done.counts);
    assert!((60..=240).contains(&done.seconds), "{} s", done.seconds);
}
