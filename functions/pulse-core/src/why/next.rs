use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    advice::Advice,
    control::{Actor, ConsolePause, Control, Hold, Note},
    customer::{Customer, CustomerId},
    entry::{Entry, ItemId, Progress, Queueing, SkipReason, StageName},
    failure::Cause,
    ports::StageStatus,
    run::RunId,
    slot::Slot,
    stage::{PerStage, Preview, Rules, mailable},
    suppression::{InForce, Suppression},
    tick::{SweepPolicy, later},
};

/// All that decides what happens next to a customer's entries.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Whose entries.
    pub customer: &'a Customer,
    /// When their live schedule is due, if they have one.
    pub schedule: Option<&'a Slot>,
    /// How the stages are.
    pub stages: &'a PerStage<StageContext>,
    /// When an entry counts as overdue.
    pub policy: SweepPolicy,
    /// What the stages decide by, if that is known.
    pub rules: Option<Rules>,
    /// What is kept of their address, if that is known.
    pub suppression: Option<&'a Suppression>,
    /// Now.
    pub now: Timestamp,
}

/// How a stage is.
#[derive(Debug, Clone, Default)]
pub struct StageContext {
    /// Its control row.
    pub control: Control,
    /// How it was seen, if it could be looked at.
    pub status: Option<StageStatus>,
    /// When it was last seen held up.
    pub held_up_at: Option<Timestamp>,
}

/// What keeps a stage from flowing, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum HoldReason {
    /// An operator's pause.
    Command {
        /// The operator's name, as they gave it.
        who: Actor,
        /// The operator's words, for others to read.
        note: Note,
        /// Since when.
        since: Timestamp,
        /// Until when, if it ends by itself.
        until: Option<Timestamp>,
    },
    /// A pause made in the AWS console.
    Console {
        /// How, and since when.
        #[serde(flatten)]
        pause: ConsolePause,
    },
    /// Recipients take its mails badly. Only an operator's note ends it.
    Reputation {
        /// How they take them.
        note: Note,
        /// Since when.
        since: Timestamp,
    },
    /// A provider that is out of order.
    Breaker {
        /// Since when.
        since: Timestamp,
        /// When it is tried next.
        probe_at: Timestamp,
    },
    /// Its mapping is off or its function may not run, and it isn't written down yet why.
    Unexplained,
}

impl HoldReason {
    /// What ends it sooner than it ends by itself.
    #[must_use]
    pub fn advice(&self, stage: StageName) -> Vec<Advice> {
        match self {
            Self::Command { .. } | Self::Breaker { .. } => vec![Advice::Resume { stage }],
            Self::Reputation { .. } => vec![Advice::ResumeWithNote { stage }],
            Self::Console { pause } => pause.how.advice(stage),
            Self::Unexplained => Vec::new(),
        }
    }
}

impl StageContext {
    /// What keeps the stage from flowing at `now`.
    #[must_use]
    pub fn holder(&self, now: Timestamp) -> Option<HoldReason> {
        match self.control.hold(now) {
            Some(Hold::Reputation(hold)) => Some(HoldReason::Reputation { note: hold.note.clone(), since: hold.since }),
            Some(Hold::Command(pause)) => Some(HoldReason::Command {
                who: pause.by.clone(),
                note: pause.note.clone(),
                since: pause.since,
                until: pause.until,
            }),
            Some(Hold::Console(pause)) => Some(HoldReason::Console { pause }),
            Some(Hold::Broken(open)) => Some(HoldReason::Breaker { since: open.since, probe_at: open.probe_at }),
            None => self.status.filter(|status| !status.is_flowing()).map(|_| HoldReason::Unexplained),
        }
    }

    /// Whether the sweep takes late entries to be merely behind others.
    fn is_behind(&self, policy: &SweepPolicy, now: Timestamp) -> bool {
        let lately = |at: Timestamp| Duration::try_from(now.duration_since(at)).is_ok_and(|age| age < policy.grace);
        self.held_up_at.is_some_and(lately) || self.status.is_some_and(|status| status.waiting > policy.backlog)
    }
}

