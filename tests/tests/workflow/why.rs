//! Everyone in a run by why they are not done, adding up to the roster; and one customer's story.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;
use pulse_app::words::next_sentences;
use pulse_core::{
    control::{Breaker, Control, Note, Open, Pause},
    customer::{Customer, Standing},
    entry::{Change, Entry, Progress, SkipReason, StageName},
    failure::Cause,
    ports::{Clock as _, Controls as _, Ledger as _},
    tick::SweepPolicy,
    why::{CustomerInquiry, NextStep, Precision, Reason, RunInquiry, RunReport, SampleOf, Timeline, WhyError},
};
use pulse_sim::mailer::InjectedFailure;
use pulse_tests::{
    conformance::samples::{End, run, scheduled_in, way_to},
    in_memory_stack::{InMemoryStack, customer, start},
};

/// Where a customer is.
#[derive(Debug, Clone, Copy)]
enum Place {
    At(End),
    NotDue,
    InHand(StageName),
    PutOff,
    ToBeWoken,
    QueuedAgain,
    LeftBefore,
    InLaterRun,
    InEarlierRun,
    Nowhere,
    SentTwice,
}

/// What holds a stage.
#[derive(Debug, Clone, Copy)]
enum Held {
    Not,
    Paused,
    Broken,
}

const PLACES: [Place; 25] = [
    Place::At(End::Scheduled),
    Place::At(End::Scoring),
    Place::At(End::Troubled),
    Place::At(End::Scored),
    Place::At(End::Sending),
    Place::At(End::Sent),
    Place::At(End::Skipped(SkipReason::Closed)),
    Place::At(End::Skipped(SkipReason::OptedOut)),
    Place::At(End::Skipped(SkipReason::BadAddress)),
    Place::At(End::Skipped(SkipReason::Suppressed)),
    Place::At(End::Skipped(SkipReason::AddressRefused)),
    Place::At(End::Failed(StageName::Score)),
    Place::At(End::Failed(StageName::Email)),
    Place::At(End::Unknown),
    Place::NotDue,
    Place::InHand(StageName::Score),
    Place::InHand(StageName::Email),
    Place::PutOff,
    Place::ToBeWoken,
    Place::QueuedAgain,
    Place::LeftBefore,
    Place::InLaterRun,
    Place::InEarlierRun,
    Place::Nowhere,
    Place::SentTwice,
];

impl Place {
    /// What is told of someone there.
    fn reason(self, score: Held, email: Held) -> Reason {
        use StageName::{Email, Score};
        let due = |stage, otherwise| match if stage == StageName::Score { score } else { email } {
            Held::Not => otherwise,
            Held::Paused => Reason::Paused(stage),
            Held::Broken => Reason::Broken(stage),
        };
        match self {
            Self::At(End::Scheduled | End::Scoring) => due(Score, Reason::Queued(Score)),
            Self::At(End::Troubled) => due(Score, Reason::Retrying(Score)),
            Self::At(End::Scored | End::Sending) => due(Email, Reason::Queued(Email)),
            Self::At(End::Sent) | Self::SentTwice => Reason::Sent,
            Self::At(End::Skipped(reason)) => Reason::Skipped(reason),
            Self::At(End::Failed(stage)) => Reason::Failed(stage),
            Self::At(End::Unknown) => Reason::Unknown,
            Self::NotDue => Reason::NotDue,
            Self::InHand(stage) => due(stage, Reason::InHand(stage)),
            Self::PutOff => Reason::PutOff(Email),
            Self::ToBeWoken => due(Score, Reason::ToBeWoken(Score)),
            Self::QueuedAgain => due(Score, Reason::QueuedAgain(Score)),
            Self::LeftBefore => Reason::LeftBefore,
            Self::InLaterRun => Reason::InLaterRun,
            Self::InEarlierRun => Reason::InEarlierRun,
            Self::Nowhere => Reason::NoOpenEntry,
        }
    }
}

fn cause() -> Cause {
    Cause::new("The provider answered 500.")
}

async fn apply(stack: &InMemoryStack, change: Change) -> Entry {
    stack.ledger.apply(&change).await.unwrap();
    change.into_after()
}

