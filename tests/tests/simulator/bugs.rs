//! The checker can fail: each planted bug is caught, and by the promise that it breaks.

use std::{ops::Range, sync::Arc, time::Duration};

use pulse_core::entry::StageName;
use pulse_sim::{
    scheduler::TargetFailure,
    seeds::{Act, Fault, FaultPlan, Kind, run, run_with, shrink},
    world::{ConnectionReuse, PanicPlace, Production, Promise, SimulatedMailProvider, SystemUnderTest, WorldSettings},
};

use crate::mutants::{
    BlamesTheMessage, CountsOnce, ForgetsPauses, GivesTheBatchBack, LetsPanicsOut, MailsOldScores, NeverAsks,
    NeverAudits, NextMonth, Panics, QueuesTheEmailFirst, ReconcilesNothing, RecordsBeforeSending, RemembersProfiles,
    ReportsHalf, SendsAgainBlindly, SendsWithoutAClaim, StartsTheWholeBatch, SweepsBlindly, SweepsEveryMinute,
    TakesBackNextMonth, WithoutSweep,
};

/// Seeds within which a bug must show.
const SEEDS: u64 = 40;

fn plan(seed: u64) -> FaultPlan {
    FaultPlan::of_seed(seed, 100, 35)
}

/// The same for bugs in what is done for orders, most of which find no letter, within these seeds.
pub(crate) fn assert_caught_with_orders(
    product: impl SystemUnderTest + 'static,
    promise: Promise,
    mut seeds: Range<u64>,
) {
    let bug: Arc<dyn SystemUnderTest> = Arc::new(product);
    let plan = |seed: &u64| plan(*seed).with_orders();
    let seed = seeds.find(|seed| breaks(&plan(seed), &bug, promise));
    let seed = seed.unwrap_or_else(|| panic!("no seed sees that {promise} fails"));
    let shipped: Arc<dyn SystemUnderTest> = Arc::new(Production);
    assert!(!breaks(&plan(&seed), &shipped, promise), "what is shipped breaks it too in seed {seed}");
}

/// A month in which nothing happens but one pause.
fn paused(stage: StageName, days: u64, customers: u32) -> FaultPlan {
    let day = Duration::from_hours(24);
    let pause = Fault { at: 2 * day, lasts: day * u32::try_from(days).expect("few"), kind: Kind::Pause(stage) };
    FaultPlan { faults: vec![(0, pause)], ..FaultPlan::calm(7, customers, 35) }
}

fn breaks(plan: &FaultPlan, product: &Arc<dyn SystemUnderTest>, promise: Promise) -> bool {
    run(plan, Arc::clone(product), false).violations.iter().any(|violation| violation.promise == promise)
}

fn first_seed(product: &Arc<dyn SystemUnderTest>, promise: Promise) -> Option<u64> {
    (0..SEEDS).find(|seed| breaks(&plan(*seed), product, promise))
}

/// The seeds catch the bug by this promise, and what is shipped keeps it in the same month.
fn assert_caught(product: impl SystemUnderTest + 'static, promise: Promise) {
    let product: Arc<dyn SystemUnderTest> = Arc::new(product);
    let seed = first_seed(&product, promise).unwrap_or_else(|| panic!("{SEEDS} seeds don't see that {promise} fails"));
    let shipped: Arc<dyn SystemUnderTest> = Arc::new(Production);
    assert!(!breaks(&plan(seed), &shipped, promise), "what is shipped breaks it too in seed {seed}");
}

#[test]
fn mailing_without_a_claim_is_caught() {
    assert_caught(SendsWithoutAClaim, Promise::OneMail);
}

#[test]
fn sending_again_after_a_lost_answer_is_caught() {
    assert_caught(SendsAgainBlindly, Promise::OneMail);
}

#[test]
fn sending_again_when_a_claim_expired_is_caught() {
    assert_caught(NeverAsks, Promise::OneMail);
}

#[test]
fn recording_a_mail_before_it_is_sent_is_caught() {
    assert_caught(RecordsBeforeSending, Promise::NobodyLost);
}

#[test]
fn starting_a_whole_batch_at_once_is_caught() {
    let plan = paused(StageName::Score, 9, 200);
    let violations = |product: Arc<dyn SystemUnderTest>| run(&plan, product, false).violations;
    assert!(violations(Arc::new(StartsTheWholeBatch)).iter().any(|violation| violation.promise == Promise::LanesHeld));
    assert_eq!(violations(Arc::new(Production)), []);
}

