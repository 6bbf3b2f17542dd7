//! The one place that lists what may follow what.
//!
//! ```text
//! Scheduled -> Scoring -> Scored -> Sending -> Sent
//!     |  ^        |         |  ^       |---> Unknown -> Sent | Scored (settled)
//!     |  '--------'(release)|  '-------'(release)
//!     |  ^------------------'(stale score)
//!     '---------'-----------'----------'---> Skipped | Failed
//! Failed -> Scoring | Sending (redriven)
//! Scored, Sending, Failed -> Scored (deferred, to be queued at its due moment)
//! Scheduled, Scoring -> Scheduled (put off while the provider is in trouble)
//! any open -> itself, queued again
//! ```

use std::time::Duration;

use jiff::Timestamp;

use super::{Change, Entry, Queueing, SkipReason, StageName, State, Trouble};
use crate::{failure::Cause, score::Score};

/// The longest that SQS hides a message (Amazon SQS Developer Guide, "Amazon SQS visibility timeout").
const LONGEST_HIDDEN: Duration = Duration::from_hours(12);

/// Tries of an entry whose stage flows are never so far apart.
const ANOTHER_TROUBLE_AFTER: Duration = Duration::from_hours(3);

/// A step that the ledger doesn't allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {entry} is {state} and can't be {step}")]
pub struct IllegalTransition {
    entry: String,
    state: &'static str,
    step: &'static str,
}

type Step = Result<Change, IllegalTransition>;

impl Entry {
    /// Claims the entry for scoring until `lease_until`. A claim whose lease is over, and an entry
    /// that scoring gave up and a redrive brought back, may be claimed again.
    ///
    /// # Errors
    /// When another worker holds it or it is past scoring.
    pub fn claim_score(&self, now: Timestamp, lease_until: Timestamp) -> Step {
        match &self.state {
            State::Scheduled | State::Failed { stage: StageName::Score, .. } => {}
            State::Scoring { lease_until } if *lease_until <= now => {}
            _ => return Err(self.illegal("claimed for scoring")),
        }
        Ok(self.claimed(State::Scoring { lease_until }))
    }

    /// Records the score that the claim was for. The mail is due at once.
    ///
    /// # Errors
    /// When the entry isn't being scored.
    pub fn record_score(&self, score: Score, now: Timestamp) -> Step {
        match &self.state {
            State::Scoring { .. } => {
                let mut after = self.moved(State::Scored { score });
                after.trouble = None;
                after.due = now;
                after.queueing = Queueing::Expected;
                after.repeated_at = None;
                Ok(Change { after, next: None })
            }
            _ => Err(self.illegal("scored")),
        }
    }

    /// Sends the entry back to scoring because its score is too old to be mailed. A mail that is in doubt
    /// stays so.
    ///
    /// # Errors
    /// When the entry isn't waiting to be mailed.
    pub fn forget_stale_score(&self, now: Timestamp) -> Step {
        match &self.state {
            State::Scored { .. } | State::Failed { stage: StageName::Email, .. } => {}
            State::Sending { lease_until, .. } if *lease_until <= now => {}
            _ => return Err(self.illegal("sent back to scoring")),
        }
        let mut after = self.moved(State::Scheduled);
        after.in_doubt_since = self.in_doubt_since();
        after.due = now;
        after.queueing = Queueing::Expected;
        Ok(Change { after, next: None })
    }

    /// Claims the entry for sending until `lease_until`. A claim whose lease is over may be claimed
    /// again only by someone who knows that the provider won't accept the mail twice.
    ///
    /// # Errors
    /// When another worker holds it or it has no score.
    pub fn claim_send(&self, now: Timestamp, lease_until: Timestamp) -> Step {
        let score = match &self.state {
            State::Scored { score } | State::Failed { stage: StageName::Email, score: Some(score), .. } => score,
            State::Sending { score, lease_until } if *lease_until <= now => score,
            _ => return Err(self.illegal("claimed for sending")),
        };
        let score = score.clone();
        let mut change = self.claimed(State::Sending { score, lease_until });
        change.after.in_doubt_since = self.in_doubt_since();
        Ok(change)
    }

    /// Puts an entry that is to be mailed off until `due`. Its message may go: another is sent then.
    ///
    /// # Errors
    /// When it isn't waiting to be mailed, or another worker holds it.
    pub fn defer(&self, due: Timestamp, now: Timestamp) -> Step {
        let score = match &self.state {
            State::Scored { score } | State::Failed { stage: StageName::Email, score: Some(score), .. } => score,
            State::Sending { score, lease_until } if *lease_until <= now => score,
            _ => return Err(self.illegal("put off")),
        };
        let mut after = self.moved(State::Scored { score: score.clone() });
        after.in_doubt_since = self.in_doubt_since();
        after.due = due;
        after.queueing = Queueing::Deferred;
        Ok(Change { after, next: None })
    }

