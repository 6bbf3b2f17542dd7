//! What may happen to a campaign and its entries, and what comes of it.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;

use super::{
    Audience, AudiencePart, AudienceSizes, Campaign, CampaignChange, CampaignEvent, CampaignOutcome, CampaignRecord,
    CampaignReport, CampaignRequest, CampaignState, FrequencyCap, Priority, Seal,
};
use crate::{
    control::Note,
    customer::CustomerId,
    delivery::FactKind,
    entry::{Addressee, Entry, EntryId, Plan, Progress, Queueing, SkipReason, StageName, TallyKey},
    failure::Cause,
    run::RunId,
    score::{Band, Score, ScoreValue},
    stage::Standing,
};

fn now() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

fn run() -> RunId {
    RunId::parse("spring-sale").unwrap()
}

fn note() -> Note {
    Note::parse("It was the wrong letter.").unwrap()
}

fn requested(deadline: Option<Timestamp>) -> CampaignChange {
    let request = CampaignRequest {
        plan: Plan::of(&[StageName::Email]).unwrap(),
        audience: Audience::given(&["c-1", "c-2"].map(addressee).into(), 2),
        unreached_of: None,
        letter: "digest".into(),
        deadline,
        priority: Priority::Normal,
        cap: None,
        at_most: None,
        a_day: None,
    };
    CampaignChange::requested(run(), request, "aoife".into(), None, now())
}

fn seal() -> Seal {
    Seal::of(&["c-1", "c-2"].map(addressee))
}

fn addressee(id: &str) -> Addressee {
    id.to_owned().try_into().unwrap()
}

fn customer(id: &str) -> CustomerId {
    CustomerId::parse(id).unwrap()
}

fn report(outcome: CampaignOutcome) -> CampaignReport {
    CampaignReport {
        outcome,
        counts: BTreeMap::from([(TallyKey::Sent, 2)]),
        causes: Vec::new(),
        planned_within: std::time::Duration::ZERO,
        ran_for: std::time::Duration::ZERO,
        stages: vec![],
    }
}

fn events() -> Vec<CampaignEvent> {
    let by = || "max".into();
    vec![
        CampaignEvent::PlanningStarted,
        CampaignEvent::Sealed { seal: seal() },
        CampaignEvent::Started,
        CampaignEvent::Paused { by: by(), note: note() },
        CampaignEvent::Resumed { by: by(), note: None },
        CampaignEvent::CancelAsked { by: by(), note: note() },
        CampaignEvent::DeadlinePassed,
        CampaignEvent::LastClosed,
        CampaignEvent::Finished { report: report(CampaignOutcome::Succeeded) },
    ]
}

fn after(campaign: &Campaign, event: CampaignEvent) -> Campaign {
    campaign.change(event, now()).unwrap().after().clone()
}

fn running() -> Campaign {
    let campaign = requested(Some(now() + 90.minutes())).after().clone();
    events().into_iter().take(3).fold(campaign, |campaign, event| after(&campaign, event))
}

/// One that runs since then, and has no deadline.
pub(super) fn started(at: Timestamp) -> Campaign {
    let mut campaign = running();
    (campaign.started_at, campaign.request.deadline) = (Some(at), None);
    campaign
}

#[test]
fn a_campaign_goes_one_way_and_tells_others_of_its_phases_and_its_end() {
    let mut campaign = requested(None).after().clone();
    let way = [0, 1, 2, 7, 8].map(|index| events()[index].clone());
    let mut told = Vec::new();
    for event in way {
        let change = campaign.change(event.clone(), now()).unwrap();
        told.extend(change.facts().iter().map(|fact| fact.id.kind));
        campaign = change.after().clone();
        // What happened once doesn't happen again.
        assert!(campaign.change(event, now()).is_err());
    }
    assert_eq!((campaign.state, campaign.version), (CampaignState::Finished, 6));
    assert_eq!(told, [FactKind::RunStarted, FactKind::PhaseFinished, FactKind::PhaseFinished, FactKind::RunFinished]);
}

