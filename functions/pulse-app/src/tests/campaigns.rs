//! Campaigns: whom they are for, what is refused, and how they are steered.

use std::{collections::BTreeMap, num::NonZeroU64, time::Duration};

use jiff::ToSpan as _;
use pulse_core::{
    campaign::{
        Audience, Campaign, CampaignEvent, CampaignLetter, CampaignOutcome, CampaignReport, CampaignState, Foreseen,
        Priority, Question, Seal,
    },
    control::Note,
    customer::{Consent, OptOutMark, Product},
    entry::{Addressee, Called, Entry, EntryId, Plan, Reference, SkipReason, StageName},
    orders::OrderAction,
    ports::{CampaignEntries as _, Campaigns as _, Ledger as _, LedgerReports as _, TallyKey},
    run::RunId,
    settlement::{Settled, SettlementOutcome},
    why::{SampleOf, WhyError},
};

use super::{World, cause, customer, id, now, start};
use crate::{
    CampaignError, FailedOrder, NewAudience, NewCampaign, PreviewError, RunQuestion, RunWhyError, words::advised,
};

/// Of an id such as `c-1`, or `c-1,INV-1`.
fn addressee(id: &str) -> Addressee {
    id.to_owned().try_into().unwrap()
}

fn report(outcome: CampaignOutcome, counts: BTreeMap<TallyKey, u64>) -> CampaignReport {
    let at_once = Duration::ZERO;
    CampaignReport { outcome, counts, causes: vec![], planned_within: at_once, ran_for: at_once, stages: vec![] }
}

