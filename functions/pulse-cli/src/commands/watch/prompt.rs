use pulse_core::{control::Note, entry::StageName};
use ratatui::crossterm::event::KeyCode;

use super::order::Order;

/// A question, on the way to pausing or resuming a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prompt {
    /// Which stage?
    Which(Verb),
    /// Why is it to be paused?
    Why {
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
    /// What comes of a key. One that is no answer changes nothing.
    pub(super) fn answer(self, key: KeyCode) -> Answered {
        match (self, key) {
            (_, KeyCode::Esc) | (Self::Sure(_), KeyCode::Char('n')) => Answered::GivenUp,
            (Self::Which(verb), KeyCode::Char('s')) => Answered::Asks(verb.of(StageName::Score)),
            (Self::Which(verb), KeyCode::Char('e')) => Answered::Asks(verb.of(StageName::Email)),
            (Self::Sure(order), KeyCode::Char('y')) => Answered::Ordered(order),
            (Self::Why { stage, typed, .. }, key) => Answered::Asks(why(stage, typed, key)),
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
            Self::Pause => Prompt::Why { stage, typed: String::new(), complaint: None },
            Self::Resume => Prompt::Sure(Order::Resume(stage)),
        }
    }
}

fn why(stage: StageName, mut typed: String, key: KeyCode) -> Prompt {
    match key {
        KeyCode::Enter => match Note::parse(&typed) {
            Ok(note) => return Prompt::Sure(Order::Pause(stage, note)),
            Err(invalid) => return Prompt::Why { stage, typed, complaint: Some(invalid.to_string()) },
        },
        KeyCode::Backspace => drop(typed.pop()),
        KeyCode::Char(letter) => typed.push(letter),
        _ => {}
    }
    Prompt::Why { stage, typed, complaint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(mut prompt: Prompt, keys: impl IntoIterator<Item = KeyCode>) -> Answered {
        for key in keys {
            match prompt.answer(key) {
                Answered::Asks(next) => prompt = next,
                end => return end,
            }
        }
        Answered::Asks(prompt)
    }

    fn typed(text: &str) -> Vec<KeyCode> {
        text.chars().map(KeyCode::Char).collect()
    }

    #[test]
    fn a_pause_takes_a_stage_a_note_and_a_yes() {
        let mut all = typed("ewrong templat3");
        all.extend([KeyCode::Backspace, KeyCode::Char('e'), KeyCode::Enter]);
        let order = Order::Pause(StageName::Email, Note::parse("wrong template").unwrap());
        let before = keys(Prompt::Which(Verb::Pause), all.clone());
        assert_eq!(before, Answered::Asks(Prompt::Sure(order.clone())));
        all.push(KeyCode::Char('y'));
        assert_eq!(keys(Prompt::Which(Verb::Pause), all), Answered::Ordered(order));
    }

    #[test]
    fn only_y_is_a_yes() {
        let sure = Prompt::Sure(Order::Resume(StageName::Score));
        let others = (' '..='~').filter(|letter| !['y', 'n'].contains(letter)).map(KeyCode::Char);
        let others = others.chain([KeyCode::Enter, KeyCode::Tab, KeyCode::Up, KeyCode::Delete]);
        assert_eq!(keys(sure.clone(), others), Answered::Asks(sure.clone()));
        assert_eq!(keys(sure.clone(), typed("n")), Answered::GivenUp);
        assert_eq!(keys(sure.clone(), [KeyCode::Esc]), Answered::GivenUp);
        let mut pasted = sure.clone();
        pasted.paste("y");
        assert_eq!(pasted, sure);
    }

    #[test]
    fn a_pause_without_a_note_is_asked_about_again() {
        let asks = keys(Prompt::Which(Verb::Pause), [KeyCode::Char('s'), KeyCode::Char(' '), KeyCode::Enter]);
        let Answered::Asks(Prompt::Why { complaint: Some(complaint), .. }) = asks else { panic!("{asks:?}") };
        assert!(complaint.contains("1 to 300"), "{complaint}");
    }

    #[test]
    fn a_note_may_be_pasted_but_not_two_lines_of_it() {
        let mut prompt = Verb::Pause.of(StageName::Score);
        prompt.paste("see ticket 7\n");
        let noted = prompt.clone().answer(KeyCode::Enter);
        let order = Order::Pause(StageName::Score, Note::parse("see ticket 7").unwrap());
        assert_eq!(noted, Answered::Asks(Prompt::Sure(order)));
        prompt.paste("\ny");
        let refused = prompt.answer(KeyCode::Enter);
        assert!(matches!(refused, Answered::Asks(Prompt::Why { complaint: Some(_), .. })), "{refused:?}");
    }
}