proptest! {
    #[test]
    fn whatever_happens_a_campaign_is_what_its_events_make_ends_once_and_is_sealed_before_it_runs(
        choices in prop::collection::vec(0_usize..9, 0..40),
    ) {
        let first = requested(None);
        let mut records = vec![first.record().clone()];
        let mut campaign = first.after().clone();
        let mut finished = 0;
        for (minute, choice) in (1..).zip(choices) {
            let before = campaign.clone();
            let Ok(change) = campaign.change(events()[choice].clone(), now() + i64::from(minute).minutes()) else { continue };
            campaign = change.after().clone();
            records.push(change.record().clone());
            prop_assert_eq!(campaign.version, before.version + 1);
            prop_assert!(!before.state.is_over(), "{:?} after the end", change.record().event);
            prop_assert!(campaign.state < CampaignState::Running || campaign.sealed.is_some());
            finished += u32::from(campaign.state.is_over());
            let text = serde_json::to_string(&campaign).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Campaign>(&text).unwrap(), &campaign);
            let text = serde_json::to_string(change.record()).unwrap();
            prop_assert_eq!(&serde_json::from_str::<CampaignRecord>(&text).unwrap(), change.record());
        }
        prop_assert!(finished <= 1);
        prop_assert_eq!(Campaign::of_records(run(), &records), Some(campaign));
    }

    #[test]
    fn a_seal_doesnt_depend_on_order_and_tells_others_apart(ids in prop::collection::btree_set("c-[0-9]{1,6}(,[A-Z]{1,2})?", 2..20)) {
        let ids: Vec<_> = ids.iter().map(|id| addressee(id)).collect();
        let seal = Seal::of(&ids);
        prop_assert_eq!(Seal::of(ids.iter().rev()), seal);
        prop_assert_eq!(seal.count, ids.len() as u64);
        // The same number, but one of them twice and another not at all.
        prop_assert_ne!(Seal::of(ids[1..].iter().chain([&ids[1]])), seal);
    }
}

#[test]
fn its_entries_go_on_while_it_runs_and_is_neither_held_nor_over() {
    let campaign = running();
    assert_eq!(campaign.standing(now()), Standing::Flows);
    assert!(matches!(campaign.standing(now() + 90.minutes()), Standing::Over(_)));
    let [.., paused, resumed, cancelled] = &events()[..6] else { unreachable!() };
    let held = after(&campaign, paused.clone());
    assert_eq!(held.standing(now()), Standing::Held);
    assert_eq!(after(&held, resumed.clone()).standing(now()), Standing::Flows);
    assert_eq!(after(&held, cancelled.clone()).standing(now()), Standing::Cancelled);
    assert_eq!(requested(None).after().standing(now()), Standing::Held);
}

#[test]
fn that_it_was_planned_is_told_by_the_order_of_events_and_not_by_clocks() {
    let cancel = |campaign: &Campaign, minutes: i64| {
        let asked = CampaignEvent::CancelAsked { by: "max".into(), note: note() };
        campaign.change(asked, now() + minutes.minutes()).unwrap().after().clone()
    };
    let campaign = requested(None).after().clone();
    // By an operator's clock that is slow, and by one that is fast.
    let begun = cancel(&after(&campaign, CampaignEvent::PlanningStarted), -5);
    assert_eq!(begun.planning_at, Some(now()));
    assert_eq!(after(&cancel(&campaign, 5), CampaignEvent::PlanningStarted).planning_at, None);
}

#[test]
fn parts_of_other_ids_are_found_by_another_name() {
    let given = |ids: &[&str]| Audience::given(&ids.iter().map(|id| addressee(id)).collect(), 2);
    let (one, other) = (given(&["c-1", "c-2", "c-3"]), given(&["c-1", "c-2", "c-4"]));
    assert!(matches!(one, Audience::Given { parts: 2, entries: 3, items: 0, .. }));
    let asked = Audience::Asked { question: super::Question::default() };
    let names: std::collections::BTreeSet<_> =
        [one.part(0), one.part(1), other.part(0), asked.part(0)].map(|part| part.to_string()).into();
    assert_eq!(names.len(), 4);
    let text = serde_json::to_string(&one).unwrap();
    assert_eq!(serde_json::from_str::<Audience>(&text).unwrap(), one, "{text}");
}