fn new(name: &str, ids: &[&str]) -> NewCampaign {
    NewCampaign {
        run: RunId::parse(name).unwrap(),
        plan: Plan::of(&[StageName::Email]).unwrap(),
        audience: NewAudience::Ids(ids.iter().map(|id| addressee(id)).collect()),
        letter: CampaignLetter::parse([("en", "Subject: Spring\n\nSpring is here.")]).unwrap(),
        needs_item: false,
        deadline: Some(start() + 90.minutes()),
        priority: Priority::Normal,
        cap: "1/7d".parse().ok(),
        at_most: None,
        a_day: None,
        quota: None,
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
    let ids = ["c-1", "c-3"].map(addressee);
    assert_eq!(campaign.request.audience, Audience::given(&ids.clone().into(), 2_000));
    assert_eq!((campaign.state, campaign.requested.by.as_str()), (CampaignState::Requested, "aoife"));
    assert_eq!(
        now(world.ledger.campaign_letter(wanted.run, &campaign.request.letter)),
        Ok(Some(wanted.letter.clone()))
    );
    let part = now(world.ledger.audience_part(wanted.run, campaign.request.audience.part(0))).unwrap().unwrap();
    assert_eq!(part.addressees, ids);
    assert_eq!(world.ticks.asked.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(now(world.app.start_campaign(&wanted)), Err(CampaignError::Taken(wanted.run)));
}

#[test]
fn what_cannot_be_is_not_started_and_says_why() {
    let world = world();
    let refused = |new: &NewCampaign| now(world.app.start_campaign(new)).unwrap_err();
    assert_eq!(refused(&new("spring", &["c-9"])), CampaignError::Nobody(new("spring", &[]).run));
    let few = NewCampaign { at_most: Some(1), ..new("spring", &["c-1", "c-2"]) };
    assert!(matches!(refused(&few), CampaignError::TooMany { entries: 2, at_most: 1, .. }));
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
}

/// Has it happen to a campaign.
fn happen(world: &World, run: RunId, events: impl IntoIterator<Item = CampaignEvent>) {
    for event in events {
        let campaign = now(world.ledger.campaign(run)).unwrap().unwrap();
        let change = campaign.change(event, start()).unwrap();
        assert!(now(world.ledger.save_campaign(&change)).unwrap());
    }
}

/// A campaign that runs: c-1's entry has failed, c-2's mail is in doubt, c-3's waits to be dispatched.
fn running(world: &World) -> RunId {
    let wanted = new("spring", &["c-1", "c-2", "c-3"]);
    let run = now(world.app.start_campaign(&wanted)).unwrap().run;
    for name in ["c-1", "c-2", "c-3"] {
        let entry = Entry::of_campaign(entry(run, name), wanted.plan, start());
        now(world.ledger.open(&entry)).unwrap();
        let sending = || entry.claim(StageName::Email, start(), start()).unwrap();
        let changes = match name {
            "c-1" => vec![entry.fail(StageName::Email, cause(), start(), None)],
            "c-2" => vec![Ok(sending()), sending().into_after().mark_indeterminate(cause(), start(), None)],
            _ => continue,
        };
        for change in changes {
            now(world.ledger.apply(&change.unwrap())).unwrap();
        }
    }
    let seal = Seal::of(&["c-1", "c-2", "c-3"].map(addressee));
    happen(world, run, [CampaignEvent::PlanningStarted, CampaignEvent::Sealed { seal }, CampaignEvent::Started]);
    run
}

fn entry(run: RunId, name: &str) -> EntryId {
    EntryId { run, ..id(name) }
}

#[test]
fn whom_a_campaign_did_not_reach_another_may_be_for_once_it_is_over() {
    let world = world();
    let run = running(&world);
    let again = NewCampaign { audience: NewAudience::Unreached(run), ..new("spring-2", &[]) };
    let early =
        [now(world.app.start_campaign(&again)).unwrap_err(), now(world.app.foresee_campaign(&again)).unwrap_err()];
    for error in early {
        assert_eq!(
            advised(&error, error.advice().as_ref()),
            "campaign spring is running, and whom it doesn't reach isn't known before it is over: see `pulse run show spring`"
        );
    }
    // c-3 is cancelled with it.
    now(world.app.cancel_campaign(run, &note())).unwrap();
    let waiting = now(world.ledger.entry(&entry(run, "c-3"))).unwrap().unwrap();
    now(world.ledger.apply(&waiting.close_with_campaign(None, start()).unwrap())).unwrap();
    let counts = now(world.ledger.closed_counts(run)).unwrap();
    let (outcome, length) = (CampaignOutcome::Cancelled, Duration::from_secs(90));
    let report =
        CampaignReport { outcome, counts, causes: vec![], planned_within: length, ran_for: length, stages: vec![] };
    happen(&world, run, [CampaignEvent::LastClosed, CampaignEvent::Finished { report }]);
    let campaign = now(world.app.start_campaign(&again)).unwrap();
    assert!(matches!(campaign.request.audience, Audience::Given { parts: 1, entries: 2, .. }));
}

#[test]
fn why_of_a_campaign_is_of_its_own_entries_and_not_of_the_roster() {
    let world = world();
    let run = running(&world);
    let why = now(world.app.why_campaign(run, 100)).unwrap();
    let closed = [(TallyKey::Failed(StageName::Email), 1), (TallyKey::Indeterminate, 1)];
    assert_eq!((why.shown.closed, why.shown.uncounted), (BTreeMap::from(closed), 0));
    let [sample] = why.causes.as_slice() else { panic!("{:?}", why.causes) };
    assert_eq!((sample.of, sample.entries, sample.read), (SampleOf::Failed, 1, 1));
    assert_eq!((&sample.causes[0].cause, &sample.causes[0].examples[..]), (&cause(), &[entry(run, "c-1")][..]));

    let november = RunId::parse("november").unwrap();
    let unknown = now(world.app.why_campaign(november, 100)).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no campaign november; months are written 2026-11; `pulse run list` lists campaigns"
    );
    let of_everyone = RunQuestion { run: Some(run), limit: 100, in_depth: true };
    assert_eq!(now(world.app.why_run(of_everyone)), Err(RunWhyError::Why(WhyError::Campaign(run))));
}

#[test]
fn an_open_entry_of_a_campaign_that_a_provider_refused_is_told_with_its_cause() {
    let world = world();
    let run = running(&world);
    let held = now(world.ledger.entry(&entry(run, "c-3"))).unwrap().unwrap();
    let dispatched = held.dispatch(start()).unwrap();
    let claimed = dispatched.after().claim(StageName::Email, start(), start()).unwrap();
    let released = claimed.after().release(cause(), start()).unwrap();
    for change in [&dispatched, &claimed, &released] {
        now(world.ledger.apply(change)).unwrap();
    }
    let why = now(world.app.why_campaign(run, 100)).unwrap();
    let due: Vec<_> = why.causes.iter().filter(|sample| sample.of == SampleOf::Due).collect();
    assert_eq!((due[0].entries, due[0].causes[0].entries), (1, 1));
}

#[test]
fn what_failed_in_a_campaign_is_not_redriven_and_says_what_reaches_it() {
    let world = world();
    let run = running(&world);
    for dry_run in [true, false] {
        let order = FailedOrder { stage: StageName::Email, run, limit: 100, dry_run };
        let refused = now(world.app.redrive_failed(order)).unwrap_err().to_string();
        assert!(refused.contains("stays closed: `pulse run start NAME --unreached-of spring ..`"), "{refused}");
    }
    let action = OrderAction::RedriveFailed { stage: StageName::Email, run };
    let refused = now(world.app.preview_order(&action, &mut |_| {}, &|| false)).unwrap_err();
    assert!(matches!(refused, PreviewError::Campaign(_)), "{refused}");
    assert_eq!(world.waiting(StageName::Email), 0);
}

#[test]
fn a_campaigns_mail_in_doubt_is_listed_and_has_failed_where_it_was_not_sent() {
    let world = world();
    let run = running(&world);
    world.bring_unsettled("c-4");
    let listed = now(world.app.unsettled()).unwrap();
    let whose: Vec<_> = listed.mails.iter().map(|mail| EntryId::of(mail.customer.clone(), mail.run)).collect();
    assert_eq!((whose, listed.all), (vec![id("c-4"), entry(run, "c-2")], 2));

    let settled = now(world.app.settle(&entry(run, "c-2"), &SettlementOutcome::NotSent, &note())).unwrap();
    assert_eq!((settled.settled, world.waiting(StageName::Email)), (Settled::Failed, 0));
    assert_eq!(serde_json::to_value(&settled).unwrap()["outcome"], "failed");
    assert_eq!(now(world.app.doubts()).unwrap().indeterminate.all, 1);
}

#[test]
fn what_cannot_be_done_about_a_campaign_reads_well() {
    let world = world();
    let run = now(world.app.start_campaign(&new("spring", &["c-1"]))).unwrap().run;
    let words = |done: Result<Campaign, CampaignError>| {
        let error = done.unwrap_err();
        advised(&error, error.advice().as_ref())
    };
    let see = ": see `pulse run show spring`";
    let pause = || now(world.app.pause_campaign(run, &note()));
    let resume = || words(now(world.app.resume_campaign(run, None)));
    assert_eq!(resume(), format!("campaign spring is requested and not paused, so that it can't be resumed{see}"));
    pause().unwrap();
    assert_eq!(words(pause()), format!("campaign spring is requested and paused already{see}"));
    let cancel = || now(world.app.cancel_campaign(run, &note()));
    cancel().unwrap();
    assert_eq!(words(cancel()), format!("campaign spring is requested and being cancelled already{see}"));
    assert_eq!(
        words(pause()),
        format!("campaign spring is requested and being cancelled, so that it can't be paused{see}")
    );
}

#[test]
fn more_than_the_provider_lets_the_account_send_in_a_day_is_not_started() {
    let world = world();
    let two = |name| NewCampaign { quota: Some(1), ..new(name, &["c-1", "c-3"]) };
    let refused = now(world.app.start_campaign(&two("spring"))).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "campaign spring would send 2 mails within a day, and the account may send 1 in 24 hours, the month's among them: \
         spread it with --a-day, or ask AWS for a larger quota"
    );
    let in_a_day = NewCampaign { a_day: NonZeroU64::new(1), ..two("spring") };
    assert_eq!(
        now(world.app.start_campaign(&in_a_day)).unwrap_err().to_string(),
        format!(
            "with --a-day 1, 1 of the 2 entries of campaign spring would not be begun before its deadline, {:.0}: allow more a day, \
             or a later deadline",
            start() + 90.minutes()
        )
    );
    let spread = NewCampaign { deadline: Some(start() + 25.hours()), ..in_a_day };
    assert_eq!(now(world.app.start_campaign(&spread)).unwrap().request.at_most, None);
    // How many a question finds is known once it is planned.
    let all = NewAudience::Asked(Question::default());
    let asked = |a_day| NewCampaign { audience: all.clone(), a_day: NonZeroU64::new(a_day), ..two("summer") };
    assert!(matches!(now(world.app.start_campaign(&asked(2))), Err(CampaignError::BeyondQuota(_))));
    assert_eq!(now(world.app.start_campaign(&asked(0))).unwrap().request.at_most, Some(1));
}

