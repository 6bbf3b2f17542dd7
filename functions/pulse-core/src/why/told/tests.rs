use std::time::Duration;

use jiff::ToSpan as _;

use super::*;
use crate::{
    control::{Breaker, BreakerPolicy, Note, Outcomes, Pause},
    customer::CustomerId,
    delivery::{Fact, FactId, Target},
    entry::EntryId,
};

fn now() -> Timestamp {
    "2026-11-10T12:00:00Z".parse().unwrap()
}

fn cause() -> Cause {
    Cause::new("The endpoint answered 503.")
}

fn run() -> RunId {
    RunId::parse("2026-11").unwrap()
}

fn crm() -> Endpoint {
    let facts = FactKind::ALL.iter().copied();
    let name = EndpointName::parse("crm").unwrap();
    Endpoint::new(name, Target::bus("pulse").unwrap(), facts, "aoife".into(), now() - 24.hours())
}

fn delivery(version: u64, kind: FactKind, written_at: Timestamp) -> Delivery {
    let entry = EntryId::of(CustomerId::parse("c-1").unwrap(), run());
    let id = FactId { subject: Subject::Entry(entry), version, kind };
    Delivery::of(Fact { id, as_of: written_at, written_at }, crm().name)
}

/// Written down a minute ago.
fn sent() -> Delivery {
    delivery(5, FactKind::Sent, now() - 1.minute())
}

fn bounced() -> Delivery {
    delivery(6, FactKind::Bounced, now() - 30.seconds())
}

fn claimed(delivery: &Delivery, lease_until: Timestamp) -> Delivery {
    delivery.claim(now() - 2.minutes(), lease_until).unwrap().into_after()
}

fn delivered(delivery: &Delivery, at: Timestamp) -> Delivery {
    claimed(delivery, now()).record_delivered(at).unwrap().into_after()
}

struct Scene {
    endpoint: Endpoint,
    control: EndpointControl,
    holder: Option<HoldReason>,
}

fn scene() -> Scene {
    Scene { endpoint: crm(), control: EndpointControl::default(), holder: None }
}

impl Scene {
    fn told(&self, line: &[Delivery]) -> EndpointTold {
        let Self { endpoint, control, holder } = self;
        let policy = SweepPolicy::default();
        WordContext { endpoint, control, stage_held: holder.as_ref(), policy, now: now() }.told(line)
    }

    fn next(&self, line: &[Delivery]) -> Vec<NextWord> {
        self.told(line).coming.into_iter().map(|coming| coming.next).collect()
    }
}

#[test]
fn what_it_knows_is_what_it_was_told_last() {
    let line = [delivered(&bounced(), now() - 10.seconds()), delivered(&sent(), now() - 50.seconds())];
    let told = scene().told(&line);
    let (fact, told_at) = (FactKind::Bounced, now() - 10.seconds());
    let knows = KnownFact { fact, run: Some(run()), item: None, as_of: bounced().fact().as_of, told_at };
    assert_eq!((told.knows, told.coming), (Some(knows), Vec::new()));
    let superseded = sent().supersede(now()).unwrap().into_after();
    let told = scene().told(&[superseded]);
    assert_eq!((told.knows, told.coming), (None, Vec::new()), "what is overtaken was never told");
}

#[test]
fn what_is_next_in_line_waits_in_the_queue_and_what_follows_waits_for_it() {
    let repeated_at = sent().due() + 75.minutes();
    let after = NextWord::WaitsFor { before: FactKind::Sent, before_in: Some(run()), before_of: None };
    assert_eq!(scene().next(&[bounced(), sent()]), [NextWord::Waits { repeated_at }, after]);
    let in_hand = claimed(&sent(), now() + 1.minute());
    let next = scene().next(&[in_hand, bounced()]);
    assert_eq!(next[0], NextWord::InHand { lease_until: now() + 1.minute() });
    let dead = scene().next(&[claimed(&sent(), now())]);
    assert_eq!(dead, [NextWord::Abandoned { repeated_at }]);
    let lost = delivery(5, FactKind::Sent, now() - 2.hours());
    assert_eq!(scene().next(&[lost]), [NextWord::Repeated]);
}

#[test]
fn what_failed_is_tried_again_and_what_was_put_off_at_its_moment() {
    let failed = claimed(&sent(), now()).release(Some(Duration::from_secs(90)), cause(), now()).unwrap().into_after();
    let (not_before, repeated_at) = (Some(now() + 90.seconds()), now() + 75.minutes() + 90.seconds());
    assert_eq!(scene().next(&[failed]), [NextWord::Retries { cause: cause(), not_before, repeated_at }]);
    let put_off = |until| sent().put_off(until, Some(cause()), now()).unwrap().into_after();
    let until = now() + 5.minutes();
    assert_eq!(scene().next(&[put_off(until)]), [NextWord::PutOff { until, cause: Some(cause()) }]);
    assert_eq!(scene().next(&[put_off(now())]), [NextWord::Woken]);
}

#[test]
fn what_was_given_up_stays_so_and_keeps_nothing_behind_it() {
    let given_up = sent().give_up(cause(), now()).unwrap().into_after();
    let next = scene().next(&[given_up, bounced()]);
    assert_eq!(next[0], NextWord::Waits { repeated_at: bounced().due() + 75.minutes() });
    assert_eq!(next[1], NextWord::GivenUp { cause: cause(), at: now() });
}

#[test]
fn whoever_wants_the_newest_alone_is_not_told_what_is_overtaken() {
    let mut scene = scene();
    scene.endpoint.keeps = Keeps::Latest;
    let repeated_at = bounced().due() + 75.minutes();
    assert_eq!(scene.next(&[sent(), bounced()]), [NextWord::Waits { repeated_at }, NextWord::Overtaken]);
}

#[test]
fn what_holds_the_endpoint_or_the_stage_holds_what_is_next_and_not_what_is_in_hand() {
    let note = Note::parse("moving house").unwrap();
    let pause = Pause { by: "aoife".into(), note: note.clone(), since: now(), until: Some(now() + 6.hours()) };
    let mut scene = scene();
    scene.control.pause = Some(pause.clone());
    let (by, until) = ("aoife".into(), pause.until);
    let standing = EndpointStanding::Paused { by, note, since: now(), until };
    assert_eq!(scene.next(&[sent()]), [NextWord::Held { standing }]);
    assert!(matches!(scene.next(&[claimed(&sent(), now() + 1.minute())])[0], NextWord::InHand { .. }));

    scene.control = EndpointControl::default();
    let open = BreakerPolicy::default().open(&Outcomes::default(), now() - 2.minutes());
    scene.control.breaker = Breaker::Open(open);
    assert!(matches!(scene.next(&[sent()])[0], NextWord::Waits { .. }), "it is being tried");

    let holder = HoldReason::Unexplained;
    scene.holder = Some(holder.clone());
    assert_eq!(scene.next(&[sent()]), [NextWord::StageHeld { holder }]);
}

#[test]
fn of_one_run_what_is_on_its_way_of_others_is_left_out() {
    let profile = FactId {
        subject: Subject::Customer(CustomerId::parse("c-1").unwrap()),
        version: 3,
        kind: FactKind::Unsubscribed,
    };
    let fact = Fact { id: profile, as_of: now(), written_at: now() };
    let mut told = scene().told(&[sent(), Delivery::of(fact, crm().name)]);
    assert_eq!(told.coming.len(), 2);
    told.keep_run(run());
    assert_eq!(told.coming.iter().map(|coming| coming.fact).collect::<Vec<_>>(), [FactKind::Sent]);
}
