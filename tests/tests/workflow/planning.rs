//! Campaigns' entries are written for those whom they are for, whatever other starts have left, and in the time that there is.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
};

use jiff::{Timestamp, ToSpan as _};
use pulse_core::{
    campaign::{
        Audience, AudiencePart, AudienceSizes, Campaign, CampaignEvent, CampaignLetter, CampaignRequest, CampaignStart,
        Planned, PlannedParts, Planner, Priority, Question, Seal, Told,
    },
    control::Note,
    entry::{Addressee, Plan, StageName},
    ports::{CampaignEntries as _, Campaigns as _, Clock, Ledger as _},
    run::RunId,
};
use pulse_sim::ledger::MemoryLedger;
use pulse_tests::in_memory_stack::customer;

const SIZES: AudienceSizes = AudienceSizes { part: 4, looked_at: 8, page: 2 };

/// A clock that a second goes by on each time that it is looked at.
struct Steps(AtomicI64);

impl Clock for Steps {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.fetch_add(1, Relaxed)).unwrap()
    }
}

fn begin() -> Timestamp {
    "2026-11-10T12:00:00Z".parse().unwrap()
}

fn later() -> Timestamp {
    begin() + 1.hour()
}

fn ids(names: &[&str]) -> BTreeSet<Addressee> {
    names.iter().map(|name| (*name).to_owned().try_into().unwrap()).collect()
}

fn spring(audience: Audience, addressees: &BTreeSet<Addressee>) -> CampaignStart {
    let letter = CampaignLetter::parse([("en", "Subject: Spring\n\nSpring is here.")]).unwrap();
    let request = CampaignRequest {
        plan: Plan::of(&[StageName::Email]).unwrap(),
        audience,
        unreached_of: None,
        letter: letter.digest(),
        deadline: None,
        priority: Priority::Normal,
        cap: None,
        at_most: None,
        a_day: None,
    };
    let told = Told { by: "max".into(), note: None, at: begin() };
    let run = RunId::parse("spring").unwrap();
    CampaignStart { run, request, addressees: addressees.clone(), part: SIZES.part, letter, told }
}

/// A ledger with ten customers, and a clock.
struct World {
    ledger: MemoryLedger,
    clock: Steps,
}

impl World {
    async fn new() -> Self {
        let ledger = MemoryLedger::default();
        for number in 0..10 {
            ledger.save_customer(&customer(&format!("c-{number}"))).await.unwrap();
        }
        Self { ledger, clock: Steps(AtomicI64::new(begin().as_second())) }
    }

    async fn started(&self, start: &CampaignStart) -> Campaign {
        let campaign = start.write(&self.ledger).await.unwrap().unwrap();
        self.with(&campaign, CampaignEvent::PlanningStarted).await
    }

    async fn with(&self, campaign: &Campaign, event: CampaignEvent) -> Campaign {
        let change = campaign.change(event, begin()).unwrap();
        assert_eq!(self.ledger.save_campaign(&change).await, Ok(true));
        change.after().clone()
    }

    async fn planned(&self, campaign: &Campaign, until: Timestamp) -> Planned {
        let Self { ledger, clock } = self;
        let planner = Planner { campaigns: ledger, ledger, listing: ledger, clock, sizes: SIZES };
        planner.work(campaign, until).await.unwrap()
    }

    /// Those who have entries.
    async fn entries(&self, run: RunId) -> BTreeSet<Addressee> {
        self.ledger.open_in_campaign(run, usize::MAX).await.unwrap().into_iter().map(|id| id.addressee()).collect()
    }
}

#[tokio::test]
async fn whom_a_start_was_for_that_failed_gets_nothing_of_another_of_its_name() {
    let world = World::new().await;
    let (failed, meant) = (ids(&["c-0", "c-1", "c-2", "c-3", "c-4", "c-5"]), ids(&["c-7", "c-8"]));
    let left = Audience::given(&failed, SIZES.part);
    for (number, addressees) in (0..).zip(failed.into_iter().collect::<Vec<_>>().chunks(SIZES.part)) {
        let part = AudiencePart { addressees: addressees.to_vec(), next: None, at: begin() };
        let run = RunId::parse("spring").unwrap();
        assert_eq!(world.ledger.put_audience_part(run, left.part(number), &part).await, Ok(true));
    }
    let campaign = world.started(&spring(Audience::given(&meant, SIZES.part), &meant)).await;
    assert_eq!(world.planned(&campaign, later()).await, Planned::All(Seal::of(&meant)));
    assert_eq!(world.entries(campaign.run).await, meant);
}

