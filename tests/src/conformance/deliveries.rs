//! Where endpoints are kept, and word on its way to them, wherever that is.
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use std::time::Duration;

use futures::future::join_all;
use jiff::ToSpan as _;
use pulse_core::{
    control::{Breaker, BreakerPolicy, Note, Outcomes, Pause},
    delivery::{
        Bodies, Delivery, DeliveryChange, DeliveryId, Endpoint, EndpointControl, EndpointName, Fact, FactId, FactKind,
        Gone, Keeps, Line, Outbox, Owner, Subject, Target, WebhookUrl,
    },
    entry::{Change, Entry},
    failure::Cause,
    ports::{Awaited, Deliveries, EndpointControls, Endpoints, Ledger, LedgerError, RowId},
};

use super::samples::{End, customer, due, id, next_of, scheduled, way_to};

/// A ledger with the endpoints that are told of it.
pub trait TestedDeliveries: Ledger + Endpoints + EndpointControls + Deliveries {}

impl<T> TestedDeliveries for T where T: Ledger + Endpoints + EndpointControls + Deliveries {}

fn endpoint(name: &str) -> Endpoint {
    let target = Target::Webhook { url: WebhookUrl::new("https://crm.example/hook".into()), secret: "crm".into() };
    let kinds = [FactKind::Sent, FactKind::Failed];
    let name = EndpointName::parse(name).unwrap();
    Endpoint { keeps: Keeps::Latest, bodies: Bodies::Full, ..Endpoint::new(name, target, kinds, "aoife".into(), due()) }
}

/// An entry that is being sent, and the change by which it is.
async fn sending(ledger: &dyn TestedDeliveries, customer: &str, next: Option<fn(&Entry) -> Entry>) -> Change {
    let entry = scheduled(customer);
    assert_eq!(ledger.open(&entry).await, Ok(true));
    let mut at = entry.clone();
    for change in way_to(End::Sending, &entry) {
        ledger.apply(&change).await.unwrap();
        at = change.into_after();
    }
    at.record_sent("m-1".to_owned(), due(), next.map(|next| next(&at))).unwrap()
}

/// Has the change told to these endpoints, and gives the deliveries.
async fn told(ledger: &dyn TestedDeliveries, change: &Change, endpoints: &[Endpoint]) -> Vec<Delivery> {
    let change = change.clone().with_word(Outbox { endpoints });
    assert_eq!(change.deliveries().len(), endpoints.len(), "each asks for it");
    ledger.apply(&change).await.unwrap();
    change.deliveries().to_vec()
}

async fn waiting(ledger: &dyn TestedDeliveries, customer: &str, to: &str) -> Delivery {
    let sent = sending(ledger, customer, None).await;
    told(ledger, &sent, &[endpoint(to)]).await.remove(0)
}

async fn apply(ledger: &dyn TestedDeliveries, change: DeliveryChange) -> Delivery {
    assert_eq!(ledger.apply_delivery(&change).await, Ok(()));
    change.into_after()
}

fn claim(delivery: &Delivery) -> DeliveryChange {
    delivery.claim(due(), due() + 1.minute()).unwrap()
}

pub async fn endpoints_come_by_name_and_are_written_over_what_they_were_read_as(ledger: &dyn TestedDeliveries) {
    assert_eq!(ledger.endpoints().await, Ok(vec![]));
    for name in ["warehouse", "crm"] {
        assert_eq!(ledger.save_endpoint(&endpoint(name)).await, Ok(true));
        assert_eq!(ledger.save_endpoint(&endpoint(name)).await, Ok(false), "it was taken for new");
    }
    let read = ledger.endpoints().await.unwrap();
    assert_eq!(read, ["crm", "warehouse"].map(|name| Endpoint { version: 1, ..endpoint(name) }));
    let changed = Endpoint { asks_for: [FactKind::Forgotten].into(), ..read[0].clone() };
    assert_eq!(ledger.save_endpoint(&changed).await, Ok(true));
    assert_eq!(ledger.save_endpoint(&read[0]).await, Ok(false));
    assert_eq!(ledger.remove_endpoint(&read[0]).await, Ok(false), "another is there");
    assert_eq!(ledger.remove_endpoint(&Endpoint { version: 2, ..changed }).await, Ok(true));
    assert_eq!(ledger.endpoints().await, Ok(vec![read[1].clone()]));
}

