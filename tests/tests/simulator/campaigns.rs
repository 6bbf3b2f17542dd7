//! Campaigns beside the months: every one ends, adds up, and is closed once, and the months go on as ever.

use std::{
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    campaign::{Campaign, CampaignOutcome, CampaignReport, CampaignStepped, Priority},
    customer::CustomerId,
    entry::{Addressee, ItemId, Plan, StageName, TallyKey},
    run::RunId,
};
use pulse_sim::{
    seeds::{Act, CampaignAct, Fault, FaultPlan, Kind, SeedReport, joins_later, run},
    world::{Down, Production, Promise, ProviderFaults, SimulatedCampaign, SystemUnderTest, WorldPorts},
};

use crate::{
    mutants::{
        BelievesEveryRefusal, DispatchesUnsealed, ForgetsItsDay, HedgesItsCalls, KeepsACounter, KeepsACursor,
        MakesAKeyForEachTry, NumbersParts, PassesItemsOver, ReapsByAge, TakesItemsForOne,
    },
    seeds::{broken_seeds, seeds},
};

/// Seeds that are lived through with campaigns in each run of the tests.
const SEEDS: u64 = 15;

/// Seeds within which a bug must show.
const SEEDS_OF_BUGS: u64 = 30;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// How many customers a scenario has, and its campaign is for.
const CUSTOMERS: u32 = 400;

fn plan(seed: u64) -> FaultPlan {
    FaultPlan::of_seed(seed, 100, 35).with_orders().with_campaigns()
}

fn shipped() -> Arc<dyn SystemUnderTest> {
    Arc::new(Production)
}

