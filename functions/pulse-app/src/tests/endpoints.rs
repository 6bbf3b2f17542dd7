use std::{num::NonZeroU32, sync::Mutex, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    advice::Advice,
    control::{Breaker, BreakerPolicy, Note, Outcomes},
    delivery::{
        Bodies, Delivery, EndpointControl, EndpointName, EndpointStanding, Fact, FactId, FactKind, Gone, Keeps,
        SignatureScheme, Subject, Target, WebhookUrl,
    },
    entry::EntryId,
    failure::Cause,
    orders::{EndpointChange, OrderAction, OrderKind, OrderState},
    ports::{
        AccountError, Clock as _, Deliveries as _, EndpointControls as _, EndpointKeys as _, EndpointKeysError,
        EndpointTester, Endpoints as _, TestWord,
    },
    run::RunId,
    secret_store::SecretStore,
};
use pulse_sim::endpoint_keys::MemoryEndpointKeys;

use super::{World, id, now, run, start};
use crate::{
    AddedEndpoint, EndpointCorrection, EndpointError, EndpointTested, LatelyCalled, NewEndpoint, NewPlace, NewTarget,
    SignedBy, Waiting,
};

fn crm() -> EndpointName {
    EndpointName::parse("crm").unwrap()
}

fn note() -> Note {
    Note::parse("moving house").unwrap()
}

fn new(signed_by: SignedBy) -> NewEndpoint {
    let url = WebhookUrl::new("https://hooks.example/t0ken".to_owned());
    NewEndpoint {
        name: crm(),
        target: NewTarget::Webhook { url, signed_by },
        facts: [FactKind::Sent, FactKind::Bounced].into(),
        keeps: Keeps::Every,
        bodies: Bodies::Thin,
        lanes: None,
    }
}

fn signed() -> NewEndpoint {
    new(SignedBy::NewKey { scheme: SignatureScheme::Ed25519, store: SecretStore::SecretsManager })
}

/// A world with endpoint `crm`, and its keys.
fn added() -> (World, MemoryEndpointKeys) {
    let (world, keys) = (World::new(), MemoryEndpointKeys::default());
    now(world.app.add_endpoint(&keys, signed())).unwrap();
    (world, keys)
}

fn refused(world: &World, keys: &MemoryEndpointKeys, new: NewEndpoint) -> EndpointError {
    // Orders are told apart by their second.
    world.clock.advance(Duration::from_secs(1));
    let error = now(world.app.add_endpoint(keys, new)).unwrap_err();
    let changes = orders(world);
    assert!(matches!(changes[0].1, OrderState::Failed { .. }), "{changes:?}");
    error
}

/// What was ordered of endpoints, the newest first.
fn orders(world: &World) -> Vec<(OrderAction, OrderState)> {
    let page = now(world.app.orders(Some(OrderKind::Endpoint), None, 20)).unwrap();
    page.orders.into_iter().map(|order| (order.action, order.state)).collect()
}

fn change(change: EndpointChange) -> (OrderAction, OrderState) {
    (OrderAction::Endpoint { endpoint: crm(), change }, OrderState::Done)
}

fn fact(version: u64, written_at: Timestamp) -> Delivery {
    let subject = Subject::Entry(EntryId::of(id("c-1").customer, run()));
    let id = FactId { subject, version, kind: FactKind::Sent };
    Delivery::of(Fact { id, as_of: written_at, written_at }, crm())
}

/// Word on the ledger, as whatever makes it writes it.
fn bring(world: &World, delivery: &Delivery) {
    let customer = super::customer("c-1");
    let known = now(pulse_core::ports::Ledger::customer(&*world.ledger, &customer.id)).unwrap();
    let customer = known.unwrap_or(customer);
    assert!(
        now(pulse_core::ports::Ledger::save_with_word(&*world.ledger, &customer, std::slice::from_ref(delivery)))
            .unwrap()
    );
}

fn control(world: &World) -> EndpointControl {
    now(world.ledger.endpoint_control(&crm())).unwrap()
}