#[test]
fn a_campaign_that_calls_a_partner_takes_a_stack_that_has_one() {
    let world = world();
    let calling = NewCampaign {
        plan: Plan::of_campaign(&[StageName::Call, StageName::Email]).unwrap(),
        ..new("invoices", &["c-1"])
    };
    let refused =
        [now(world.app.start_campaign(&calling)).map(drop), now(world.app.foresee_campaign(&calling)).map(drop)];
    for error in refused.map(Result::unwrap_err) {
        assert_eq!(
            error.to_string(),
            "this stack has no call stage: deploy it with the parameter CallUrl, and try again"
        );
    }
    assert_eq!(now(world.ledger.campaigns(9)), Ok(vec![]), "nothing is written");
    world.stages.state().calls = true;
    assert_eq!(now(world.app.foresee_campaign(&calling)).unwrap().mailed, 1);
    assert!(now(world.app.start_campaign(&calling)).is_ok());
}

/// Its key is of the run, so that another run has it do another thing.
#[test]
fn a_partner_does_nothing_again_for_whom_another_campaign_did_not_reach() {
    let world = world();
    world.stages.state().calls = true;
    let plan = Plan::of_campaign(&[StageName::Call, StageName::Email]).unwrap();
    let names = ["c-1", "c-2", "c-3"];
    let run = now(world.app.start_campaign(&NewCampaign { plan, ..new("invoices", &names) })).unwrap().run;
    let addressees = names.map(addressee);
    for name in names {
        let held = Entry::of_campaign(entry(run, name), plan, start());
        now(world.ledger.open(&held)).unwrap();
        let claimed = held.claim(StageName::Call, start(), start()).unwrap();
        let called = Called { at: start(), reference: Reference::parse("INV-1").ok() };
        let answered = match name {
            "c-1" => claimed.after().record_called(called, start()),
            // It has it under way.
            "c-2" => claimed.after().postpone(start()),
            _ => claimed.after().release_refused(cause(), start()),
        };
        let answered = answered.unwrap();
        let closed = match name {
            "c-3" => answered.after().fail(StageName::Call, cause(), start(), None),
            _ => answered.after().close_with_campaign(None, start()),
        };
        for change in [claimed, answered, closed.unwrap()] {
            now(world.ledger.apply(&change)).unwrap();
        }
    }
    let (seal, counts) = (Seal::of(&addressees), now(world.ledger.closed_counts(run)).unwrap());
    let report = report(CampaignOutcome::FinishedWithFailures, counts);
    let events = [CampaignEvent::PlanningStarted, CampaignEvent::Sealed { seal }, CampaignEvent::Started];
    happen(&world, run, events.into_iter().chain([CampaignEvent::LastClosed, CampaignEvent::Finished { report }]));
    let again = |plan| NewCampaign { plan, audience: NewAudience::Unreached(run), ..new("invoices-2", &[]) };
    let refused = now(world.app.start_campaign(&again(plan))).unwrap_err();
    assert_eq!(refused, CampaignError::CalledFor { run, entries: 2 });
    assert_eq!(now(world.app.foresee_campaign(&again(plan))), Err(refused));
    let mailing = now(world.app.start_campaign(&again(Plan::of(&[StageName::Email]).unwrap()))).unwrap();
    assert!(matches!(mailing.request.audience, Audience::Given { entries: 3, .. }));

    // Nor for whom that one doesn't reach.
    now(world.app.cancel_campaign(mailing.run, &note())).unwrap();
    let (seal, report) = (Seal::default(), self::report(CampaignOutcome::Cancelled, BTreeMap::new()));
    let events = [CampaignEvent::PlanningStarted, CampaignEvent::Sealed { seal }, CampaignEvent::Started];
    happen(
        &world,
        mailing.run,
        events.into_iter().chain([CampaignEvent::LastClosed, CampaignEvent::Finished { report }]),
    );
    let third = NewCampaign { plan, audience: NewAudience::Unreached(mailing.run), ..new("invoices-3", &[]) };
    let refused = CampaignError::CalledFor { run: mailing.run, entries: 2 };
    assert_eq!(now(world.app.start_campaign(&third)), Err(refused));
}