#[test]
fn no_seed_with_campaigns_breaks_a_promise() {
    let broken = broken_seeds(seeds(SEEDS), plan);
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn no_seed_with_campaigns_and_other_systems_breaks_a_promise() {
    let broken = broken_seeds(seeds(SEEDS / 3), |seed| plan(seed).with_endpoints());
    assert!(broken.is_empty(), "{broken:#?}");
}

fn campaign(name: &str) -> SimulatedCampaign {
    SimulatedCampaign {
        run: RunId::parse(name).unwrap(),
        plan: Plan::of(&[StageName::Email]).unwrap(),
        audience: Ok((0..CUSTOMERS).filter(|number| !joins_later(*number)).map(addressee).collect()),
        other_starts: Vec::new(),
        deadline: None,
        priority: Priority::Normal,
        cap: None,
        at_most: None,
        a_day: None,
    }
}

fn customer(number: u32) -> CustomerId {
    CustomerId::parse(&format!("c{number}")).unwrap()
}

fn act(campaign: SimulatedCampaign) -> CampaignAct {
    CampaignAct { campaign, held: None, cancelled_after: None }
}

/// Three days in, the campaigns are started; these faults last from then on for a day.
fn scenario(acts: Vec<CampaignAct>, faults: Vec<Kind>) -> FaultPlan {
    let at = 3 * DAY;
    let acts =
        acts.into_iter().map(|act| Fault { at, lasts: Duration::ZERO, kind: Kind::Once(Act::Campaign(Box::new(act))) });
    let faults = faults.into_iter().map(|kind| Fault { at, lasts: DAY, kind });
    FaultPlan {
        has_campaigns: true,
        faults: (0..).zip(faults.chain(acts)).collect(),
        ..FaultPlan::calm(7, CUSTOMERS, 11)
    }
}

fn lived(plan: &FaultPlan) -> SeedReport {
    let report = run(plan, shipped(), false);
    assert_eq!(report.violations, []);
    report
}

fn only(report: &SeedReport) -> (&Campaign, &CampaignReport) {
    let [campaign] = &report.campaigns[..] else { panic!("one campaign") };
    (campaign, &campaign.finished.as_ref().expect("it is over").0)
}

fn count(report: &CampaignReport, of: impl Fn(&TallyKey) -> bool) -> u64 {
    report.counts.iter().filter(|(key, _)| of(key)).map(|(_, count)| count).sum()
}

fn unreliable(faults: ProviderFaults) -> Vec<Kind> {
    vec![Kind::Unreliable(StageName::Email, faults)]
}

#[test]
fn a_campaign_reaches_everyone_and_is_closed_within_two_minutes_of_its_last_mail() {
    let report = lived(&scenario(vec![act(campaign("spring"))], Vec::new()));
    let (campaign, told) = only(&report);
    assert_eq!((told.outcome, told.entries()), (CampaignOutcome::Succeeded, campaign.sealed.unwrap().0.count));
    assert!(count(told, |key| *key == TallyKey::Sent) > 360, "{:?}", told.counts);
    // 400 mails of 3.3 s on 20 lanes take 66 s.
    assert!(told.ran_for < 6 * MINUTE, "{:?}", told.ran_for);
}

/// `BullMQ` #800: of 10,000 children one fails, and the parent waits for ever.
#[test]
fn a_campaign_some_of_whose_mails_fail_ends_and_says_how_many() {
    let failing = ProviderFaults { fail: 0.02, ..ProviderFaults::default() };
    let report = lived(&scenario(vec![act(campaign("spring"))], unreliable(failing)));
    let (_, told) = only(&report);
    assert_eq!(told.outcome, CampaignOutcome::FinishedWithFailures);
    let failed = count(told, |key| matches!(key, TallyKey::Failed(_)));
    assert!((1..30).contains(&failed), "{failed} failed");
    assert_eq!(told.causes.iter().map(|(_, count)| count).sum::<u64>(), failed);
}

/// Sidekiq #4607: a worker is killed, and its job is never counted.
#[test]
fn a_campaign_whose_workers_are_killed_ends() {
    let report = lived(&scenario(vec![act(campaign("spring"))], vec![Kind::Deaths(0.02), Kind::TickDeaths(0.02)]));
    let (_, told) = only(&report);
    assert!(count(told, |key| *key == TallyKey::Sent) > 320, "{:?}", told.counts);
}

/// Trigger.dev #4397: the parent waits for children that never answer.
#[test]
fn a_campaign_whose_provider_never_answers_ends_with_its_deadline_and_says_why() {
    let plan = scenario(
        vec![act(SimulatedCampaign { deadline: Some(HOUR), ..campaign("spring") })],
        vec![Kind::Outage(StageName::Email, Down::Hanging)],
    );
    let report = lived(&plan);
    let (campaign, told) = only(&report);
    assert_eq!(told.outcome, CampaignOutcome::FinishedWithFailures);
    let open_for = campaign.finished.as_ref().unwrap().1.duration_since(campaign.requested.at);
    assert!(Duration::try_from(open_for).unwrap() < HOUR + 5 * MINUTE, "{open_for:#}");
    assert!(count(told, |key| *key == TallyKey::Abandoned) > 0 && !told.causes.is_empty(), "{told:?}");
}

/// listmonk #2860 and #2313: "finished" with 2,061 of 5,239; and resumed, three to five copies.
#[test]
fn a_campaign_that_is_held_goes_on_where_it_was() {
    let held = CampaignAct { held: Some((MINUTE, 3 * HOUR)), ..act(campaign("spring")) };
    let report = lived(&scenario(vec![held], Vec::new()));
    let (campaign, told) = only(&report);
    assert_eq!(told.outcome, CampaignOutcome::Succeeded);
    assert!(told.ran_for > 3 * HOUR, "it was held: {:?}", told.ran_for);
    assert_eq!(told.entries(), campaign.sealed.unwrap().0.count);
    // The provider has one mail for each that is said to be sent, and no more.
    let calm = run(&scenario(Vec::new(), Vec::new()), shipped(), false);
    assert_eq!(report.mails - calm.mails, count(told, |key| *key == TallyKey::Sent));
}

#[test]
fn a_campaign_that_is_cancelled_sends_nothing_more_and_adds_up() {
    let cancelled = CampaignAct { cancelled_after: Some(Duration::from_secs(80)), ..act(campaign("spring")) };
    let report = lived(&scenario(vec![cancelled], Vec::new()));
    let (_, told) = only(&report);
    assert_eq!(told.outcome, CampaignOutcome::Cancelled);
    let (sent, cancelled) = (count(told, |key| *key == TallyKey::Sent), count(told, |key| *key == TallyKey::Cancelled));
    assert!(sent > 0 && cancelled > 50, "{sent} sent, {cancelled} cancelled");
}

/// It waits for nobody to have it go on, who may have forgotten it.
#[test]
fn a_campaign_that_is_held_before_it_is_planned_ends_with_its_deadline() {
    let campaign = SimulatedCampaign { deadline: Some(HOUR), ..campaign("spring") };
    let held = CampaignAct { held: Some((Duration::ZERO, 3 * HOUR)), ..act(campaign) };
    let mut plan = scenario(vec![held], vec![Kind::NothingScheduled]);
    plan.faults[0].1.lasts = MINUTE;
    let report = lived(&plan);
    let (campaign, told) = only(&report);
    assert_eq!((told.outcome, told.entries()), (CampaignOutcome::Cancelled, 0));
    let open_for = campaign.finished.as_ref().unwrap().1.duration_since(campaign.requested.at);
    assert!(Duration::try_from(open_for).unwrap() < HOUR + 5 * MINUTE, "{open_for:#}");
}

#[test]
fn a_campaign_for_nobody_ends_too() {
    let report =
        lived(&scenario(vec![act(SimulatedCampaign { audience: Ok(Vec::new()), ..campaign("spring") })], Vec::new()));
    let (_, told) = only(&report);
    assert_eq!((told.outcome, told.entries()), (CampaignOutcome::Succeeded, 0));
}

/// Whoever starts one by `pulse run start` can't: ids that nobody has are left out.
#[test]
fn a_campaign_for_someone_whom_nobody_knows_ends_and_says_so() {
    let audience = Ok([1, 2, 19].map(addressee).to_vec());
    let plan = scenario(vec![act(SimulatedCampaign { audience, ..campaign("spring") })], Vec::new());
    let report = run(&plan, shipped(), false);
    let (_, told) = only(&report);
    assert_eq!((told.outcome, told.entries()), (CampaignOutcome::FinishedWithFailures, 3));
    assert_eq!(count(told, |key| *key == TallyKey::Abandoned), 1);
    assert!(told.causes[0].0.as_str().contains("Nobody on the roster"), "{:?}", told.causes);
}

#[test]
fn a_frequency_cap_holds_over_all_runs() {
    let capped = |name| act(SimulatedCampaign { cap: "1/7d".parse().ok(), ..campaign(name) });
    let report = lived(&scenario(vec![capped("first"), capped("second")], Vec::new()));
    let sent = |campaign: &Campaign| count(&campaign.finished.as_ref().unwrap().0, |key| *key == TallyKey::Sent);
    let all: u64 = report.campaigns.iter().map(sent).sum();
    assert!((200..=u64::from(CUSTOMERS)).contains(&all), "{all} mails of both");
}

/// Some customers have three items, others two or one.
#[test]
fn each_item_of_a_customer_is_called_for_and_mailed_once() {
    let lossy = ProviderFaults { retry: 0.1, answer_lost: 0.1, ..ProviderFaults::default() };
    let of_items = |number| (0..=number % 3).map(move |item| item_of(number, item));
    let audience = (0..CUSTOMERS).filter(|number| !joins_later(*number)).flat_map(of_items).collect::<Vec<_>>();
    let entries = audience.len() as u64;
    let campaign = SimulatedCampaign { audience: Ok(audience), ..calling("invoices") };
    let (report, left) = (lived(&scenario(vec![act(campaign)], unreliable_partner(lossy))), entries / 10);
    let (campaign, told) = only(&report);
    assert_eq!((told.entries(), campaign.sealed.unwrap().0.count), (entries, entries));
    assert!(count(told, |key| *key == TallyKey::Sent) > entries - left, "{:?}", told.counts);
}

/// An urgent campaign is through before a bulk one of the same size that was begun at the same time, where both are several batches
/// of each invocation: what is in a batch isn't overtaken any more.
#[test]
fn an_urgent_campaign_overtakes_a_bulk_one() {
    let customers = 10 * CUSTOMERS;
    let audience: Vec<_> = (0..customers).filter(|number| !joins_later(*number)).map(addressee).collect();
    let of = |name, priority| act(SimulatedCampaign { priority, audience: Ok(audience.clone()), ..campaign(name) });
    let both = scenario(vec![of("bulk", Priority::Bulk), of("urgent", Priority::Urgent)], Vec::new());
    let report = lived(&FaultPlan { customers, ..both });
    let ran_for = |name: &str| {
        let found = report.campaigns.iter().find(|campaign| campaign.run.to_string() == name).unwrap();
        found.finished.as_ref().unwrap().0.ran_for
    };
    println!("urgent {:?}, bulk {:?}", ran_for("urgent"), ran_for("bulk"));
    assert!(ran_for("urgent") + MINUTE < ran_for("bulk"));
}

/// Whom the night puts off is begun already, and isn't counted again in the morning.
#[test]
fn a_campaign_of_so_many_a_day_takes_its_days_and_no_more() {
    let a_day = NonZeroU64::new(150);
    let report = lived(&scenario(vec![act(SimulatedCampaign { a_day, ..campaign("spring") })], Vec::new()));
    let (campaign, told) = only(&report);
    let days = campaign.sealed.unwrap().0.count.div_ceil(150) - 1;
    assert_eq!((told.outcome, days), (CampaignOutcome::Succeeded, 2));
    assert!((48 * HOUR..72 * HOUR).contains(&told.ran_for), "{:?}", told.ran_for);
}

/// Gives campaigns so much of each tick, and counts the ticks in which some were dispatched, and in which some closed.
struct InTime {
    time: Duration,
    dispatching: AtomicUsize,
    closing: AtomicUsize,
}

#[async_trait]
impl SystemUnderTest for InTime {
    async fn look_after_campaigns(&self, ports: &WorldPorts, _: Timestamp) -> Vec<CampaignStepped> {
        let stepped = Production.look_after_campaigns(ports, ports.clock.now() + self.time).await;
        let some = |of: fn(&CampaignStepped) -> usize| usize::from(stepped.iter().any(|step| of(step) > 0));
        self.dispatching.fetch_add(some(|step| step.dispatched), Ordering::Relaxed);
        self.closing.fetch_add(some(|step| step.closed), Ordering::Relaxed);
        stepped
    }
}

/// In how many ticks of so much time a campaign is dispatched, and in how many it is closed.
fn ticks_of(time: Duration, act: CampaignAct, outcome: CampaignOutcome) -> (usize, usize) {
    let product = Arc::new(InTime { time, dispatching: AtomicUsize::new(0), closing: AtomicUsize::new(0) });
    let report = run(&scenario(vec![act], Vec::new()), product.clone(), false);
    assert_eq!(report.violations, []);
    assert_eq!(only(&report).1.outcome, outcome);
    (product.dispatching.load(Ordering::Relaxed), product.closing.load(Ordering::Relaxed))
}

#[test]
fn a_tick_whose_time_is_over_leaves_the_rest_of_a_campaign_to_the_next() {
    let [long, short] = [30_000, 100].map(Duration::from_millis);
    let sent = |time| ticks_of(time, act(campaign("spring")), CampaignOutcome::Succeeded).0;
    assert!(sent(long) + 2 <= sent(short), "{} and {}", sent(long), sent(short));
    let act = || CampaignAct { cancelled_after: Some(Duration::from_secs(80)), ..act(campaign("spring")) };
    let closed = |time| ticks_of(time, act(), CampaignOutcome::Cancelled).1;
    assert!(closed(long) < closed(short), "{} and {}", closed(long), closed(short));
}

fn addressee(number: u32) -> Addressee {
    customer(number).into()
}

fn item_of(number: u32, item: u32) -> Addressee {
    Addressee { item: ItemId::parse(&format!("I-{item}")).ok(), ..addressee(number) }
}

fn calling(name: &str) -> SimulatedCampaign {
    SimulatedCampaign { plan: Plan::of_campaign(&[StageName::Call, StageName::Email]).unwrap(), ..campaign(name) }
}

fn unreliable_partner(faults: ProviderFaults) -> Vec<Kind> {
    vec![Kind::Unreliable(StageName::Call, faults)]
}

#[test]
fn a_campaign_that_calls_a_partner_which_loses_answers_mails_everyone_its_reference() {
    let lossy = ProviderFaults { retry: 0.1, answer_lost: 0.1, ..ProviderFaults::default() };
    let report = lived(&scenario(vec![act(calling("invoices"))], unreliable_partner(lossy)));
    let (campaign, told) = only(&report);
    assert_eq!((told.outcome, told.entries()), (CampaignOutcome::Succeeded, campaign.sealed.unwrap().0.count));
    assert!(count(told, |key| *key == TallyKey::Sent) > 360, "{:?}", told.counts);
    // A thing that takes the partner a while is asked for again within 20 minutes or so.
    assert!(told.ran_for < 2 * HOUR, "{:?}", told.ran_for);
}

#[test]
fn a_campaign_some_of_whose_calls_are_refused_ends_and_says_how_many() {
    let failing = ProviderFaults { fail: 0.05, ..ProviderFaults::default() };
    let report = lived(&scenario(vec![act(calling("invoices"))], unreliable_partner(failing)));
    let (_, told) = only(&report);
    let failed = count(told, |key| *key == TallyKey::Failed(StageName::Call));
    assert_eq!(told.outcome, CampaignOutcome::FinishedWithFailures);
    assert!((3..60).contains(&failed), "{failed} failed");
}

#[test]
fn a_campaign_whose_partner_is_down_ends_with_its_deadline_and_mails_nobody() {
    let late = SimulatedCampaign { deadline: Some(HOUR), ..calling("invoices") };
    for down in [Down::Hanging, Down::Failing, Down::Limiting(2 * HOUR)] {
        let report = lived(&scenario(vec![act(late.clone())], vec![Kind::Outage(StageName::Call, down)]));
        let (_, told) = only(&report);
        assert_eq!(count(told, |key| *key == TallyKey::Sent), 0, "{:?}", told.counts);
        assert!(count(told, |key| *key == TallyKey::Abandoned) > 360, "{:?}", told.counts);
    }
}

/// A partner whose URL is mistaken answers 404 to everything. Here that is mended after a day.
fn refused_for_a_day(product: Arc<dyn SystemUnderTest>) -> CampaignReport {
    let refusing = ProviderFaults { fail: 1.0, ..ProviderFaults::default() };
    let report = run(&scenario(vec![act(calling("invoices"))], unreliable_partner(refusing)), product, false);
    assert_eq!(report.violations, []);
    only(&report).1.clone()
}

#[test]
fn a_campaign_whose_partner_refuses_everything_for_a_day_loses_nobody() {
    let told = refused_for_a_day(shipped());
    assert_eq!(told.outcome, CampaignOutcome::Succeeded, "{:?}", told.counts);
    assert!(count(&told, |key| *key == TallyKey::Sent) > 360, "{:?}", told.counts);
}

#[test]
fn refusals_that_are_all_believed_are_caught() {
    let told = refused_for_a_day(Arc::new(BelievesEveryRefusal));
    assert!(count(&told, |key| *key == TallyKey::Failed(StageName::Call)) > 100, "{:?}", told.counts);
}

fn breaks(plan: &FaultPlan, product: &Arc<dyn SystemUnderTest>, promise: Promise) -> bool {
    run(plan, Arc::clone(product), false).violations.iter().any(|violation| violation.promise == promise)
}

fn assert_caught(make: fn() -> Arc<dyn SystemUnderTest>, promise: Promise) {
    let seed = (0..SEEDS_OF_BUGS).find(|seed| breaks(&plan(*seed), &make(), promise));
    let seed = seed.unwrap_or_else(|| panic!("{SEEDS_OF_BUGS} seeds don't see that {promise} fails"));
    assert!(!breaks(&plan(seed), &shipped(), promise), "what is shipped breaks it too in seed {seed}");
}

#[test]
fn a_counter_of_what_is_closed_is_caught() {
    assert_caught(|| Arc::new(KeepsACounter::default()), Promise::CampaignsEnd);
}

#[test]
fn entries_that_are_dispatched_before_the_seal_are_caught() {
    assert_caught(|| Arc::new(DispatchesUnsealed), Promise::CampaignsHold);
}

#[test]
fn a_reaper_by_age_is_caught() {
    assert_caught(|| Arc::new(ReapsByAge), Promise::NobodyLost);
}

#[test]
fn parts_of_an_audience_that_another_start_finds_by_their_numbers_are_caught() {
    assert_caught(|| Arc::new(NumbersParts::default()), Promise::CampaignsKeepToTheirAudience);
}

#[test]
fn a_cursor_in_the_place_of_rows_is_caught() {
    assert_caught(|| Arc::new(KeepsACursor::default()), Promise::CampaignsEnd);
}

#[test]
fn a_campaign_that_forgets_what_it_began_today_is_caught() {
    assert_caught(|| Arc::new(ForgetsItsDay), Promise::CampaignDays);
}

#[test]
fn a_key_that_is_another_at_each_try_is_caught() {
    assert_caught(|| Arc::new(MakesAKeyForEachTry::default()), Promise::PartnersDoOnce);
}

#[test]
fn calls_to_a_partner_beside_its_lanes_are_caught() {
    assert_caught(|| Arc::new(HedgesItsCalls), Promise::LanesHeld);
}

#[test]
fn a_ledger_whose_keys_have_no_item_is_caught() {
    assert_caught(|| Arc::new(TakesItemsForOne), Promise::CampaignsEnd);
}

#[test]
fn a_key_for_a_partner_that_has_no_item_is_caught() {
    assert_caught(|| Arc::new(PassesItemsOver), Promise::PartnersDoOnce);
}