#[test]
fn an_endpoint_is_added_with_a_key_of_its_own_and_as_many_lanes_as_invocations() {
    let (world, keys) = (World::new(), MemoryEndpointKeys::default());
    let added: AddedEndpoint = now(world.app.add_endpoint(&keys, signed())).unwrap();
    assert_eq!((added.endpoint.place.as_str(), added.endpoint.lanes, added.lanes_used), ("hooks.example", 5, 5));
    assert_eq!(added.told_from, start() + Duration::from_mins(1));
    let signature = added.signature.clone().unwrap();
    assert_eq!((signature.secret.as_str(), signature.is_new), ("pulse/endpoints/crm", true));
    assert_eq!(signature.keys, now(keys.look("pulse/endpoints/crm")).unwrap());
    let told = serde_json::to_string(&added).unwrap();
    assert!(!told.contains("t0ken"), "{told}");
    let kept = now(world.ledger.endpoints()).unwrap().remove(0);
    assert_eq!((kept.by.as_str(), kept.added_at, kept.version), ("aoife", start(), 1));
    assert_eq!(orders(&world), [change(EndpointChange::Add)]);
}

#[test]
fn a_key_may_be_made_as_a_parameter() {
    let (world, keys) = (World::new(), MemoryEndpointKeys::default());
    let by = SignedBy::NewKey { scheme: SignatureScheme::Ed25519, store: SecretStore::ParameterStore };
    let signature = now(world.app.add_endpoint(&keys, new(by))).unwrap().signature.unwrap();
    assert_eq!((signature.secret.as_str(), signature.is_new), ("/pulse/endpoints/crm", true));
    let rotated = now(world.app.rotate_endpoint(&keys, &crm())).unwrap();
    assert_eq!((rotated.secret.as_str(), rotated.keys.is_rotating), ("/pulse/endpoints/crm", true));
}

#[test]
fn what_cannot_be_is_not_added_and_says_why() {
    let (world, keys) = added();
    assert_eq!(refused(&world, &keys, signed()), EndpointError::Taken(crm()));
    let other = |new: NewEndpoint| NewEndpoint { name: EndpointName::parse("warehouse").unwrap(), ..new };
    let none = refused(&world, &keys, other(NewEndpoint { facts: [].into(), ..signed() }));
    assert_eq!(none, EndpointError::NoFacts);
    let few = refused(&world, &keys, other(NewEndpoint { lanes: NonZeroU32::new(4), ..signed() }));
    assert!(matches!(few, EndpointError::TooFewLanes { .. }), "{few:?}");
    assert!(few.to_string().contains("`pulse lanes deliver`") && few.to_string().contains("Give it 5"), "{few}");
    let outside = refused(&world, &keys, other(new(SignedBy::Secret("pulse/score".into()))));
    assert!(outside.to_string().contains("reads secrets whose names begin with pulse/endpoints/"), "{outside}");
    let outside = refused(&world, &keys, other(new(SignedBy::Secret("/pulse/score".into()))));
    assert!(outside.to_string().contains("reads parameters whose names begin with /pulse/endpoints/"), "{outside}");
    let shared = refused(&world, &keys, other(new(SignedBy::Secret("pulse/endpoints/crm".into()))));
    assert_eq!(shared, EndpointError::SharedSecret("pulse/endpoints/crm".into()));
    let missing = refused(&world, &keys, other(new(SignedBy::Secret("pulse/endpoints/none".into()))));
    assert_eq!(missing, EndpointError::Keys(EndpointKeysError::Missing("pulse/endpoints/none".into())));
    assert_eq!(now(world.ledger.endpoints()).unwrap().len(), 1);
}

#[test]
fn a_secret_that_was_left_is_not_written_over_and_may_be_named() {
    let (world, keys) = (World::new(), MemoryEndpointKeys::default());
    now(keys.make("pulse/endpoints/crm", SignatureScheme::HmacSha256)).unwrap();
    let error = refused(&world, &keys, signed());
    assert_eq!(error.advice(), Some(Advice::SignWith { secret: "pulse/endpoints/crm".into() }));
    let added = now(world.app.add_endpoint(&keys, new(SignedBy::Secret("pulse/endpoints/crm".into())))).unwrap();
    let signature = added.signature.unwrap();
    assert_eq!((signature.is_new, signature.keys.scheme), (false, SignatureScheme::HmacSha256));
}