/// The next thing that will happen to an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum NextStep {
    /// Nothing: it is sent.
    Sent {
        /// When it was.
        at: Timestamp,
    },
    /// Nothing: there is no mail in this run.
    Skipped {
        /// The reason, in the ledger's word.
        reason: SkipReason,
    },
    /// Nothing until someone redrives it.
    Failed {
        /// What gave it up.
        stage: StageName,
        /// The cause, in words for an operator.
        cause: Cause,
    },
    /// Nothing, but for a further mail that someone orders: the provider accepted this one, and didn't send it.
    Dropped {
        /// Why, in words for an operator.
        cause: Cause,
    },
    /// Nothing until someone settles it.
    Unknown,
    /// Nothing: nobody told for a day whether the provider has the mail, and nobody is waited for.
    Unconfirmed {
        /// Since when it isn't known.
        since: Timestamp,
    },
    /// Its schedule queues it.
    DueBySchedule {
        /// The moment at which it was written down.
        at: Timestamp,
    },
    /// No schedule queues it when it is due: tick does, later.
    DueWithoutSchedule {
        /// When it is due.
        at: Timestamp,
        /// From when on tick does.
        queued_from: Timestamp,
    },
    /// It was put off: tick queues it then.
    PutOff {
        /// To which stage.
        stage: StageName,
        /// The moment at which it ends.
        until: Timestamp,
    },
    /// It was put off until now: tick queues it within a minute.
    Woken {
        /// To which stage.
        stage: StageName,
    },
    /// Its stage is held: it waits for that to end.
    Held {
        /// The stage concerned.
        stage: StageName,
        /// By what.
        holder: HoldReason,
    },
    /// Its campaign holds it: it is dispatched to the stage when its turn comes.
    HeldByCampaign {
        /// The stage concerned.
        stage: StageName,
    },
    /// Its campaign was over before its turn came, for this cause, or was cancelled, for none.
    Over {
        /// How far it had got.
        cause: Option<Cause>,
    },
    /// A worker has it.
    InHand {
        /// Of which stage.
        stage: StageName,
        /// Until when at most.
        lease_until: Timestamp,
    },
    /// Its worker died: its message comes back.
    Abandoned {
        /// In which stage.
        stage: StageName,
        /// When tick queues it again at the latest.
        repeated_at: Timestamp,
    },
    /// Something went wrong: its message comes back for the next try.
    Retries {
        /// In which stage.
        stage: StageName,
        /// What went wrong.
        cause: Cause,
        /// Until when the provider asked to be left alone.
        not_before: Option<Timestamp>,
        /// When tick queues it again if its message is lost.
        repeated_at: Timestamp,
    },
    /// It waits in its stage's queue.
    Waits {
        /// The stage concerned.
        stage: StageName,
        /// Since when.
        since: Timestamp,
        /// When tick queues it again if its message is lost.
        repeated_at: Timestamp,
    },
    /// Its message is given up for lost: tick queues it again within a minute.
    Repeated {
        /// To which stage.
        stage: StageName,
        /// Since when its message has been waited for.
        since: Timestamp,
    },
}

impl NextStep {
    /// Whether nothing is left to happen, rightly.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Sent { .. } | Self::Skipped { .. })
    }
}

/// What is to come of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// In which run.
    pub run: RunId,
    /// About which item, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    /// The next thing that happens.
    #[serde(flatten)]
    pub next: NextStep,
    /// Since when the provider may have its mail: it is asked before another is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_doubt_since: Option<Timestamp>,
    /// Why there will be no mail when its turn comes, as things are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub will_be_skipped: Option<SkipReason>,
    /// What suppresses the address then, if it is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed_by: Option<InForce>,
    /// Whether its mail was accepted more than a day ago, and nobody has told what became of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// What its stage will do when its turn comes, as things are. Nothing, if it isn't known what it decides by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<Preview>,
}

impl Outlook {
    /// What to do next about it, for this customer's entry: what nothing happens to by itself, and what a missing
    /// schedule makes late.
    #[must_use]
    pub fn advice(&self, customer: &CustomerId) -> Vec<Advice> {
        let (customer, run) = (customer.clone(), self.run);
        match &self.next {
            // What a campaign has closed stays so.
            NextStep::Failed { .. } | NextStep::Dropped { .. } if run.is_campaign() => Vec::new(),
            NextStep::Failed { stage, .. } => {
                vec![Advice::Redrive { stage: *stage, run }, Advice::ReplayAgain { customer, run }]
            }
            NextStep::Dropped { .. } => vec![Advice::OrderFurtherMail { customer, run }],
            NextStep::Unknown => vec![Advice::Settle { customer, run, item: self.item }],
            NextStep::DueWithoutSchedule { .. } => vec![Advice::Enroll { customer }],
            NextStep::Held { stage, holder } => holder.advice(*stage),
            _ => Vec::new(),
        }
    }
}

