use proptest::{option, prelude::*};

use super::*;
use crate::{entry::SkipReason, failure::Cause};

fn moment() -> impl Strategy<Value = Timestamp> {
    let any = (Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond())
        .prop_map(|nanosecond| Timestamp::from_nanosecond(nanosecond).unwrap());
    let whole = (1_700_000_000..1_800_000_000_i64).prop_map(|second| Timestamp::from_second(second).unwrap());
    prop_oneof![any, whole, Just(Timestamp::UNIX_EPOCH)]
}

fn run() -> impl Strategy<Value = RunId> {
    "([a-z][a-z0-9-]{0,23})|(20[0-9]{2}-(0[1-9]|1[0-2])(-r[2-9])?)".prop_map(|run| RunId::parse(&run).unwrap())
}

fn score() -> impl Strategy<Value = Score> {
    (0..=1000_u32, "[a-zé]{1,32}", moment()).prop_map(|(value, band, as_of)| Score {
        value: ScoreValue::parse(value).unwrap(),
        band: Band::parse(&band).unwrap(),
        as_of,
    })
}

fn progress() -> impl Strategy<Value = Progress> {
    let done = ("[a-z0-9]{0,70}", moment()).prop_map(|(provider_id, at)| Progress::Done { provider_id, at });
    let cause = || Cause::new("It was so.");
    prop_oneof![
        Just(Progress::Waiting),
        moment().prop_map(|lease_until| Progress::Claimed { lease_until }),
        done,
        moment().prop_map(|at| Progress::Skipped { reason: SkipReason::OptedOut, at }),
        moment().prop_map(move |at| Progress::Failed { cause: cause(), at }),
        moment().prop_map(move |at| Progress::Indeterminate { cause: cause(), at }),
    ]
}

fn queueing() -> impl Strategy<Value = Queueing> {
    let requeued = moment().prop_map(|at| Queueing::Requeued { at });
    prop_oneof![Just(Queueing::Pending), Just(Queueing::Deferred), Just(Queueing::Held), requeued]
}

fn feedback() -> impl Strategy<Value = EntryFeedback> {
    let moments = || option::of(moment());
    let facts = (moments(), moments(), moments(), moments(), option::of("[a-z0-9]{0,4}"));
    (facts, any::<bool>()).prop_map(|((accepted_at, delivered_at, delayed_at, complained_at, provider_id), closes)| {
        let facts = FeedbackFacts {
            accepted_at,
            delivered_at,
            delayed_at,
            complained_at: complained_at.filter(|_| closes),
            provider_id,
            ..FeedbackFacts::default()
        };
        EntryFeedback { facts, closes, recorded: None }
    })
}

prop_compose! {
    fn entry()(
        (run, version, claims) in (run(), any::<u64>(), any::<u32>()),
        (scheduled_at, due) in (moment(), moment()),
        (score, previous) in (option::of(score()), option::of(score())),
        (progress, queueing, feedback) in (progress(), queueing(), feedback()),
        (repeated_at, in_doubt_since, asked_at) in (option::of(moment()), option::of(moment()), option::of(moment())),
        (is_email, erased, is_asked) in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) -> Entry {
        let id = EntryId::of(CustomerId::parse("c-1").unwrap(), run);
        Entry {
            version,
            due,
            at: if is_email { StageName::Email } else { StageName::Score },
            progress,
            score,
            asked_at: asked_at.filter(|_| is_asked && erased),
            claims,
            queueing,
            repeated_at,
            in_doubt_since,
            feedback,
            erased: erased && is_asked,
            ..Entry::scheduled(id, scheduled_at, previous)
        }
    }
}

proptest! {
    #[test]
    fn an_entry_comes_back_as_it_was(entry in entry()) {
        let packed = PackedEntry::of(&entry);
        prop_assert_eq!((packed.run(), packed.item()), (entry.id.run, entry.id.item));
        prop_assert_eq!((packed.position(), packed.version()), (entry.position(), entry.version()));
        prop_assert_eq!((packed.claims(), packed.is_closed_by_feedback()), (entry.claims(), entry.is_closed_by_feedback()));
        prop_assert_eq!(packed.unpack(&entry.id.customer), entry);
    }
}

#[test]
fn an_ordinary_entry_takes_few_bytes() {
    let length = |entry: &Entry| match PackedEntry::of(entry).0 {
        Form::Short(bytes) => bytes.len(),
        Form::Whole(_) => panic!("it has a short form"),
    };
    let at: Timestamp = "2026-11-10T15:41:12.345678901Z".parse().unwrap();
    let score = Score { value: ScoreValue::parse(712).unwrap(), band: Band::parse("good").unwrap(), as_of: at };
    let id = EntryId::of(CustomerId::parse("c-1").unwrap(), RunId::parse("2026-11").unwrap());
    let scheduled = Entry::scheduled(id, "2026-11-10T15:41:00Z".parse().unwrap(), Some(score.clone()));
    assert!(length(&scheduled) <= 40, "{}", length(&scheduled));
    let facts = FeedbackFacts {
        delivered_at: Some(at),
        provider_id: Some("sim-123456".to_owned()),
        ..FeedbackFacts::default()
    };
    let sent = Entry {
        at: StageName::Email,
        progress: Progress::Done { provider_id: "sim-123456".to_owned(), at },
        score: Some(score),
        feedback: EntryFeedback { facts, ..EntryFeedback::default() },
        ..scheduled
    };
    assert!(length(&sent) <= 80, "{}", length(&sent));
}
