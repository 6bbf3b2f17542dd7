use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::channel::oneshot;

/// How many rounds go well before one more is tried, once the limit was found. A round takes tens of milliseconds and a
/// quota is for a second: sooner, each second would be tried anew.
const ROUNDS: usize = 20;

/// How many calls are under way at once: half as many after a round that was too much, then one more after every twenty
/// that went well; up to the first that was too much one more after each (additive increase, multiplicative decrease, as
/// TCP finds its pace; RFC 5681).
#[derive(Debug)]
pub struct ConcurrencyLimit {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    taken: usize,
    /// Calls that went well since the limit was changed.
    went_well: usize,
    /// How often it was halved. What was under way before says nothing of the pace after.
    halved: u64,
    waiting: VecDeque<oneshot::Sender<()>>,
}

/// A call that may be made. It is under way until this is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    limit: &'a ConcurrencyLimit,
    halved: u64,
}

impl ConcurrencyLimit {
    /// At first so many, later up to `most`.
    #[must_use]
    pub fn new(first: usize, most: usize) -> Self {
        let state = State { limit: first.clamp(1, most), taken: 0, went_well: 0, halved: 0, waiting: VecDeque::new() };
        Self { most, state: Mutex::new(state) }
    }

    /// Waits until another call may be made.
    pub async fn turn(&self) -> Turn<'_> {
        loop {
            let woken = {
                let mut state = self.state();
                if state.taken < state.limit {
                    state.taken += 1;
                    return Turn { limit: self, halved: state.halved };
                }
                let (wake, woken) = oneshot::channel();
                state.waiting.push_back(wake);
                woken
            };
            // Whoever ends a turn wakes all, or is gone: either way it is looked again.
            let _ = woken.await;
        }
    }

    /// How many may be under way now.
    #[must_use]
    pub fn at_once(&self) -> usize {
        self.state().limit
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// The call was answered as it should be.
    pub fn went_well(self) {
        let mut state = self.limit.state();
        state.went_well += 1;
        let rounds = if state.halved == 0 { 1 } else { ROUNDS };
        if state.went_well >= state.limit * rounds && state.limit < self.limit.most {
            state.limit += 1;
            state.went_well = 0;
        }
    }

    /// It was too much. Of the calls that were under way together, the first halves the limit.
    pub fn was_too_much(self) {
        let mut state = self.limit.state();
        if state.halved == self.halved {
            state.limit = (state.limit / 2).max(1);
            state.halved += 1;
        }
        state.went_well = 0;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.limit.state();
        state.taken -= 1;
        // All of them: one alone might have been given up since.
        for wake in state.waiting.drain(..) {
            let _ = wake.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn turn(limit: &ConcurrencyLimit) -> Option<Turn<'_>> {
        limit.turn().now_or_never()
    }

    #[test]
    fn no_more_are_under_way_than_may_be_and_one_that_ends_makes_room() {
        let limit = ConcurrencyLimit::new(2, 8);
        let (first, _second) = (turn(&limit).unwrap(), turn(&limit).unwrap());
        assert!(turn(&limit).is_none());
        let mut waits = Box::pin(limit.turn());
        assert!(waits.as_mut().now_or_never().is_none());
        drop(first);
        assert!(waits.now_or_never().is_some());
    }

    #[test]
    fn a_round_that_goes_well_makes_one_more_and_one_that_does_not_half_as_many() {
        let limit = ConcurrencyLimit::new(8, 9);
        let round = |well: bool| {
            let turns: Vec<_> = std::iter::from_fn(|| turn(&limit)).collect();
            for turn in turns {
                if well { turn.went_well() } else { turn.was_too_much() }
            }
            limit.at_once()
        };
        assert_eq!([round(true), round(true)], [9, 9], "and no more than the most");
        assert_eq!([round(false), round(false), round(false), round(false)], [4, 2, 1, 1], "halved once a round");
        let more: Vec<_> = (0..2 * ROUNDS).map(|_| round(true)).collect();
        assert_eq!((more[ROUNDS - 2], more[ROUNDS - 1], more[2 * ROUNDS - 1]), (1, 2, 3));
    }
}
