//! What the ledger and the providers do under faults.

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{
    customer::{EmailAddress, PersonName, Product},
    delivery::{DeliveryId, EndpointName},
    entry::{Entry, EntryId, StageName},
    message::WorkMessage,
    ports::{LedgerError, Mail, MailLookup, Rendered, ScoreError, ScoreRequest, SendError, StageQueue as _},
    run::RunId,
};

use super::{
    Down, Faults, Noise, Production, ProviderFaults, SimulatedMailProvider, World, WorldPorts, WorldSettings,
    invariants::Promise,
};

const HOUR: Duration = Duration::from_hours(1);

fn starts() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

fn world(provider: SimulatedMailProvider) -> (Arc<World>, WorldPorts) {
    let settings = WorldSettings { mail_provider: provider, ..WorldSettings::shipped(starts(), 1) };
    let world = World::new(settings, Arc::new(Production));
    let ports = world.ports(None);
    (world, ports)
}

fn id(customer: u32) -> EntryId {
    EntryId::of(format!("c{customer}").try_into().unwrap(), RunId::parse("2026-11").unwrap())
}

fn mail(customer: u32) -> Mail {
    Mail {
        entry: id(customer),
        to: EmailAddress::parse("ada@example.com").unwrap(),
        name: PersonName::parse("Ada").unwrap(),
        content: Rendered { subject: String::new(), html: String::new(), text: String::new(), language: String::new() },
        unsubscribe: None,
        trace: None,
    }
}

fn email(faults: ProviderFaults) -> Faults {
    let mut conditions = Faults::default();
    conditions.providers[StageName::Email] = faults;
    conditions
}

#[test]
fn where_queues_are_fair_an_endpoint_with_much_to_be_told_keeps_no_other_waiting() {
    let received_next = |fair_queues| {
        let settings = WorldSettings { fair_queues, ..WorldSettings::shipped(starts(), 1) };
        let world = World::new(settings, Arc::new(Production));
        let queue = &world.stacks[StageName::Deliver].queue;
        let send = |endpoint: &str, number: u32| {
            let endpoint = EndpointName::parse(endpoint).unwrap();
            let fact = format!("c{number}/2026-11/7/sent").parse().unwrap();
            let message = WorkMessage::for_delivery(DeliveryId { endpoint, fact });
            // At once, so that no poller takes any.
            queue.send(&message).now_or_never().unwrap().unwrap();
        };
        (0..200).for_each(|number| send("archive", number));
        queue.receive(80);
        send("crm", 1);
        queue.receive(1).remove(0).body
    };
    assert!(received_next(true).contains("crm") && received_next(false).contains("archive"));
}

/// Amazon `DynamoDB` Developer Guide, "Error handling with `DynamoDB`":
/// `ProvisionedThroughputExceededException` and `ThrottlingException`.
#[test]
fn a_throttled_write_was_not_done() {
    let (world, ports) = world(SimulatedMailProvider::Deduplicating);
    let noise = Noise { refused: 1.0, answer_lost: 0.0 };
    world.faults.set(Faults { ledger: noise, ..Faults::default() });
    let entry = Entry::scheduled(id(1), starts(), None);
    let refused = world.time.run(ports.ledger.open(&entry));
    assert!(matches!(refused, Err(LedgerError::Unavailable(_))));
    assert!(!world.has_entry(&id(1)));
    world.time.end();
}

/// Amazon `DynamoDB` Developer Guide, "Error handling with `DynamoDB`": `InternalServerError`, after which
/// "the write operation may have succeeded or failed".
#[test]
fn a_write_whose_answer_is_lost_was_done() {
    let (world, ports) = world(SimulatedMailProvider::Deduplicating);
    let noise = Noise { refused: 0.0, answer_lost: 1.0 };
    world.faults.set(Faults { ledger: noise, ..Faults::default() });
    let entry = Entry::scheduled(id(1), starts(), None);
    let lost = world.time.run(ports.ledger.open(&entry));
    assert!(matches!(lost, Err(LedgerError::Unavailable(_))));
    assert!(world.has_entry(&id(1)));
    world.time.end();
}

/// Amazon `DynamoDB` Developer Guide, "Condition expressions": a condition that doesn't hold writes nothing.
#[test]
fn of_two_writes_on_what_was_read_the_second_is_refused() {
    let (world, ports) = world(SimulatedMailProvider::Deduplicating);
    let entry = Entry::scheduled(id(1), starts(), None);
    world.time.run(ports.ledger.open(&entry)).unwrap();
    let claim = entry.claim(StageName::Score, starts(), starts() + HOUR).unwrap();
    assert_eq!(world.time.run(ports.ledger.apply(&claim)), Ok(()));
    assert_eq!(world.time.run(ports.ledger.apply(&claim)), Err(LedgerError::Conflict((&id(1)).into())));
    world.time.end();
}

