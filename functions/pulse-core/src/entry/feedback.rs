//! What providers tell afterwards of an entry's mail, on the entry. In whatever order events come, and however often, the
//! entry ends as the same.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Change, Entry, Progress};
use crate::feedback::{FeedbackFacts, MailOutcome, Rejection, Verdict};

/// After so long most mails are delivered or have come back.
const TOLD_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// What an entry keeps of its feedback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EntryFeedback {
    #[serde(flatten)]
    pub(super) facts: FeedbackFacts,
    /// Whether the entry is closed as the facts say, and not as a worker or a person wrote it down.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) closes: bool,
    /// What a worker wrote down of the acceptance, if the provider didn't send the mail after all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recorded: Option<Recorded>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recorded {
    provider_id: String,
    at: Timestamp,
}

impl EntryFeedback {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What hearing of an entry's mail comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hearing {
    /// All of it is known.
    Known,
    /// A worker has the entry, and writes down what it was answered: hear it once that is over.
    Later {
        /// Until when at most.
        until: Timestamp,
    },
    /// It is news.
    News(Box<Change>),
}

impl Entry {
    /// What is known of its mail from the provider's feedback.
    #[must_use]
    pub fn feedback(&self) -> &FeedbackFacts {
        &self.feedback.facts
    }

    /// Whether its mail was accepted more than a day ago, and nobody has told what became of it.
    #[must_use]
    pub fn is_silent(&self, now: Timestamp) -> bool {
        let is_told = self.feedback.facts.outcome().is_some_and(|outcome| outcome != MailOutcome::Accepted);
        let Progress::Done { at, .. } = &self.progress else { return false };
        !is_told && !self.erased && now.duration_since(*at) > TOLD_WITHIN
    }

    /// Whether feedback closed it, and neither a worker nor a person. If its mail was not sent, it is so for good: what is told
    /// of that mail couldn't be told from what is told of another, which takes an entry of its own.
    #[must_use]
    pub fn is_closed_by_feedback(&self) -> bool {
        self.feedback.closes
    }

    /// Merges what is told of the entry's mail. A mail that went out closes the entry as sent, wherever it stands, but for
    /// one that was skipped: evidence of a mail is stronger than a ledger that doesn't know of it, or nobody could be sure
    /// that it isn't sent twice. One that was not sent closes it as given up by its plan's last stage, and nobody sends it
    /// again by himself. `next` is next month's entry, which is opened when an open entry is closed.
    #[must_use]
    pub fn hear(&self, told: &FeedbackFacts, now: Timestamp, next: impl FnOnce() -> Option<Self>) -> Hearing {
        if let Some(until) = self.lease_until().filter(|until| *until > now) {
            return Hearing::Later { until };
        }
        let told = if self.erased { &told.without_words() } else { told };
        let facts = self.feedback.facts.merge(told);
        if facts == self.feedback.facts {
            return Hearing::Known;
        }
        let mut after = Self { version: self.version + 1, ..self.clone() };
        after.feedback.facts = facts;
        after.follow_feedback();
        let next = if self.is_open() && !after.is_open() { next() } else { None };
        Hearing::News(Box::new(self.told(after, next, now)))
    }

    /// Closes the entry as its facts say, from them alone, so that it doesn't matter which came first.
    fn follow_feedback(&mut self) {
        let Some(verdict) = self.feedback.facts.verdict() else { return };
        let progress = match (&self.progress, verdict) {
            (Progress::Skipped { .. }, _) => return,
            (Progress::Done { .. }, Verdict::Went { .. }) if !self.feedback.closes => return,
            (_, Verdict::Went { at }) => {
                let recorded = self.feedback.recorded.take();
                self.feedback.closes = recorded.is_none();
                let Recorded { provider_id, at } = recorded.unwrap_or_else(|| {
                    let told = self.feedback.facts.provider_id.clone();
                    Recorded { provider_id: told.unwrap_or_else(|| self.id.message_key()), at }
                });
                Progress::Done { provider_id, at }
            }
            (progress, Verdict::NotSent(Rejection { at, cause })) => {
                if let (Progress::Done { provider_id, at }, false) = (progress, self.feedback.closes) {
                    self.feedback.recorded = Some(Recorded { provider_id: provider_id.clone(), at: *at });
                }
                self.feedback.closes = true;
                Progress::Failed { cause: cause.clone(), at: *at }
            }
        };
        self.progress = progress;
        self.at = self.plan.last();
        self.failure_streak = None;
        self.in_doubt_since = None;
    }
}

#[cfg(test)]
mod tests;