pub async fn word_is_written_with_what_makes_it(ledger: &dyn TestedDeliveries) {
    let sent = sending(ledger, "c-1", Some(next_of)).await;
    let deliveries = told(ledger, &sent, &[endpoint("crm"), endpoint("warehouse")]).await;
    for delivery in &deliveries {
        assert_eq!(ledger.delivery(&delivery.id()).await.as_ref(), Ok(&Some(delivery.clone())));
    }
    let entries = ledger.entries(&sent.after().id().customer).await.unwrap();
    assert_eq!(entries, [sent.next().unwrap().clone(), sent.into_after()]);
}

pub async fn a_change_of_another_version_writes_no_word(ledger: &dyn TestedDeliveries) {
    for next in [None, Some(next_of as fn(&Entry) -> Entry)] {
        let customer = if next.is_some() { "c-1" } else { "c-2" };
        let sent = sending(ledger, customer, next).await;
        ledger.apply(&sent).await.unwrap();
        let late = sent.with_word(Outbox { endpoints: &[endpoint("crm")] });
        let refused = Err(LedgerError::Conflict(late.after().id().into()));
        assert_eq!(ledger.apply(&late).await, refused);
        assert_eq!(ledger.delivery(&late.deliveries()[0].id()).await, Ok(None));
    }
}

pub async fn word_is_written_with_the_profile_that_makes_it_or_not_at_all(ledger: &dyn TestedDeliveries) {
    let mut profile = customer("c-1");
    let fact = |version| {
        let id = FactId { subject: Subject::Customer(id("c-1")), version, kind: FactKind::Unsubscribed };
        Fact { id, as_of: due(), written_at: due() }
    };
    let word = |version| [Delivery::of(fact(version), endpoint("crm").name)];
    assert_eq!(ledger.save_with_word(&profile, &word(1)).await, Ok(true));
    assert_eq!(ledger.save_with_word(&profile, &word(2)).await, Ok(false), "it was taken for new");
    profile.mark.version = 7;
    assert_eq!(ledger.save_with_word(&profile, &word(8)).await, Ok(false), "it was read as another");
    profile.mark.version = 1;
    assert_eq!(ledger.save_with_word(&profile, &word(2)).await, Ok(true));
    assert_eq!(ledger.customer(&profile.id).await.unwrap().map(|read| read.mark.version), Some(2));
    for (version, is_there) in [(1, true), (2, true), (8, false)] {
        let id = word(version)[0].id();
        assert_eq!(ledger.delivery(&id).await.unwrap().is_some(), is_there, "{version}");
    }
}

pub async fn word_is_written_where_the_next_entry_is_there_already(ledger: &dyn TestedDeliveries) {
    let sent = sending(ledger, "c-1", Some(next_of)).await;
    let next = sent.next().unwrap().clone();
    let scored = way_to(End::Scoring, &next);
    assert_eq!(ledger.open(&next).await, Ok(true));
    ledger.apply(&scored[0]).await.unwrap();
    let delivery = told(ledger, &sent, &[endpoint("crm")]).await.remove(0);
    assert_eq!(ledger.delivery(&delivery.id()).await, Ok(Some(delivery)));
    let entries = ledger.entries(&next.id().customer).await.unwrap();
    assert_eq!(entries, [scored[0].after().clone(), sent.into_after()]);
}

/// What becomes of word that was claimed.
type Way = fn(&Delivery, Cause) -> DeliveryChange;

