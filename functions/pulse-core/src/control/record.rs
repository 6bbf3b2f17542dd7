use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, Breaker, Open};
use crate::{advice::Advice, entry::StageName};

/// The longest note, in characters.
const LONGEST_NOTE: usize = 300;

/// What an operator wrote down for others to read: one line without an address in it, as it is kept. A row that has
/// another note, as an earlier version took it, is read all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Note(String);

/// A text that is no note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a note is one line of 1 to {LONGEST_NOTE} characters, without an '@': it is kept, and may hold no address")]
pub struct InvalidNote;

impl Note {
    /// Reads a note. Space around it is not part of it.
    ///
    /// # Errors
    /// When it is empty, has more than one line, is too long, or looks as if it had an address in it.
    pub fn parse(text: &str) -> Result<Self, InvalidNote> {
        let text = text.trim();
        let fits = !text.is_empty() && text.chars().count() <= LONGEST_NOTE;
        let is_kept = |letter: char| !letter.is_control() && letter != '@';
        if fits && text.chars().all(is_kept) { Ok(Self(text.to_owned())) } else { Err(InvalidNote) }
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A pause that an operator asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The operator's name, as they gave it.
    pub by: Actor,
    /// The operator's words, for others to read.
    pub note: Note,
    /// Since when.
    pub since: Timestamp,
    /// Until when, if it is to end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// That recipients took the mails badly. Only an operator's note ends it, whoever pauses and resumes the stage beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReputationHold {
    /// How they took them then, in figures.
    pub note: Note,
    /// Since when.
    pub since: Timestamp,
}

/// Who ended a hold for bad reputation. What was counted before counts no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleared {
    /// From when on mails count anew.
    pub at: Timestamp,
    /// The operator's name, as they gave it.
    pub by: Actor,
    /// Why it won't go on as it did.
    pub note: Note,
}

/// How someone paused a stage past Pulse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Console {
    /// The function's reserved concurrency is 0. Raising it ends the pause.
    ReservedZero,
    /// The mapping was disabled. Enabling it ends the pause.
    MappingDisabled,
    /// It was one of the two, and a deployment undid it. Only a resume ends the pause.
    KeptAfterDeployment,
}

impl Console {
    /// What ends the pause of a stage.
    #[must_use]
    pub fn advice(self, stage: StageName) -> Vec<Advice> {
        match self {
            Self::ReservedZero => vec![Advice::RaiseConcurrency { stage }],
            Self::MappingDisabled => vec![Advice::EnableMapping { stage }, Advice::Resume { stage }],
            Self::KeptAfterDeployment => vec![Advice::Resume { stage }],
        }
    }
}

/// A pause that was made past Pulse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsolePause {
    /// The way in which it was paused.
    pub how: Console,
    /// When it was first seen.
    pub since: Timestamp,
}

/// How the mapping was when Pulse last was content with it: what differs later, someone else changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastSeen {
    /// It was never looked at.
    #[default]
    Never,
    /// On, as it was to be.
    On,
    /// Off, or about to be turned off by Pulse.
    Off,
}

/// A stage's control row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Rises by one with every write. 0 for a row that was never written.
    #[serde(default)]
    pub version: u64,
    /// The operator's pause, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// The hold for bad reputation, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reputation: Option<ReputationHold>,
    /// The pause that was made past Pulse, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<ConsolePause>,
    /// Whether the stage's provider is taken to be out of order.
    #[serde(default)]
    pub breaker: Breaker,
    /// How the mapping was last.
    #[serde(default)]
    pub mapping: LastSeen,
    /// Who last ended a hold for bad reputation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared: Option<Cleared>,
}

/// What keeps a stage from flowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold<'c> {
    /// Recipients who take its mails badly.
    Reputation(&'c ReputationHold),
    /// An operator's pause.
    Command(&'c Pause),
    /// A pause made past Pulse.
    Console(ConsolePause),
    /// A provider that is out of order.
    Broken(&'c Open),
}

impl Control {
    /// What keeps the stage from flowing at `now`: of several, the one that takes most to end.
    #[must_use]
    pub fn hold(&self, now: Timestamp) -> Option<Hold<'_>> {
        self.holds(now).next()
    }

    /// All that keeps the stage from flowing at `now`, what takes most to end first: a note, a command, or time alone.
    pub fn holds(&self, now: Timestamp) -> impl Iterator<Item = Hold<'_>> {
        let command = self.pause.as_ref().filter(|pause| pause.until.is_none_or(|until| until > now));
        let broken = match &self.breaker {
            Breaker::Open(open) => Some(Hold::Broken(open)),
            Breaker::Closed { .. } => None,
        };
        let reputation = self.reputation.as_ref().map(Hold::Reputation).into_iter();
        reputation.chain(command.map(Hold::Command)).chain(self.console.map(Hold::Console)).chain(broken)
    }

    /// Whether it takes people to end what holds it, and not the provider alone.
    #[must_use]
    pub fn is_paused(&self, now: Timestamp) -> bool {
        matches!(self.hold(now), Some(Hold::Reputation(_) | Hold::Command(_) | Hold::Console(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_one_line_with_something_in_it_and_no_address() {
        assert_eq!(Note::parse("  campaign is wrong ").unwrap().as_str(), "campaign is wrong");
        assert!(Note::parse(&"é".repeat(300)).is_ok());
        for bad in ["", "  ", "two\nlines", "a\u{7}bell", "ask ada@example.com", &"x".repeat(301)] {
            assert_eq!(Note::parse(bad), Err(InvalidNote), "{bad}");
        }
    }

    #[test]
    fn a_note_that_an_earlier_version_took_is_read() {
        let note: Note = serde_json::from_str("\"see @ops\"").unwrap();
        assert_eq!(note.as_str(), "see @ops");
    }

    #[test]
    fn a_pause_with_an_end_is_none_from_then_on() {
        let since: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
        let until = "2026-11-03T16:00:00Z".parse().unwrap();
        let pause = Pause { by: "ops".into(), note: Note::parse("x").unwrap(), since, until: Some(until) };
        let control = Control { pause: Some(pause), ..Control::default() };
        assert!(control.is_paused(since));
        assert!(!control.is_paused(until));
    }

    #[test]
    fn a_row_that_has_only_its_key_is_a_stage_that_flows() {
        let control: Control = serde_json::from_str("{}").unwrap();
        assert_eq!(control, Control::default());
        assert_eq!(control.hold(Timestamp::UNIX_EPOCH), None);
    }
}
