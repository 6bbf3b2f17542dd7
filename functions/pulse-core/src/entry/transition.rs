//! The one place that lists what may follow what.
//!
//! ```text
//! Waiting <-> Claimed                      (claim; release, put off, defer)
//!     |          |-----> Waiting at the plan's next stage, or Done after its last
//!     |<---------|       a provider that has it under way (postpone)
//!     |          '-----> Indeterminate -> Done | Waiting (settled)     [an effect at most once]
//!     |                        '-------> Unconfirmed -> the same       (nobody told for a day)
//!     |<------------------ at a later stage: send back (a score that is too old)
//!     '----------'-----> Skipped | Failed
//! Failed -> Claimed (redriven)
//! Skipped -> Waiting (who had left came back before the slot)
//! any open -> itself, queued again
//! of a campaign: Waiting -> held <-> dispatched; any open -> Cancelled | Abandoned (or Indeterminate, if a mail may be out,
//! and so for Failed); what is closed stays so, but for what the provider tells
//! all but Skipped -> Done | Failed (by what the provider tells afterwards: module `feedback`; such a Failed stays)
//! ```

use std::time::Duration;

use jiff::Timestamp;

use super::{Called, Entry, FailureStreak, Progress, Queueing, SkipReason, StageName, facts::facts};
use crate::{
    delivery::{Delivery, Fact, Outbox},
    failure::Cause,
    ports::RowId,
    score::Score,
    stage_spec::Effect,
};

/// The longest that SQS hides a message (Amazon SQS Developer Guide, "Amazon SQS visibility timeout").
const LONGEST_HIDDEN: Duration = Duration::from_hours(12);

/// Tries of an entry whose stage flows are never so far apart.
const ANOTHER_STREAK_AFTER: Duration = Duration::from_hours(3);

/// A step that a row doesn't allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{row} is {state} and can't be {step}")]
pub struct IllegalTransition {
    pub(crate) row: RowId,
    pub(crate) state: &'static str,
    pub(crate) step: &'static str,
}

type Transition = Result<Change, IllegalTransition>;

impl Entry {
    /// Claims the entry for a stage until `lease_until`. A claim whose lease is over, and an entry that the
    /// stage gave up and a redrive brought back, may be claimed again; where the stage's effect is one at most,
    /// only by someone who knows that the provider won't do it twice.
    ///
    /// # Errors
    /// When another worker holds it, or it isn't that stage's.
    pub fn claim(&self, stage: StageName, now: Timestamp, lease_until: Timestamp) -> Transition {
        if !self.is_claimable(stage, now) {
            return Err(self.illegal("claimed"));
        }
        let mut after = self.moved(Progress::Claimed { lease_until });
        after.in_doubt_since = self.in_doubt_since();
        after.claims += 1;
        if stage == StageName::Call {
            after.asked_at = self.asked_at.or(Some(now));
        }
        if matches!(self.progress, Progress::Failed { .. }) {
            // Redriven: what went wrong before is past.
            after.failure_streak = None;
        }
        if matches!(after.queueing, Queueing::Deferred | Queueing::Held) {
            // A message came by before its time: it is the one now.
            after.queueing = self.repeated_at.map_or(Queueing::Pending, |at| Queueing::Requeued { at });
        }
        Ok(Change::untold(after))
    }

