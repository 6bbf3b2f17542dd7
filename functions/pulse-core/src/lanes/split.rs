use std::{fmt, ops::RangeInclusive};

use serde::Serialize;

/// What Lambda takes as `MaximumConcurrency` (AWS Lambda API Reference, `ScalingConfig`).
pub const MAXIMUM_CONCURRENCY: RangeInclusive<u32> = 2..=1_000;

/// Calls in flight per invocation, as `template.yaml` takes them. With fewer, a full batch of 240 messages outlasts the
/// function's five minutes; with more, what is left to do when all of them end together outlasts the time that is kept for it.
pub const IN_FLIGHT: RangeInclusive<u32> = 3..=80;

/// A stage's lanes, split so that Lambda takes them and a full batch can be finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lanes {
    maximum_concurrency: u32,
    in_flight: u32,
}

/// Lanes that can't be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LanesError {
    /// Too few or too many invocations at once.
    #[error(
        "{0} invocations at once can't be set: Lambda takes a MaximumConcurrency of {least} to {most}",
        least = MAXIMUM_CONCURRENCY.start(), most = MAXIMUM_CONCURRENCY.end()
    )]
    MaximumConcurrency(u32),
    /// Too few or too many calls in flight.
    #[error(
        "{0} calls in flight can't be set: with fewer than {least} a full batch of 240 outlasts the function, and more \
         than {most} may not end together in time",
        least = IN_FLIGHT.start(), most = IN_FLIGHT.end()
    )]
    InFlight(u32),
    /// Fewer than there can be.
    #[error("{wanted} lanes can't be set: the fewest {with}are {fewest}, as Lambda runs 2 invocations at once or more")]
    TooFew {
        /// How many were wanted.
        wanted: u32,
        /// How many there must be.
        fewest: u32,
        /// Under which condition.
        with: WithInFlight,
    },
    /// More than there can be.
    #[error("{wanted} lanes can't be set: the most {with}are {most}, as Lambda runs 1000 invocations at once at most")]
    TooMany {
        /// How many were wanted.
        wanted: u32,
        /// How many there can be.
        most: u32,
        /// Under which condition.
        with: WithInFlight,
    },
}

/// So many calls in flight, if that is asked for: `"with 4 calls in flight "` in an error's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithInFlight(pub Option<u32>);

impl fmt::Display for WithInFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |calls| write!(f, "with {calls} calls in flight "))
    }
}

impl Lanes {
    /// So many invocations at once with so many calls each.
    ///
    /// # Errors
    /// When one of the numbers can't be set.
    pub fn new(maximum_concurrency: u32, in_flight: u32) -> Result<Self, LanesError> {
        if !IN_FLIGHT.contains(&in_flight) {
            return Err(LanesError::InFlight(in_flight));
        }
        if !MAXIMUM_CONCURRENCY.contains(&maximum_concurrency) {
            return Err(LanesError::MaximumConcurrency(maximum_concurrency));
        }
        Ok(Self { maximum_concurrency, in_flight })
    }

    /// The fewest lanes that are at least `count`, with so many calls in flight.
    ///
    /// # Errors
    /// When that takes too many invocations, or the calls in flight can't be set.
    pub fn at_least(count: u32, in_flight: u32) -> Result<Self, LanesError> {
        if !IN_FLIGHT.contains(&in_flight) {
            return Err(LanesError::InFlight(in_flight));
        }
        Self::new(count.div_ceil(in_flight).max(*MAXIMUM_CONCURRENCY.start()), in_flight)
    }

    /// The most lanes that are at most `count`: lanes are what the provider bears, so never more of them than was
    /// asked for. Of several ways to split them, the one whose calls in flight are nearest to `now`, as those are
    /// changed by new function instances.
    ///
    /// # Errors
    /// When there can't be so few or so many.
    pub fn closest(count: u32, in_flight: Option<u32>, now: u32) -> Result<Self, LanesError> {
        let calls = match in_flight {
            Some(calls) if !IN_FLIGHT.contains(&calls) => return Err(LanesError::InFlight(calls)),
            Some(calls) => calls..=calls,
            None => IN_FLIGHT,
        };
        let with = WithInFlight(in_flight);
        let most = MAXIMUM_CONCURRENCY.end() * calls.end();
        let fewest = MAXIMUM_CONCURRENCY.start() * calls.start();
        if count > most {
            return Err(LanesError::TooMany { wanted: count, most, with });
        }
        let splits = calls.filter_map(|calls| Self::new((count / calls).min(*MAXIMUM_CONCURRENCY.end()), calls).ok());
        let best = splits.max_by_key(|split| (split.count(), std::cmp::Reverse(split.in_flight.abs_diff(now))));
        best.ok_or(LanesError::TooFew { wanted: count, fewest, with })
    }

    /// Invocations at once.
    #[must_use]
    pub fn maximum_concurrency(self) -> u32 {
        self.maximum_concurrency
    }

    /// Calls in flight of each.
    #[must_use]
    pub fn in_flight(self) -> u32 {
        self.in_flight
    }

    /// Calls that the provider can see at once.
    #[must_use]
    pub fn count(self) -> u32 {
        self.maximum_concurrency * self.in_flight
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(count: u32, in_flight: Option<u32>) -> Result<(u32, u32), LanesError> {
        let lanes = Lanes::closest(count, in_flight, 4)?;
        Ok((lanes.maximum_concurrency(), lanes.in_flight()))
    }

    #[test]
    fn lanes_are_split_with_as_little_change_as_can_be() {
        assert_eq!([split(20, None), split(36, None), split(22, None)], [Ok((5, 4)), Ok((9, 4)), Ok((2, 11))]);
        assert_eq!([split(21, None), split(20, Some(10))], [Ok((7, 3)), Ok((2, 10))]);
    }

    #[test]
    fn what_cannot_be_split_is_rounded_down() {
        assert_eq!([split(23, None), split(20, Some(6)), split(7, None)], [Ok((2, 11)), Ok((3, 6)), Ok((2, 3))]);
        assert_eq!(split(80_000, None), Ok((1000, 80)));
    }

    #[test]
    fn what_the_arithmetic_forbids_is_refused_with_the_bound() {
        let refused = |count, in_flight| split(count, in_flight).unwrap_err().to_string();
        for (text, bound) in [
            (refused(5, None), "the fewest are 6"),
            (refused(20, Some(11)), "the fewest with 11 calls in flight are 22"),
            (refused(80_001, None), "the most are 80000"),
            (refused(3_001, Some(3)), "the most with 3 calls in flight are 3000"),
            (refused(20, Some(2)), "fewer than 3"),
            (refused(200, Some(100)), "more than 80"),
            (Lanes::new(1, 4).unwrap_err().to_string(), "2 to 1000"),
            (Lanes::at_least(4_001, 4).unwrap_err().to_string(), "1001 invocations"),
        ] {
            assert!(text.contains(bound), "{text}");
        }
        assert_eq!(Lanes::at_least(1, 4).map(Lanes::count), Ok(8));
    }

    proptest! {
        #[test]
        fn nobody_gets_more_lanes_than_were_asked_for_and_no_split_has_more(
            count in 6u32..=80_000, now in 1u32..=100,
        ) {
            let lanes = Lanes::closest(count, None, now).unwrap();
            prop_assert!(lanes.count() <= count);
            prop_assert_eq!(Lanes::new(lanes.maximum_concurrency(), lanes.in_flight()), Ok(lanes));
            for calls in IN_FLIGHT {
                if let Ok(other) = Lanes::closest(count, Some(calls), now) {
                    prop_assert!(other.count() <= lanes.count());
                }
            }
        }
    }
}
