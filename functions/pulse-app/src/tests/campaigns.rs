//! Campaigns: whom they are for, what is refused, and how they are steered.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use pulse_core::{
    campaign::{Audience, CampaignLetter, CampaignState, Priority, Question},
    control::Note,
    customer::{Consent, CustomerId, OptOutMark, Product},
    entry::{Entry, Plan, SkipReason, StageName},
    ports::{Campaigns as _, Ledger as _, TallyKey},
    run::RunId,
};

use super::{World, cause, customer, id, now, start};
use crate::{CampaignError, NewAudience, NewCampaign};

fn new(name: &str, ids: &[&str]) -> NewCampaign {
    NewCampaign {
        run: RunId::parse(name).unwrap(),
        plan: Plan::of(&[StageName::Email]).unwrap(),
        audience: NewAudience::Ids(ids.iter().map(|id| CustomerId::parse(id).unwrap()).collect()),
        letter: CampaignLetter::parse([("en", "Subject: Spring\n\nSpring is here.")]).unwrap(),
        deadline: Some(start() + 90.minutes()),
        priority: Priority::Normal,
        cap: "1/7d".parse().ok(),
        at_most: None,
        a_day: None,
        note: None,
    }
}

/// Three customers, one of whom has opted out, and another was mailed this month.
fn world() -> World {
    let world = World::new();
    now(world.ledger.save_customer(&customer("c-1"))).unwrap();
    let out = Consent::of_mark(OptOutMark::Yes);
    now(world.ledger.save_customer(&pulse_core::customer::Customer { consent: out, ..customer("c-2") })).unwrap();
    world.bring("c-3", |entry| {
        let mut way = super::mailing(&entry);
        let sending = way.last().unwrap().clone().into_after();
        way.push(sending.record_sent("m-1".into(), start(), None).unwrap());
        way
    });
    world
}

fn note() -> Note {
    Note::parse("wrong price").unwrap()
}

#[test]
fn a_forecast_says_who_would_be_mailed_and_who_not_and_why_and_writes_nothing() {
    let world = world();
    let foreseen = now(world.app.foresee_campaign(&new("spring", &["c-3", "c-1", "c-2", "c-1", "c-9"]))).unwrap();
    assert_eq!((foreseen.customers, foreseen.mailed, foreseen.unknown), (3, 1, 1));
    let skipped = [SkipReason::OptedOut, SkipReason::FrequencyCap].map(|reason| (reason.to_string(), 1));
    assert_eq!(foreseen.skipped, BTreeMap::from(skipped));
    assert_eq!(now(world.ledger.campaigns(9)), Ok(vec![]));
    let asked = NewCampaign {
        audience: NewAudience::Asked(Question { product: Some(Product::Card), ..Question::default() }),
        ..new("spring", &[])
    };
    let cards = now(world.app.foresee_campaign(&asked)).unwrap();
    assert_eq!(cards.customers, if customer("c-1").product == Product::Card { 3 } else { 0 });
}