    /// The entry as if it were claimed, of a version that is on the ledger: for a call that does no harm if another worker makes
    /// it too. What comes of it is written over the version that was read.
    ///
    /// # Errors
    /// As [`claim`](Self::claim).
    pub fn claimed_unwritten(
        &self,
        stage: StageName,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Self, IllegalTransition> {
        Ok(Self { version: self.version, ..self.claim(stage, now, lease_until)?.into_after() })
    }

    /// Records the score that the claim was for. The next stage is due at once.
    ///
    /// # Errors
    /// When the entry isn't being scored.
    pub fn record_score(&self, score: Score, now: Timestamp) -> Transition {
        let mut change = self.advance(StageName::SCORED_BY, now)?;
        change.after.score = Some(score);
        Ok(change)
    }

    /// Records what its campaign's partner has done for a claimed entry. The next stage is due at once.
    ///
    /// # Errors
    /// When the partner isn't being called for it.
    pub fn record_called(&self, called: Called, now: Timestamp) -> Transition {
        let mut change = self.advance(StageName::Call, now)?;
        change.after.called = Some(called);
        Ok(change)
    }

    /// Puts a claimed entry off until `due`, as the one who was called for it has it under way: nothing went wrong, and its
    /// message may go.
    ///
    /// # Errors
    /// When it isn't claimed by a stage that may call twice.
    pub fn postpone(&self, due: Timestamp) -> Transition {
        if self.at.spec().effect != Effect::Idempotent || self.lease_until().is_none() {
            return Err(self.illegal("postponed"));
        }
        let mut after = self.moved(Progress::Waiting);
        after.failure_streak = None;
        after.due = due;
        after.queueing = Queueing::Deferred;
        Ok(Change::untold(after))
    }

    /// Hands a claimed entry on to the stage that follows in its plan, which is due at once. A partner that has done its part
    /// isn't called again, though the entry was scored again.
    ///
    /// # Errors
    /// When the entry isn't claimed for `stage`, or that is its plan's last.
    pub fn advance(&self, stage: StageName, now: Timestamp) -> Transition {
        let is_called = |step: &StageName| *step == StageName::Call && self.called.is_some();
        let next =
            self.plan.after(stage).and_then(|next| if is_called(&next) { self.plan.after(next) } else { Some(next) });
        let next = next.filter(|_| self.at == stage && self.lease_until().is_some());
        let next = next.ok_or_else(|| self.illegal("handed on"))?;
        let mut after = self.moved(Progress::Waiting);
        after.at = next;
        after.failure_streak = None;
        after.due = now;
        after.queueing = Queueing::Pending;
        after.repeated_at = None;
        Ok(Change::untold(after))
    }

    /// Sends the entry back to scoring because its score is too old to be mailed. A mail that is in doubt
    /// stays so.
    ///
    /// # Errors
    /// When the entry isn't past scoring, or another worker holds it.
    pub fn forget_stale_score(&self, now: Timestamp) -> Transition {
        let is_past_scoring = self.at != StageName::SCORED_BY && self.plan.has(StageName::SCORED_BY);
        if !is_past_scoring || !self.is_claimable(self.at, now) {
            return Err(self.illegal("sent back to scoring"));
        }
        let mut after = self.moved(Progress::Waiting);
        after.at = StageName::SCORED_BY;
        after.score = None;
        after.in_doubt_since = self.in_doubt_since();
        after.due = now;
        after.queueing = Queueing::Pending;
        Ok(Change::untold(after))
    }

    /// Puts an entry that waits for a stage off until `due`. Its message may go: another is sent then.
    ///
    /// # Errors
    /// When it isn't waiting for that stage, or another worker holds it.
    pub fn defer(&self, stage: StageName, due: Timestamp, now: Timestamp) -> Transition {
        if !self.is_claimable(stage, now) {
            return Err(self.illegal("put off"));
        }
        let mut after = self.moved(Progress::Waiting);
        after.in_doubt_since = self.in_doubt_since();
        after.due = due;
        after.queueing = Queueing::Deferred;
        Ok(Change::untold(after))
    }

    /// Records that another message is sent for the entry: its first, if it was put off until now.
    ///
    /// # Errors
    /// When the entry is closed, or a worker holds it.
    pub fn queue_again(&self, now: Timestamp) -> Transition {
        let is_claimed = self.lease_until().is_some_and(|until| until > now);
        if !self.is_open() || is_claimed || self.queueing == Queueing::Held {
            return Err(self.illegal("queued again"));
        }
        let mut after = self.moved(self.progress.clone());
        if self.queueing == Queueing::Deferred {
            after.due = now;
            // One that was repeated already isn't again so soon.
            let again = self.repeated_at.map(|_| Queueing::Requeued { at: now });
            after.queueing = again.unwrap_or(Queueing::Pending);
        } else {
            after.queueing = Queueing::Requeued { at: now };
            after.repeated_at = Some(now);
        }
        Ok(Change::untold(after))
    }

    /// Gives a claim back after a failed attempt that left nothing behind, so that the next attempt
    /// needn't wait for the lease.
    ///
    /// # Errors
    /// When the entry isn't claimed.
    pub fn release(&self, cause: Cause, now: Timestamp) -> Transition {
        self.release_for(None, cause, now)
    }

    /// Gives a claim back, as [`release`](Self::release), whose provider asked to be left alone for so long.
    ///
    /// # Errors
    /// When the entry isn't claimed.
    pub fn release_for(&self, wait: Option<Duration>, cause: Cause, now: Timestamp) -> Transition {
        if self.lease_until().is_none() {
            return Err(self.illegal("released"));
        }
        let mut after = self.moved(Progress::Waiting);
        // A message isn't hidden for longer than that.
        let wait = wait.map(|wait| wait.min(LONGEST_HIDDEN));
        let again_at = wait.map(|wait| now.saturating_add(wait).unwrap_or(Timestamp::MAX));
        after.failure_streak = Some(FailureStreak { again_at, ..self.extended_streak(cause, now) });
        Ok(Change::untold(after))
    }

    /// Gives a claim back of whose call it is known that the provider has done nothing, and never will.
    ///
    /// # Errors
    /// When the entry isn't claimed.
    pub fn release_refused(&self, cause: Cause, now: Timestamp) -> Transition {
        let mut change = self.release(cause, now)?;
        change.after.asked_at = None;
        Ok(change)
    }

    /// Has an entry's message sent that its campaign held, or that was put off until now.
    ///
    /// # Errors
    /// When it is neither.
    pub fn dispatch(&self, now: Timestamp) -> Transition {
        let is_due = self.queueing == Queueing::Held || self.queueing == Queueing::Deferred && self.due <= now;
        if self.progress != Progress::Waiting || !is_due {
            return Err(self.illegal("dispatched"));
        }
        let mut after = self.moved(Progress::Waiting);
        after.due = now;
        after.queueing = Queueing::Pending;
        after.repeated_at = None;
        Ok(Change::untold(after))
    }

    /// Has a campaign's entry held that waits for a stage: its message may go, and another is sent once it is dispatched.
    ///
    /// # Errors
    /// When it isn't a campaign's, or isn't waiting for that stage, or another worker holds it.
    pub fn hold(&self, stage: StageName, now: Timestamp) -> Transition {
        if !self.id.run.is_campaign() || !self.is_open() || !self.is_claimable(stage, now) {
            return Err(self.illegal("held"));
        }
        let mut after = self.moved(Progress::Waiting);
        after.in_doubt_since = self.in_doubt_since();
        after.due = now;
        after.queueing = Queueing::Held;
        Ok(Change::untold(after))
    }

    /// Closes an open entry of a campaign that is over, for `cause`, or that was cancelled, for none. Where its mail may be
    /// out, nobody can tell whether it is.
    ///
    /// # Errors
    /// When it isn't a campaign's, or is closed.
    pub fn close_with_campaign(&self, cause: Option<Cause>, now: Timestamp) -> Transition {
        if !self.id.run.is_campaign() || !self.is_open() {
            return Err(self.illegal("closed with its campaign"));
        }
        if self.in_doubt_since().is_some() {
            let over = || Cause::new("The campaign was over before it was known whether the mail was accepted.");
            return Ok(self.told(self.left_in_doubt(cause.unwrap_or_else(over), now), None, now));
        }
        let progress = match cause {
            Some(cause) => Progress::Abandoned { cause, at: now },
            None => Progress::Cancelled { at: now },
        };
        Ok(self.told(self.moved(progress), None, now))
    }

    /// Puts an entry off whose stage's provider is in trouble, whoever holds it: its message may go, and
    /// another is sent once the stage flows. A call that was under way is in doubt from then on.
    ///
    /// # Errors
    /// When the entry isn't that stage's to move.
    pub fn put_off(&self, stage: StageName, cause: Cause, now: Timestamp) -> Transition {
        if self.waits_for() != Some(stage) {
            return Err(self.illegal("put off"));
        }
        let mut after = self.moved(Progress::Waiting);
        after.in_doubt_since = self.in_doubt_from(now);
        after.failure_streak = Some(self.extended_streak(cause, now));
        after.due = now;
        after.queueing = Queueing::Deferred;
        Ok(Change::untold(after))
    }

    /// Gives a claim back although the provider may have done what it was asked: the next attempt asks, or repeats it to a
    /// provider that does nothing twice.
    ///
    /// # Errors
    /// When no call was under way whose effect is one at most.
    pub fn release_in_doubt(&self, cause: Cause, now: Timestamp) -> Transition {
        if self.at.spec().effect != Effect::AtMostOnce || self.lease_until().is_none() {
            return Err(self.illegal("released in doubt"));
        }
        let mut change = self.release(cause, now)?;
        change.after.in_doubt_since = self.in_doubt_from(now);
        Ok(change)
    }

    /// Records that the provider accepted the mail, and opens `next`, next month's entry. Also for an
    /// indeterminate entry, or one that was given up, of which the provider says that it has it.
    ///
    /// # Errors
    /// When no mail was under way.
    pub fn record_sent(&self, provider_id: String, now: Timestamp, next: Option<Entry>) -> Transition {
        let may_be_sent = match &self.progress {
            Progress::Claimed { .. } | Progress::Indeterminate { .. } | Progress::Unconfirmed { .. } => true,
            Progress::Failed { .. } => !self.is_closed_by_feedback(),
            Progress::Waiting => self.in_doubt_since.is_some(),
            Progress::Done { .. }
            | Progress::Skipped { .. }
            | Progress::Abandoned { .. }
            | Progress::Cancelled { .. } => false,
        };
        if self.at != self.plan.last() || !may_be_sent {
            return Err(self.illegal("sent"));
        }
        let mut after = self.moved(Progress::Done { provider_id, at: now });
        after.failure_streak = None;
        after.in_doubt_since = None;
        Ok(self.told(after, next, now))
    }

    /// Records that there is no mail in this run, and opens `next`, next month's entry, unless the
    /// customer has left.
    ///
    /// # Errors
    /// When the entry is closed already.
    pub fn skip(&self, reason: SkipReason, now: Timestamp, next: Option<Entry>) -> Transition {
        let is_given_up = matches!(self.progress, Progress::Failed { .. }) && !self.id.run.is_campaign();
        if !self.is_open() && !is_given_up {
            return Err(self.illegal("skipped"));
        }
        let mut after = self.moved(Progress::Skipped { reason, at: now });
        after.score = None;
        Ok(self.told(after, next, now))
    }

    /// Records that a stage gave up, and opens `next`, next month's entry. A call that was under way
    /// is in doubt from then on. A campaign's entry in doubt is of unknown fate: nothing asks the provider again before
    /// another campaign mails whom this one failed to reach.
    ///
    /// # Errors
    /// When the entry isn't that stage's to give up.
    pub fn fail(&self, stage: StageName, cause: Cause, now: Timestamp, next: Option<Entry>) -> Transition {
        if self.waits_for() != Some(stage) {
            return Err(self.illegal("failed"));
        }
        if self.id.run.is_campaign() && self.in_doubt_since().is_some() {
            return Ok(self.told(self.left_in_doubt(cause, now), next, now));
        }
        let mut after = self.moved(Progress::Failed { cause, at: now });
        after.in_doubt_since = self.in_doubt_from(now);
        Ok(self.told(after, next, now))
    }

    /// Records that nobody can tell whether the provider did what it was asked, and opens `next`, next
    /// month's entry. It is never asked to do it again blindly.
    ///
    /// # Errors
    /// When no call was under way whose effect is one at most.
    pub fn mark_indeterminate(&self, cause: Cause, now: Timestamp, next: Option<Entry>) -> Transition {
        let is_in_doubt = match &self.progress {
            Progress::Claimed { .. } => self.at.spec().effect == Effect::AtMostOnce,
            Progress::Waiting | Progress::Failed { .. } => {
                self.at.spec().effect == Effect::AtMostOnce && self.in_doubt_since.is_some()
            }
            _ => false,
        };
        if !is_in_doubt {
            return Err(self.illegal("indeterminate"));
        }
        Ok(self.told(self.moved(Progress::Indeterminate { cause, at: now }), next, now))
    }

    /// Records that nobody told for long enough what became of an indeterminate mail: it counts as it is, and isn't waited
    /// for any more.
    ///
    /// # Errors
    /// When the entry isn't indeterminate.
    pub fn mark_unconfirmed(&self) -> Transition {
        let Progress::Indeterminate { cause, at } = self.progress.clone() else {
            return Err(self.illegal("unconfirmed"));
        };
        Ok(Change::untold(self.moved(Progress::Unconfirmed { cause, at })))
    }

    /// Records that an indeterminate or unconfirmed mail was not accepted after all: it may be sent. In a campaign, which may
    /// be over, it has failed.
    ///
    /// # Errors
    /// When the entry is neither.
    pub fn record_unsent(&self, now: Timestamp) -> Transition {
        if !matches!(self.progress, Progress::Indeterminate { .. } | Progress::Unconfirmed { .. }) {
            return Err(self.illegal("said to be unsent"));
        }
        if self.id.run.is_campaign() {
            let cause = Cause::new("The provider had not accepted it.");
            let mut after = self.moved(Progress::Failed { cause, at: now });
            after.in_doubt_since = None;
            return Ok(self.told(after, None, now));
        }
        let mut after = self.moved(Progress::Waiting);
        after.due = now;
        after.queueing = Queueing::Pending;
        after.in_doubt_since = None;
        Ok(Change::untold(after))
    }

    /// Moves an entry that waits for its slot to another slot of the same run.
    ///
    /// # Errors
    /// When the entry no longer waits.
    pub fn reschedule(&self, scheduled_at: Timestamp) -> Transition {
        if self.at != self.plan.first() || self.progress != Progress::Waiting {
            return Err(self.illegal("rescheduled"));
        }
        let mut after = self.moved(Progress::Waiting);
        after.scheduled_at = scheduled_at;
        after.due = scheduled_at;
        Ok(Change::untold(after))
    }

    /// Brings an entry back that was passed over because the customer had left: they are there again, before
    /// `scheduled_at`. It goes through its stages from the first.
    ///
    /// # Errors
    /// When it wasn't passed over for that, or a mail may be on its way, or was told of.
    pub fn reopen(&self, scheduled_at: Timestamp) -> Transition {
        let had_left = matches!(self.progress, Progress::Skipped { reason: SkipReason::Closed, .. });
        if !had_left || self.in_doubt_since.is_some() || !self.feedback.is_empty() {
            return Err(self.illegal("opened again"));
        }
        let fresh = Self::planned(self.id.clone(), self.plan, scheduled_at, self.previous.clone());
        Ok(Change::untold(Entry { version: self.version + 1, claims: self.claims, ..fresh }))
    }

    /// Whether a worker of the stage may claim it: it waits, was given up and brought back, or the claim
    /// before is over.
    fn is_claimable(&self, stage: StageName, now: Timestamp) -> bool {
        self.at == stage
            && match &self.progress {
                Progress::Waiting => true,
                // What a campaign has counted as closed stays so.
                Progress::Failed { .. } => !self.is_closed_by_feedback() && !self.id.run.is_campaign(),
                Progress::Claimed { lease_until } => *lease_until <= now,
                _ => false,
            }
    }

    /// Since when it is in doubt if the claim ends now. A claim that nobody ended was over with its lease, whenever that is
    /// found out: counted from later, the provider would be trusted to know the mail for longer than it does.
    fn in_doubt_from(&self, now: Timestamp) -> Option<Timestamp> {
        self.in_doubt_since().map(|since| since.min(now))
    }

    /// Since when something has gone wrong each time that it was tried, as of `now`. Long after the last time, and
    /// after the provider would have been tried again, that is over: the stage was held in between, and what goes wrong
    /// next is another trouble.
    #[must_use]
    pub fn failing_since(&self, now: Timestamp) -> Option<Timestamp> {
        let streak = self.failure_streak.as_ref()?;
        let last = streak.again_at.unwrap_or(streak.at);
        (now < last.saturating_add(ANOTHER_STREAK_AFTER).unwrap_or(Timestamp::MAX)).then_some(streak.since)
    }

    /// The entry with its mail of unknown fate, at the stage that sends it, wherever it was sent back to since.
    fn left_in_doubt(&self, cause: Cause, now: Timestamp) -> Entry {
        let mut after = self.moved(Progress::Indeterminate { cause, at: now });
        after.at = self.plan.last();
        after.in_doubt_since = self.in_doubt_from(now);
        after
    }

    fn extended_streak(&self, cause: Cause, now: Timestamp) -> FailureStreak {
        FailureStreak { cause, at: now, since: self.failing_since(now).unwrap_or(now), again_at: None }
    }

    /// The change to `after`, with the facts that it makes.
    pub(super) fn told(&self, after: Self, next: Option<Self>, now: Timestamp) -> Change {
        let facts = facts(self, &after, now);
        Change { after, next, facts, deliveries: Vec::new() }
    }

    fn moved(&self, progress: Progress) -> Entry {
        Entry { version: self.version + 1, progress, ..self.clone() }
    }

    fn illegal(&self, step: &'static str) -> IllegalTransition {
        IllegalTransition { row: RowId::from(&self.id), state: self.state(), step }
    }
}

/// A legal step from one version of an entry to the next, to be written as one conditional write,
/// or as one transaction where it opens the next month's entry too, or other systems are to hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub(super) after: Entry,
    pub(super) next: Option<Entry>,
    pub(super) facts: Vec<Fact>,
    pub(super) deliveries: Vec<Delivery>,
}

impl Change {
    /// A change that makes no fact.
    pub(super) fn untold(after: Entry) -> Self {
        Self { after, next: None, facts: Vec::new(), deliveries: Vec::new() }
    }

    /// The change together with word of its facts for whoever asks for them.
    #[must_use]
    pub fn with_word(self, outbox: Outbox<'_>) -> Self {
        let deliveries = outbox.deliveries(&self.facts);
        Self { deliveries, ..self }
    }

    /// What happens by it that other systems may want to hear of.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Word of its facts for other systems, to be put with it.
    #[must_use]
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// The version that the ledger must still hold for the change to be written.
    #[must_use]
    pub fn expected_version(&self) -> u64 {
        self.after.version - 1
    }

    /// The entry as it is to be.
    #[must_use]
    pub fn after(&self) -> &Entry {
        &self.after
    }

    /// Next month's entry, to be put unless it is there already.
    #[must_use]
    pub fn next(&self) -> Option<&Entry> {
        self.next.as_ref()
    }

    /// The entry as it is to be, without the rest.
    #[must_use]
    pub fn into_after(self) -> Entry {
        self.after
    }
}