async fn bring(stack: &InMemoryStack, entry: Entry, end: End) -> Entry {
    assert!(stack.ledger.open(&entry).await.unwrap());
    let mut at = entry.clone();
    for change in way_to(end, &entry) {
        at = apply(stack, change).await;
    }
    at
}

/// Puts someone there, an hour after the samples are due.
async fn put(stack: &InMemoryStack, name: &str, place: Place) {
    let now = stack.clock.now();
    let standing = if matches!(place, Place::LeftBefore) { Standing::Closed } else { Standing::Active };
    stack.rewrite(&Customer { standing, ..customer(name) }).await;
    let entry = |month, at| scheduled_in(name, month, at);
    let of_run = entry("2026-11", start());
    match place {
        Place::At(end) => drop(bring(stack, of_run, end).await),
        Place::NotDue => drop(stack.ledger.open(&entry("2026-11", now + 1.hour())).await.unwrap()),
        Place::InHand(StageName::Score) => {
            let open = bring(stack, of_run, End::Scheduled).await;
            apply(stack, open.claim(StageName::Score, now, now + 1.minute()).unwrap()).await;
        }
        Place::InHand(stage) => {
            assert_eq!(stage, StageName::Email, "no other moves entries");
            let scored = bring(stack, of_run, End::Scored).await;
            apply(stack, scored.claim(StageName::Email, now, now + 1.minute()).unwrap()).await;
        }
        Place::PutOff => {
            let scored = bring(stack, of_run, End::Scored).await;
            apply(stack, scored.defer(StageName::Email, now + 1.hour(), now).unwrap()).await;
        }
        Place::ToBeWoken => {
            let open = bring(stack, of_run, End::Scheduled).await;
            apply(stack, open.put_off(StageName::Score, cause(), start()).unwrap()).await;
        }
        Place::QueuedAgain => {
            let open = bring(stack, of_run, End::Scheduled).await;
            apply(stack, open.queue_again(now).unwrap()).await;
        }
        Place::LeftBefore | Place::Nowhere => {}
        Place::InLaterRun => drop(bring(stack, entry("2026-12", now + 1.hour()), End::Scheduled).await),
        Place::InEarlierRun => drop(bring(stack, entry("2026-10", start()), End::Scored).await),
        Place::SentTwice => {
            bring(stack, of_run, End::Sent).await;
            bring(stack, entry("2026-11-r2", start()), End::Scheduled).await;
        }
    }
}

async fn hold(stack: &InMemoryStack, stage: StageName, held: Held) {
    let since = stack.clock.now();
    let mut control = Control { version: 1, ..Control::default() };
    match held {
        Held::Not => return,
        Held::Paused => {
            let note = Note::parse("a wrong template").unwrap();
            control.pause = Some(Pause { by: "aoife".into(), note, since, until: None });
        }
        Held::Broken => {
            let probe_at = since + 1.minute();
            let open = Open { since, calls: 9, failures: 9, cool_down_seconds: 60, probe_at, tries: 0 };
            control.breaker = Breaker::Open(open);
        }
    }
    assert!(stack.ledger.save(stage, &control).await.unwrap());
}

async fn stack_with(places: &[Place], score: Held, email: Held) -> InMemoryStack {
    let stack = InMemoryStack::new();
    stack.clock.advance(Duration::from_hours(1));
    for (n, place) in places.iter().enumerate() {
        put(&stack, &format!("c-{n}"), *place).await;
    }
    hold(&stack, StageName::Score, score).await;
    hold(&stack, StageName::Email, email).await;
    stack
}

async fn why(stack: &InMemoryStack, limit: usize, in_depth: bool) -> RunReport {
    inquiry(stack, limit, in_depth).why(run("2026-11")).await.unwrap()
}

fn inquiry(stack: &InMemoryStack, limit: usize, in_depth: bool) -> RunInquiry<'_> {
    let ledger = &*stack.ledger;
    let (stages, clock) = (&stack.stages, &*stack.clock);
    RunInquiry {
        ledger,
        reports: ledger,
        open: ledger,
        feedback: ledger,
        controls: ledger,
        stages,
        clock,
        limit,
        in_depth,
    }
}

fn told(report: &RunReport) -> BTreeMap<Reason, u64> {
    report.reasons.iter().map(|count| (count.reason, count.customers)).collect()
}

