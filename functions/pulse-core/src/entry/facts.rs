//! What a change of an entry makes known to other systems.

use jiff::Timestamp;

use super::{Entry, Progress};
use crate::delivery::{Fact, FactId, FactKind, Subject};

/// What is so of `after` and wasn't of `before`, which is the version before it.
pub(super) fn facts(before: &Entry, after: &Entry, now: Timestamp) -> Vec<Fact> {
    let is_another = std::mem::discriminant(&before.progress) != std::mem::discriminant(&after.progress);
    let closed = match &after.progress {
        _ if !is_another => None,
        Progress::Done { at, .. } => Some((FactKind::Sent, *at)),
        Progress::Skipped { at, .. } | Progress::Cancelled { at } => Some((FactKind::Skipped, *at)),
        Progress::Failed { at, .. } | Progress::Abandoned { at, .. } => Some((FactKind::Failed, *at)),
        Progress::Indeterminate { at, .. } => Some((FactKind::Indeterminate, *at)),
        // It was told as indeterminate, and still is.
        Progress::Unconfirmed { .. } | Progress::Waiting | Progress::Claimed { .. } => None,
    };
    let (known, told) = (before.feedback(), after.feedback());
    let delivered = told.delivered_at.filter(|_| known.delivered_at.is_none());
    let kind_of_bounce = |bounced: &crate::feedback::Bounced| bounced.bounce.kind;
    let came_back =
        told.bounced.as_ref().filter(|told| known.bounced.as_ref().map(kind_of_bounce) != Some(told.bounce.kind));
    let complained = told.complained_at.filter(|_| known.complained_at.is_none());
    let heard = [
        closed,
        delivered.map(|at| (FactKind::Delivered, at)),
        came_back.map(|bounced| (FactKind::Bounced, bounced.at)),
        complained.map(|at| (FactKind::Complained, at)),
    ];
    let fact = |(kind, as_of)| {
        let id = FactId { subject: Subject::Entry(after.id.clone()), version: after.version, kind };
        Fact { id, as_of, written_at: now }
    };
    heard.into_iter().flatten().map(fact).collect()
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::{
        customer::CustomerId,
        entry::{Change, EntryId, Erasing, Hearing, SkipReason, StageName},
        failure::Cause,
        feedback::{Bounce, BounceKind, Bounced, FeedbackFacts, Rejection},
        run::RunId,
        score::{Band, Score, ScoreValue},
    };

    fn now() -> Timestamp {
        "2026-11-03T10:00:00Z".parse().unwrap()
    }

    fn cause() -> Cause {
        Cause::new("It was so.")
    }

    fn sending() -> Entry {
        let id = EntryId::of(CustomerId::parse("c-1").unwrap(), RunId::parse("2026-11").unwrap());
        let score = Score { value: ScoreValue::parse(712).unwrap(), band: Band::parse("good").unwrap(), as_of: now() };
        let claim = |entry: &Entry, stage| entry.claim(stage, now(), now()).unwrap().into_after();
        let scoring = claim(&Entry::scheduled(id, now(), None), StageName::Score);
        claim(&scoring.record_score(score, now()).unwrap().into_after(), StageName::Email)
    }

    fn sent() -> Entry {
        sending().record_sent("m-1".to_owned(), now(), None).unwrap().into_after()
    }

    fn kinds(change: &Change) -> Vec<FactKind> {
        change.facts().iter().map(|fact| fact.id.kind).collect()
    }

    fn heard(entry: &Entry, facts: &FeedbackFacts, at: Timestamp) -> Change {
        match entry.hear(facts, at, || None) {
            Hearing::News(change) => *change,
            other => panic!("no news: {other:?}"),
        }
    }

    fn bounced(kind: BounceKind) -> FeedbackFacts {
        let bounced = Bounced { bounce: Bounce { kind, status: None }, at: now() + 1.hour() };
        FeedbackFacts { bounced: Some(bounced), ..FeedbackFacts::default() }
    }

    #[test]
    fn what_closes_an_entry_is_a_fact_of_the_version_that_it_becomes() {
        let (entry, later) = (sending(), now() + 1.minute());
        let closings = [
            (entry.record_sent("m-1".to_owned(), later, None), FactKind::Sent),
            (entry.skip(SkipReason::OptedOut, later, None), FactKind::Skipped),
            (entry.fail(StageName::Email, cause(), later, None), FactKind::Failed),
            (entry.mark_indeterminate(cause(), later, None), FactKind::Indeterminate),
        ];
        for (change, kind) in closings {
            let change = change.unwrap();
            let id = FactId { subject: Subject::Entry(entry.id().clone()), version: entry.version() + 1, kind };
            assert_eq!(change.facts(), [Fact { id, as_of: later, written_at: later }]);
        }
    }

    #[test]
    fn what_is_on_its_way_or_known_already_is_no_fact() {
        let entry = sending();
        for change in [
            entry.release(cause(), now()),
            entry.put_off(StageName::Email, cause(), now()),
            entry.queue_again(now()),
            entry.forget_stale_score(now()),
            entry.mark_indeterminate(cause(), now(), None).unwrap().after().mark_unconfirmed(),
        ] {
            assert_eq!(change.unwrap().facts(), []);
        }
    }

    #[test]
    fn what_a_provider_tells_is_a_fact_as_of_its_clock_and_once() {
        let (told, written) = (now() + 1.hour(), now() + 2.hours());
        let facts = FeedbackFacts { delivered_at: Some(told), ..FeedbackFacts::default() };
        let delivered = heard(&sent(), &facts, written);
        assert_eq!(kinds(&delivered), [FactKind::Delivered]);
        assert_eq!((delivered.facts()[0].as_of, delivered.facts()[0].written_at), (told, written));

        // An earlier word of the same changes the row, and is no news.
        let earlier = FeedbackFacts { delivered_at: Some(now()), ..FeedbackFacts::default() };
        assert_eq!(kinds(&heard(delivered.after(), &earlier, written)), []);
        let complained = FeedbackFacts { complained_at: Some(told), ..bounced(BounceKind::Soft) };
        let both = heard(delivered.after(), &complained, written);
        assert_eq!(kinds(&both), [FactKind::Bounced, FactKind::Complained]);
        // A bounce of another kind says something else of the address.
        assert_eq!(kinds(&heard(both.after(), &bounced(BounceKind::Hard), written)), [FactKind::Bounced]);
    }

    #[test]
    fn a_mail_that_was_accepted_and_dropped_is_sent_and_then_failed() {
        let rejected =
            FeedbackFacts { rejected: Some(Rejection { at: now(), cause: cause() }), ..FeedbackFacts::default() };
        assert_eq!(kinds(&heard(&sent(), &rejected, now())), [FactKind::Failed]);
    }

    #[test]
    fn forgetting_tells_what_it_closes_and_nothing_twice() {
        let Erasing::Change(erased) = sent().erase(now()) else { panic!("there is something to erase") };
        assert_eq!(kinds(&erased), []);
        let waiting = Entry::scheduled(sent().id().clone(), now(), None);
        let Erasing::Change(erased) = waiting.erase(now()) else { panic!("there is something to erase") };
        assert_eq!(kinds(&erased), [FactKind::Skipped]);
    }
}
