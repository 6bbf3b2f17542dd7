//! Randomness that one seed decides.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pulse_core::stable_hash::stable_hash;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rand_distr::{Distribution as _, LogNormal};

/// Where all randomness of a simulation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Randomness(u64);

impl Randomness {
    /// What `seed` decides.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of that name. It is the same whatever is drawn from other streams, so that a change
    /// to one part of a simulation leaves the dice of the others as they are.
    #[must_use]
    pub fn stream(&self, name: &str) -> Stream {
        Stream(Mutex::new(StdRng::seed_from_u64(stable_hash(name, &self.0.to_string()))))
    }
}

/// A stream of random values, each draw decided by the seed, the stream's name and how many were
/// drawn before.
pub struct Stream(Mutex<StdRng>);

impl Stream {
    /// True with probability `p`. What can't be, or can't but be, takes nothing from the stream.
    pub fn chance(&self, p: f64) -> bool {
        p > 0.0 && (p >= 1.0 || self.unit() < p)
    }

    /// A number of at least 0 and less than 1.
    pub fn unit(&self) -> f64 {
        self.rng().random()
    }

    /// A number less than `n`, each as likely; 0 for 0.
    pub fn below(&self, n: u64) -> u64 {
        if n < 2 { 0 } else { self.rng().random_range(0..n) }
    }

    /// A duration from `least` to `most`, both possible; `least` if that is the longer.
    pub fn between(&self, least: Duration, most: Duration) -> Duration {
        let (from, to) = (nanoseconds(least), nanoseconds(most));
        if from >= to { least } else { Duration::from_nanos(self.rng().random_range(from..=to)) }
    }

    /// A duration as services take: most take a little less than `mean`, a few take much longer.
    /// `sigma` is the standard deviation of its logarithm; with 0 (or less) it is always the mean.
    pub fn lognormal(&self, mean: Duration, sigma: f64) -> Duration {
        if mean.is_zero() || sigma <= 0.0 {
            return mean;
        }
        let mu = mean.as_secs_f64().ln() - sigma * sigma / 2.0;
        let drawn = LogNormal::new(mu, sigma).map(|distribution| distribution.sample(&mut *self.rng()));
        drawn.ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(mean)
    }

    /// One of `choices`, each as likely; none of none.
    pub fn pick<'a, T>(&self, choices: &'a [T]) -> Option<&'a T> {
        let index = self.below(choices.len() as u64);
        choices.get(usize::try_from(index).unwrap_or(usize::MAX))
    }

    /// From now on, draws what `other` would.
    pub(crate) fn begin_anew(&self, other: Self) {
        *self.rng() = other.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    fn rng(&self) -> MutexGuard<'_, StdRng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stream").finish_non_exhaustive()
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(stream: &Stream) -> Vec<u64> {
        (0..20).map(|_| stream.below(1_000_000)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_stream_in_every_release() {
        let first = draws(&Randomness::of_seed(7).stream("kills"));
        assert_eq!(first, draws(&Randomness::of_seed(7).stream("kills")));
        // A change here makes every seed that was ever reported mean something else.
        assert_eq!(first[..4], [379_952, 768_953, 910_908, 914_798]);
    }

    #[test]
    fn streams_differ_by_name_and_seed_and_leave_each_other_alone() {
        let randomness = Randomness::of_seed(7);
        let alone = draws(&randomness.stream("kills"));
        let other = randomness.stream("latencies");
        assert_ne!(draws(&other), alone);
        assert_ne!(draws(&Randomness::of_seed(8).stream("kills")), alone);
        assert_eq!(draws(&randomness.stream("kills")), alone);
    }

    #[test]
    fn what_can_not_be_takes_nothing_from_the_stream() {
        let (used, fresh) = (Randomness::of_seed(7).stream("a"), Randomness::of_seed(7).stream("a"));
        assert!((0..100).all(|_| !used.chance(0.0) && used.chance(1.0)));
        assert_eq!((used.below(0), used.below(1)), (0, 0));
        assert_eq!(used.pick::<u8>(&[]), None);
        assert_eq!(used.lognormal(Duration::from_secs(2), 0.0), Duration::from_secs(2));
        assert_eq!(draws(&used), draws(&fresh));
    }

    #[test]
    fn chances_come_out_as_often_as_they_should() {
        let stream = Randomness::of_seed(7).stream("a");
        let hits = (0..10_000).filter(|_| stream.chance(0.3)).count();
        assert!((2_850..3_150).contains(&hits), "{hits} of 10,000 at 0.3");
        let (least, most) = (Duration::from_secs(5), Duration::from_mins(1));
        assert!((0..1_000).all(|_| (least..=most).contains(&stream.between(least, most))));
        assert_eq!(stream.between(most, least), most);
        let picked: std::collections::BTreeSet<_> = (0..100).filter_map(|_| stream.pick(&["a", "b", "c"])).collect();
        assert_eq!(picked.len(), 3);
    }

    #[test]
    fn the_mean_of_a_lognormal_is_the_mean_that_was_asked_for() {
        let stream = Randomness::of_seed(7).stream("a");
        let drawn: Vec<f64> =
            (0..100_000).map(|_| stream.lognormal(Duration::from_millis(2_400), 0.5).as_secs_f64()).collect();
        let mean = drawn.iter().sum::<f64>() / 100_000.0;
        assert!((mean - 2.4).abs() < 0.02, "the mean is {mean} s");
        let below = drawn.iter().filter(|seconds| **seconds < 2.4).count();
        assert!((58_000..62_000).contains(&below), "{below} of 100,000 are below the mean");
    }
}
