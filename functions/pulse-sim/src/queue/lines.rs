//! In which order visible messages are received.

use std::collections::{BTreeMap, VecDeque};

use super::{groups::Group, message::Slot};

/// The visible messages, in the order in which they are received. Each group has a line of its own.
#[derive(Debug)]
pub(super) enum Lines {
    /// Whoever has been visible longest comes first.
    InTurn(Turns),
    /// Anyone may come first. Each message knows its own position. There is no line of a group of which nobody waits.
    Shuffled(BTreeMap<Group, Vec<Slot>>),
}

/// Lines in which a message that has gone is told by its serial number, which nobody else has, and is passed over when its
/// turn comes.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// By the group's number.
    lines: Vec<VecDeque<Turn>>,
    /// Which group's first has which turn, the longest waiting first.
    heads: BTreeMap<u64, Group>,
    /// How many ever joined a line: the next one's turn.
    joined: u64,
    /// How many stand in the lines, with those who have gone.
    standing: usize,
}

#[derive(Debug, Clone, Copy)]
struct Turn {
    number: u64,
    slot: Slot,
    serial: u64,
}

impl Lines {
    /// Lines in which whoever has been visible longest comes first.
    pub(super) fn in_turn() -> Self {
        Self::InTurn(Turns::default())
    }

    /// Puts a message in its group's line and says at which position.
    pub(super) fn join(&mut self, group: Group, slot: Slot, serial: u64) -> u32 {
        match self {
            Self::InTurn(turns) => {
                turns.join(group, slot, serial);
                0
            }
            Self::Shuffled(lines) => {
                let line = lines.entry(group).or_default();
                line.push(slot);
                u32::try_from(line.len() - 1).expect("fewer than 2^32 messages")
            }
        }
    }

    /// Whose turn it is: someone of the groups that aren't noisy, or else of the first of those. They stay in line.
    pub(super) fn next(
        &mut self,
        noisy: &[Group],
        choose: impl FnOnce(usize) -> usize,
        is_here: impl Fn(Slot, u64) -> bool,
    ) -> Option<Slot> {
        match self {
            Self::InTurn(turns) => turns.next(noisy, is_here),
            Self::Shuffled(lines) => {
                let quiet = || lines.iter().filter(|(group, _)| !noisy.contains(group)).map(|(_, line)| line);
                let count = quiet().map(Vec::len).sum();
                if count > 0 {
                    return quiet().flatten().nth(choose(count)).copied();
                }
                let line = noisy.iter().find_map(|group| lines.get(group))?;
                Some(line[choose(line.len())])
            }
        }
    }

    /// Takes a message at `position` out of its group's line. Says who stands there now, if someone has moved.
    pub(super) fn leave(&mut self, group: Group, slot: Slot, position: u32) -> Option<Slot> {
        match self {
            Self::InTurn(turns) => {
                if turns.first(group).is_some_and(|first| first.slot == slot) {
                    turns.drop_first(group);
                }
                None
            }
            Self::Shuffled(lines) => {
                let line = lines.get_mut(&group)?;
                line.swap_remove(position as usize);
                let moved = line.get(position as usize).copied();
                if line.is_empty() {
                    lines.remove(&group);
                }
                moved
            }
        }
    }

    /// Forgets those who have gone, once they are the most of the lines.
    pub(super) fn close_up(&mut self, present: usize, is_here: impl Fn(Slot, u64) -> bool) {
        if let Self::InTurn(turns) = self
            && turns.standing > 64 + 2 * present
        {
            turns.keep(is_here);
        }
    }

    /// Nobody waits.
    pub(super) fn clear(&mut self) {
        match self {
            Self::InTurn(turns) => *turns = Turns::default(),
            Self::Shuffled(lines) => lines.clear(),
        }
    }
}

impl Turns {
    fn join(&mut self, group: Group, slot: Slot, serial: u64) {
        let at = group as usize;
        if self.lines.len() <= at {
            self.lines.resize_with(at + 1, VecDeque::new);
        }
        let number = self.joined;
        self.joined += 1;
        self.standing += 1;
        if self.lines[at].is_empty() {
            self.heads.insert(number, group);
        }
        self.lines[at].push_back(Turn { number, slot, serial });
    }

    fn next(&mut self, noisy: &[Group], is_here: impl Fn(Slot, u64) -> bool) -> Option<Slot> {
        loop {
            let quiet = self.heads.values().find(|group| !noisy.contains(group)).copied();
            let group = quiet.or_else(|| noisy.iter().find(|group| self.first(**group).is_some()).copied())?;
            let Turn { slot, serial, .. } = self.first(group)?;
            if is_here(slot, serial) {
                return Some(slot);
            }
            self.drop_first(group);
        }
    }

    fn first(&self, group: Group) -> Option<Turn> {
        self.lines.get(group as usize)?.front().copied()
    }

    fn drop_first(&mut self, group: Group) {
        let Some(first) = self.lines.get_mut(group as usize).and_then(VecDeque::pop_front) else { return };
        self.standing -= 1;
        self.heads.remove(&first.number);
        if let Some(next) = self.first(group) {
            self.heads.insert(next.number, group);
        }
    }

    fn keep(&mut self, is_here: impl Fn(Slot, u64) -> bool) {
        for line in &mut self.lines {
            line.retain(|turn| is_here(turn.slot, turn.serial));
        }
        self.standing = self.lines.iter().map(VecDeque::len).sum();
        let heads = (0..).zip(&self.lines).filter_map(|(group, line)| Some((line.front()?.number, group)));
        self.heads = heads.collect();
    }
}