#[test]
fn a_providers_latencies_have_their_mean_and_a_long_tail() {
    let (world, ports) = world(SimulatedMailProvider::Deduplicating);
    let request = |n| ScoreRequest { entry: id(n), product: Product::Loan, trace: None };
    let (mut longest, mut all) = (Duration::ZERO, Duration::ZERO);
    for n in 0..2_000 {
        let before = world.time.now();
        let _ = world.time.run(ports.scorer.score(&request(n)));
        let took = Duration::try_from(world.time.now().duration_since(before)).unwrap();
        longest = longest.max(took);
        all += took;
    }
    let mean = all.as_secs_f64() / 2_000.0;
    assert!((2.3..2.5).contains(&mean), "{mean}");
    assert!(longest > 3 * Duration::from_millis(2_400), "{longest:?}");
    world.time.end();
}

#[test]
fn a_provider_that_is_out_of_order_refuses_hangs_or_asks_for_time() {
    let (world, ports) = world(SimulatedMailProvider::Deduplicating);
    let patience = world.settings.stages[StageName::Score].worker.call_timeout;
    for (down, after, at_least) in [
        (Down::Refusing, None, Duration::ZERO),
        (Down::Hanging, None, patience),
        (Down::Limiting(HOUR), Some(HOUR), Duration::ZERO),
    ] {
        let mut conditions = Faults::default();
        conditions.providers[StageName::Score].down = Some(down);
        world.faults.set(conditions);
        let before = world.time.now();
        let request = ScoreRequest { entry: id(1), product: Product::Loan, trace: None };
        let Err(ScoreError::Retry { after: told, .. }) = world.time.run(ports.scorer.score(&request)) else {
            panic!("{down:?} gives a score")
        };
        let took = Duration::try_from(world.time.now().duration_since(before)).unwrap();
        assert!(told == after && took >= at_least && took <= patience, "{down:?}: {told:?} after {took:?}");
    }
    world.time.end();
}

#[test]
fn a_mail_that_is_accepted_and_never_confirmed_can_be_asked_for() {
    let (world, ports) = world(SimulatedMailProvider::Deduplicating);
    world.faults.set(email(ProviderFaults { answer_lost: 1.0, ..ProviderFaults::default() }));
    let sent = world.time.run(ports.mailer.send(&mail(1)));
    assert!(matches!(sent, Err(SendError::Lost { .. })));
    assert_eq!(world.mailer.mails_of(&id(1)), 1);
    assert!(matches!(world.time.run(ports.mailer.look_up(&id(1))), Ok(MailLookup::Accepted(_))));
    world.time.end();
}

#[test]
fn a_mail_may_be_accepted_minutes_after_the_client_gave_up() {
    let (world, ports) = world(SimulatedMailProvider::Deduplicating);
    world.faults.set(email(ProviderFaults { late: 1.0, ..ProviderFaults::default() }));
    assert!(matches!(world.time.run(ports.mailer.send(&mail(1))), Err(SendError::Lost { .. })));
    assert_eq!(world.time.run(ports.mailer.look_up(&id(1))), Ok(MailLookup::SafeToSend));
    world.run_until(world.time.now() + HOUR);
    assert_eq!(world.mailer.mails_of(&id(1)), 1);
    world.time.end();
}

/// Marketing Cloud Engagement, "Transactional Messaging API": a messageKey is unique for two to three days.
#[test]
fn a_key_is_taken_once_in_two_days_and_again_after_that() {
    let (world, ports) = world(SimulatedMailProvider::Deduplicating);
    for (wait, mails) in [(Duration::ZERO, 1), (47 * HOUR, 1), (2 * HOUR, 2)] {
        world.run_until(world.time.now() + wait);
        world.time.run(ports.mailer.send(&mail(1))).unwrap();
        assert_eq!(world.mailer.mails_of(&id(1)), mails);
    }
    let violations = world.checker.violations();
    assert!(violations.iter().any(|violation| violation.promise == Promise::OneMail), "the second is seen");
    world.time.end();
}

/// Amazon SES API v2 Reference, `SendEmail`: it takes no idempotency key.
#[test]
fn a_provider_without_keys_sends_whatever_it_is_handed() {
    let (world, ports) = world(SimulatedMailProvider::Forgetful);
    for mails in 1..=2 {
        world.time.run(ports.mailer.send(&mail(1))).unwrap();
        assert_eq!(world.mailer.mails_of(&id(1)), mails);
    }
    assert!(matches!(world.time.run(ports.mailer.look_up(&id(1))), Ok(MailLookup::CannotTell(_))));
    world.time.end();
}