pub async fn every_state_of_word_is_read_back(ledger: &dyn TestedDeliveries) {
    let cause = || Cause::new("The endpoint answered 503.");
    let ways: [Way; 7] = [
        |claimed, _| claimed.record_delivered(due()).unwrap(),
        |claimed, cause| claimed.release(Some(std::time::Duration::from_secs(90)), cause, due()).unwrap(),
        |claimed, cause| claimed.give_up(cause, due()).unwrap(),
        |claimed, cause| claimed.put_off(due() + 72.hours(), Some(cause), due() + 2.minutes()).unwrap(),
        |claimed, _| claimed.queue_again(due() + 2.minutes()).unwrap(),
        |claimed, cause| claimed.release(None, cause, due()).unwrap(),
        |claimed, _| claimed.claim(due() + 2.minutes(), due() + 3.minutes()).unwrap(),
    ];
    for (n, way) in ways.into_iter().enumerate() {
        let delivery = waiting(ledger, &format!("c-{n}"), "crm").await;
        let claimed = apply(ledger, claim(&delivery)).await;
        let after = apply(ledger, way(&claimed, cause())).await;
        assert_eq!(ledger.delivery(&delivery.id()).await, Ok(Some(after)));
    }
    let delivery = waiting(ledger, "c-9", "crm").await;
    let superseded = apply(ledger, delivery.supersede(due()).unwrap()).await;
    assert_eq!(ledger.delivery(&delivery.id()).await, Ok(Some(superseded)));
}

pub async fn of_twenty_who_claim_word_at_once_one_does(ledger: &dyn TestedDeliveries) {
    let delivery = waiting(ledger, "c-1", "crm").await;
    let change = claim(&delivery);
    let claimed = join_all((0..20).map(|_| ledger.apply_delivery(&change))).await;
    assert_eq!(claimed.iter().filter(|claimed| **claimed == Ok(())).count(), 1, "{claimed:?}");
    assert_eq!(ledger.delivery(&delivery.id()).await.as_ref(), Ok(&Some(change.into_after())));
}

pub async fn word_that_was_never_written_is_not_changed(ledger: &dyn TestedDeliveries) {
    let sent = sending(ledger, "c-1", None).await.with_word(Outbox { endpoints: &[endpoint("crm")] });
    let change = claim(&sent.deliveries()[0]);
    let conflict = Err(LedgerError::Conflict(RowId::from(change.after().id())));
    assert_eq!(ledger.apply_delivery(&change).await, conflict);
    assert_eq!(ledger.delivery(&change.after().id()).await, Ok(None));
}

pub async fn a_line_is_of_one_owner_and_one_endpoint(ledger: &dyn TestedDeliveries) {
    let mut expected = Vec::new();
    for customer in ["c-1", "c-10"] {
        let sent = sending(ledger, customer, None).await;
        let [crm, _] = &told(ledger, &sent, &[endpoint("crm"), endpoint("crm-2")]).await[..] else { panic!("two") };
        expected.push(crm.clone());
    }
    let delivered = apply(ledger, claim(&expected[0])).await.record_delivered(due()).unwrap();
    let delivered = apply(ledger, delivered).await;
    for delivery in [delivered, expected.remove(1)] {
        assert_eq!(ledger.line(&delivery.id().line()).await, Ok(vec![delivery]));
    }
    let nobody = Line { owner: Owner::Customer(id("c-2")), endpoint: endpoint("crm").name };
    assert_eq!(ledger.line(&nobody).await, Ok(vec![]));
}

