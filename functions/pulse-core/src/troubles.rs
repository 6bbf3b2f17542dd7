//! Troubles: what somebody is to be woken for, each with a word and what to do first, and whether it is new.
//!
//! One alarm watches them all, and an alarm that has gone off is silent until it is over. So a trouble counts only while it is
//! new: then the alarm is quiet again, and goes off for the next one, whatever else still stands.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    audit::AuditTrouble,
    entry::StageName,
    feedback::Reputation,
    ports::{Depth, DlqName, IntakeQueue},
    run::RunId,
    stage_spec::Moves,
};

/// For so long a trouble is new. An alarm that looks at five minutes sees it in one of them in any case.
const NEW_FOR: Duration = Duration::from_mins(10);

/// One that stands is told again after this.
const AGAIN_AFTER: Duration = Duration::from_hours(24);

/// One that nobody has seen for this long is over. The rarest look is every five minutes, and some of them fail.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(20);

/// With so many messages that nobody has taken, a queue of the intake is behind, even if some are being read. What is read as it
/// comes leaves some hundred at most, as many as come within the mapping's window.
const BEHIND: u64 = 1_000;

/// What somebody is to be woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// A dead-letter queue holds something.
    DeadLetters(DlqName),
    /// A stage's provider, or one of its endpoints, is out of order.
    Broken(StageName),
    /// Something that a stage has to do is later than the alarm bears.
    Overdue(StageName),
    /// Messages of a stage expire within three days, or word for an endpoint is a week late.
    Expiring(StageName),
    /// Recipients take the mails badly.
    Reputation(Reputation),
    /// A campaign will miss its deadline.
    LateCampaign(RunId),
    /// Audits by the clock don't do what they are for.
    Audit(AuditTrouble),
    /// Nobody reads a queue of the intake, or not as fast as it fills.
    Unread(IntakeQueue),
    /// A provider accepted mails and then didn't send them.
    Dropped,
    /// Payloads came in that weren't signed as their source signs.
    Forged,
}