#[tokio::test]
async fn an_audience_that_is_not_the_one_asked_for_is_not_sealed_but_cut_short() {
    let world = World::new().await;
    let meant = ids(&["c-1", "c-2", "c-3"]);
    let others = ids(&["c-1", "c-2", "c-4"]);
    let start = CampaignStart { addressees: others.clone(), ..spring(Audience::given(&meant, SIZES.part), &meant) };
    let campaign = world.started(&start).await;
    let Planned::Refused(why) = world.planned(&campaign, later()).await else { panic!("sealed") };
    let cancelled = CampaignEvent::CancelAsked { by: "pulse".into(), note: Note::parse(&why).unwrap() };
    let campaign = world.with(&campaign, cancelled).await;
    assert_eq!(world.planned(&campaign, later()).await, Planned::All(Seal::of(&others)));
}

#[tokio::test]
async fn a_part_ends_where_the_time_does_and_is_gone_on_with_from_there() {
    let world = World::new().await;
    let asked = Audience::Asked { question: Question::default() };
    let campaign = world.started(&spring(asked.clone(), &BTreeSet::new())).await;
    // Nothing is begun after the time.
    assert_eq!(world.planned(&campaign, begin()).await, Planned::Unfinished);
    assert_eq!(world.ledger.audience_part(campaign.run, asked.part(0)).await, Ok(None));
    // The clock is looked at before a part and after a page of it.
    let soon = world.clock.now() + 2.seconds();
    assert_eq!(world.planned(&campaign, soon).await, Planned::Unfinished);
    let first = world.ledger.audience_part(campaign.run, asked.part(0)).await.unwrap().unwrap();
    assert_eq!(first.addressees.iter().cloned().collect::<BTreeSet<_>>(), ids(&["c-0", "c-1"]));
    assert_eq!(world.entries(campaign.run).await, ids(&["c-0", "c-1"]));
    let all = (0..10).map(|number| format!("c-{number}").try_into().unwrap()).collect();
    assert_eq!(world.planned(&campaign, later()).await, Planned::All(Seal::of(&all)));
    assert_eq!(world.entries(campaign.run).await, all);
    assert!(world.ledger.planned_parts(campaign.run).await.unwrap().parts > 3);
}

#[tokio::test]
async fn who_has_not_heard_that_it_is_cancelled_plans_no_more_of_it() {
    let world = World::new().await;
    let asked = Audience::Asked { question: Question::default() };
    let stale = world.started(&spring(asked, &BTreeSet::new())).await;
    let soon = world.clock.now() + 2.seconds();
    assert_eq!(world.planned(&stale, soon).await, Planned::Unfinished);
    let note = Note::parse("It was the wrong letter.").unwrap();
    let campaign = world.with(&stale, CampaignEvent::CancelAsked { by: "max".into(), note }).await;
    let two = Seal::of(&ids(&["c-0", "c-1"]));
    assert_eq!(world.planned(&campaign, later()).await, Planned::All(two));
    let planned = PlannedParts { parts: 2, seal: two, is_cut_short: true };
    assert_eq!(world.ledger.planned_parts(campaign.run).await, Ok(planned));
    assert_eq!(world.planned(&stale, later()).await, Planned::All(two));
    assert_eq!(world.entries(campaign.run).await.len(), 2);
}

#[tokio::test]
async fn the_part_that_another_has_found_is_the_last_of_one_that_is_cancelled() {
    let world = World::new().await;
    let asked = Audience::Asked { question: Question::default() };
    let stale = world.started(&spring(asked.clone(), &BTreeSet::new())).await;
    let found = AudiencePart { addressees: ids(&["c-3"]).into_iter().collect(), next: None, at: begin() };
    assert_eq!(world.ledger.put_audience_part(stale.run, asked.part(0), &found).await, Ok(true));
    let note = Note::parse("It was the wrong letter.").unwrap();
    let campaign = world.with(&stale, CampaignEvent::CancelAsked { by: "max".into(), note }).await;
    assert_eq!(world.planned(&campaign, later()).await, Planned::All(Seal::of(&ids(&["c-3"]))));
    assert_eq!(world.entries(campaign.run).await, ids(&["c-3"]));
}

#[tokio::test]
async fn each_item_of_a_customer_has_an_entry_in_whatever_part_it_is() {
    let world = World::new().await;
    let meant = ids(&["c-1,A", "c-1,B", "c-1,C", "c-1,D", "c-1,E", "c-2", "c-3,A"]);
    let campaign = world.started(&spring(Audience::given(&meant, SIZES.part), &meant)).await;
    assert_eq!(world.planned(&campaign, later()).await, Planned::All(Seal::of(&meant)));
    assert_eq!(world.entries(campaign.run).await, meant);
    assert_eq!(world.ledger.planned_parts(campaign.run).await.unwrap().parts, 2);
}
