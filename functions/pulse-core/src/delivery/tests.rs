//! The whole table of what may follow what, and which delivery of a line is next.

use std::time::Duration;

use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;

use super::{
    Delivery, DeliveryChange, DeliveryProgress, Endpoint, EndpointName, Fact, FactId, FactKind, Line, Outbox, Subject,
    Target,
};
use crate::{
    customer::CustomerId,
    entry::{EntryId, IllegalTransition, Queueing},
    failure::Cause,
    run::RunId,
};

fn now() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

fn cause() -> Cause {
    Cause::new("The endpoint answered 503.")
}

fn crm() -> EndpointName {
    EndpointName::parse("crm").unwrap()
}

fn subject(n: u8) -> Subject {
    let customer = CustomerId::parse("c-1").unwrap();
    match n {
        0 => Subject::Customer(customer),
        n => Subject::Entry(EntryId::of(customer, RunId::parse(&format!("2026-{n:02}")).unwrap())),
    }
}

fn fact(n: u8, version: u64, kind: FactKind, written_at: Timestamp) -> Fact {
    Fact { id: FactId { subject: subject(n), version, kind }, as_of: written_at, written_at }
}

fn delivery(n: u8, version: u64, written_at: Timestamp) -> Delivery {
    Delivery::of(fact(n, version, FactKind::Sent, written_at), crm())
}

/// A delivery in every state, with leases that are live and over.
fn deliveries() -> Vec<(&'static str, Delivery)> {
    let at = |progress| Delivery { progress, ..delivery(1, 7, now()) };
    vec![
        ("waiting", at(DeliveryProgress::Waiting)),
        ("claimed", at(DeliveryProgress::Claimed { lease_until: now() + 1.minute() })),
        ("claimed, lease over", at(DeliveryProgress::Claimed { lease_until: now() })),
        ("delivered", at(DeliveryProgress::Delivered { at: now() })),
        ("superseded", at(DeliveryProgress::Superseded { at: now() })),
        ("given up", at(DeliveryProgress::GivenUp { cause: cause(), at: now() })),
    ]
}

type Step = fn(&Delivery) -> Result<DeliveryChange, IllegalTransition>;

#[test]
fn each_step_starts_from_the_states_that_the_table_lists() {
    let steps: [(&str, Step, &[&str]); 7] = [
        ("claim", |d| d.claim(now(), now() + 2.minutes()), &["waiting", "claimed, lease over", "given up"]),
        ("deliver", |d| d.record_delivered(now()), &["claimed", "claimed, lease over"]),
        ("release", |d| d.release(None, cause(), now()), &["claimed", "claimed, lease over"]),
        ("put off", |d| d.put_off(now(), None, now()), &["waiting", "claimed, lease over", "given up"]),
        ("queue again", |d| d.queue_again(now()), &["waiting", "claimed, lease over"]),
        ("supersede", |d| d.supersede(now()), &["waiting"]),
        ("give up", |d| d.give_up(cause(), now()), &["waiting", "claimed", "claimed, lease over"]),
    ];
    for (step, take, may_start_from) in steps {
        for (state, before) in deliveries() {
            let taken = take(&before);
            assert_eq!(taken.is_ok(), may_start_from.contains(&state), "{step} from {state}: {taken:?}");
            let Ok(change) = taken else { continue };
            assert_eq!((change.expected_version(), change.after().fact()), (before.version(), before.fact()));
        }
    }
}

#[test]
fn trouble_is_counted_from_its_first_call_and_ends_with_a_redrive() {
    let claimed = |delivery: &Delivery, at| delivery.claim(at, at + 1.minute()).unwrap().into_after();
    let first = claimed(&delivery(1, 7, now()), now()).release(None, cause(), now()).unwrap().into_after();
    let later = now() + 240.hours();
    let wait = Some(Duration::from_secs(90));
    let second = claimed(&first, later).release(wait, cause(), later).unwrap().into_after();
    let streak = second.failure_streak().unwrap();
    assert_eq!((streak.since, streak.at, streak.again_at), (now(), later, Some(later + 90.seconds())));
    assert_eq!(second.calls(), 2);

    let given_up = second.give_up(cause(), later).unwrap().into_after();
    assert_eq!(claimed(&given_up, later).failure_streak(), None);
}

