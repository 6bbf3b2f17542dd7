//! Taking from an entry what is personal, when its customer is to be forgotten. It stays where it stands, so that its run
//! goes on adding up.

use jiff::Timestamp;

use super::{Change, Entry, EntryId, Progress, Queueing, SkipReason, feedback::EntryFeedback};
use crate::{
    failure::Cause,
    score::{Band, Score, ScoreValue},
};

/// What erasing an entry comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erasing {
    /// Nothing personal is left on it, and no stage has to move it.
    Done,
    /// The same, but for a mail that is in doubt: its stage, its provider's events or a day of silence close it.
    InDoubt,
    /// A worker has it, and writes down what it was answered: erase it once that is over.
    Later {
        /// Until when at most.
        until: Timestamp,
    },
    /// This is to be written.
    Change(Box<Change>),
}

impl Entry {
    /// Takes the scores, the partner's reference, the causes and the provider's id from the entry, and passes it over if it is open and no mail may
    /// be out.
    #[must_use]
    pub fn erase(&self, now: Timestamp) -> Erasing {
        if let Some(until) = self.lease_until().filter(|until| *until > now) {
            return Erasing::Later { until };
        }
        let in_doubt_since = self.in_doubt_since();
        let mut after = self.clone();
        after.erased = true;
        after.score = None;
        after.called = None;
        after.previous = None;
        after.failure_streak = None;
        after.feedback = EntryFeedback::default();
        if self.is_open() && in_doubt_since.is_none() {
            after.progress = Progress::Skipped { reason: SkipReason::Closed, at: now };
            after.queueing = Queueing::Pending;
        }
        after.progress.blank(&self.id);
        if after != *self && !(self.erased && self.is_blank()) {
            after.version += 1;
            return Erasing::Change(Box::new(self.told(after, None, now)));
        }
        if self.is_open() { Erasing::InDoubt } else { Erasing::Done }
    }

    /// Whether what is personal was taken from it.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.erased
    }

    /// Whether an erased entry has nothing anew. What was told since of its mail is no one's but its own.
    fn is_blank(&self) -> bool {
        let mut progress = self.progress.clone();
        progress.blank(&self.id);
        let is_open = self.is_open() && self.in_doubt_since().is_none();
        let has_no_score = self.score.is_none() && self.previous.is_none();
        let has_none = has_no_score && self.called.is_none() && self.failure_streak.is_none();
        has_none && progress == self.progress && !is_open
    }

    /// What stands in the place of a score on the rows of an erased entry: functions of the first release can't read a mail
    /// that was sent without one.
    pub(super) fn blank_score() -> Option<Score> {
        let value = ScoreValue::parse(0).ok()?;
        Some(Score { value, band: Band::parse("-").ok()?, as_of: Timestamp::UNIX_EPOCH })
    }
}

impl Progress {
    /// Takes what may be personal from it: others' words, and the id by which the provider finds the mail.
    fn blank(&mut self, id: &EntryId) {
        match self {
            Self::Done { provider_id, .. } => *provider_id = id.message_key(),
            Self::Failed { cause, .. }
            | Self::Indeterminate { cause, .. }
            | Self::Unconfirmed { cause, .. }
            | Self::Abandoned { cause, .. } => {
                *cause = Cause::new("The customer was forgotten.");
            }
            Self::Waiting | Self::Claimed { .. } | Self::Skipped { .. } | Self::Cancelled { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::{
        customer::CustomerId,
        entry::StageName,
        feedback::{FeedbackFacts, Rejection},
        run::RunId,
    };

    fn now() -> Timestamp {
        "2026-11-03T10:00:00Z".parse().unwrap()
    }

    fn score() -> Score {
        Score { value: ScoreValue::parse(712).unwrap(), band: Band::parse("good").unwrap(), as_of: now() }
    }

    fn scheduled() -> Entry {
        let id = EntryId::of(CustomerId::parse("c-1").unwrap(), RunId::parse("2026-11").unwrap());
        Entry::scheduled(id, now(), Some(score()))
    }

    fn scored() -> Entry {
        let claimed = scheduled().claim(StageName::Score, now(), now() + 1.minute()).unwrap().into_after();
        claimed.record_score(score(), now()).unwrap().into_after()
    }

    fn sending() -> Entry {
        scored().claim(StageName::Email, now(), now() + 1.minute()).unwrap().into_after()
    }

    fn cause() -> Cause {
        Cause::new("Personal words.")
    }

    fn erased(entry: &Entry, at: Timestamp) -> Entry {
        match entry.erase(at) {
            Erasing::Change(change) => {
                assert_eq!(change.expected_version(), entry.version());
                change.into_after()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_entry_keeps_where_it_stands_and_nothing_personal() {
        let sent = sending().record_sent("their-id".into(), now(), None).unwrap().into_after();
        let failed = sending().fail(StageName::Email, cause(), now(), None).unwrap().into_after();
        let lost = sending().mark_indeterminate(cause(), now(), None).unwrap().into_after();
        let tried = sending().release(cause(), now()).unwrap().into_after();
        for (entry, state) in [
            (scheduled(), "skipped"),
            (scored(), "skipped"),
            (tried, "skipped"),
            (sent, "sent"),
            (failed, "failed"),
            (lost.mark_unconfirmed().unwrap().into_after(), "unconfirmed"),
            (lost, "unknown"),
        ] {
            let after = erased(&entry, now());
            assert_eq!(after.state(), state);
            let row = serde_json::to_string(&after).unwrap();
            for personal in ["712", "good", "Personal", "their-id"] {
                assert!(!row.contains(personal), "{personal} in {row}");
            }
            assert!(after.is_erased() && after.score().is_none() && after.previous().is_none());
            let reread: Entry = serde_json::from_str(&row).unwrap();
            assert_eq!(reread, after, "{row}");
            assert_eq!(reread.erase(now()), Erasing::Done);
        }
    }

    #[test]
    fn a_claim_is_waited_for_and_a_doubt_stays_one() {
        assert_eq!(sending().erase(now()), Erasing::Later { until: now() + 1.minute() });
        let over = erased(&sending(), now() + 1.minute());
        assert!(over.is_open() && over.in_doubt_since().is_some());
        assert_eq!(over.erase(now() + 1.minute()), Erasing::InDoubt);
    }

    #[test]
    fn what_is_told_later_settles_an_erased_mail_without_its_provider_s_words() {
        let over = erased(&sending(), now() + 1.minute());
        let id = Some("their-id".to_owned());
        let went = FeedbackFacts { delivered_at: Some(now()), provider_id: id.clone(), ..FeedbackFacts::default() };
        let rejected = Some(Rejection { at: now(), cause: cause() });
        let dropped = FeedbackFacts { rejected, provider_id: id, ..FeedbackFacts::default() };
        for (told, state) in [(went, "sent"), (dropped, "failed")] {
            let crate::entry::Hearing::News(change) = over.hear(&told, now() + 2.minutes(), || None) else { panic!() };
            let after = change.into_after();
            let row = serde_json::to_string(&after).unwrap();
            assert!(after.state() == state && !row.contains("their-id") && !row.contains("Personal"), "{row}");
            assert_eq!(after.erase(now() + 2.minutes()), Erasing::Done);
        }
    }
}