fn expected(places: &[Place], score: Held, email: Held) -> BTreeMap<Reason, u64> {
    let mut expected = BTreeMap::new();
    for place in places {
        *expected.entry(place.reason(score, email)).or_default() += 1;
    }
    expected
}

#[tokio::test]
async fn everyone_is_told_by_their_reason_whatever_holds_the_stages() {
    let held = [Held::Not, Held::Paused, Held::Broken];
    for (score, email) in held.into_iter().flat_map(|score| held.map(|email| (score, email))) {
        let stack = stack_with(&PLACES, score, email).await;
        let report = why(&stack, 1_000, true).await;
        assert_eq!(told(&report), expected(&PLACES, score, email), "{score:?} {email:?}");
        assert!(report.adds_up() && report.reasons.iter().all(|count| count.precision == Precision::Exact));
        let holders = [score, email].into_iter().filter(|held| !matches!(held, Held::Not)).count();
        assert_eq!(report.holders.len(), holders);
        assert_eq!(report.without_entry, [customer("c-23").id]);
        assert_ne!(report.read_units.to_string(), "0");
    }
}

#[tokio::test]
async fn what_went_wrong_is_grouped_and_says_how_much_of_it_was_read() {
    let places = [Place::At(End::Failed(StageName::Email)), Place::At(End::Troubled)].repeat(4);
    let stack = stack_with(&places, Held::Not, Held::Not).await;
    let report = why(&stack, 1_000, true).await;
    let [failed, due] = report.causes.as_slice() else { panic!("{:?}", report.causes) };
    assert_eq!((failed.of, failed.stage, failed.is_partial()), (SampleOf::Failed, StageName::Email, false));
    assert_eq!((failed.causes.len(), failed.causes[0].entries, failed.causes[0].examples.len()), (1, 4, 3));
    assert_eq!((due.of, due.stage, due.causes[0].entries), (SampleOf::Due, StageName::Score, 4));

    let report = why(&stack, 3, true).await;
    assert!(report.adds_up());
    assert_eq!(told(&report).get(&Reason::Retrying(StageName::Score)), Some(&3));
    assert_eq!(told(&report).get(&Reason::Queued(StageName::Score)), Some(&1));
    let precise = |reason| report.reasons.iter().find(|count| count.reason == reason).unwrap().precision;
    assert_eq!(precise(Reason::Retrying(StageName::Score)), Precision::AtLeast);
    assert_eq!(precise(Reason::Queued(StageName::Score)), Precision::AtMost);
    assert_eq!(precise(Reason::Failed(StageName::Email)), Precision::Exact);
    assert!(report.causes.iter().all(|sample| sample.read == 3 && sample.is_partial()));
}

#[tokio::test]
async fn a_quick_look_tells_those_without_an_entry_in_one_number_and_costs_less() {
    let stack = stack_with(&PLACES, Held::Not, Held::Not).await;
    let (deep, quick) = (why(&stack, 1_000, true).await, why(&stack, 1_000, false).await);
    assert!(quick.adds_up() && quick.read_units < deep.read_units);
    assert_eq!(quick.count(Reason::NotInRun), 4);
    assert_eq!(inquiry(&stack, 9, false).why(run("2026-11-r2")).await, Err(WhyError::Repeat(run("2026-11-r2"))));
}

#[tokio::test]
async fn an_entry_of_someone_whose_profile_is_lost_makes_it_not_add_up() {
    let stack = stack_with(&[Place::At(End::Sent)], Held::Not, Held::Not).await;
    bring(&stack, scheduled_in("c-stranger", "2026-11", start()), End::Sent).await;
    let report = why(&stack, 1_000, true).await;
    assert_eq!((report.adds_up(), report.unaccounted), (false, -1));
}

async fn story(stack: &InMemoryStack, name: &str) -> Option<Timeline> {
    let ledger = &*stack.ledger;
    let inquiry = CustomerInquiry {
        ledger,
        in_campaigns: ledger,
        reports: ledger,
        schedules: &stack.schedules,
        controls: ledger,
        memory: ledger,
        stages: &stack.stages,
        endpoints: ledger,
        endpoint_controls: ledger,
        deliveries: ledger,
        clock: &*stack.clock,
        policy: SweepPolicy::default(),
        rules: Some(stack.rules()),
    };
    inquiry.story(&customer(name).id).await.unwrap()
}

