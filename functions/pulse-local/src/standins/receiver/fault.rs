use std::{fmt, str::FromStr};

use crate::standins::StandInFault;

/// How the receiver fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiverFault {
    /// It closes each connection without an answer.
    Down,
    /// It never answers.
    Silent,
    /// It takes what it is told, after five seconds.
    Slow,
    /// It takes what it is told, and closes the connection without an answer.
    LostAnswers,
    /// It takes what it is told, and answers 200 with a page that says nothing.
    Nonsense,
    /// It answers with this status.
    Status(u16),
}

/// A text is none of the faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be down, silent, slow, lost-answers, nonsense, or a status from 300 to 599")]
pub struct UnknownFault;

/// Seconds for which 429 asks to be left alone.
const BUSY_FOR: &str = "30";

impl ReceiverFault {
    /// Those that a page offers, each with what the receiver does then.
    pub(super) const OFFERED: [(Self, &str); 9] = [
        (Self::Down, "hangs up without an answer"),
        (Self::Silent, "never answers"),
        (Self::Slow, "takes five seconds a call"),
        (Self::LostAnswers, "takes what it is told, and hangs up without an answer"),
        (Self::Nonsense, "takes what it is told, and answers 200 with a page that says nothing"),
        (Self::Status(500), "answers 500"),
        (Self::Status(429), "answers 429, with 30 seconds of Retry-After"),
        (Self::Status(410), "answers 410: never to be called again"),
        (Self::Status(400), "answers 400: it refuses each fact"),
    ];

    /// What the receiver does, in words that follow its name.
    pub(super) fn words(self) -> String {
        let offered = Self::OFFERED.iter().find(|(fault, _)| *fault == self);
        offered.map_or_else(|| format!("answers {self}"), |(_, words)| (*words).to_owned())
    }

    /// Whether it takes what it is told all the same.
    pub(super) fn takes(self) -> bool {
        matches!(self, Self::Slow | Self::LostAnswers | Self::Nonsense)
    }

    pub(super) fn instead_of_an_answer(self) -> Option<StandInFault> {
        match self {
            Self::Slow => None,
            Self::Down | Self::LostAnswers => Some(StandInFault::HangUp),
            Self::Silent => Some(StandInFault::Silence),
            Self::Nonsense => Some(StandInFault::Garbage),
            Self::Status(429) => Some(StandInFault::busy(BUSY_FOR)),
            Self::Status(status) => Some(StandInFault::status(status)),
        }
    }
}

impl fmt::Display for ReceiverFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "down",
            Self::Silent => "silent",
            Self::Slow => "slow",
            Self::LostAnswers => "lost-answers",
            Self::Nonsense => "nonsense",
            Self::Status(status) => return status.fmt(f),
        })
    }
}

impl FromStr for ReceiverFault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        if let Some((fault, _)) = Self::OFFERED.into_iter().find(|(fault, _)| fault.to_string() == text) {
            return Ok(fault);
        }
        let status = text.parse().ok().filter(|status| (300..600).contains(status));
        status.map(Self::Status).ok_or(UnknownFault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_as_it_is_written_and_no_other_text_is_one() {
        for (fault, _) in ReceiverFault::OFFERED {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
        assert_eq!("503".parse(), Ok(ReceiverFault::Status(503)));
        for bad in ["", "Down", "lost answers", "200", "299", "600", "-1", "65536"] {
            assert_eq!(bad.parse::<ReceiverFault>(), Err(UnknownFault), "{bad}");
        }
    }
}