#[test]
fn each_item_of_a_customer_is_an_entry_and_its_mail_counts_for_the_next() {
    let world = world();
    let wanted = new("invoices", &["c-1,B", "c-1,A", "c-1,A", "c-2,A", "c-3,A", "c-9,A"]);
    let foreseen = now(world.app.foresee_campaign(&wanted)).unwrap();
    assert_eq!((foreseen.customers, foreseen.items, foreseen.mailed, foreseen.unknown), (4, 4, 1, 1));
    // At most one mail in seven days, of all runs: the first item's.
    let of = |item: &str| foreseen.each.iter().find(|(of, _)| *of == addressee(item)).unwrap().1;
    assert_eq!((of("c-1,A"), of("c-1,B")), (Foreseen::Mailed, Foreseen::Skipped(SkipReason::FrequencyCap)));

    let few = NewCampaign { at_most: Some(3), ..wanted.clone() };
    assert!(matches!(now(world.app.start_campaign(&few)), Err(CampaignError::TooMany { entries: 4, at_most: 3, .. })));
    let campaign = now(world.app.start_campaign(&wanted)).unwrap();
    let known = ["c-1,A", "c-1,B", "c-2,A", "c-3,A"].map(addressee);
    assert_eq!(campaign.request.audience, Audience::given(&known.clone().into(), 2_000));
    let part = now(world.ledger.audience_part(wanted.run, campaign.request.audience.part(0))).unwrap().unwrap();
    assert_eq!(part.addressees, known);
}