/// A month in which messages come in large batches, and the code panics at this place on every tenth customer.
fn panicking(place: PanicPlace) -> FaultPlan {
    let mut plan = paused(StageName::Score, 9, 200);
    let lasts = plan.calm_from();
    let panics = (1..).zip((0..plan.customers).step_by(10));
    let fault = |who| Fault { at: Duration::ZERO, lasts, kind: Kind::Panic(place, who) };
    plan.faults.extend(panics.map(|(number, who)| (number, fault(who))));
    plan
}

#[test]
fn a_panic_that_neighbours_pay_for_is_caught_wherever_it_is() {
    for place in PanicPlace::OF_STAGES {
        let plan = panicking(place);
        let bugs: [Arc<dyn SystemUnderTest>; 2] = [Arc::new(LetsPanicsOut), Arc::new(GivesTheBatchBack)];
        for bug in bugs {
            assert!(breaks(&plan, &bug, Promise::PanicsStayAlone), "{place}");
        }
        assert_eq!(run(&plan, Arc::new(Production), false).violations, [], "{place}");
    }
}

/// The simulator hears of a panic that nobody planned, though the worker caught it.
#[test]
#[should_panic(expected = "a bug")]
fn code_that_panics_though_nobody_planned_it_ends_the_month() {
    let _ = run(&FaultPlan::calm(7, 20, 35), Arc::new(Panics), false);
}

#[test]
fn a_snapshot_that_was_counted_long_ago_and_says_otherwise_is_caught() {
    assert_caught(CountsOnce::default(), Promise::SnapshotIsTrue);
}

#[test]
fn mails_that_nobody_reports_are_caught() {
    assert_caught(ReportsHalf::default(), Promise::SnapshotIsTrue);
}

#[test]
fn sweeping_a_paused_stage_is_caught() {
    assert_caught(SweepsBlindly, Promise::FewRepeats);
}

#[test]
fn sweeping_the_same_entry_again_and_again_is_caught() {
    assert_caught(SweepsEveryMinute, Promise::FewRepeats);
}

#[test]
fn leaving_a_mapping_to_poll_for_a_function_that_may_not_run_is_caught() {
    assert_caught(ReconcilesNothing, Promise::HealthyStayAlive);
}

#[test]
fn a_pause_that_a_deployment_ends_is_caught() {
    assert_caught(ForgetsPauses, Promise::PauseHolds);
}

#[test]
fn dead_lettering_what_a_provider_that_is_down_has_failed_is_caught() {
    assert_caught(BlamesTheMessage, Promise::HealthyStayAlive);
}

#[test]
fn going_by_a_remembered_profile_is_caught() {
    assert_caught(RemembersProfiles::default(), Promise::RightMail);
}

#[test]
fn a_schedule_that_stays_lost_is_caught() {
    assert_caught(NeverAudits, Promise::OneScheduleOneEntry);
}

#[test]
fn closing_a_month_without_opening_the_next_is_caught() {
    assert_caught(NextMonth::Forgotten, Promise::OneScheduleOneEntry);
}

#[test]
fn closing_a_month_before_the_next_is_opened_is_caught() {
    assert_caught(NextMonth::Last, Promise::OneScheduleOneEntry);
}

#[test]
fn passing_over_who_left_and_is_back_before_their_slot_is_caught() {
    let mut plan = FaultPlan::calm(7, 100, 35);
    let acts = (0..plan.customers).step_by(3).flat_map(|who| [(1, Act::Leave(who)), (12, Act::Join(who))]);
    let faults =
        acts.map(|(hour, act)| Fault { at: Duration::from_hours(hour), lasts: Duration::ZERO, kind: Kind::Once(act) });
    plan.faults = faults.enumerate().collect();
    assert!(breaks(&plan, &(Arc::new(TakesBackNextMonth) as Arc<dyn SystemUnderTest>), Promise::NobodyLost));
    assert_eq!(run(&plan, Arc::new(Production), false).violations, []);
}

#[test]
fn queueing_the_email_before_the_score_is_written_is_caught() {
    let calm = FaultPlan::calm(7, 100, 35);
    // Batches that aren't waited for: whoever is quick finds no score yet.
    let quick = |settings: &mut WorldSettings| settings.window = Duration::from_secs(1);
    let violations = |product: Arc<dyn SystemUnderTest>| run_with(&calm, product, false, &quick).violations;
    // The sweep makes up for it, so nobody is lost, but it has no reason to in a month without faults.
    assert!(violations(Arc::new(QueuesTheEmailFirst)).iter().any(|violation| violation.promise == Promise::FewRepeats));
    let without = violations(Arc::new(WithoutSweep(QueuesTheEmailFirst)));
    assert!(without.iter().any(|violation| violation.promise == Promise::NobodyLost));
    assert_eq!(violations(Arc::new(WithoutSweep(Production))), []);
}

