//! Rosters that are enrolled while customers opt out, and rows that the scheduler refuses.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{
    customer::{Consent, Contact, Customer, CustomerId, EmailAddress, OptOutMark, Zone},
    delivery::Delivery,
    enrollment::{Enrolled, Enrollment, EnrollmentError, RosterChange},
    entry::{Change, Entry, EntryId},
    ports::{Activity, Ledger, LedgerError, Schedules as _},
    slot::Slot,
    suppression::Suppression,
};
use pulse_sim::{
    seeds::person,
    world::{Faults, Noise, Production, Promise, SystemUnderTest, World, WorldPorts, WorldSettings},
};

const CUSTOMERS: u32 = 200;

/// A bug: a profile is written over whatever is there.
struct SavesBlindly;

#[async_trait]
impl SystemUnderTest for SavesBlindly {
    async fn enroll(&self, ports: &WorldPorts, told: &Customer, as_of: Timestamp) -> Result<Enrolled, EnrollmentError> {
        let ledger = Arc::new(Blind(Arc::clone(&ports.ledger)));
        Production.enroll(&WorldPorts { ledger, ..ports.clone() }, told, as_of).await
    }
}

struct Blind(Arc<dyn Ledger>);

#[async_trait]
impl Ledger for Blind {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        self.0.customer(id).await
    }

    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError> {
        loop {
            let mut customer = customer.clone();
            customer.mark.version = self.0.customer(&customer.id).await?.map_or(0, |there| there.mark.version);
            if self.0.save_with_word(&customer, word).await? {
                return Ok(true);
            }
        }
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        self.0.entry(id).await
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.0.entries(customer).await
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.0.open(entry).await
    }

    async fn write_change(&self, change: &Change) -> Result<(), LedgerError> {
        self.0.write_change(change).await
    }

    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        self.0.suppression(address).await
    }

    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError> {
        self.0.save_suppression(address, suppression).await
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        self.0.note(activity).await
    }
}

/// A bug that was shipped once: the profile is written before anyone has heard whether the scheduler takes the customer.
struct WritesTheProfileFirst;

#[async_trait]
impl SystemUnderTest for WritesTheProfileFirst {
    async fn enroll(&self, ports: &WorldPorts, told: &Customer, as_of: Timestamp) -> Result<Enrolled, EnrollmentError> {
        let before = ports.ledger.customer(&told.id).await?;
        ports.ledger.save_customer(&RosterChange::of(before.as_ref(), told, as_of).after).await?;
        let enrollment = Enrollment { ledger: &*ports.ledger, schedules: &*ports.schedules, clock: &*ports.clock };
        enrollment.enroll(told, as_of).await
    }
}

fn starts() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().expect("a moment")
}

/// Customers who all get mail, each at their own hour of the 3rd to the 9th.
fn customers() -> Vec<Customer> {
    let shapes = (0..).map(|number| person(1, number)).filter(|person| matches!(person.contact, Contact::Email(_)));
    let due = |number: u32, shape: Customer| {
        let (day, hour) = (3 + number % 7, 6 + number % 12);
        let slot = |zone| Slot::parse(i8::try_from(day).ok()?, i8::try_from(hour).ok()?, 0, zone).ok();
        let slot = slot(Zone::UTC).expect("a slot");
        Customer { consent: Consent::of_mark(OptOutMark::No), slot, zone: Zone::UTC, ..shape }
    };
    (0..CUSTOMERS).zip(shapes).map(|(number, shape)| due(number, shape)).collect()
}

/// A month in which a roster with new balances is enrolled on the second day, while every other customer opts out: some
/// milliseconds before or after their row, and with a ledger that loses answers. What was seen that must not be.
fn opting_out_meanwhile(product: impl SystemUnderTest + 'static, seed: u64) -> (Arc<World>, Vec<Promise>) {
    let world = World::new(WorldSettings::shipped(starts(), seed), Arc::new(product));
    let customers = customers();
    for customer in &customers {
        world.enroll_at_once(customer);
    }
    world.run_until(starts() + Duration::from_hours(24));
    world.faults.set(Faults { ledger: Noise { refused: 0.02, answer_lost: 0.02 }, ..Faults::default() });
    for (number, customer) in (0_u64..).zip(customers) {
        let begins = world.time.now() + Duration::from_millis(10 * number);
        if number % 2 == 0 {
            let (world, id) = (Arc::clone(&world), customer.id.clone());
            let at = begins + Duration::from_millis(number.wrapping_mul(seed + 7) % 40);
            let _ = Arc::clone(&world).time.spawn(async move {
                world.time.sleep_until(at).await;
                world.hear(&id, true).await;
            });
        }
        let world = Arc::clone(&world);
        let _ = Arc::clone(&world).time.spawn(async move {
            world.time.sleep_until(begins + Duration::from_millis(10)).await;
            let mut told = customer;
            told.balance.minor += 1;
            world.enroll(&told).await;
        });
    }
    world.run_until(world.time.now() + Duration::from_hours(2));
    world.faults.set(Faults::default());
    world.run_until(starts() + Duration::from_hours(12 * 24));
    let broken = world.checker.violations().iter().map(|violation| violation.promise).collect();
    (world, broken)
}

#[test]
fn an_opt_out_while_a_roster_is_enrolled_is_kept() {
    for seed in 0..5 {
        let (world, broken) = opting_out_meanwhile(Production, seed);
        assert_eq!(broken, [], "seed {seed}");
        let (mut opted_out, mut told) = (0, 0);
        world.ledger.for_each_customer(|customer| {
            opted_out += u32::from(customer.consent.opted_out());
            told += u32::from(customer.balance.minor % 2 == 1 && customer.mark.settled);
        });
        assert_eq!((opted_out, told, world.mailer.mails()), (CUSTOMERS / 2, CUSTOMERS, u64::from(CUSTOMERS / 2)));
    }
}

#[test]
fn writing_a_profile_over_an_opt_out_is_caught() {
    let caught = (0..5).any(|seed| opting_out_meanwhile(SavesBlindly, seed).1.contains(&Promise::RightMail));
    assert!(caught, "nobody saw that opt-outs were lost");
}

/// Enrols customers of whom every tenth is in a zone that the scheduler refuses, and says who of them is on the roster
/// without a schedule.
fn refused(product: impl SystemUnderTest + 'static) -> usize {
    let world = World::new(WorldSettings::shipped(starts(), 1), Arc::new(product));
    let refused = Zone::parse("Antarctica/Troll").expect("a zone");
    world.scheduler.refuse(&refused);
    for (number, mut customer) in customers().into_iter().enumerate() {
        if number % 10 == 0 {
            customer.slot = Slot::parse(5, 9, 0, refused.clone()).expect("a slot");
        }
        let world = Arc::clone(&world);
        let _ = Arc::clone(&world).time.spawn(async move { world.enroll(&customer).await });
    }
    world.run_until(starts() + Duration::from_hours(1));
    let mut half = 0;
    world.ledger.for_each_customer(|customer| {
        let schedule = world.scheduler.get(&customer.id).now_or_never().and_then(Result::ok).flatten();
        half += usize::from(schedule.is_none());
    });
    half
}

#[test]
fn whom_the_scheduler_refuses_is_not_half_on_the_roster() {
    assert_eq!(refused(Production), 0);
    assert_eq!(refused(WritesTheProfileFirst), 20, "and who is would be seen");
}