#[test]
fn a_letter_that_needs_an_item_is_not_started_for_whom_there_is_none() {
    let world = world();
    let asked = NewAudience::Asked(Question::default());
    for audience in [new("invoices", &["c-1,A", "c-2"]).audience, asked] {
        let new = NewCampaign { needs_item: true, audience, ..new("invoices", &[]) };
        let refused = CampaignError::WithoutItem(new.run);
        assert_eq!(now(world.app.start_campaign(&new)), Err(refused.clone()));
        assert_eq!(now(world.app.foresee_campaign(&new)), Err(refused));
    }
    assert_eq!(now(world.ledger.campaigns(9)), Ok(vec![]), "nothing is written");
    let all = NewCampaign { needs_item: true, ..new("invoices", &["c-1,A", "c-2,A"]) };
    assert!(now(world.app.start_campaign(&all)).is_ok());
}

/// A campaign that is over: of two items of a customer one was mailed, one in doubt, and one failed.
fn of_items(world: &World) -> RunId {
    let wanted = NewCampaign { cap: None, ..new("invoices", &["c-1,A", "c-1,B", "c-1,C"]) };
    let run = now(world.app.start_campaign(&wanted)).unwrap().run;
    for (item, fate) in [("A", "sent"), ("B", "in doubt"), ("C", "failed")] {
        let id = EntryId::for_addressee(addressee(&format!("c-1,{item}")), run);
        let held = Entry::of_campaign(id, wanted.plan, start());
        assert_eq!(now(world.ledger.open(&held)), Ok(true));
        let claimed = held.claim(StageName::Email, start(), start()).unwrap();
        let changes = match fate {
            "sent" => vec![claimed.clone(), claimed.after().record_sent("m-1".into(), start(), None).unwrap()],
            "in doubt" => vec![claimed.clone(), claimed.after().mark_indeterminate(cause(), start(), None).unwrap()],
            _ => vec![held.fail(StageName::Email, cause(), start(), None).unwrap()],
        };
        for change in changes {
            now(world.ledger.apply(&change)).unwrap();
        }
    }
    let counts = now(world.ledger.closed_counts(run)).unwrap();
    let report = report(CampaignOutcome::FinishedWithFailures, counts);
    let seal = Seal::of(&["c-1,A", "c-1,B", "c-1,C"].map(addressee));
    let events = [CampaignEvent::PlanningStarted, CampaignEvent::Sealed { seal }, CampaignEvent::Started];
    happen(world, run, events.into_iter().chain([CampaignEvent::LastClosed, CampaignEvent::Finished { report }]));
    run
}