#[test]
fn lanes_that_do_not_go_up_in_the_invocations_are_told_as_unused() {
    let (world, keys) = (World::new(), MemoryEndpointKeys::default());
    let topic = Target::topic("arn:aws:sns:eu-west-1:123456789012:pulse-facts").unwrap();
    let target = NewTarget::OfAccount(topic);
    let added = now(world.app.add_endpoint(&keys, NewEndpoint { lanes: NonZeroU32::new(13), target, ..signed() }));
    let added = added.unwrap();
    assert_eq!((added.endpoint.lanes, added.lanes_used, added.signature), (13, 10, None));
    let error = now(world.app.rotate_endpoint(&keys, &crm())).unwrap_err();
    assert_eq!(error, EndpointError::NotSigned { endpoint: crm(), kind: "sns" });
}

#[test]
fn the_list_says_how_each_is_doing_and_what_waits_for_it() {
    let (world, _) = added();
    for version in 1..=3 {
        bring(&world, &fact(version, start() - Duration::from_mins(10 * version)));
    }
    for (ago, calls, failures) in [(40, 100, 100), (20, 30, 3), (2, 10, 1)] {
        let took = Duration::from_millis(100 * calls);
        let outcomes = Outcomes { calls, failures, took, ..Outcomes::default() };
        let at = start() - Duration::from_mins(ago);
        now(world.ledger.report_endpoint(&crm(), at, &outcomes)).unwrap();
    }
    let report = now(world.app.endpoints()).unwrap();
    let listed = &report.endpoints[0];
    let waiting = Waiting { deliveries: 3, is_more: false, oldest_since: Some(start() - Duration::from_mins(30)) };
    assert_eq!((&listed.standing, listed.waiting), (&EndpointStanding::Flows, waiting));
    let lately = LatelyCalled { calls: 40, failures: 4, mean_latency_ms: Some(100) };
    assert_eq!((listed.last_half_hour, report.invocations, report.stage_held), (lately, 5, None));
    assert!(!serde_json::to_string(&now(world.app.endpoints()).unwrap()).unwrap().contains("t0ken"));
}

#[test]
fn no_more_than_a_thousand_are_counted() {
    let (world, _) = added();
    (1..=1_001).for_each(|version| bring(&world, &fact(version, start())));
    let waiting = now(world.app.endpoints()).unwrap().endpoints.remove(0).waiting;
    assert_eq!((waiting.deliveries, waiting.is_more), (1_000, true));
}

#[test]
fn a_pause_takes_the_place_of_another_and_a_resumption_ends_whatever_holds_it() {
    let (world, _) = added();
    let lasts = Duration::from_hours(6);
    let until = Some(start() + lasts);
    let paused = now(world.app.pause_endpoint(&crm(), &note(), Some(lasts))).unwrap();
    assert_eq!((paused.until, paused.replaced_until, paused.is_gone), (until, None, false));
    let again = now(world.app.pause_endpoint(&crm(), &note(), None)).unwrap();
    assert_eq!((again.until, again.replaced_until), (None, until));

    let version = control(&world).version;
    let held = EndpointControl {
        version: version + 1,
        gone: Some(Gone { since: start(), cause: Cause::new("crm answered 410.") }),
        breaker: Breaker::Open(BreakerPolicy::default().open(&Outcomes::default(), start())),
        ..control(&world)
    };
    assert!(now(world.ledger.save_endpoint_control(&crm(), &held)).unwrap());
    assert!(now(world.app.pause_endpoint(&crm(), &note(), None)).unwrap().is_gone);
    let resumed = now(world.app.resume_endpoint(&crm(), &note())).unwrap();
    assert!(matches!(resumed.before, EndpointStanding::Gone { .. }), "{resumed:?}");
    let (after, closed) = (control(&world), Breaker::Closed { since: Some(start()) });
    assert_eq!((after.pause, after.gone, after.breaker, after.version), (None, None, closed, version + 2));
    let nothing = now(world.app.resume_endpoint(&crm(), &note())).unwrap();
    assert_eq!((nothing.before, control(&world).version), (EndpointStanding::Flows, version + 2));

    let told = orders(&world);
    for done in [EndpointChange::Pause { until }, EndpointChange::Pause { until: None }, EndpointChange::Resume] {
        assert!(told.contains(&change(done.clone())), "{done:?}: {told:?}");
    }
}