pub async fn word_that_waits_is_found_by_endpoint_and_the_longest_waiting_first(ledger: &dyn TestedDeliveries) {
    let crm = endpoint("crm").name;
    let mut all = Vec::new();
    for n in 0..3 {
        all.push(waiting(ledger, &format!("c-{n}"), "crm").await);
    }
    waiting(ledger, "c-9", "warehouse").await;
    let found = async |awaited, minutes: i64, limit| {
        ledger.overdue_deliveries(&crm, awaited, due() + minutes.minutes(), limit).await.unwrap()
    };
    let ids = |of: &[&Delivery]| of.iter().map(|delivery| delivery.id()).collect::<Vec<DeliveryId>>();
    assert_eq!(found(Awaited::First, 0, 10).await, ids(&[&all[0], &all[1], &all[2]]));
    assert_eq!(found(Awaited::First, -1, 10).await, []);

    // Put off, each for longer than the next.
    for (n, delivery) in all.iter_mut().enumerate() {
        let until = due() + (30 - 10 * i64::try_from(n).unwrap()).minutes();
        *delivery = apply(ledger, delivery.put_off(until, None, due()).unwrap()).await;
    }
    assert_eq!(found(Awaited::First, 60, 10).await, []);
    assert_eq!(found(Awaited::Deferred, 60, 10).await, ids(&[&all[2], &all[1], &all[0]]));
    assert_eq!(found(Awaited::Deferred, 20, 10).await, ids(&[&all[2], &all[1]]));
    assert_eq!(found(Awaited::Deferred, 60, 1).await, ids(&[&all[2]]));

    // Woken, it is awaited anew; once more, it is so again. What is done is found no more.
    all[2] = apply(ledger, all[2].queue_again(due() + 10.minutes()).unwrap()).await;
    assert_eq!(found(Awaited::First, 10, 10).await, ids(&[&all[2]]));
    all[2] = apply(ledger, all[2].queue_again(due() + 40.minutes()).unwrap()).await;
    assert_eq!((found(Awaited::First, 60, 10).await, found(Awaited::Again, 60, 10).await), (vec![], ids(&[&all[2]])));
    let claimed = apply(ledger, claim(&all[2])).await;
    apply(ledger, claimed.record_delivered(due()).unwrap()).await;
    assert_eq!(found(Awaited::Again, 60, 10).await, []);
}

pub async fn what_holds_an_endpoint_is_written_over_what_it_was_read_as(ledger: &dyn TestedDeliveries) {
    let (crm, other) = (endpoint("crm").name, endpoint("crm-2").name);
    let read = ledger.endpoint_control(&crm).await.unwrap();
    assert_eq!(read, EndpointControl::default());
    let pause = Pause { by: "aoife".into(), note: Note::parse("moving house").unwrap(), since: due(), until: None };
    let gone = Gone { since: due(), cause: Cause::new("It answered 410.") };
    let breaker = Breaker::Open(BreakerPolicy::default().open(&Outcomes::default(), due()));
    let held = EndpointControl { version: 1, pause: Some(pause), gone: Some(gone), breaker };
    assert_eq!(ledger.save_endpoint_control(&crm, &held).await, Ok(true));
    assert_eq!(ledger.save_endpoint_control(&crm, &held).await, Ok(false), "someone else wrote it meanwhile");
    assert_eq!(ledger.endpoint_control(&crm).await.as_ref(), Ok(&held));
    assert_eq!(ledger.endpoint_control(&other).await, Ok(EndpointControl::default()));
    let free = EndpointControl { version: 2, ..EndpointControl::default() };
    assert_eq!(ledger.save_endpoint_control(&crm, &free).await, Ok(true));
    assert_eq!(ledger.endpoint_control(&crm).await, Ok(free));
}

pub async fn what_came_of_calls_to_an_endpoint_adds_up_by_the_minute_and_is_its_own(ledger: &dyn TestedDeliveries) {
    let (crm, other) = (endpoint("crm").name, endpoint("crm-2").name);
    let mut failed = Outcomes { calls: 3, failures: 2, took: Duration::from_millis(600), ..Outcomes::default() };
    failed.causes.add(&Cause::new("https://crm.example answered 500."));
    let answered = Outcomes { calls: 1, succeeded_at: Some(due()), ..Outcomes::default() };
    ledger.report_endpoint(&crm, due(), &failed).await.unwrap();
    ledger.report_endpoint(&crm, due() + 1.second(), &answered).await.unwrap();
    ledger.report_endpoint(&crm, due() + 2.minutes(), &failed).await.unwrap();
    ledger.report_endpoint(&other, due(), &answered).await.unwrap();
    let minutes = ledger.endpoint_minutes(&crm, due()).await.unwrap();
    let counts: Vec<_> = minutes.iter().map(|minute| (minute.outcomes.calls, minute.outcomes.failures)).collect();
    assert_eq!(counts, [(4, 2), (3, 2)]);
    assert_eq!(minutes[0].outcomes.succeeded_at, Some(due()));
    assert!(minutes[0].starts < minutes[1].starts && minutes[0].outcomes.causes == failed.causes);
    assert_eq!(ledger.endpoint_minutes(&crm, due() + 1.minute()).await.unwrap().len(), 1);
}
