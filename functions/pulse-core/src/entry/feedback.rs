//! What providers tell afterwards of an entry's mail, on the entry. In whatever order events come, and however often, the
//! entry ends as the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Change, Entry, Progress};
use crate::feedback::{FeedbackFacts, Rejection, Verdict};

/// What an entry keeps of its feedback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EntryFeedback {
    #[serde(flatten)]
    facts: FeedbackFacts,
    /// Whether the entry is closed as the facts say, and not as a worker or a person wrote it down.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    closes: bool,
    /// What a worker wrote down of the acceptance, if the provider didn't send the mail after all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recorded: Option<Recorded>,
    /// What was told of earlier is of a mail that was not sent, before the entry was taken up again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Recorded {
    provider_id: String,
    at: Timestamp,
}

impl EntryFeedback {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is kept when the entry is claimed for another mail: nothing of one that was not sent.
    pub(super) fn for_another_mail(&self) -> Self {
        match self.facts.verdict() {
            Some(Verdict::NotSent(Rejection { at, .. })) => Self { since: Some(*at), ..Self::default() },
            _ => self.clone(),
        }
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

    /// Whether feedback closed it, and neither a worker nor a person.
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
        let facts = self.feedback.facts.merge(told);
        let is_of_before = self.feedback.since.is_some_and(|since| told.first_at().is_some_and(|at| at <= since));
        if is_of_before || facts == self.feedback.facts {
            return Hearing::Known;
        }
        let mut after = Self { version: self.version + 1, ..self.clone() };
        after.feedback.facts = facts;
        after.follow_feedback();
        let next = if self.is_open() && !after.is_open() { next() } else { None };
        Hearing::News(Box::new(Change { after, next }))
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
