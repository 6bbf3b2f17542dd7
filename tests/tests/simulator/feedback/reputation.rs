//! Mails that recipients take badly hold the email stage, until an operator says why they may go on.

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{
    customer::{Consent, Contact, Customer, Zone},
    entry::{Progress, StageName},
    feedback::FeedbackCount,
    ports::{Controls as _, FeedbackLog as _},
    run::RunId,
    slot::Slot,
};
use pulse_sim::{
    seeds::person,
    world::{Production, RecipientWays, SystemUnderTest, World, WorldSettings},
};

use super::mutants::NeverJudges;

const DAY: Duration = Duration::from_hours(24);
const CUSTOMERS: u32 = 3_600;

/// A week in which 0.5 % of 3,600 recipients call their mail spam.
fn world(product: impl SystemUnderTest + 'static) -> Arc<World> {
    let starts: Timestamp = "2026-11-01T00:00:00Z".parse().expect("a moment");
    let mut settings = WorldSettings::shipped(starts, 1);
    settings.recipients = RecipientWays { complaints: 0.005, ..RecipientWays::default() };
    let world = World::new(settings, Arc::new(product));
    let shapes = (0..).map(|number| person(1, number)).filter(|person| matches!(person.contact, Contact::Email(_)));
    for (number, shape) in (0..CUSTOMERS).zip(shapes) {
        let since = Duration::from_secs(u64::from(number) * 7_919 % (6 * 24 * 3_600));
        let signed_up_at = "2024-01-02T00:00:00Z".parse::<Timestamp>().expect("a moment") + since;
        let slot = Slot::of_sign_up(&shape.id, signed_up_at, &Zone::UTC);
        let customer = Customer { consent: Consent::default(), signed_up_at, slot, zone: Zone::UTC, ..shape };
        world.enroll_at_once(&customer);
    }
    world
}

fn is_held(world: &World) -> bool {
    let control = world.ledger.control(StageName::Email).now_or_never().expect("at once").expect("read");
    control.reputation.is_some()
}

/// How many complained, of how many mails of which it is known what became of them.
fn complaints(world: &World) -> (u64, u64) {
    let run = RunId::parse("2026-11").expect("a run");
    let counts = world.ledger.feedback_counts(run, Timestamp::MIN).now_or_never().expect("at once").expect("read");
    let sum = |count| counts.iter().map(|(_, counts)| counts[count]).sum();
    (sum(FeedbackCount::Complained), sum(FeedbackCount::Heard))
}

fn sent(world: &World) -> u32 {
    let mut sent = 0;
    world.ledger.for_each_entry(|entry| sent += u32::from(matches!(entry.progress(), Progress::Done { .. })));
    sent
}

#[test]
fn complaints_hold_the_email_stage_until_someone_says_why_it_may_go_on() {
    let world = world(Production);
    let ends = world.time.now() + 8 * DAY;
    while !is_held(&world) {
        assert!(world.time.now() < ends, "{:?} of {CUSTOMERS} complained, and nothing is held", complaints(&world));
        world.run_until(world.time.now() + Duration::from_mins(5));
    }
    let (complained, heard) = complaints(&world);
    assert!(heard >= 1_000 && complained * 1_000 > heard * 3, "{complained} of {heard} complained");
    world.run_until(world.time.now() + Duration::from_hours(1));
    let calls = world.mailer.lanes().calls;
    world.run_until(ends);
    assert!(is_held(&world), "time alone ends no such hold");
    assert_eq!(world.mailer.lanes().calls, calls, "it is a pause");
    let held = sent(&world);
    assert!(held < CUSTOMERS, "someone waits");
    // Mails of that rate are held again once there are a thousand more of them.
    let mut notes = 0;
    while sent(&world) < CUSTOMERS {
        assert!(notes < 5, "{} are sent", sent(&world));
        if is_held(&world) {
            world.set_flowing(StageName::Email, true);
            notes += 1;
        }
        world.run_until(world.time.now() + DAY / 2);
    }
    world.mailer.for_each_accepted(|id, mails| assert_eq!(mails, 1, "{id}"));
    assert_eq!((world.checker.violations(), world.mailer.mails()), (vec![], u64::from(CUSTOMERS)));
    world.time.end();
}

#[test]
fn a_stage_that_nobody_holds_is_seen() {
    let world = world(NeverJudges);
    world.run_until(world.time.now() + 8 * DAY);
    let (complained, heard) = complaints(&world);
    assert!(heard >= 1_000 && complained * 1_000 > heard * 3, "{complained} of {heard} complained");
    assert!(!is_held(&world) && sent(&world) == CUSTOMERS);
    world.time.end();
}
