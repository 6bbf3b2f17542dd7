//! Which messages a fair queue gives last.
//!
//! Amazon SQS Developer Guide, "How Amazon SQS fair queues work": messages of one `MessageGroupId` are a tenant's, and each
//! message without one is a tenant of its own. A tenant is a noisy neighbour while more than 10 % of what is in flight is its,
//! and 30 messages at least; or while it takes more than 10 % of the consumers' time. Messages of quiet tenants are received
//! first, as long as there are any. Of several noisy tenants, the one with the fewest messages in flight comes first. None is
//! throttled: where nobody else waits, a noisy one has all consumers.
//!
//! The model goes by what is in flight as each message is received, and exactly. SQS's measures are approximate and of a
//! while, it has the consumers' time beside them, which Pulse's runs and endpoints show in their messages in flight, and it
//! forgets a tenant that has sent nothing for five minutes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The fewest messages in flight that make a group noisy.
const NOISY_FROM: usize = 30;

/// More than one in so many of the messages in flight are a noisy group's.
const NOISY_SHARE: usize = 10;

/// A group, by its number in this queue.
pub(super) type Group = u32;

/// Messages without a group, which are never noisy.
pub(super) const UNGROUPED: Group = 0;

/// The groups of a queue, and how many messages of each are in flight.
#[derive(Debug)]
pub(super) struct Groups {
    is_fair: bool,
    numbers: BTreeMap<Arc<str>, Group>,
    /// By number.
    in_flight: Vec<usize>,
    /// The loudest last.
    by_noise: BTreeSet<(usize, Group)>,
}

impl Groups {
    pub(super) const fn new() -> Self {
        Self { is_fair: false, numbers: BTreeMap::new(), in_flight: Vec::new(), by_noise: BTreeSet::new() }
    }

    /// From now on, groups are told apart.
    pub(super) fn tell_apart(&mut self) {
        self.is_fair = true;
    }

    /// A group's number. In a queue that isn't fair, nobody has a group.
    pub(super) fn number(&mut self, group: Option<&Arc<str>>) -> Group {
        let Some(group) = group.filter(|_| self.is_fair) else { return UNGROUPED };
        if let Some(number) = self.numbers.get(group) {
            return *number;
        }
        let number = Group::try_from(self.numbers.len() + 1).expect("fewer than 2^32 groups");
        self.numbers.insert(Arc::clone(group), number);
        number
    }

    /// One more of its messages is in flight.
    pub(super) fn add_in_flight(&mut self, group: Group) {
        self.change(group, |count| count + 1);
    }

    /// One fewer of its messages is in flight.
    pub(super) fn remove_in_flight(&mut self, group: Group) {
        self.change(group, |count| count - 1);
    }

    /// None is in flight.
    pub(super) fn clear(&mut self) {
        self.in_flight.clear();
        self.by_noise.clear();
    }

    /// The noisy groups, of which there are nine at most: those with the fewest messages in flight first, of so many in all.
    pub(super) fn noisy(&self, in_flight: usize) -> Vec<Group> {
        let is_noisy = |count: usize| count >= NOISY_FROM && count * NOISY_SHARE > in_flight;
        let loudest = self.by_noise.iter().rev().take_while(|(count, _)| is_noisy(*count));
        let mut noisy: Vec<_> = loudest.map(|(_, group)| *group).collect();
        noisy.reverse();
        noisy
    }

    fn change(&mut self, group: Group, to: impl Fn(usize) -> usize) {
        if group == UNGROUPED {
            return;
        }
        let at = group as usize;
        if self.in_flight.len() <= at {
            self.in_flight.resize(at + 1, 0);
        }
        let before = self.in_flight[at];
        self.in_flight[at] = to(before);
        self.by_noise.remove(&(before, group));
        if self.in_flight[at] > 0 {
            self.by_noise.insert((self.in_flight[at], group));
        }
    }
}
