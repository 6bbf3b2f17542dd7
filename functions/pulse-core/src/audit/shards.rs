//! Names of schedules, shared out by their beginnings.
//!
//! `ListSchedules` hands out a hundred names a page, one page after the other; only a `NamePrefix` lets two be asked for at
//! once. So the names are shared out by prefixes, and a prefix with too many names is split by the letter that follows.
//! Together the shards hold every name that a customer's schedule can have, those of nobody on the roster too.

use std::iter::once;

use crate::customer::CustomerId;

/// The letters of customer ids, in their order.
const LETTERS: &str = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/// The most letters that an id has.
const LONGEST: usize = 48;

/// Names, in the order of which their shards are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shard {
    /// What they begin with.
    pub(super) prefix: String,
    /// Whether there is only the one that is the prefix itself.
    pub(super) is_alone: bool,
}

impl Shard {
    fn under(prefix: String) -> Self {
        Self { prefix, is_alone: false }
    }

    /// Whether there may be names enough to share them out further.
    pub(super) fn can_be_split(&self) -> bool {
        !self.is_alone && self.prefix.len() < LONGEST
    }

    /// The same names, in smaller shards.
    pub(super) fn split(&self) -> impl Iterator<Item = Self> {
        let alone = CustomerId::parse(&self.prefix).ok().map(|_| Self { is_alone: true, ..self.clone() });
        alone.into_iter().chain(LETTERS.chars().map(|letter| Self::under(format!("{}{letter}", self.prefix))))
    }
}

/// Shards of all names from `from` on, and of no name before it.
pub(super) fn covering(from: &str) -> impl Iterator<Item = Shard> {
    // Beside each beginning of `from`, the letters that come after the one with which it goes on.
    let beside = from.char_indices().flat_map(move |(at, letter)| {
        let later = LETTERS.chars().filter(move |other| *other > letter);
        later.map(move |other| Shard::under(format!("{}{other}", &from[..at])))
    });
    once(Shard::under(from.to_owned())).chain(beside)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn holds(shard: &Shard, name: &str) -> bool {
        if shard.is_alone { name == shard.prefix } else { name.starts_with(&shard.prefix) }
    }

    #[test]
    fn the_letters_are_those_of_ids_and_in_their_order() {
        let of_ids: String =
            (0..=127_u8).map(char::from).filter(|c| CustomerId::parse(&c.to_string()).is_ok()).collect();
        assert_eq!(of_ids, LETTERS);
        assert!(
            CustomerId::parse(&"c".repeat(LONGEST)).is_ok() && CustomerId::parse(&"c".repeat(LONGEST + 1)).is_err()
        );
    }

    proptest! {
        #[test]
        fn every_name_from_the_cursor_on_is_in_one_shard_and_none_before_it(
            from in "[-0-9A-Z_a-z]{0,4}", names in prop::collection::vec("[-09AZ_az]{1,6}", 1..50), splits in 0_usize..4,
        ) {
            let mut shards: BTreeSet<_> = covering(&from).collect();
            for _ in 0..splits {
                let split = shards.pop_first().expect("a shard");
                shards.extend(split.split());
            }
            for name in names {
                let held = shards.iter().filter(|shard| holds(shard, &name)).count();
                prop_assert_eq!(held, usize::from(name >= from), "{} from {:?}", name, from);
            }
            let order: Vec<_> = shards.iter().map(|shard| shard.prefix.clone()).collect();
            prop_assert!(order.is_sorted());
        }
    }
}