    /// Records that another message is sent for the entry: its first, if it was put off until now.
    ///
    /// # Errors
    /// When the entry is closed, or a worker holds it.
    pub fn queue_again(&self, now: Timestamp) -> Step {
        match &self.state {
            State::Scheduled | State::Scored { .. } => {}
            State::Scoring { lease_until } | State::Sending { lease_until, .. } if *lease_until <= now => {}
            _ => return Err(self.illegal("queued again")),
        }
        let mut after = self.moved(self.state.clone());
        if self.queueing == Queueing::Deferred {
            after.due = now;
            // One that was repeated already isn't again so soon.
            let again = self.repeated_at.map(|_| Queueing::Repeated { at: now });
            after.queueing = again.unwrap_or(Queueing::Expected);
        } else {
            after.queueing = Queueing::Repeated { at: now };
            after.repeated_at = Some(now);
        }
        Ok(Change { after, next: None })
    }

    /// Gives a claim back after a failed attempt that left nothing behind, so that the next attempt
    /// needn't wait for the lease.
    ///
    /// # Errors
    /// When the entry isn't claimed.
    pub fn release(&self, cause: Cause, now: Timestamp) -> Step {
        let state = match &self.state {
            State::Scoring { .. } => State::Scheduled,
            State::Sending { score, .. } => State::Scored { score: score.clone() },
            _ => return Err(self.illegal("released")),
        };
        let mut after = self.moved(state);
        after.trouble = Some(self.more_trouble(cause, now));
        Ok(Change { after, next: None })
    }

    /// Gives a claim back, as [`release`](Self::release), whose provider asked to be left alone for so long.
    ///
    /// # Errors
    /// When the entry isn't claimed.
    pub fn release_for(&self, wait: Option<Duration>, cause: Cause, now: Timestamp) -> Step {
        let mut change = self.release(cause, now)?;
        if let Some(trouble) = &mut change.after.trouble {
            // A message isn't hidden for longer than that.
            let wait = wait.map(|wait| wait.min(LONGEST_HIDDEN));
            trouble.again_at = wait.map(|wait| now.saturating_add(wait).unwrap_or(Timestamp::MAX));
        }
        Ok(change)
    }

    /// Puts an entry off whose stage's provider is in trouble, whoever holds it: its message may go, and
    /// another is sent once the stage flows. A mail that was under way is in doubt from then on.
    ///
    /// # Errors
    /// When the entry isn't that stage's to move.
    pub fn put_off(&self, stage: StageName, cause: Cause, now: Timestamp) -> Step {
        if self.state.waits_for() != Some(stage) {
            return Err(self.illegal("put off"));
        }
        let released = match &self.state {
            State::Sending { score, .. } => State::Scored { score: score.clone() },
            State::Scoring { .. } => State::Scheduled,
            unclaimed => unclaimed.clone(),
        };
        let mut after = self.moved(released);
        if matches!(self.state, State::Sending { .. }) {
            after.in_doubt_since = Some(self.in_doubt_since.unwrap_or(now));
        }
        after.trouble = Some(self.more_trouble(cause, now));
        after.due = now;
        after.queueing = Queueing::Deferred;
        Ok(Change { after, next: None })
    }

    /// Gives a claim to send back although the provider may have the mail: the next attempt asks.
    ///
    /// # Errors
    /// When no mail was under way.
    pub fn release_in_doubt(&self, cause: Cause, now: Timestamp) -> Step {
        let State::Sending { .. } = &self.state else {
            return Err(self.illegal("released in doubt"));
        };
        let mut change = self.release(cause, now)?;
        change.after.in_doubt_since = Some(self.in_doubt_since.unwrap_or(now));
        Ok(change)
    }

    /// Records that the provider accepted the mail, and opens `next`, next month's entry. Also for
    /// an entry of unknown fate, or given up, of which the provider says that it has it.
    ///
    /// # Errors
    /// When no mail was under way.
    pub fn record_sent(&self, provider_id: String, now: Timestamp, next: Option<Entry>) -> Step {
        let score = match &self.state {
            State::Sending { score, .. }
            | State::Unknown { score, .. }
            | State::Failed { stage: StageName::Email, score: Some(score), .. } => score,
            State::Scored { score } if self.in_doubt_since.is_some() => score,
            _ => return Err(self.illegal("sent")),
        };
        let mut after = self.moved(State::Sent { score: score.clone(), provider_id, at: now });
        after.trouble = None;
        after.in_doubt_since = None;
        Ok(Change { after, next })
    }

