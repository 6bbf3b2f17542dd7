//! In which order visible messages are received.

use std::collections::VecDeque;

use super::message::Slot;

/// The visible messages, in the order in which they are received.
#[derive(Debug)]
pub(super) enum Line {
    /// Whoever has been visible longest comes first. A message that has gone is told by its serial
    /// number, which nobody else has, and is passed over when its turn comes.
    InTurn(VecDeque<(Slot, u64)>),
    /// Anyone may come first. Each message knows its own position.
    Shuffled(Vec<Slot>),
}

impl Line {
    /// Puts a message in line and says at which position.
    pub(super) fn join(&mut self, slot: Slot, serial: u64) -> u32 {
        match self {
            Self::InTurn(line) => {
                line.push_back((slot, serial));
                0
            }
            Self::Shuffled(line) => {
                line.push(slot);
                u32::try_from(line.len() - 1).expect("fewer than 2^32 messages")
            }
        }
    }

    /// Whose turn it is. They stay in line.
    pub(super) fn next(
        &mut self,
        choose: impl FnOnce(usize) -> usize,
        is_here: impl Fn(Slot, u64) -> bool,
    ) -> Option<Slot> {
        match self {
            Self::InTurn(line) => loop {
                let (slot, serial) = *line.front()?;
                if is_here(slot, serial) {
                    return Some(slot);
                }
                line.pop_front();
            },
            Self::Shuffled(line) if line.is_empty() => None,
            Self::Shuffled(line) => Some(line[choose(line.len())]),
        }
    }

    /// Takes a message at `position` out of the line. Says who stands there now, if someone has moved.
    pub(super) fn leave(&mut self, slot: Slot, position: u32) -> Option<Slot> {
        match self {
            Self::InTurn(line) => {
                line.pop_front_if(|(first, _)| *first == slot);
                None
            }
            Self::Shuffled(line) => {
                line.swap_remove(position as usize);
                line.get(position as usize).copied()
            }
        }
    }

    /// Forgets those who have gone, once they are the most of the line.
    pub(super) fn close_up(&mut self, present: usize, is_here: impl Fn(Slot, u64) -> bool) {
        if let Self::InTurn(line) = self
            && line.len() > 64 + 2 * present
        {
            line.retain(|&(slot, serial)| is_here(slot, serial));
        }
    }
}