#[test]
fn word_that_was_put_off_is_awaited_from_when_it_is_woken() {
    let until = now() + 1.hour();
    let put_off = delivery(1, 7, now()).put_off(until, Some(cause()), now()).unwrap().into_after();
    assert_eq!((put_off.queueing(), put_off.due()), (Queueing::Deferred, until));
    let woken = put_off.queue_again(until + 1.minute()).unwrap().into_after();
    assert_eq!((woken.queueing(), woken.due()), (Queueing::Pending, until + 1.minute()));
    assert!(woken.was_woken_since(until) && !woken.was_woken_since(until + 2.minutes()));
    assert!(!put_off.was_woken_since(now()) && !delivery(1, 7, now()).was_woken_since(now()));
    // A message that comes by before is the one.
    let claimed = put_off.claim(now(), now() + 1.minute()).unwrap().into_after();
    assert_eq!(claimed.queueing(), Queueing::Pending);
}

#[test]
fn an_endpoint_is_told_of_what_it_asks_for_since_it_was_added() {
    let endpoint = |name: &str, kinds: &[FactKind], added_at| {
        let bus = Target::EventBridge { bus: "pulse".into() };
        Endpoint::new(EndpointName::parse(name).unwrap(), bus, kinds.iter().copied(), "aoife".into(), added_at)
    };
    let endpoints = [
        endpoint("crm", &[FactKind::Sent, FactKind::Bounced], now()),
        endpoint("late", FactKind::ALL, now() + 1.second()),
        endpoint("warehouse", &[FactKind::Bounced], now()),
    ];
    let facts = [FactKind::Sent, FactKind::Bounced, FactKind::Failed].map(|kind| fact(1, 7, kind, now()));
    let told = Outbox { endpoints: &endpoints }.deliveries(&facts);
    let told: Vec<_> = told.iter().map(|told| (told.endpoint().as_str(), told.fact().id.kind)).collect();
    assert_eq!(told, [("crm", FactKind::Sent), ("crm", FactKind::Bounced), ("warehouse", FactKind::Bounced)]);
}

#[test]
fn subjects_go_by_when_they_were_written_and_each_by_its_versions_whatever_clocks_said() {
    let late_clock = now() - 5.seconds();
    let deliveries = [delivery(1, 8, late_clock), delivery(1, 7, now()), delivery(2, 1, now() - 1.second())];
    assert_eq!(Line::next(&deliveries).map(|next| next.fact().id.version), Some(7));
    assert_eq!(Line::next(&deliveries[..1]), Some(&deliveries[0]));
    assert_eq!(Line::next(&[]), None);
}

#[test]
fn what_keeps_the_latest_alone_needs_no_older_ones_of_the_same_subject() {
    let deliveries = [delivery(1, 7, now()), delivery(1, 8, now()), delivery(2, 3, now())];
    let older = |deliveries: &[Delivery]| Line::superseded(deliveries).cloned().collect::<Vec<_>>();
    assert_eq!(older(&deliveries), [deliveries[0].clone()]);
    let [first, second, other] = deliveries;
    let delivered = Delivery { progress: DeliveryProgress::Delivered { at: now() }, ..second };
    let line = [first, delivered];
    assert_eq!(older(&line), line[..1], "the newer one is there already");
    let [first, delivered] = line;
    let in_hand = first.claim(now(), now() + 1.minute()).unwrap().into_after();
    assert_eq!(older(&[in_hand, delivered, other]), [], "it is under way");
}

proptest! {
    /// Sent one after another, whatever comes in between, facts of one subject never go back.
    #[test]
    fn of_one_subject_nothing_is_sent_before_what_it_follows(
        written in prop::collection::vec((0..3_u8, -20..20_i64), 1..12),
    ) {
        let mut versions = [0_u64; 3];
        let mut line: Vec<_> = written.into_iter().map(|(n, seconds)| {
            versions[usize::from(n)] += 1;
            delivery(n, versions[usize::from(n)], now() + seconds.seconds())
        }).collect();
        let mut sent = [0_u64; 3];
        while let Some(next) = Line::next(&line).cloned() {
            let id = &next.fact().id;
            let n = (0..3_u8).find(|n| subject(*n) == id.subject).unwrap();
            prop_assert_eq!(id.version, sent[usize::from(n)] + 1);
            sent[usize::from(n)] = id.version;
            let claimed = next.claim(now(), now()).unwrap().into_after();
            let done = claimed.record_delivered(now()).unwrap().into_after();
            let place = line.iter().position(|one| one.id() == next.id()).unwrap();
            line[place] = done;
        }
        prop_assert_eq!(sent, versions);
    }
}
