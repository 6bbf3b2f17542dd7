use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::feedback::{About, FeedbackSource};

fn kind() -> impl Strategy<Value = FeedbackKind> {
    let bounce = |kind, status: &str| FeedbackKind::Bounced(Bounce { kind, status: Some(status.to_owned()) });
    let rejected = |cause: &str| FeedbackKind::Rejected { cause: Cause::new(cause), invalid_address: false };
    select(vec![
        FeedbackKind::Accepted,
        FeedbackKind::Delivered,
        FeedbackKind::Delayed,
        bounce(BounceKind::Hard, "5.1.1"),
        bounce(BounceKind::Hard, "5.4.4"),
        bounce(BounceKind::Soft, "5.2.2"),
        bounce(BounceKind::Reputation, "5.7.1"),
        FeedbackKind::Complained,
        rejected("It has a virus."),
        rejected("It is too long."),
        FeedbackKind::Unsubscribed,
    ])
}

fn facts() -> impl Strategy<Value = FeedbackFacts> {
    (kind(), 0..4_i64, select(vec![None, Some("a"), Some("b")])).prop_map(|(kind, second, id)| {
        let about = About { provider_id: id.map(str::to_owned), ..About::default() };
        let at = Timestamp::from_second(second).unwrap();
        FeedbackFacts::of(&Feedback { source: FeedbackSource::Ses, id: String::new(), about, kind, at })
    })
}

proptest! {
    #[test]
    fn merging_is_a_join(a in facts(), b in facts(), c in facts()) {
        prop_assert_eq!(a.merge(&b), b.merge(&a));
        prop_assert_eq!(a.merge(&b).merge(&c), a.merge(&b.merge(&c)));
        prop_assert_eq!(a.merge(&a), a);
    }

    #[test]
    fn any_order_and_repetition_says_the_same(
        (all, shuffled) in vec(facts(), 1..8).prop_flat_map(|all| {
            let twice: Vec<_> = all.iter().chain(&all).cloned().collect();
            (Just(all), Just(twice).prop_shuffle())
        })
    ) {
        let merged = |facts: &[FeedbackFacts]| facts.iter().fold(FeedbackFacts::default(), |sum, one| sum.merge(one));
        prop_assert_eq!(merged(&all), merged(&shuffled));
    }

    #[test]
    fn what_is_written_is_read_back(all in vec(facts(), 0..5)) {
        let facts = all.iter().fold(FeedbackFacts::default(), |sum, one| sum.merge(one));
        let row = serde_json::to_string(&facts).unwrap();
        prop_assert_eq!(serde_json::from_str::<FeedbackFacts>(&row).unwrap(), facts);
    }
}

fn told(kinds: &[FeedbackKind]) -> FeedbackFacts {
    let event = |kind: &FeedbackKind| {
        let at = Timestamp::UNIX_EPOCH;
        FeedbackFacts::of(&Feedback {
            source: FeedbackSource::Ses,
            id: String::new(),
            about: About::default(),
            kind: kind.clone(),
            at,
        })
    };
    kinds.iter().map(event).fold(FeedbackFacts::default(), |sum, one| sum.merge(&one))
}

#[test]
fn a_mail_that_was_delivered_outweighs_its_rejection_which_outweighs_its_acceptance() {
    let rejected = FeedbackKind::Rejected { cause: Cause::new("It has a virus."), invalid_address: false };
    let went = |facts: &FeedbackFacts| matches!(facts.verdict(), Some(Verdict::Went { .. }));
    assert_eq!(told(&[]).verdict(), None);
    assert!(went(&told(&[FeedbackKind::Accepted])));
    assert!(!went(&told(&[FeedbackKind::Accepted, rejected.clone()])));
    assert!(went(&told(&[FeedbackKind::Delivered, rejected])));
}

#[test]
fn the_last_word_on_a_mail_is_what_its_recipient_says() {
    let bounced = |kind| FeedbackKind::Bounced(Bounce { kind, status: None });
    let cases = [
        (vec![], None),
        (vec![FeedbackKind::Accepted, FeedbackKind::Delayed], Some(MailOutcome::Delayed)),
        (vec![bounced(BounceKind::Soft), FeedbackKind::Delivered], Some(MailOutcome::Delivered)),
        (vec![FeedbackKind::Delivered, bounced(BounceKind::Hard)], Some(MailOutcome::HardBounced)),
        (vec![bounced(BounceKind::Reputation)], Some(MailOutcome::ReputationBounced)),
        (vec![FeedbackKind::Complained, bounced(BounceKind::Hard)], Some(MailOutcome::Complained)),
        (vec![FeedbackKind::Unsubscribed], None),
    ];
    for (kinds, outcome) in cases {
        assert_eq!(told(&kinds).outcome(), outcome, "{kinds:?}");
    }
}