#[test]
fn what_is_for_no_item_is_written_and_read_as_before_there_were_any() {
    let digest = "0958bc63b8f5f4d9665961ed99e6135b";
    let audience = Audience::given(&["c-1", "c-2"].map(addressee).into(), 2);
    let text = format!(r#"{{"kind":"given","parts":1,"customers":2,"digest":"{digest}"}}"#);
    assert_eq!(serde_json::to_string(&audience).unwrap(), text);
    assert_eq!(serde_json::from_str::<Audience>(&text).unwrap(), audience);
    let part = AudiencePart { addressees: ["c-1", "c-2"].map(addressee).into(), next: None, at: now() };
    let text = r#"{"customers":["c-1","c-2"],"at":"2026-11-03T10:00:00Z"}"#;
    assert_eq!((serde_json::to_string(&part).unwrap().as_str(), serde_json::from_str(text).ok()), (text, Some(part)));
}

#[test]
fn items_of_a_customer_are_as_many_entries_and_a_part_of_the_largest_fits_a_row() {
    let items: std::collections::BTreeSet<_> = ["c-1,A", "c-1,B", "c-2"].map(addressee).into();
    let audience = Audience::given(&items, 2);
    assert!(matches!(audience, Audience::Given { parts: 2, entries: 3, items: 2, .. }), "{audience:?}");
    assert_ne!(Seal::of(&["c-1,A", "c-1,B"].map(addressee)), Seal::of(&["c-1,A", "c-2,B"].map(addressee)));
    let text = serde_json::to_string(&audience).unwrap();
    assert_eq!(serde_json::from_str::<Audience>(&text).unwrap(), audience, "{text}");

    let one = |number| addressee(&format!("{number:0>48},{number:0>24}"));
    let addressees: Vec<_> = (0..AudienceSizes::default().part).map(one).collect();
    let part = AudiencePart { addressees, next: None, at: now() };
    assert!(serde_json::to_string(&part).unwrap().len() < 200_000);
}

#[test]
fn a_cap_counts_mails_of_so_many_days() {
    let cap: FrequencyCap = "2/7d".parse().unwrap();
    let ago = |hours: i64| now() - hours.hours();
    assert!(!cap.is_reached([ago(1), ago(7 * 24)], now()));
    assert!(cap.is_reached([ago(1), ago(7 * 24 - 1)], now()));
    assert_eq!(cap.to_string(), "2/7d");
    for bad in ["", "2", "2/7", "0/7d", "2/0d", "x/7d", "2/7h", "2/400d"] {
        assert!(bad.parse::<FrequencyCap>().is_err(), "{bad}");
    }
}

#[test]
fn it_has_succeeded_if_everyone_was_mailed_or_skipped() {
    let of = |key| CampaignOutcome::of(&BTreeMap::from([(TallyKey::Sent, 3), (key, 1)]), false);
    assert_eq!(of(TallyKey::Skipped(SkipReason::OptedOut)), CampaignOutcome::Succeeded);
    for key in [TallyKey::Failed(StageName::Email), TallyKey::Abandoned, TallyKey::Indeterminate, TallyKey::Dropped] {
        assert_eq!(of(key), CampaignOutcome::FinishedWithFailures);
    }
    assert_eq!(CampaignOutcome::of(&BTreeMap::new(), false), CampaignOutcome::Succeeded);
    assert_eq!(CampaignOutcome::of(&BTreeMap::new(), true), CampaignOutcome::Cancelled);
}

fn entry() -> Entry {
    let id = EntryId::of(customer("c-1"), run());
    Entry::of_campaign(id, Plan::of(&[StageName::Email]).unwrap(), now())
}

fn sending() -> Entry {
    let dispatched = entry().dispatch(now()).unwrap().into_after();
    dispatched.claim(StageName::Email, now(), now() + 2.minutes()).unwrap().into_after()
}

#[test]
fn an_entry_is_held_until_it_is_dispatched_and_may_be_held_again() {
    assert_eq!(entry().queueing(), Queueing::Held);
    assert!(entry().queue_again(now()).is_err());
    let dispatched = entry().dispatch(now()).unwrap().into_after();
    assert!(dispatched.dispatch(now()).is_err());
    assert_eq!(dispatched.hold(StageName::Email, now()).unwrap().after().queueing(), Queueing::Held);
    // Of one that is put off, another message is due once it is time.
    let later = now() + 1.hour();
    let put_off = dispatched.defer(StageName::Email, later, now()).unwrap().into_after();
    assert!(put_off.dispatch(now()).is_err() && put_off.dispatch(later).is_ok());
    // What a worker has stays with it, and what a month has is nobody's to hold.
    assert!(sending().hold(StageName::Email, now()).is_err());
    let month = EntryId::of(customer("c-1"), RunId::parse("2026-11").unwrap());
    let month = Entry::scheduled(month, now(), None);
    assert!(month.hold(StageName::Score, now()).is_err() && month.close_with_campaign(None, now()).is_err());
}

#[test]
fn what_closes_with_its_campaign_is_in_doubt_where_a_mail_may_be_out() {
    let cause = || Some(Cause::new("It wasn't dispatched before the deadline."));
    let of = |entry: &Entry, cause| entry.close_with_campaign(cause, now()).unwrap().into_after();
    assert!(matches!(of(&entry(), cause()).progress(), Progress::Abandoned { .. }));
    assert!(matches!(of(&entry(), None).progress(), Progress::Cancelled { .. }));
    for closed in [of(&sending(), cause()), of(&sending(), None)] {
        assert!(matches!(closed.progress(), Progress::Indeterminate { .. }));
    }
}

/// Another campaign may be for those whom this one failed to reach, and its mail would be their second.
#[test]
fn what_is_given_up_while_a_mail_may_be_out_has_not_failed() {
    let cause = || Cause::new("It was tried five times.");
    let lost = sending().release_in_doubt(cause(), now()).unwrap().into_after();
    for entry in [sending(), lost] {
        let given_up = entry.fail(StageName::Email, cause(), now(), None).unwrap().into_after();
        assert!(matches!(given_up.progress(), Progress::Indeterminate { .. }), "{given_up:?}");
        assert_eq!(given_up.in_doubt_since(), Some(now()));
    }
}

/// Its score may become too old while the provider is down: it waits to be scored again then.
#[test]
fn a_mail_in_doubt_closes_with_its_campaign_wherever_it_waits() {
    let plan = Plan::of(&[StageName::Score, StageName::Email]).unwrap();
    let id = EntryId::of(customer("c-1"), run());
    let score = Score { value: ScoreValue::parse(712).unwrap(), band: Band::parse("good").unwrap(), as_of: now() };
    let entry = Entry::of_campaign(id, plan, now()).dispatch(now()).unwrap().into_after();
    let scoring = entry.claim(StageName::Score, now(), now() + 1.minute()).unwrap().into_after();
    let scored = scoring.record_score(score, now()).unwrap().into_after();
    let sending = scored.claim(StageName::Email, now(), now() + 1.minute()).unwrap().into_after();
    let lost = sending.release_in_doubt(Cause::new("No answer."), now()).unwrap().into_after();
    let stale = lost.forget_stale_score(now() + 73.hours()).unwrap().into_after();
    let closed = stale.close_with_campaign(None, now() + 73.hours()).unwrap().into_after();
    assert!(matches!(closed.progress(), Progress::Indeterminate { .. }), "{closed:?}");
    assert!(closed.record_sent("p-1".into(), now() + 74.hours(), None).is_ok());
}

#[test]
fn what_a_campaign_has_closed_never_opens_again() {
    let cause = || Cause::new("The provider refuses it.");
    let refused = sending().release(cause(), now()).unwrap().into_after();
    let failed = refused.fail(StageName::Email, cause(), now(), None).unwrap().into_after();
    assert!(matches!(failed.progress(), Progress::Failed { .. }));
    let doubtful = sending().mark_indeterminate(cause(), now(), None).unwrap().into_after();
    let closed = [
        entry().close_with_campaign(None, now()).unwrap().into_after(),
        entry().close_with_campaign(Some(cause()), now()).unwrap().into_after(),
        entry().skip(SkipReason::OptedOut, now(), None).unwrap().into_after(),
        failed,
        doubtful,
    ];
    for entry in closed {
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry, "{text}");
        let steps = [
            entry.claim(StageName::Email, now(), now() + 1.minute()),
            entry.dispatch(now()),
            entry.hold(StageName::Email, now()),
            entry.queue_again(now()),
            entry.put_off(StageName::Email, cause(), now()),
            entry.reopen(now()),
            entry.record_unsent(now()),
        ];
        for step in steps.into_iter().flatten() {
            assert!(!step.after().is_open(), "{} opens again as {}", entry.state(), step.after().state());
        }
    }
}