    /// Records that there is no mail in this run, and opens `next`, next month's entry, unless the
    /// customer has left.
    ///
    /// # Errors
    /// When the entry is closed already.
    pub fn skip(&self, reason: SkipReason, now: Timestamp, next: Option<Entry>) -> Step {
        if !self.is_open() && !matches!(self.state, State::Failed { .. }) {
            return Err(self.illegal("skipped"));
        }
        let after = self.moved(State::Skipped { reason, at: now });
        Ok(Change { after, next })
    }

    /// Records that a stage gave up, and opens `next`, next month's entry. A mail that was under way
    /// is in doubt from then on.
    ///
    /// # Errors
    /// When the entry isn't that stage's to give up.
    pub fn fail(&self, stage: StageName, cause: Cause, now: Timestamp, next: Option<Entry>) -> Step {
        if self.state.waits_for() != Some(stage) {
            return Err(self.illegal("failed"));
        }
        let score = self.state.score().cloned();
        let mut after = self.moved(State::Failed { stage, cause, at: now, score });
        if matches!(self.state, State::Sending { .. }) {
            after.in_doubt_since = Some(self.in_doubt_since.unwrap_or(now));
        }
        Ok(Change { after, next })
    }

    /// Records that a mail's fate isn't known, and opens `next`, next month's entry. It is never sent
    /// again blindly.
    ///
    /// # Errors
    /// When no mail was under way.
    pub fn lose_track(&self, cause: Cause, now: Timestamp, next: Option<Entry>) -> Step {
        let score = match &self.state {
            State::Sending { score, .. } => score,
            State::Scored { score } | State::Failed { stage: StageName::Email, score: Some(score), .. }
                if self.in_doubt_since.is_some() =>
            {
                score
            }
            _ => return Err(self.illegal("of unknown fate")),
        };
        let after = self.moved(State::Unknown { score: score.clone(), cause, at: now });
        Ok(Change { after, next })
    }

    /// Records that a mail of unknown fate was not accepted after all: it may be sent.
    ///
    /// # Errors
    /// When the entry's fate isn't unknown.
    pub fn record_unsent(&self, now: Timestamp) -> Step {
        let State::Unknown { score, .. } = &self.state else {
            return Err(self.illegal("said to be unsent"));
        };
        let mut after = self.moved(State::Scored { score: score.clone() });
        after.due = now;
        after.queueing = Queueing::Expected;
        after.in_doubt_since = None;
        Ok(Change { after, next: None })
    }

    /// Moves an entry that waits for its slot to another slot of the same run.
    ///
    /// # Errors
    /// When the entry no longer waits.
    pub fn reschedule(&self, scheduled_at: Timestamp) -> Step {
        if self.state != State::Scheduled {
            return Err(self.illegal("rescheduled"));
        }
        let mut after = self.moved(State::Scheduled);
        after.scheduled_at = scheduled_at;
        after.due = scheduled_at;
        Ok(Change { after, next: None })
    }

    fn claimed(&self, state: State) -> Change {
        let mut after = self.moved(state);
        after.claims += 1;
        if matches!(self.state, State::Failed { .. }) {
            // Redriven: what went wrong before is past.
            after.trouble = None;
        }
        if after.queueing == Queueing::Deferred {
            // A message came by before its time: it is the one now.
            after.queueing = self.repeated_at.map_or(Queueing::Expected, |at| Queueing::Repeated { at });
        }
        Change { after, next: None }
    }

    fn more_trouble(&self, cause: Cause, now: Timestamp) -> Trouble {
        // Long after the last, it is another trouble: the stage was held in between.
        let same = |before: &&Trouble| {
            Duration::try_from(now.duration_since(before.at)).is_ok_and(|since| since < ANOTHER_TROUBLE_AFTER)
        };
        let since = self.trouble.as_ref().filter(same).map_or(now, |before| before.since);
        Trouble { cause, at: now, since, again_at: None }
    }

    fn moved(&self, state: State) -> Entry {
        Entry { version: self.version + 1, state, ..self.clone() }
    }

    fn illegal(&self, step: &'static str) -> IllegalTransition {
        IllegalTransition { entry: self.id.to_string(), state: self.state.name(), step }
    }
}
