//! How many entries of campaigns go to a stage's queue, and whose. As much as the stage carries in the next minute, and no more:
//! so a large campaign never lies before the month's messages, and a pause or a cancel catches nearly all of it.

use super::Priority;

/// What is to lie in a stage's queue after a tick, in percent of what the stage carried in the minute before: enough until the next
/// tick, and a little for want of a better guess.
const AHEAD: u64 = 110;

/// The same where the queue has run dry: nobody knows how much the stage would have carried.
const AHEAD_OF_A_DRY_QUEUE: u64 = 200;

/// What is to lie in a queue at least, in messages: about a minute's work of 20 lanes and calls of four seconds.
const LEAST: u64 = 300;

/// What urgent campaigns get of a minute's work though the month's messages fill the queue, in percent.
const URGENT_SHARE: u64 = 20;

/// What is known of a stage when entries are dispatched to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageDemand {
    /// Messages that wait to be handed over.
    pub waiting: u64,
    /// Calls to its provider that ended in the last whole minute.
    pub carried: u64,
}

/// How many messages a stage's queue has room for, and how many of these are for urgent campaigns alone.
#[must_use]
pub fn room(StageDemand { waiting, carried }: StageDemand) -> (u64, u64) {
    let ahead = if waiting == 0 { AHEAD_OF_A_DRY_QUEUE } else { AHEAD };
    let of = |percent: u64| (carried * percent).div_ceil(100);
    let free = of(ahead).max(LEAST).saturating_sub(waiting);
    (free, of(URGENT_SHARE).saturating_sub(free))
}

impl Priority {
    /// Its share of the room that several priorities want, beside the others'.
    const fn weight(self) -> u64 {
        match self {
            Self::Urgent => 14,
            Self::Normal => 5,
            Self::Bulk => 1,
        }
    }
}

/// How many entries of each campaign are dispatched, of those that each has: by shares of priorities, so that none waits for
/// ever, and what one priority leaves goes to the next; within a priority alike.
#[must_use]
pub fn shares(room: u64, wanted: &[(Priority, u64)]) -> Vec<u64> {
    let mut given = vec![0; wanted.len()];
    let wants = |priority: Priority| wanted.iter().any(|(of, count)| *of == priority && *count > 0);
    let present: Vec<_> = Priority::ALL.iter().copied().filter(|priority| wants(*priority)).collect();
    let weights: u64 = present.iter().map(|priority| priority.weight()).sum();
    let mut left = room;
    for priority in &present {
        let share = (room * priority.weight()).div_ceil(weights).min(left);
        left -= fill(share, *priority, wanted, &mut given);
    }
    for priority in &present {
        left -= fill(left, *priority, wanted, &mut given);
    }
    given
}

/// Gives campaigns of a priority so many more entries alike, as far as they have any, and says how many were given.
fn fill(room: u64, priority: Priority, wanted: &[(Priority, u64)], given: &mut [u64]) -> u64 {
    let mut left = room;
    loop {
        let is_open = |index: &usize| wanted[*index].0 == priority && given[*index] < wanted[*index].1;
        let open: Vec<_> = (0..wanted.len()).filter(is_open).collect();
        if left == 0 || open.is_empty() {
            return room - left;
        }
        let each = (left / open.len() as u64).max(1);
        for index in open {
            let more = each.min(wanted[index].1 - given[index]).min(left);
            given[index] += more;
            left -= more;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn priority() -> impl Strategy<Value = Priority> {
        prop::sample::select(Priority::ALL)
    }

    proptest! {
        #[test]
        fn no_more_is_given_than_there_is_room_or_than_is_wanted_and_nothing_is_left_that_is_wanted(
            room in 0_u64..5_000,
            wanted in prop::collection::vec((priority(), 0_u64..3_000), 0..12),
        ) {
            let given = shares(room, &wanted);
            let all: u64 = wanted.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(given.iter().sum::<u64>(), room.min(all));
            for (given, (_, wanted)) in given.iter().zip(&wanted) {
                prop_assert!(given <= wanted);
            }
        }

        #[test]
        fn whoever_wants_something_gets_some_of_enough_room(
            wanted in prop::collection::vec((priority(), 1_u64..3_000), 1..12),
        ) {
            prop_assert!(shares(240, &wanted).iter().all(|given| *given > 0));
        }
    }

    #[test]
    fn urgent_ones_get_most_and_equals_get_alike() {
        let wanted = [Priority::Bulk, Priority::Urgent, Priority::Normal, Priority::Normal].map(|of| (of, 1_000));
        assert_eq!(shares(400, &wanted), [20, 280, 50, 50]);
        assert_eq!(shares(400, &[(Priority::Bulk, 1_000), (Priority::Urgent, 10)]), [390, 10]);
    }

    #[test]
    fn a_queue_is_filled_for_a_minute_and_a_full_one_is_left() {
        let of = |waiting, carried| room(StageDemand { waiting, carried });
        assert_eq!(of(0, 0), (300, 0));
        // One that has run dry may carry more than it had.
        assert_eq!(of(0, 400), (800, 0));
        assert_eq!(of(40, 400), (400, 0));
        // The month's messages fill it: what is urgent goes on.
        assert_eq!(of(5_000, 400), (0, 80));
    }
}
