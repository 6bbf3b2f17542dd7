//! Complaints and bounces hold the email stage before mailbox providers do.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FeedbackCount, FeedbackCounts, FeedbackDay};
use crate::{
    control::{Control, LastSeen, Note, ReputationHold},
    ports::{Campaigns, Clock, Controls, FeedbackLog, LedgerError},
    run::RunId,
    stage_spec::StageName,
};

/// From which rates on people are warned, and mails are held.
///
/// Gmail and Yahoo ask bulk senders to stay below 0.3 % spam, and 0.1 % as a rule ("Email sender guidelines", Gmail Help);
/// SES puts accounts under review at 5 % of hard bounces (Amazon SES Developer Guide, "Amazon SES sending review process
/// FAQs").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReputationPolicy {
    /// Over how long mails are counted.
    pub window: Duration,
    /// How many it takes to judge by.
    pub mails: u64,
    /// Complaints per 100,000 mails from which on people are warned.
    pub warn_complaints: u64,
    /// Complaints per 100,000 mails above which the stage is held.
    pub hold_complaints: u64,
    /// Hard bounces per 100,000 mails above which it is.
    pub hold_bounces: u64,
}

impl Default for ReputationPolicy {
    fn default() -> Self {
        Self {
            window: Duration::from_hours(7 * 24),
            mails: 1_000,
            warn_complaints: 100,
            hold_complaints: 300,
            hold_bounces: 5_000,
        }
    }
}

/// How recipients take the mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reputation {
    /// Well, or there are too few mails to tell.
    Good,
    /// More call them spam than mailbox providers like.
    Doubtful,
    /// So many call them spam, or so many addresses are wrong, that mailbox providers may refuse them all.
    Bad,
}

impl Reputation {
    /// Whether the next look that tick takes holds the email stage for it, which it holds since then already, if at all.
    #[must_use]
    pub fn will_hold(self, held_since: Option<Timestamp>) -> bool {
        self == Self::Bad && held_since.is_none()
    }
}

/// What was counted in the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReputationCounts {
    /// Mails of which it was told that they went out.
    pub mails: u64,
    /// How many of their recipients complained.
    pub complaints: u64,
    /// How many of them went to no mailbox.
    pub hard_bounces: u64,
}

impl ReputationPolicy {
    /// What the counts of hours come to that began within the window, and after `since`.
    #[must_use]
    pub fn sum(
        &self,
        hours: &[(Timestamp, FeedbackCounts)],
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> ReputationCounts {
        let from = now.saturating_sub(self.window).unwrap_or(Timestamp::MIN);
        let counts =
            |(hour, _): &&(Timestamp, FeedbackCounts)| *hour >= from && since.is_none_or(|since| *hour > since);
        hours.iter().filter(counts).fold(ReputationCounts::default(), |sum, (_, counts)| ReputationCounts {
            mails: sum.mails + counts[FeedbackCount::Heard],
            complaints: sum.complaints + counts[FeedbackCount::Complained],
            hard_bounces: sum.hard_bounces + counts[FeedbackCount::HardBounced],
        })
    }

    /// What that says.
    #[must_use]
    pub fn judge(&self, counts: &ReputationCounts) -> Reputation {
        let is_above = |part: u64, per_100_000: u64| {
            u128::from(part) * 100_000 > u128::from(counts.mails) * u128::from(per_100_000)
        };
        if counts.mails < self.mails {
            Reputation::Good
        } else if is_above(counts.complaints, self.hold_complaints) || is_above(counts.hard_bounces, self.hold_bounces)
        {
            Reputation::Bad
        } else if is_above(counts.complaints, self.warn_complaints) {
            Reputation::Doubtful
        } else {
            Reputation::Good
        }
    }
}

/// How recipients take the mails, and what the control row makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReputationLook {
    /// What was counted in the window, since the last hold was ended.
    pub counts: ReputationCounts,
    /// What that says.
    pub standing: Reputation,
    /// Since when the email stage is held for it, if it is.
    pub held_since: Option<Timestamp>,
    /// What was counted in the window, run by run and day by day, whoever ended a hold meanwhile.
    pub days: Vec<FeedbackDay>,
}

impl ReputationLook {
    /// Whether nothing holds the stage for it yet, and the next look that tick takes will.
    #[must_use]
    pub fn will_hold(&self) -> bool {
        self.standing.will_hold(self.held_since)
    }
}

/// Holds the email stage when its reputation is bad. A held stage sends nothing that could make it better, so that the hold
/// has no end: only an operator ends it, with a note. A pause of theirs beside it is another matter, and neither ends the
/// other.
#[derive(Clone, Copy)]
pub struct ReputationBreaker<'a> {
    /// What was counted.
    pub log: &'a dyn FeedbackLog,
    /// Campaigns, whose mails are counted by their own names.
    pub campaigns: &'a dyn Campaigns,
    /// The email stage's control row.
    pub controls: &'a dyn Controls,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// By which rates it goes.
    pub policy: ReputationPolicy,
}

impl ReputationBreaker<'_> {
    /// Counts and judges, since the last hold was ended.
    ///
    /// # Errors
    /// When the ledger can't be used.
    pub async fn look(&self) -> Result<ReputationLook, LedgerError> {
        let control = self.controls.control(StageName::Email).await?;
        self.look_by(&control).await
    }

    /// Judges, and holds the stage if its reputation is bad and it isn't held for that.
    ///
    /// # Errors
    /// When the ledger can't be used. The next tick does it.
    pub async fn run(&self) -> Result<Reputation, LedgerError> {
        let control = self.controls.control(StageName::Email).await?;
        let look = self.look_by(&control).await?;
        if !look.will_hold() {
            return Ok(look.standing);
        }
        let ReputationCounts { mails, complaints, hard_bounces } = look.counts;
        tracing::error!(mails, complaints, hard_bounces, "the email stage is held: recipients take its mails badly");
        let note = format!("Of {mails} mails, {complaints} were called spam and {hard_bounces} went to no mailbox.");
        let Ok(note) = Note::parse(&note) else { return Ok(look.standing) };
        let mut after = control;
        after.reputation = Some(ReputationHold { note, since: self.clock.now() });
        after.mapping = LastSeen::Off;
        after.version += 1;
        // If someone else was ahead, the next tick finds it.
        self.controls.save(StageName::Email, &after).await?;
        Ok(look.standing)
    }

    async fn look_by(&self, control: &Control) -> Result<ReputationLook, LedgerError> {
        let now = self.clock.now();
        let from = now.saturating_sub(self.policy.window).unwrap_or(Timestamp::MIN);
        let (mut hours, mut days) = (Vec::new(), Vec::new());
        let campaigns = self.campaigns.live_campaigns(from).await?;
        for run in RunId::around(from, now).chain(campaigns) {
            let mut of_run = self.log.feedback_counts(run, from).await?;
            // The hour that the window begins in isn't within it.
            of_run.retain(|(hour, _)| *hour >= from);
            days.extend(FeedbackDay::of_hours(run, &of_run));
            hours.extend(of_run);
        }
        let since = control.cleared.as_ref().map(|cleared| cleared.at);
        let counts = self.policy.sum(&hours, since, now);
        let held_since = control.reputation.as_ref().map(|hold| hold.since);
        Ok(ReputationLook { counts, standing: self.policy.judge(&counts), held_since, days })
    }
}

#[cfg(test)]
mod tests;
