use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IntoDeserializer as _, value::Error},
};

use super::{Entry, Progress, Queueing, SkipReason};
use crate::stage_spec::StageName;

/// Which message of an open entry is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Awaited {
    /// Its first.
    First,
    /// Another that was sent.
    Again,
    /// None was sent: it was put off.
    Deferred,
    /// None was sent: its campaign holds it.
    Held,
}

impl Awaited {
    /// Those that a sweep looks for: what a campaign holds waits to be dispatched.
    pub const SWEPT: [Self; 3] = [Self::First, Self::Again, Self::Deferred];
}

/// Where entries stand, as far as the indexes tell. A claim isn't indexed: an entry that a worker has counts
/// as one that waits for the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TallyKey {
    /// Waits for its first stage, and is not due yet.
    NotDue,
    /// Waits for this stage, and is due, or past its first.
    Due(StageName),
    /// Accepted by the email provider.
    Sent,
    /// No mail in this run, for this reason.
    Skipped(SkipReason),
    /// Given up by this stage.
    Failed(StageName),
    /// Accepted by the email provider, and not sent after all: nobody can queue it again.
    Dropped,
    /// Whether the provider has accepted it isn't known.
    Indeterminate,
    /// Nor was it ever told.
    Unconfirmed,
    /// Its campaign waited for it no longer.
    Abandoned,
    /// Its campaign was cancelled.
    Cancelled,
}

impl TallyKey {
    /// The key of an open entry that waits for `stage`, the first of its plan or a later one.
    #[must_use]
    pub fn of_open(stage: StageName, is_first: bool, is_due: bool) -> Self {
        if is_first && !is_due { Self::NotDue } else { Self::Due(stage) }
    }

    /// Whether entries that stand there still have to move.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::NotDue | Self::Due(_))
    }
}

/// The word for it in JSON, as in `skipped-opted-out`.
impl fmt::Display for TallyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDue => f.write_str("not-due"),
            Self::Due(stage) => write!(f, "due-{stage}"),
            Self::Sent => f.write_str("sent"),
            Self::Skipped(reason) => write!(f, "skipped-{reason}"),
            Self::Failed(stage) => write!(f, "failed-{stage}"),
            Self::Dropped => f.write_str("dropped"),
            Self::Indeterminate => f.write_str("indeterminate"),
            Self::Unconfirmed => f.write_str("unconfirmed"),
            Self::Abandoned => f.write_str("abandoned"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl FromStr for TallyKey {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        let stage = |name: &str| StageName::deserialize(name.into_deserializer());
        match word.split_once('-').map_or((word, None), |(name, detail)| (name, Some(detail))) {
            ("not", Some("due")) => Ok(Self::NotDue),
            ("due", Some(name)) => Ok(Self::Due(stage(name)?)),
            ("sent", None) => Ok(Self::Sent),
            ("skipped", Some(reason)) => Ok(Self::Skipped(SkipReason::deserialize(reason.into_deserializer())?)),
            ("failed", Some(name)) => Ok(Self::Failed(stage(name)?)),
            ("dropped", None) => Ok(Self::Dropped),
            ("indeterminate", None) => Ok(Self::Indeterminate),
            ("unconfirmed", None) => Ok(Self::Unconfirmed),
            ("abandoned", None) => Ok(Self::Abandoned),
            ("cancelled", None) => Ok(Self::Cancelled),
            _ => Err(Error::custom(format_args!("{word} is no place of an entry"))),
        }
    }
}

impl Serialize for TallyKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TallyKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Which index an entry belongs in, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Among what a stage has to move.
    Open {
        /// The stage.
        stage: StageName,
        /// Which message is waited for.
        awaited: Awaited,
        /// [Since when](Entry::awaited_since).
        since: Timestamp,
    },
    /// Among what a run has closed.
    Closed(TallyKey),
}

impl Entry {
    /// Which index the entry belongs in.
    #[must_use]
    pub fn position(&self) -> Position {
        let awaited = match self.queueing {
            Queueing::Pending => Awaited::First,
            Queueing::Requeued { .. } => Awaited::Again,
            Queueing::Deferred => Awaited::Deferred,
            Queueing::Held => Awaited::Held,
        };
        Position::Closed(match &self.progress {
            Progress::Waiting | Progress::Claimed { .. } => {
                return Position::Open { stage: self.at, awaited, since: self.awaited_since() };
            }
            Progress::Done { .. } => TallyKey::Sent,
            Progress::Skipped { reason, .. } => TallyKey::Skipped(*reason),
            Progress::Failed { .. } if self.is_closed_by_feedback() => TallyKey::Dropped,
            Progress::Failed { .. } => TallyKey::Failed(self.at),
            Progress::Indeterminate { .. } => TallyKey::Indeterminate,
            Progress::Unconfirmed { .. } => TallyKey::Unconfirmed,
            Progress::Abandoned { .. } => TallyKey::Abandoned,
            Progress::Cancelled { .. } => TallyKey::Cancelled,
        })
    }

    /// Where the entry is counted at `now`.
    #[must_use]
    pub fn tally_key(&self, now: Timestamp) -> TallyKey {
        match self.position() {
            Position::Open { stage, .. } => TallyKey::of_open(stage, stage == self.plan.first(), self.due <= now),
            Position::Closed(key) => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_by_its_word_and_nothing_else_is() {
        let stages = StageName::OF_ENTRIES.iter().flat_map(|stage| [TallyKey::Due(*stage), TallyKey::Failed(*stage)]);
        let skipped = [SkipReason::OptedOut, SkipReason::AddressRefused].map(TallyKey::Skipped);
        let others = [
            TallyKey::NotDue,
            TallyKey::Sent,
            TallyKey::Dropped,
            TallyKey::Indeterminate,
            TallyKey::Unconfirmed,
            TallyKey::Abandoned,
            TallyKey::Cancelled,
        ];
        for key in stages.chain(skipped).chain(others) {
            assert_eq!(key.to_string().parse::<TallyKey>(), Ok(key));
        }
        for word in ["", "sent-", "due", "due-", "failed-letters", "skipped", "not-now", "dropped-x"] {
            assert!(word.parse::<TallyKey>().is_err(), "{word}");
        }
    }
}