impl Trouble {
    /// The word for it in logs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::DeadLetters(_) => "dead-letters",
            Self::Broken(_) => "broken",
            Self::Overdue(_) => "overdue",
            Self::Expiring(_) => "expiring",
            Self::Reputation(_) => "reputation",
            Self::LateCampaign(_) => "late-campaign",
            Self::Audit(_) => "audit",
            Self::Unread(_) => "unread",
            Self::Dropped => "dropped",
            Self::Forged => "forged",
        }
    }

    /// What it is about: a stage, a queue, a campaign, or how bad it is.
    #[must_use]
    pub fn of(&self) -> String {
        match self {
            Self::DeadLetters(queue) => queue.as_str().to_owned(),
            Self::Broken(stage) | Self::Overdue(stage) | Self::Expiring(stage) => stage.to_string(),
            Self::Reputation(Reputation::Bad) => "bad".to_owned(),
            Self::Reputation(_) => "doubtful".to_owned(),
            Self::LateCampaign(run) => run.to_string(),
            Self::Audit(trouble) => trouble.to_string(),
            Self::Unread(queue) => queue.to_string(),
            Self::Dropped => "email".to_owned(),
            Self::Forged => "feedback".to_owned(),
        }
    }

    /// The command that shows more, and what to do then.
    #[must_use]
    pub fn first(&self) -> String {
        let of = self.of();
        match self {
            Self::DeadLetters(_) => {
                format!("`pulse dlq {of}` shows why; when that is mended, `pulse redrive {of}` brings them back")
            }
            Self::Broken(stage) | Self::Overdue(stage) | Self::Expiring(stage)
                if stage.spec().moves == Moves::Deliveries =>
            {
                "`pulse endpoint list` shows which endpoint, since when, and what holds it".to_owned()
            }
            Self::Broken(_) => {
                "`pulse status` shows since when; nothing is lost, and the stage goes on by itself".to_owned()
            }
            Self::Overdue(_) => {
                "`pulse status` shows whether the stage is paused, broken or behind; then `pulse plan` reckons lanes"
                    .to_owned()
            }
            Self::Expiring(_) => {
                format!("`pulse status` shows what holds the stage; `pulse resume {of}` ends a pause")
            }
            Self::Reputation(_) => {
                "`pulse status` shows the rates; the runbook's walk is `Complaints rise`".to_owned()
            }
            Self::LateCampaign(_) => {
                format!("`pulse run show {of}` says what it waits for; the walk is `A campaign went wrong`")
            }
            Self::Audit(_) => "`pulse audit` does the same from here; the audit's log says why it fails".to_owned(),
            Self::Unread(_) => {
                "`pulse status` shows whether the ledger can be read; then look at the feedback function and its mapping"
                    .to_owned()
            }
            Self::Dropped => {
                "`pulse why CUSTOMER` shows the provider's error for each that the log names".to_owned()
            }
            Self::Forged => {
                "`pulse status` shows whether feedback still comes; a signing key that was changed goes into its secret"
                    .to_owned()
            }
        }
    }

    /// How long it has to stand before anybody is woken: what mends itself within that needs nobody.
    fn bears(self) -> Duration {
        match self {
            Self::Broken(_) => Duration::from_mins(5),
            // Two looks, five minutes apart, by ticks that come some seconds early or late.
            Self::LateCampaign(_) => Duration::from_mins(6),
            Self::Audit(AuditTrouble::NeverBegun) | Self::Unread(_) => Duration::from_hours(1),
            _ => Duration::ZERO,
        }
    }

    /// Whether the first of its kind has an alarm of its own, which goes off by a metric of the stack. It is silent about the
    /// next one, so that only that is a trouble to be told.
    fn has_an_alarm(self) -> bool {
        matches!(self, Self::DeadLetters(_) | Self::Broken(_) | Self::Overdue(_))
    }

    fn is_of_a_kind_with(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// Whether a queue of the intake isn't read: something waits in it and nobody has any of it, or it is far behind.
#[must_use]
pub fn is_unread(depth: &Depth) -> bool {
    depth.waiting >= BEHIND || (depth.waiting > 0 && depth.in_flight == 0)
}

/// Which troubles stand, since when. It is in a process's memory: where one is started anew, what stands is new to it, and is
/// told once more.
#[derive(Debug, Clone, Default)]
pub struct TroubleWatch {
    standing: BTreeMap<Trouble, Standing>,
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    since: Timestamp,
    seen_at: Timestamp,
}

impl TroubleWatch {
    /// Whether there is this trouble now. Of what couldn't be looked at, nothing is noted.
    pub fn note(&mut self, trouble: Trouble, is_there: bool, now: Timestamp) {
        self.forget(now);
        if is_there {
            self.standing.entry(trouble).or_insert(Standing { since: now, seen_at: now }).seen_at = now;
        } else {
            self.standing.remove(&trouble);
        }
    }

    /// Whether there was this trouble when it was looked for last.
    #[must_use]
    pub fn stands(&self, trouble: Trouble) -> bool {
        self.standing.contains_key(&trouble)
    }

    /// Of several that exclude each other, the one that there is, if any.
    pub fn note_one(&mut self, of: impl IntoIterator<Item = Trouble>, found: Option<Trouble>, now: Timestamp) {
        for trouble in of {
            self.note(trouble, found == Some(trouble), now);
        }
    }

    /// What stands now, each with whether it is to be told, as it is new and no alarm of its own tells it.
    pub fn standing(&mut self, now: Timestamp) -> Vec<(Trouble, bool)> {
        self.forget(now);
        let is_new = |trouble: &Trouble, standing: &Standing| {
            let since = lasted(standing.since, now).checked_sub(trouble.bears());
            since.is_some_and(|since| since.as_secs() % AGAIN_AFTER.as_secs() < NEW_FOR.as_secs())
        };
        let is_covered = |trouble: &Trouble, standing: &Standing| {
            let is_earlier = |(other, of): (&Trouble, &Standing)| {
                other.is_of_a_kind_with(*trouble) && other != trouble && of.since < standing.since
            };
            trouble.has_an_alarm() && !self.standing.iter().any(is_earlier)
        };
        let all = self.standing.iter();
        all.map(|(trouble, standing)| (*trouble, is_new(trouble, standing) && !is_covered(trouble, standing))).collect()
    }

    fn forget(&mut self, now: Timestamp) {
        self.standing.retain(|_, standing| lasted(standing.seen_at, now) <= FORGOTTEN_AFTER);
    }
}

/// How long it is since then, zero if it is yet to come.
fn lasted(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// So many payloads that were forged, and no more, are nothing within the five minutes that the alarm looks at: strangers post some.
pub const FORGED_AT_MOST: u64 = 20;

/// Over how long they are counted.
const FORGED_WITHIN: Duration = Duration::from_mins(5);

/// Whether what is forged is to be told. Each is told as a part of a trouble, as several processes count, until one of them has
/// counted too many by itself and told that: a flood that goes on doesn't keep the alarm from the next trouble.
#[derive(Debug, Clone, Default)]
pub struct ForgedWatch {
    lately: Vec<(Timestamp, u64)>,
    watch: TroubleWatch,
}

impl ForgedWatch {
    /// Counts payloads, and says whether they are to be told.
    pub fn count(&mut self, payloads: u64, now: Timestamp) -> bool {
        self.lately.retain(|(then, _)| lasted(*then, now) < FORGED_WITHIN);
        self.lately.push((now, payloads));
        if self.lately.iter().map(|(_, payloads)| payloads).sum::<u64>() > FORGED_AT_MOST {
            self.watch.note(Trouble::Forged, true, now);
        }
        self.watch.standing(now).iter().all(|(_, is_new)| *is_new)
    }
}

#[cfg(test)]
mod tests;