#[test]
fn whom_a_campaign_did_not_reach_is_written_to_about_the_same_item() {
    let world = world();
    let run = of_items(&world);
    let again = NewCampaign { audience: NewAudience::Unreached(run), needs_item: true, ..new("invoices-2", &[]) };
    let campaign = now(world.app.start_campaign(&again)).unwrap();
    assert_eq!(campaign.request.audience, Audience::given(&[addressee("c-1,C")].into(), 2_000));
}

#[test]
fn a_doubt_of_one_item_is_listed_told_and_settled_apart() {
    let world = world();
    let run = of_items(&world);
    let of = |item: &str| EntryId::for_addressee(addressee(&format!("c-1,{item}")), run);
    let unsettled = now(world.app.unsettled()).unwrap();
    let [mail] = &unsettled.mails[..] else { panic!("{unsettled:?}") };
    assert_eq!((mail.key.as_str(), mail.item), ("c-1_invoices.B", of("B").item));
    let story = now(world.app.why_customer(&id("c-1").customer, Some(run))).unwrap();
    let told = crate::words::next_sentences(&story).join("\n");
    assert!(
        told.contains("Run invoices, item B: It isn't known") && told.contains("--run invoices --item B`"),
        "{told}"
    );

    let sent = SettlementOutcome::Sent { provider_id: "m-2".into() };
    let whole = EntryId::of(id("c-1").customer, run);
    assert!(now(world.app.settle(&whole, &sent, &note())).is_err());
    assert_eq!(now(world.app.settle(&of("A"), &sent, &note())).unwrap().settled, Settled::Already);
    let settled = now(world.app.settle(&of("B"), &sent, &note())).unwrap();
    let json = serde_json::to_value(&settled).unwrap();
    assert_eq!((settled.settled, &json["item"]), (Settled::Sent, &"B".into()));
    let notes = now(world.ledger.activities(&id("c-1").customer)).unwrap();
    assert!(notes[0].what.starts_with("Run invoices, item B: settled as sent."), "{notes:?}");
    let orders = now(world.app.orders(None, None, 9)).unwrap().orders;
    let told: Vec<_> = orders.iter().map(|order| order.action.to_string()).collect();
    assert!(told.contains(&"settle customer c-1's mail of run invoices, item B as sent".to_owned()), "{told:?}");
    assert!(now(world.app.unsettled()).unwrap().mails.is_empty());
}

/// Cancelled before it is planned, it has no entries.
#[test]
fn whom_a_campaign_was_never_planned_for_it_did_not_reach() {
    let world = world();
    let cut_short = |run| {
        let report = report(CampaignOutcome::Cancelled, [].into());
        let cancel = CampaignEvent::CancelAsked { by: "max".into(), note: note() };
        let sealed = CampaignEvent::Sealed { seal: Seal::default() };
        let events = [CampaignEvent::PlanningStarted, cancel, sealed, CampaignEvent::Started];
        happen(&world, run, events.into_iter().chain([CampaignEvent::LastClosed, CampaignEvent::Finished { report }]));
    };
    let again = |run| NewCampaign { audience: NewAudience::Unreached(run), ..new("again", &[]) };
    let asked = NewAudience::Asked(Question::default());
    let asked = now(world.app.start_campaign(&NewCampaign { audience: asked, ..new("all", &[]) })).unwrap().run;
    cut_short(asked);
    assert_eq!(now(world.app.start_campaign(&again(asked))).unwrap_err(), CampaignError::CutShort(asked));
    let given = now(world.app.start_campaign(&new("spring", &["c-1", "c-3"]))).unwrap().run;
    cut_short(given);
    let started = now(world.app.start_campaign(&again(given))).unwrap();
    assert!(matches!(started.request.audience, Audience::Given { entries: 2, .. }), "{:?}", started.request.audience);
}
