use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Bounce, BounceKind, Feedback, FeedbackKind};
use crate::failure::Cause;

/// A mail that the provider accepted and didn't send after all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// When it was dropped. Before the cause, as of several the first counts.
    pub at: Timestamp,
    /// Why, in a sentence without personal data.
    pub cause: Cause,
}

/// A bounce, and when it was told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounced {
    /// What came back.
    #[serde(flatten)]
    pub bounce: Bounce,
    /// The moment at which it did, by the provider's clock.
    pub at: Timestamp,
}

/// What is known of an entry's mail from its provider's feedback.
///
/// It is a join-semilattice: [`merge`](Self::merge) is commutative, associative and idempotent, so that events may be
/// repeated, reordered and late by days. Of two moments of the same fact the earlier counts, of two bounces the one that
/// says more of the address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackFacts {
    /// When the provider accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// When the receiving server took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// When it was first put off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delayed_at: Option<Timestamp>,
    /// How it came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounced: Option<Bounced>,
    /// When the recipient called it spam.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complained_at: Option<Timestamp>,
    /// How it was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejection>,
    /// The provider's own id of the mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
}

/// What became of a mail, the last word first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailOutcome {
    /// The recipient calls it spam.
    Complained,
    /// It came back: there is no such mailbox.
    HardBounced,
    /// The receiving server took it.
    Delivered,
    /// It came back: the mailbox couldn't take it.
    SoftBounced,
    /// It came back: the sender or the content is distrusted.
    ReputationBounced,
    /// The provider didn't send it.
    Rejected,
    /// The receiving server didn't take it yet.
    Delayed,
    /// The provider took it.
    Accepted,
}

/// What facts say of whether the mail went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'f> {
    /// It did.
    Went {
        /// Since when that is sure.
        at: Timestamp,
    },
    /// It did not.
    NotSent(&'f Rejection),
}

impl FeedbackFacts {
    /// What one event tells of its entry's mail. An unsubscription tells nothing of a mail.
    #[must_use]
    pub fn of(event: &Feedback) -> Self {
        let at = Some(event.at);
        let mut facts = Self::default();
        match &event.kind {
            FeedbackKind::Accepted => facts.accepted_at = at,
            FeedbackKind::Delivered => facts.delivered_at = at,
            FeedbackKind::Delayed => facts.delayed_at = at,
            FeedbackKind::Bounced(bounce) => facts.bounced = Some(Bounced { bounce: bounce.clone(), at: event.at }),
            FeedbackKind::Complained => facts.complained_at = at,
            FeedbackKind::Rejected { cause, .. } => {
                facts.rejected = Some(Rejection { at: event.at, cause: cause.clone() });
            }
            FeedbackKind::Unsubscribed => return facts,
        }
        facts.provider_id.clone_from(&event.about.provider_id);
        facts
    }

    /// The same without what a provider says in its own words and ids: what became of the mail, and when.
    #[must_use]
    pub fn without_words(&self) -> Self {
        let bounced = self.bounced.clone().map(|mut bounced| {
            bounced.bounce.status = None;
            bounced
        });
        let rejected = self
            .rejected
            .as_ref()
            .map(|rejected| Rejection { at: rejected.at, cause: Cause::new("The customer was forgotten.") });
        Self { bounced, rejected, provider_id: None, ..self.clone() }
    }

    /// Both together.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        Self {
            accepted_at: least(self.accepted_at.as_ref(), other.accepted_at.as_ref(), |at| *at),
            delivered_at: least(self.delivered_at.as_ref(), other.delivered_at.as_ref(), |at| *at),
            delayed_at: least(self.delayed_at.as_ref(), other.delayed_at.as_ref(), |at| *at),
            bounced: least(self.bounced.as_ref(), other.bounced.as_ref(), |bounced| {
                let Bounced { bounce: Bounce { kind, status }, at } = bounced;
                (std::cmp::Reverse(*kind), *at, status.clone())
            }),
            complained_at: least(self.complained_at.as_ref(), other.complained_at.as_ref(), |at| *at),
            rejected: least(self.rejected.as_ref(), other.rejected.as_ref(), |rejected| {
                (rejected.at, rejected.cause.as_str().to_owned())
            }),
            provider_id: least(self.provider_id.as_ref(), other.provider_id.as_ref(), String::clone),
        }
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the mail went out. What only a mail that went out can come to outweighs a rejection, which outweighs the
    /// bare acceptance that comes before it.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict<'_>> {
        let after = [self.delivered_at, self.delayed_at, self.bounced.as_ref().map(|b| b.at), self.complained_at];
        let first = after.into_iter().flatten().min();
        let went = |at: Timestamp| Verdict::Went { at: self.accepted_at.map_or(at, |accepted| accepted.min(at)) };
        first.map(went).or_else(|| self.rejected.as_ref().map(Verdict::NotSent)).or_else(|| self.accepted_at.map(went))
    }

    /// What became of the mail. A mailbox that took it in the end counts as one that did, unless it turns out later that
    /// there is none.
    #[must_use]
    pub fn outcome(&self) -> Option<MailOutcome> {
        let bounced = |kind| self.bounced.as_ref().is_some_and(|bounced| bounced.bounce.kind == kind);
        Some(if self.complained_at.is_some() {
            MailOutcome::Complained
        } else if bounced(BounceKind::Hard) {
            MailOutcome::HardBounced
        } else if self.delivered_at.is_some() {
            MailOutcome::Delivered
        } else if bounced(BounceKind::Soft) {
            MailOutcome::SoftBounced
        } else if bounced(BounceKind::Reputation) {
            MailOutcome::ReputationBounced
        } else if self.rejected.is_some() && self.delayed_at.is_none() {
            MailOutcome::Rejected
        } else if self.delayed_at.is_some() {
            MailOutcome::Delayed
        } else {
            self.accepted_at.map(|_| MailOutcome::Accepted)?
        })
    }
}

/// The one of two that has the lesser key, or the only one.
fn least<T: Clone, K: Ord>(one: Option<&T>, other: Option<&T>, key: impl Fn(&T) -> K) -> Option<T> {
    [one, other].into_iter().flatten().min_by_key(|fact| key(fact)).cloned()
}

#[cfg(test)]
mod tests;