#[tokio::test]
async fn a_customers_story_says_what_comes_next_at_each_turn() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    let next = async || next_sentences(&story(&stack, "c-1").await.unwrap()).join(" ");
    assert_eq!(
        next().await,
        "Run 2026-11: Due 2026-11-10 11:30 Europe/Dublin: the schedule queues it to the score stage."
    );
    stack.fire(&customer("c-1"));
    assert!(next().await.starts_with("Run 2026-11: Waits in the score queue since 2026-11-10 11:30"));
    stack.invoke(StageName::Score).await;
    hold(&stack, StageName::Email, Held::Paused).await;
    assert!(next().await.contains("Waits for the email stage, which is paused since"));
    stack.drain().await;
    let told = next().await;
    assert_eq!(told, "Run 2026-12: Due 2026-12-10 11:30 Europe/Dublin: the schedule queues it to the score stage.");
    let story = story(&stack, "c-1").await.unwrap().in_run(run("2026-11")).unwrap();
    assert!(next_sentences(&story)[0].starts_with("Run 2026-11: Sent 2026-11-10 11:30"));
    assert!(matches!(story.outlooks[0].next, NextStep::Sent { .. }));
}

#[tokio::test]
async fn the_story_of_someone_who_left_who_lacks_an_entry_or_whom_nobody_knows() {
    let stack = stack_with(&[Place::LeftBefore, Place::Nowhere], Held::Not, Held::Not).await;
    let next = async |name| next_sentences(&story(&stack, name).await.unwrap());
    assert_eq!(next("c-0").await, ["Has left: no mail is to come."]);
    assert!(next("c-1").await[0].contains("`pulse enroll c-1` opens one"));
    assert!(story(&stack, "c-9").await.is_none());
}

#[tokio::test]
async fn what_the_story_says_tick_will_do_is_what_tick_does() {
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.score.queue.purge();
    let repeated_at = match story(&stack, "c-1").await.unwrap().outlooks.remove(0).next {
        NextStep::Waits { repeated_at, .. } => repeated_at,
        next => panic!("{next:?}"),
    };
    let wait = |until: Timestamp| Duration::try_from(until.duration_since(stack.clock.now())).unwrap();
    stack.clock.advance(wait(repeated_at - 1.second()));
    stack.sweep().await;
    assert!(!stack.invoke(StageName::Score).await, "not before its time");
    stack.clock.advance(Duration::from_secs(1));
    let next = story(&stack, "c-1").await.unwrap().outlooks.remove(0).next;
    assert!(matches!(next, NextStep::Repeated { stage: StageName::Score, .. }), "{next:?}");
    stack.sweep().await;
    stack.mailer.fail_next([InjectedFailure::AnswerLost]);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    let told = next_sentences(&story(&stack, "c-1").await.unwrap());
    assert!(told.iter().any(|sentence| sentence.contains("pulse settle c-1 --run 2026-11")), "{told:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whoever_is_where_and_however_little_is_read_the_reasons_add_up_to_the_roster(
        places in prop::collection::vec(prop::sample::select(PLACES.to_vec()), 0..60),
        score in prop::sample::select(vec![Held::Not, Held::Paused, Held::Broken]),
        email in prop::sample::select(vec![Held::Not, Held::Paused, Held::Broken]),
        limit in 0_usize..80,
        in_depth: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let report = runtime.block_on(async {
            let stack = stack_with(&places, score, email).await;
            why(&stack, limit, in_depth).await
        });
        prop_assert_eq!(report.unaccounted, 0);
        prop_assert_eq!(report.reasons.iter().map(|count| count.customers).sum::<u64>(), places.len() as u64);
        let exact = expected(&places, score, email);
        for count in &report.reasons {
            let truth = exact.get(&count.reason).copied().unwrap_or(0);
            match count.precision {
                _ if count.reason == Reason::NotInRun => prop_assert!(!in_depth),
                Precision::Exact => prop_assert_eq!(count.customers, truth, "{:?}", count.reason),
                Precision::AtLeast => prop_assert!(count.customers <= truth, "{:?}", count.reason),
                Precision::AtMost => prop_assert!(count.customers >= truth, "{:?}", count.reason),
            }
        }
    }
}
