//! Where campaigns and their entries are kept, wherever that is.
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU64,
    time::Duration,
};

use jiff::ToSpan as _;
use pulse_core::{
    campaign::{
        Audience, AudiencePart, Campaign, CampaignChange, CampaignEvent, CampaignLetter, CampaignPace, CampaignRequest,
        PlannedParts, Priority, Question, RosterPlace, Seal, StageUse,
    },
    delivery::{Delivery, EndpointName, Outbox},
    entry::{Addressee, Entry, EntryId, Plan, SkipReason, StageName},
    ports::{Awaited, CampaignEntries, Campaigns, Deliveries, Ledger, LedgerListing, TallyKey},
    run::RunId,
};

use super::samples::{due, id, scheduled};

/// What a ledger that has campaigns is.
pub trait CampaignLedger: Campaigns + CampaignEntries + Deliveries + Ledger + LedgerListing {}

impl<T: Campaigns + CampaignEntries + Deliveries + Ledger + LedgerListing> CampaignLedger for T {}

fn run(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

/// Those of ids such as `c-1`, and `c-1,INV-1`.
fn addressees(ids: &[&str]) -> impl Iterator<Item = Addressee> {
    ids.iter().map(|id| (*id).to_owned().try_into().expect("an id"))
}

fn given(ids: &[&str]) -> Audience {
    Audience::given(&addressees(ids).collect(), 2)
}

fn requested(name: &str) -> CampaignChange {
    let request = CampaignRequest {
        plan: Plan::of(&[StageName::Score, StageName::Email]).unwrap(),
        audience: given(&["c-1", "c-2"]),
        unreached_of: None,
        letter: "0123".into(),
        deadline: Some(due() + 90.minutes()),
        priority: Priority::Urgent,
        cap: "2/7d".parse().ok(),
        at_most: Some(10_000),
        a_day: NonZeroU64::new(500),
    };
    CampaignChange::requested(run(name), request, "aoife".into(), None, due())
}

async fn saved(ledger: &dyn CampaignLedger, change: &CampaignChange) -> Campaign {
    assert_eq!(ledger.save_campaign(change).await, Ok(true));
    change.after().clone()
}

async fn next(ledger: &dyn CampaignLedger, campaign: &Campaign, event: CampaignEvent) -> Campaign {
    saved(ledger, &campaign.change(event, due() + 1.minute()).unwrap()).await
}

pub async fn a_campaign_is_read_back_with_all_that_happened_to_it(ledger: &dyn CampaignLedger) {
    assert_eq!(ledger.campaign(run("spring")).await, Ok(None));
    let campaign = saved(ledger, &requested("spring")).await;
    assert_eq!(ledger.campaign(run("spring")).await, Ok(Some(campaign.clone())));
    let campaign = next(ledger, &campaign, CampaignEvent::PlanningStarted).await;
    let campaign = next(
        ledger,
        &campaign,
        CampaignEvent::Sealed { seal: Seal::of(&addressees(&["c-1", "c-2"]).collect::<Vec<_>>()) },
    )
    .await;
    assert_eq!(ledger.campaign(run("spring")).await, Ok(Some(campaign.clone())));
    let records = ledger.campaign_records(run("spring")).await.unwrap();
    assert_eq!(records.iter().map(|record| record.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(Campaign::of_records(run("spring"), &records), Some(campaign));
}

pub async fn of_two_changes_of_a_version_one_is_written_and_a_name_is_given_once(ledger: &dyn CampaignLedger) {
    let campaign = saved(ledger, &requested("spring")).await;
    assert_eq!(ledger.save_campaign(&requested("spring")).await, Ok(false));
    let change = campaign.change(CampaignEvent::PlanningStarted, due()).unwrap();
    assert_eq!(ledger.save_campaign(&change).await, Ok(true));
    let note = "It was the wrong letter.";
    let late = CampaignEvent::CancelAsked { by: "max".into(), note: pulse_core::control::Note::parse(note).unwrap() };
    assert_eq!(ledger.save_campaign(&campaign.change(late, due()).unwrap()).await, Ok(false));
    assert_eq!(ledger.campaign_records(run("spring")).await.unwrap().len(), 2);
}

pub async fn word_of_a_campaign_is_written_with_what_makes_it(ledger: &dyn CampaignLedger) {
    use pulse_core::delivery::{Endpoint, FactKind, Line, Owner, Target};
    let target = Target::EventBridge { bus: "crm".to_owned() };
    let crm =
        Endpoint::new(EndpointName::parse("crm").unwrap(), target, FactKind::ALL.iter().copied(), "max".into(), due());
    let campaign = saved(ledger, &requested("spring")).await;
    let change = campaign.change(CampaignEvent::PlanningStarted, due()).unwrap();
    let change = change.with_word(Outbox { endpoints: std::slice::from_ref(&crm) });
    assert_eq!(ledger.save_campaign(&change).await, Ok(true));
    let line = Line { owner: Owner::Run(run("spring")), endpoint: crm.name.clone() };
    let told: Vec<_> = ledger.line(&line).await.unwrap().iter().map(Delivery::id).collect();
    assert_eq!(told, change.deliveries().iter().map(Delivery::id).collect::<Vec<_>>());
    assert_eq!(told.len(), 1);
}

pub async fn campaigns_are_listed_newest_first_and_live_ones_apart(ledger: &dyn CampaignLedger) {
    let first = saved(ledger, &requested("first")).await;
    let later = CampaignChange::requested(run("second"), first.request.clone(), "max".into(), None, due() + 1.hour());
    saved(ledger, &later).await;
    assert_eq!(ledger.campaigns(10).await, Ok(vec![run("second"), run("first")]));
    assert_eq!(ledger.campaigns(1).await, Ok(vec![run("second")]));
    let mut campaign = first;
    let seal = Seal::default();
    for event in [
        CampaignEvent::PlanningStarted,
        CampaignEvent::Sealed { seal },
        CampaignEvent::Started,
        CampaignEvent::LastClosed,
        CampaignEvent::Finished {
            report: pulse_core::campaign::CampaignReport {
                outcome: pulse_core::campaign::CampaignOutcome::Succeeded,
                counts: BTreeMap::from([(TallyKey::Sent, 3), (TallyKey::Skipped(SkipReason::FrequencyCap), 1)]),
                causes: Vec::new(),
                planned_within: Duration::from_secs(3),
                ran_for: Duration::from_mins(1),
                stages: vec![StageUse {
                    stage: StageName::Email,
                    calls: 3,
                    failures: 1,
                    took: Duration::from_millis(9_900),
                    over: Duration::from_mins(1),
                }],
            },
        },
    ] {
        campaign = next(ledger, &campaign, event).await;
    }
    assert_eq!(ledger.campaign(run("first")).await, Ok(Some(campaign)));
    let live = async |since| ledger.live_campaigns(since).await.unwrap().into_iter().collect::<BTreeSet<_>>();
    assert_eq!(live(due()).await, BTreeSet::from([run("first"), run("second")]));
    assert_eq!(live(due() + 1.hour()).await, BTreeSet::from([run("second")]));
}

pub async fn letters_are_read_back_by_their_digests(ledger: &dyn CampaignLedger) {
    let letter = |english| CampaignLetter::parse([("en", english), ("ja", "Subject: 春\n\n春です。")]).unwrap();
    let (one, other) =
        (letter("Subject: Spring\n\nHello {{ name }}."), letter("Subject: Spring\n\nGood day, {{ name }}."));
    assert_eq!(ledger.campaign_letter(run("spring"), &one.digest()).await, Ok(None));
    ledger.put_campaign_letter(run("spring"), &one).await.unwrap();
    ledger.put_campaign_letter(run("spring"), &other).await.unwrap();
    for letter in [one, other] {
        assert_eq!(ledger.campaign_letter(run("spring"), &letter.digest()).await, Ok(Some(letter)));
    }
}

pub async fn a_part_of_an_audience_stays_as_it_was_and_is_in_no_others_way(ledger: &dyn CampaignLedger) {
    let (spring, next) = (run("spring"), Some(RosterPlace { part: 1, after: Some(id("c-9")) }));
    let part = |ids: &[&str]| AudiencePart { addressees: addressees(ids).collect(), next: next.clone(), at: due() };
    let asked = Audience::Asked { question: Question::default() };
    let (here, there) = (given(&["c-1", "c-2"]), given(&["c-3"]));
    assert_eq!(ledger.audience_part(spring, here.part(0)).await, Ok(None));
    assert_eq!(ledger.put_audience_part(spring, here.part(0), &part(&["c-1", "c-2"])).await, Ok(true));
    assert_eq!(ledger.put_audience_part(spring, here.part(0), &part(&["c-4"])).await, Ok(false));
    assert_eq!(ledger.put_audience_part(spring, there.part(0), &part(&["c-3"])).await, Ok(true));
    assert_eq!(ledger.put_audience_part(spring, asked.part(0), &part(&[])).await, Ok(true));
    assert_eq!(ledger.audience_part(spring, here.part(0)).await, Ok(Some(part(&["c-1", "c-2"]))));
    assert_eq!(ledger.audience_part(spring, there.part(0)).await, Ok(Some(part(&["c-3"]))));
    assert_eq!(ledger.audience_part(spring, asked.part(0)).await, Ok(Some(part(&[]))));
    assert_eq!(ledger.audience_part(spring, here.part(1)).await, Ok(None));
}

pub async fn planned_parts_are_counted_one_after_the_other(ledger: &dyn CampaignLedger) {
    let spring = run("spring");
    let one = PlannedParts { parts: 1, seal: Seal::of(&[id("c-1").into()]), is_cut_short: false };
    let two = PlannedParts { parts: 2, seal: one.seal.with(&id("c-2").into()), is_cut_short: true };
    assert_eq!(ledger.planned_parts(spring).await, Ok(PlannedParts::default()));
    assert_eq!(ledger.save_planned_parts(spring, &two).await, Ok(false));
    assert_eq!(ledger.save_planned_parts(spring, &one).await, Ok(true));
    assert_eq!(ledger.save_planned_parts(spring, &PlannedParts { is_cut_short: true, ..one }).await, Ok(false));
    assert_eq!(ledger.planned_parts(spring).await, Ok(one));
    assert_eq!(ledger.save_planned_parts(spring, &two).await, Ok(true));
    assert_eq!(ledger.planned_parts(spring).await, Ok(two));
}

fn planned(customer: &str) -> Entry {
    let id = EntryId::of(id(customer), run("spring"));
    Entry::of_campaign(id, Plan::of(&[StageName::Email]).unwrap(), due())
}

async fn waiting(ledger: &dyn CampaignLedger, awaited: Awaited) -> BTreeSet<String> {
    let found = ledger.waiting_in_campaign(run("spring"), StageName::Email, awaited, due() + 1.hour(), 100).await;
    found.unwrap().into_iter().map(|id| id.customer.to_string()).collect()
}

pub async fn entries_are_found_by_what_they_wait_for_and_where_they_ended(ledger: &dyn CampaignLedger) {
    let names = ["c-1", "c-2", "c-3", "c-4", "c-5"];
    for name in names {
        assert_eq!(ledger.open(&planned(name)).await, Ok(true));
        assert_eq!(ledger.open(&planned(name)).await, Ok(false));
    }
    assert_eq!(waiting(ledger, Awaited::Held).await, names.map(str::to_owned).into());
    let now = due() + 1.minute();
    let apply = async |change: &pulse_core::entry::Change| {
        ledger.apply(change).await.unwrap();
        change.after().clone()
    };
    // One is dispatched, one is put off, one is cancelled, one skipped.
    let dispatched = apply(&planned("c-1").dispatch(now).unwrap()).await;
    let put_off = apply(&planned("c-2").dispatch(now).unwrap()).await;
    apply(&put_off.defer(StageName::Email, now + 1.minute(), now).unwrap()).await;
    apply(&planned("c-3").close_with_campaign(None, now).unwrap()).await;
    apply(&planned("c-4").skip(SkipReason::FrequencyCap, now, None).unwrap()).await;
    assert_eq!(waiting(ledger, Awaited::First).await, BTreeSet::from(["c-1".to_owned()]));
    assert_eq!(waiting(ledger, Awaited::Deferred).await, BTreeSet::from(["c-2".to_owned()]));
    assert_eq!(waiting(ledger, Awaited::Held).await, BTreeSet::from(["c-5".to_owned()]));
    assert_eq!(ledger.waiting_in_campaign(run("spring"), StageName::Email, Awaited::First, due(), 9).await, Ok(vec![]));
    let open: BTreeSet<_> = ledger.open_in_campaign(run("spring"), 10).await.unwrap().into_iter().collect();
    assert_eq!(open, ["c-1", "c-2", "c-5"].map(|name| planned(name).id().clone()).into());
    assert_eq!(ledger.open_in_campaign(run("spring"), 1).await.unwrap().len(), 1);
    let counts = ledger.open_counts(run("spring")).await.unwrap();
    let of_email = |awaited| (StageName::Email, awaited);
    assert_eq!(counts, [Awaited::First, Awaited::Deferred, Awaited::Held].map(|awaited| (of_email(awaited), 1)).into());
    let closed: BTreeSet<_> = ledger.closed_in_campaign(run("spring")).await.unwrap().into_iter().collect();
    let skipped = TallyKey::Skipped(SkipReason::FrequencyCap);
    assert_eq!(closed, [(TallyKey::Cancelled, id("c-3").into()), (skipped, id("c-4").into())].into());
    assert_eq!(ledger.closed_counts(run("spring")).await, Ok([(TallyKey::Cancelled, 1), (skipped, 1)].into()));
    let in_doubt = dispatched.claim(StageName::Email, now, now + 1.minute()).unwrap();
    let in_doubt = apply(&in_doubt).await;
    let cause = pulse_core::failure::Cause::new("The answer was lost.");
    apply(&in_doubt.mark_indeterminate(cause, now, None).unwrap()).await;
    let listed = ledger.closed_entries(run("spring"), TallyKey::Indeterminate, None, 10).await;
    assert_eq!(listed, Ok(vec![planned("c-1").id().clone()]));
}

pub async fn what_is_put_off_until_later_is_counted_apart_and_each_entry_is_in_one_part(ledger: &dyn CampaignLedger) {
    let (now, stage) = (due() + 1.minute(), StageName::Email);
    let names: BTreeSet<_> = (0..20).map(|number| format!("c-{number}")).collect();
    for (name, minutes) in names.iter().zip([1_i64, 10].into_iter().cycle()) {
        ledger.open(&planned(name)).await.unwrap();
        let dispatched = planned(name).dispatch(now).unwrap();
        ledger.apply(&dispatched).await.unwrap();
        ledger.apply(&dispatched.after().defer(stage, now + minutes.minutes(), now).unwrap()).await.unwrap();
    }
    for (minutes, later) in [(0_i64, 20), (1, 10), (5, 10), (10, 0)] {
        assert_eq!(ledger.put_off_in_campaign(run("spring"), stage, now + minutes.minutes()).await, Ok(later));
        assert_eq!(ledger.put_off_in_campaign(run("spring"), StageName::Score, now).await, Ok(0));
    }
    let mut open = Vec::new();
    for part in 0..ledger.parts_of_campaign() {
        let of_part = ledger.open_in_part(run("spring"), part, 100).await.unwrap();
        assert_eq!(ledger.open_in_part(run("spring"), part, 1).await.unwrap(), of_part[..of_part.len().min(1)]);
        open.extend(of_part.into_iter().map(|id| id.customer.to_string()));
    }
    assert_eq!((open.len(), open.into_iter().collect()), (20, names));
}

pub async fn a_campaign_s_pace_is_written_over_the_version_that_was_read(ledger: &dyn CampaignLedger) {
    assert_eq!(ledger.pace(run("spring")).await, Ok(CampaignPace::default()));
    let first = CampaignPace { version: 1, day: 0, begun: 40, counted: None };
    let second = CampaignPace { version: 2, day: 3, begun: 7, counted: Some((due(), 5)) };
    for (pace, is_written) in [(second, false), (first, true), (first, false), (second, true)] {
        assert_eq!(ledger.save_pace(run("spring"), &pace).await, Ok(is_written));
    }
    assert_eq!(ledger.pace(run("spring")).await, Ok(second));
    assert_eq!(ledger.pace(run("autumn")).await, Ok(CampaignPace::default()));
}

pub async fn months_and_campaigns_of_a_customer_are_read_apart(ledger: &dyn CampaignLedger) {
    let month = scheduled("c-1");
    ledger.open(&month).await.unwrap();
    ledger.open(&planned("c-1")).await.unwrap();
    assert_eq!(ledger.entries(&id("c-1")).await, Ok(vec![month]));
    assert_eq!(ledger.entries_in_campaigns(&id("c-1")).await, Ok(vec![planned("c-1")]));
    assert_eq!(ledger.entry(planned("c-1").id()).await, Ok(Some(planned("c-1"))));
    for part in 0..ledger.parts() {
        let open = ledger.open_entries(part).await.unwrap();
        assert!(open.iter().all(|entry| !entry.run.is_campaign()), "{open:?}");
    }
}

fn of_item(item: Option<&str>) -> Entry {
    let id = EntryId::parse("c-1", "spring", item).unwrap();
    Entry::of_campaign(id, Plan::of(&[StageName::Email]).unwrap(), due())
}

pub async fn entries_of_a_customers_items_are_apart(ledger: &dyn CampaignLedger) {
    let (spring, now) = (run("spring"), due() + 1.minute());
    let [one, other, whole] = [Some("INV-1"), Some("INV-10"), None].map(of_item);
    // Another campaign whose name begins alike, and another customer.
    let neighbours = [("c-1", "spring-2", Some("INV-1")), ("c-1", "spring-2", None), ("c-1-INV-1", "spring", None)];
    let neighbours = neighbours.map(|(customer, run, item)| {
        Entry::of_campaign(EntryId::parse(customer, run, item).unwrap(), Plan::of(&[StageName::Email]).unwrap(), due())
    });
    for entry in [&one, &other, &whole].into_iter().chain(&neighbours) {
        assert_eq!(ledger.open(entry).await, Ok(true));
        assert_eq!(ledger.open(entry).await, Ok(false));
    }
    for entry in [&one, &other, &whole].into_iter().chain(&neighbours) {
        assert_eq!(ledger.entry(entry.id()).await, Ok(Some(entry.clone())));
    }
    let of_customer: BTreeSet<_> =
        ledger.entries_in_campaigns(&id("c-1")).await.unwrap().iter().map(|entry| entry.id().to_string()).collect();
    let all = ["c-1/spring", "c-1/spring/INV-1", "c-1/spring/INV-10", "c-1/spring-2", "c-1/spring-2/INV-1"];
    assert_eq!(of_customer, all.map(str::to_owned).into());
    assert_eq!(ledger.entries(&id("c-1")).await, Ok(vec![]));

    // A claim of one is none of the other.
    let dispatched = one.dispatch(now).unwrap();
    ledger.apply(&dispatched).await.unwrap();
    let claimed = dispatched.after().claim(StageName::Email, now, now + 1.minute()).unwrap();
    ledger.apply(&claimed).await.unwrap();
    assert_eq!(ledger.entry(other.id()).await, Ok(Some(other.clone())));
    let cause = pulse_core::failure::Cause::new("The answer was lost.");
    ledger.apply(&claimed.after().mark_indeterminate(cause.clone(), now, None).unwrap()).await.unwrap();
    let open: BTreeSet<_> = ledger.open_in_campaign(spring, 10).await.unwrap().into_iter().collect();
    assert_eq!(open, [&other, &whole, &neighbours[2]].map(|entry| entry.id().clone()).into());
    let held = ledger.waiting_in_campaign(spring, StageName::Email, Awaited::Held, now, 10).await.unwrap();
    assert_eq!(held.into_iter().collect::<BTreeSet<_>>(), open);
    assert_eq!(ledger.open_counts(spring).await, Ok([((StageName::Email, Awaited::Held), 3)].into()));

    for entry in [&other, &whole, &neighbours[2]] {
        let dispatched = entry.dispatch(now).unwrap();
        ledger.apply(&dispatched).await.unwrap();
        let claimed = dispatched.after().claim(StageName::Email, now, now + 1.minute()).unwrap();
        ledger.apply(&claimed).await.unwrap();
        ledger.apply(&claimed.after().mark_indeterminate(cause.clone(), now, None).unwrap()).await.unwrap();
    }
    assert_eq!(ledger.closed_counts(spring).await, Ok([(TallyKey::Indeterminate, 4)].into()));
    let closed: BTreeSet<_> = ledger.closed_in_campaign(spring).await.unwrap().into_iter().collect();
    let all: Vec<_> = addressees(&["c-1", "c-1,INV-1", "c-1,INV-10", "c-1-INV-1"]).collect();
    assert_eq!(closed, all.iter().map(|one| (TallyKey::Indeterminate, one.clone())).collect());
    // Page by page, as who carries an order out reads them.
    let mut found: Vec<Addressee> = Vec::new();
    loop {
        let page = ledger.closed_entries(spring, TallyKey::Indeterminate, found.last(), 1).await.unwrap();
        let Some(id) = page.first() else { break };
        found.push(id.addressee());
    }
    assert_eq!(found, all);
}

pub async fn a_part_of_items_is_read_back(ledger: &dyn CampaignLedger) {
    let (spring, audience) = (run("spring"), given(&["c-1,INV-1", "c-1,INV-2", "c-2"]));
    let addressees = addressees(&["c-1,INV-1", "c-1,INV-2"]).collect();
    let part = AudiencePart { addressees, next: None, at: due() };
    assert_eq!(ledger.put_audience_part(spring, audience.part(0), &part).await, Ok(true));
    assert_eq!(ledger.audience_part(spring, audience.part(0)).await, Ok(Some(part)));
}