#[test]
fn a_campaign_is_asked_for_with_its_letter_and_those_who_are_on_the_roster_and_a_tick_is_started() {
    let world = world();
    let wanted = new("spring", &["c-3", "c-1", "c-1", "c-9"]);
    let campaign = now(world.app.start_campaign(&wanted)).unwrap();
    let ids = ["c-1", "c-3"].map(|id| CustomerId::parse(id).unwrap());
    assert_eq!(campaign.request.audience, Audience::given(&ids.clone().into(), 2_000));
    assert_eq!((campaign.state, campaign.requested.by.as_str()), (CampaignState::Requested, "aoife"));
    assert_eq!(
        now(world.ledger.campaign_letter(wanted.run, &campaign.request.letter)),
        Ok(Some(wanted.letter.clone()))
    );
    let part = now(world.ledger.audience_part(wanted.run, campaign.request.audience.part(0))).unwrap().unwrap();
    assert_eq!(part.customers, ids);
    assert_eq!(world.ticks.asked.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(now(world.app.start_campaign(&wanted)), Err(CampaignError::Taken(wanted.run)));
}

#[test]
fn what_cannot_be_is_not_started_and_says_why() {
    let world = world();
    let refused = |new: &NewCampaign| now(world.app.start_campaign(new)).unwrap_err();
    assert_eq!(refused(&new("spring", &["c-9"])), CampaignError::Nobody(new("spring", &[]).run));
    let few = NewCampaign { at_most: Some(1), ..new("spring", &["c-1", "c-2"]) };
    assert!(matches!(refused(&few), CampaignError::TooMany { customers: 2, at_most: 1, .. }));
    let month = NewCampaign { run: super::run(), ..new("spring", &["c-1"]) };
    assert_eq!(refused(&month), CampaignError::Month(super::run()));
    let unknown = NewCampaign { audience: NewAudience::Unreached(few.run), ..new("autumn", &[]) };
    assert_eq!(refused(&unknown), CampaignError::Unknown(few.run));
    assert_eq!(now(world.ledger.campaigns(9)), Ok(vec![]));
}

#[test]
fn a_campaign_is_held_goes_on_and_is_cancelled_and_says_who_did_that() {
    let world = world();
    let run = now(world.app.start_campaign(&new("spring", &["c-1"]))).unwrap().run;
    now(world.app.pause_campaign(run, &note())).unwrap();
    let twice = now(world.app.pause_campaign(run, &note())).unwrap_err();
    assert!(matches!(twice, CampaignError::Illegal(_)), "{twice}");
    now(world.app.resume_campaign(run, None)).unwrap();
    now(world.app.cancel_campaign(run, &note())).unwrap();
    let shown = now(world.app.campaign(run)).unwrap();
    assert_eq!(shown.records.len(), 4);
    let cancelled = shown.campaign.cancelled.unwrap();
    assert_eq!((cancelled.by.as_str(), cancelled.note), ("aoife", Some(note())));
    assert_eq!(now(world.app.pause_campaign(super::run(), &note())), Err(CampaignError::Month(super::run())));
    let none = RunId::parse("autumn").unwrap();
    assert_eq!(now(world.app.cancel_campaign(none, &note())), Err(CampaignError::Unknown(none)));
}

#[test]
fn what_is_shown_adds_up_to_what_was_sealed() {
    let world = world();
    let wanted = new("spring", &["c-1", "c-2", "c-3"]);
    let run = now(world.app.start_campaign(&wanted)).unwrap().run;
    for name in ["c-1", "c-2", "c-3"] {
        let entry = Entry::of_campaign(pulse_core::entry::EntryId { run, ..id(name) }, wanted.plan, start());
        now(world.ledger.open(&entry)).unwrap();
        let change = match name {
            "c-1" => entry.dispatch(start()),
            "c-2" => entry.fail(StageName::Email, cause(), start(), None),
            _ => continue,
        };
        now(world.ledger.apply(&change.unwrap())).unwrap();
    }
    let shown = now(world.app.campaign(run)).unwrap();
    let counted = shown.closed.values().sum::<u64>() + shown.open.iter().map(|place| place.entries).sum::<u64>();
    assert_eq!((counted, shown.uncounted), (3, 0));
    let listed = now(world.app.campaigns(9)).unwrap();
    assert_eq!(listed.campaigns.iter().map(|one| one.campaign.run).collect::<Vec<_>>(), [run]);
    assert_eq!(listed.campaigns[0].closed, BTreeMap::from([(TallyKey::Failed(StageName::Email), 1)]));
    // Whom it didn't reach, another may be for.
    let again = NewCampaign { audience: NewAudience::Unreached(run), ..new("spring-2", &[]) };
    let campaign = now(world.app.start_campaign(&again)).unwrap();
    assert!(matches!(campaign.request.audience, Audience::Given { parts: 1, customers: 1, .. }));
}