#[test]
fn a_key_is_exchanged_in_two_steps_and_a_second_rotation_waits_for_the_first() {
    let (world, keys) = added();
    let rotated = now(world.app.rotate_endpoint(&keys, &crm())).unwrap();
    assert_eq!((rotated.secret.as_str(), rotated.keys.public_keys.len()), ("pulse/endpoints/crm", 2));
    let error = now(world.app.rotate_endpoint(&keys, &crm())).unwrap_err();
    assert_eq!(error.advice(), Some(Advice::FinishRotation { endpoint: crm() }));
    let finished = now(world.app.finish_rotation(&keys, &crm())).unwrap();
    assert_eq!(finished.keys.public_keys, rotated.keys.public_keys[..1]);
    assert!(now(world.app.finish_rotation(&keys, &crm())).is_err());
}

#[test]
fn what_is_removed_is_told_of_nothing_more_and_its_name_stays_taken_while_it_is() {
    let (world, keys) = added();
    bring(&world, &fact(1, start()));
    let removal = now(world.app.endpoint_removal(&crm())).unwrap();
    assert_eq!((removal.endpoint.endpoint, removal.waiting.deliveries), (crm(), 1));
    assert_eq!(now(world.ledger.endpoints()).unwrap()[0].removed_at, None, "looking removes nothing");
    let removed = now(world.app.remove_endpoint(&crm())).unwrap();
    assert_eq!((removed.removed_at, removed.again, removed.waiting.deliveries), (start(), false, 1));
    assert_eq!(removed.secret.as_deref(), Some("pulse/endpoints/crm"));
    world.clock.advance(Duration::from_secs(5));
    let again = now(world.app.remove_endpoint(&crm())).unwrap();
    assert_eq!((again.removed_at, again.again), (start(), true));
    let standing = now(world.app.endpoints()).unwrap().endpoints.remove(0).standing;
    assert_eq!(standing, EndpointStanding::Removed { since: start() });
    let gone = EndpointError::BeingRemoved(crm());
    assert_eq!(refused(&world, &keys, signed()), gone);
    assert_eq!(now(world.app.pause_endpoint(&crm(), &note(), None)), Err(gone.clone()));
    assert_eq!(now(world.app.rotate_endpoint(&keys, &crm())), Err(gone));
}

#[test]
fn an_endpoint_that_there_is_not_is_named() {
    let (world, keys) = (World::new(), MemoryEndpointKeys::default());
    let unknown = EndpointError::Unknown(crm());
    assert_eq!(now(world.app.resume_endpoint(&crm(), &note())), Err(unknown.clone()));
    assert_eq!(now(world.app.remove_endpoint(&crm())), Err(unknown.clone()));
    assert_eq!(now(world.app.finish_rotation(&keys, &crm())), Err(unknown.clone()));
    assert_eq!(unknown.advice(), Some(Advice::LookAtEndpoints));
}

/// Who is asked to test, and what they say.
struct Tester(Mutex<Vec<EndpointName>>, TestWord);

#[async_trait]
impl EndpointTester for Tester {
    async fn send_test_word(&self, endpoint: &EndpointName) -> Result<TestWord, AccountError> {
        self.0.lock().unwrap().push(endpoint.clone());
        Ok(self.1.clone())
    }
}

#[test]
fn word_of_nothing_is_sent_to_an_endpoint_that_there_is() {
    let (world, _) = added();
    let tester = Tester(Mutex::default(), TestWord::Accepted { took: Duration::from_millis(120) });
    let answer = now(world.app.test_endpoint(&tester, &crm())).unwrap();
    assert_eq!(answer, EndpointTested { endpoint: crm(), took_ms: Some(120), cause: None });
    let nobody = EndpointName::parse("nobody").unwrap();
    assert_eq!(now(world.app.test_endpoint(&tester, &nobody)), Err(EndpointError::Unknown(nobody)));
    assert_eq!(*tester.0.lock().unwrap(), [crm()]);
    let tester = Tester(Mutex::default(), TestWord::Failed(Cause::new("crm answered 403.")));
    assert_eq!(now(world.app.test_endpoint(&tester, &crm())).unwrap().cause, Some(Cause::new("crm answered 403.")));
}