/// EventBridge Scheduler leaves nothing behind of an invocation that its role doesn't let it make, so whoever counts on its
/// retries and dead letters alone loses everyone who is due meanwhile.
#[test]
fn counting_on_the_scheduler_to_deliver_in_the_end_is_caught() {
    let day = Duration::from_hours(24);
    let failing = |how| {
        // In the last fortnight before somebody looks: letters are kept for no longer.
        let fault = Fault { at: 20 * day, lasts: 2 * day, kind: Kind::SchedulerRefused(how) };
        FaultPlan { faults: vec![(0, fault)], ..FaultPlan::calm(7, 100, 35) }
    };
    let [refused, role] = [TargetFailure::Refused, TargetFailure::RoleBroken].map(failing);
    let bug: Arc<dyn SystemUnderTest> = Arc::new(WithoutSweep(Production));
    assert!(breaks(&role, &bug, Promise::NobodyLost));
    assert!(!breaks(&refused, &bug, Promise::NobodyLost), "the letters are played back");
    for plan in [refused, role] {
        assert_eq!(run(&plan, Arc::new(Production), false).violations, []);
    }
}

/// The pools of the AWS SDK and of most HTTP clients keep a connection for 90 seconds. Nor is less enough: it is counted by a
/// clock that may stand still in a freeze.
#[test]
fn using_connections_of_an_earlier_invocation_again_is_caught() {
    let month = FaultPlan { mail_provider: SimulatedMailProvider::Forgetful, ..FaultPlan::calm(7, 800, 35) };
    let violations = |reuse: ConnectionReuse| {
        run_with(&month, Arc::new(Production), false, &|settings| settings.connections = reuse).violations
    };
    for seconds in [4, 90] {
        let violations = violations(ConnectionReuse::IdleFor(Duration::from_secs(seconds)));
        assert!(violations.iter().any(|violation| violation.promise == Promise::NoDeadConnections), "{seconds} s");
    }
    assert_eq!(violations(ConnectionReuse::WithinAnInvocation), []);
}

#[test]
fn mailing_an_old_score_is_caught() {
    let plan = paused(StageName::Email, 3, 100);
    let a_day_old = |settings: &mut WorldSettings| settings.policy.score_max_age = Duration::from_hours(24);
    let violations = |product: Arc<dyn SystemUnderTest>| run_with(&plan, product, false, &a_day_old).violations;
    assert!(violations(Arc::new(MailsOldScores)).iter().any(|violation| violation.promise == Promise::RightMail));
    assert_eq!(violations(Arc::new(Production)), []);
}

#[test]
fn a_mapping_that_pulls_more_than_its_function_may_run_is_caught() {
    let plan = paused(StageName::Score, 25, 800);
    let small = |settings: &mut WorldSettings| {
        let score = &mut settings.stages[StageName::Score];
        (score.maximum_concurrency, score.worker.in_flight) = (1, 1);
        (score.batch_size, score.function_timeout) = (10, Duration::from_secs(45));
    };
    let capped = run_with(&plan, Arc::new(Production), false, &small);
    assert!(capped.violations.iter().all(|violation| violation.promise != Promise::HealthyStayAlive));
    let uncapped = run_with(&plan, Arc::new(Production), false, &|settings| {
        small(settings);
        settings.capped = false;
    });
    assert!(uncapped.violations.iter().any(|violation| violation.promise == Promise::HealthyStayAlive));
}

#[test]
fn a_breach_is_shrunk_to_what_it_needs_and_replayed_by_its_command() {
    let product: Arc<dyn SystemUnderTest> = Arc::new(NeverAudits);
    let seed = first_seed(&product, Promise::OneScheduleOneEntry).expect("the bug shows");
    let shrunk = shrink(&plan(seed), Promise::OneScheduleOneEntry, &product);
    assert_eq!(shrunk.plan.faults.len(), 1, "{}", shrunk.command());
    let number = shrunk.plan.faults[0].0;
    let command = format!("--seed {seed} --customers {} --days 35 --faults {number}", shrunk.plan.customers);
    assert!(shrunk.command().ends_with(&command), "{}", shrunk.command());
    assert_eq!(FaultPlan::of_seed(seed, shrunk.plan.customers, 35).with_only(&[number]), shrunk.plan);
    assert!(!shrunk.story().is_empty());
}
