use pulse_core::{control::Note, entry::StageName};
use ratatui::crossterm::event::KeyCode;

/// A question, on the way to pausing or resuming a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prompt {
    /// Which stage?
    Which(Verb),
    /// Why is it to be paused, or to go on although recipients take its mails badly?
    Why {
        /// Which of the two.
        verb: Verb,
        /// The stage concerned.
        stage: StageName,
        /// What was typed so far.
        typed: String,
        /// What is wrong with it.
        complaint: Option<String>,
    },
    /// Really?
    Sure(Order),
}

/// What is to be done with a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// Pause it.
    Pause,
    /// Resume it.
    Resume,
}

/// What comes of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// Another question, or the same again.
    Asks(Prompt),
    /// It is given up.
    GivenUp,
    /// It is to be done.
    Ordered(Order),
}

impl Prompt {
    /// Asks for a note.
    pub(super) fn why(verb: Verb, stage: StageName) -> Self {
        Self::Why { verb, stage, typed: String::new(), complaint: None }
    }

    /// What comes of a key. One that is no answer changes nothing.
    pub(super) fn answer(self, key: KeyCode) -> Answered {
        match (self, key) {
            (_, KeyCode::Esc) | (Self::Sure(_), KeyCode::Char('n')) => Answered::GivenUp,
            (Self::Which(verb), KeyCode::Char(key)) => {
                StageName::of_key(key).map_or(Answered::Asks(Self::Which(verb)), |stage| Answered::Asks(verb.of(stage)))
            }
            (Self::Sure(order), KeyCode::Char('y')) => Answered::Ordered(order),
            (Self::Why { verb, stage, typed, .. }, key) => Answered::Asks(why(verb, stage, typed, key)),
            (same @ (Self::Which(_) | Self::Sure(_)), _) => Answered::Asks(same),
        }
    }

    /// Takes pasted text, where one types. Elsewhere it is no answer, whatever letters are in it.
    pub(super) fn paste(&mut self, text: &str) {
        if let Self::Why { typed, complaint, .. } = self {
            // A line that was copied whole brings its end with it.
            typed.push_str(text.trim_end_matches(['\r', '\n']));
            *complaint = None;
        }
    }
}

impl Verb {
    fn of(self, stage: StageName) -> Prompt {
        match self {
            Self::Pause => Prompt::why(self, stage),
            Self::Resume => Prompt::Sure(Order::Resume(stage, None)),
        }
    }
}

fn why(verb: Verb, stage: StageName, mut typed: String, key: KeyCode) -> Prompt {
    match key {
        KeyCode::Enter => match Note::parse(&typed) {
            Ok(note) => {
                return Prompt::Sure(match verb {
                    Verb::Pause => Order::Pause(stage, note),
                    Verb::Resume => Order::Resume(stage, Some(note)),
                });
            }
            Err(invalid) => return Prompt::Why { verb, stage, typed, complaint: Some(invalid.to_string()) },
        },
        KeyCode::Backspace => drop(typed.pop()),
        KeyCode::Char(letter) => typed.push(letter),
        _ => {}
    }
    Prompt::Why { verb, stage, typed, complaint: None }
}

/// What someone asked for, and confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// Pause a stage.
    Pause(StageName, Note),
    /// Resume a stage, with a note where it takes one.
    Resume(StageName, Option<Note>),
}

impl Order {
    /// What is being done, in words.
    pub(super) fn doing(&self) -> String {
        match self {
            Self::Pause(stage, _) => format!("Pausing the {stage} stage .."),
            Self::Resume(stage, _) => format!("Resuming the {stage} stage .."),
        }
    }
}

#[cfg(test)]
mod tests;