impl Context<'_> {
    /// What is to come of an entry of the customer's.
    #[must_use]
    pub fn outlook(&self, entry: &Entry) -> Outlook {
        // What a campaign has closed stays so.
        let is_given_up = matches!(entry.progress(), Progress::Failed { .. }) && !entry.id().run.is_campaign();
        let may_be_mailed = entry.is_open() || is_given_up;
        let turn = self.now.max(entry.lease_until().unwrap_or(Timestamp::MIN)).max(entry.awaited_since());
        let provider = self.rules.map(|rules| rules.email.provider);
        let suppressed = self.suppression.and_then(|suppression| suppression.against(provider, turn));
        let then = self.rules.map(|rules| Preview::of(&rules, self.customer, entry, suppressed.is_some(), turn));
        let will_be_skipped = match &then {
            Some(then) => then.skips(),
            None => mailable(self.customer)
                .err()
                .or_else(|| suppressed.as_ref().map(|_| SkipReason::Suppressed))
                .filter(|_| may_be_mailed),
        };
        Outlook {
            run: entry.id().run,
            item: entry.id().item,
            next: self.next(entry),
            in_doubt_since: entry.in_doubt_since().filter(|_| may_be_mailed),
            will_be_skipped,
            suppressed_by: suppressed.filter(|_| will_be_skipped == Some(SkipReason::Suppressed)),
            silent: entry.is_silent(self.now),
            then,
        }
    }

    fn next(&self, entry: &Entry) -> NextStep {
        match entry.progress() {
            Progress::Done { at, .. } => NextStep::Sent { at: *at },
            Progress::Skipped { reason, .. } => NextStep::Skipped { reason: *reason },
            Progress::Failed { cause, .. } if entry.is_closed_by_feedback() => {
                NextStep::Dropped { cause: cause.clone() }
            }
            Progress::Abandoned { cause, .. } => NextStep::Over { cause: Some(cause.clone()) },
            Progress::Cancelled { .. } => NextStep::Over { cause: None },
            Progress::Failed { cause, .. } => NextStep::Failed { stage: entry.at(), cause: cause.clone() },
            Progress::Indeterminate { .. } => NextStep::Unknown,
            Progress::Unconfirmed { at, .. } => NextStep::Unconfirmed { since: *at },
            Progress::Waiting | Progress::Claimed { .. } => self.next_in(entry.at(), entry),
        }
    }

    fn next_in(&self, stage: StageName, entry: &Entry) -> NextStep {
        let lease = entry.lease_until();
        if let Some(lease_until) = lease.filter(|until| *until > self.now) {
            return NextStep::InHand { stage, lease_until };
        }
        if entry.queueing() == Queueing::Held {
            return NextStep::HeldByCampaign { stage };
        }
        if entry.awaited_since() > self.now {
            return self.not_due(stage, entry);
        }
        let scene = &self.stages[stage];
        if let Some(holder) = scene.holder(self.now) {
            return NextStep::Held { stage, holder };
        }
        if entry.queueing() == Queueing::Deferred {
            return NextStep::Woken { stage };
        }
        let since = entry.awaited_since();
        let is_held_up = scene.is_behind(&self.policy, self.now);
        let repeated_at = self.policy.overdue_from(entry, is_held_up).unwrap_or(Timestamp::MAX);
        if repeated_at <= self.now {
            return NextStep::Repeated { stage, since };
        }
        match entry.failure_streak() {
            _ if lease.is_some() => NextStep::Abandoned { stage, repeated_at },
            Some(trouble) => NextStep::Retries {
                stage,
                cause: trouble.cause.clone(),
                not_before: trouble.again_at.filter(|at| *at > self.now),
                repeated_at,
            },
            None => NextStep::Waits { stage, since, repeated_at },
        }
    }

    fn not_due(&self, stage: StageName, entry: &Entry) -> NextStep {
        let at = entry.awaited_since();
        if entry.queueing() == Queueing::Deferred {
            return NextStep::PutOff { stage, until: at };
        }
        let just_before = at.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(at);
        if self.schedule.is_some_and(|slot| slot.next_after(just_before) == at) {
            NextStep::DueBySchedule { at }
        } else {
            NextStep::DueWithoutSchedule { at, queued_from: later(at, self.policy.grace) }
        }
    }
}

#[cfg(test)]
mod tests;