#[test]
fn a_customers_story_tells_what_each_endpoint_knows() {
    let (world, _) = added();
    bring(&world, &fact(1, start()));
    let delivered = {
        let claimed = fact(1, start()).claim(start(), start() + Duration::from_mins(1)).unwrap();
        now(world.ledger.apply_delivery(&claimed)).unwrap();
        claimed.into_after().record_delivered(world.clock.now()).unwrap()
    };
    now(world.ledger.apply_delivery(&delivered)).unwrap();
    bring(&world, &fact(2, start()));
    let story = now(world.app.why_customer(&id("c-1").customer, None)).unwrap();
    let told = &story.endpoints[0];
    assert_eq!((told.endpoint.as_str(), told.knows.as_ref().map(|known| known.told_at)), ("crm", Some(start())));
    assert_eq!(told.coming.iter().map(|coming| coming.run).collect::<Vec<_>>(), [RunId::parse("2026-11").ok()]);
}

#[test]
fn an_endpoint_that_moved_keeps_its_keys_and_what_waits_for_it() {
    let (world, keys) = added();
    bring(&world, &fact(1, start()));
    let before = now(world.ledger.endpoints()).unwrap().remove(0);
    world.clock.advance(Duration::from_secs(1));
    let url = WebhookUrl::new("https://crm.example/t0ken".to_owned());
    let (place, lanes) = (Some(NewPlace::Url(url.clone())), NonZeroU32::new(10));
    let correction = EndpointCorrection { place, lanes, ..EndpointCorrection::default() };
    let changed = now(world.app.change_endpoint(&crm(), &correction)).unwrap();
    assert_eq!((changed.endpoint.place.as_str(), changed.lanes_used), ("crm.example", 10));
    let after = now(world.ledger.endpoints()).unwrap().remove(0);
    assert_eq!((after.asks_for.clone(), after.added_at), (before.asks_for, before.added_at));
    assert!(
        matches!(&after.target, Target::Webhook { url: now, secret } if *now == url && secret == "pulse/endpoints/crm")
    );
    assert_eq!(now(world.app.endpoints()).unwrap().endpoints[0].waiting.deliveries, 1);
    assert!(now(keys.look("pulse/endpoints/crm")).is_ok());
    assert_eq!(orders(&world)[0], change(EndpointChange::Change));
}

#[test]
fn an_endpoint_is_not_changed_to_what_it_cannot_be() {
    let (world, _) = added();
    let refused = |correction| {
        world.clock.advance(Duration::from_secs(1));
        now(world.app.change_endpoint(&crm(), &correction)).unwrap_err()
    };
    let nothing = EndpointCorrection::default;
    let few = refused(EndpointCorrection { lanes: Some(NonZeroU32::MIN), ..nothing() });
    assert!(matches!(few, EndpointError::TooFewLanes { .. }), "{few:?}");
    let bus = NewPlace::OfAccount(Target::bus("pulse").unwrap());
    let other = refused(EndpointCorrection { place: Some(bus), ..nothing() });
    assert_eq!(other, EndpointError::OtherKind { endpoint: crm(), kind: "webhook" });
    assert_eq!(refused(EndpointCorrection { facts: Some([].into()), ..nothing() }), EndpointError::NoFacts);
    assert_eq!(now(world.ledger.endpoints()).unwrap()[0].version, 1);
}

#[test]
fn what_held_an_endpoint_holds_nothing_of_the_next_of_its_name() {
    let (world, keys) = added();
    let gone = Gone { since: start(), cause: Cause::new("It answered 410.") };
    let held = EndpointControl { version: 1, gone: Some(gone), ..EndpointControl::default() };
    assert_eq!(now(world.ledger.save_endpoint_control(&crm(), &held)), Ok(true));
    let before = now(world.ledger.endpoints()).unwrap().remove(0);
    assert_eq!(now(world.ledger.remove_endpoint(&before)), Ok(true));
    world.clock.advance(Duration::from_secs(1));
    now(world.app.add_endpoint(&keys, new(SignedBy::Secret("pulse/endpoints/crm".into())))).unwrap();
    assert_eq!(control(&world).hold(world.clock.now()), None);
}

#[test]
fn no_more_are_added_than_fit_into_what_is_written_at_once() {
    let (world, keys) = (World::new(), MemoryEndpointKeys::default());
    for number in 0..20 {
        world.clock.advance(Duration::from_secs(1));
        let name = EndpointName::parse(&format!("crm-{number}")).unwrap();
        now(world.app.add_endpoint(&keys, NewEndpoint { name, ..signed() })).unwrap();
    }
    assert_eq!(refused(&world, &keys, signed()), EndpointError::TooMany(20));
}
