use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use rand::{SeedableRng, rngs::StdRng};
use rand_distr::{Distribution, LogNormal};

/// How long calls take: lognormal, as calls over a network do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StandInLatency {
    mean: Duration,
    sigma: f64,
}

impl StandInLatency {
    /// How much the seeds' providers vary.
    pub const SIGMA: f64 = 0.5;

    /// No time at all.
    #[must_use]
    pub fn none() -> Self {
        Self::constant(Duration::ZERO)
    }

    /// Always the same time.
    #[must_use]
    pub fn constant(mean: Duration) -> Self {
        Self { mean, sigma: 0.0 }
    }

    /// Times whose mean is `mean` and whose logarithm varies by [`StandInLatency::SIGMA`].
    #[must_use]
    pub fn lognormal(mean: Duration) -> Self {
        Self { mean, sigma: Self::SIGMA }
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> Duration {
        self.mean
    }
}

/// Draws one latency after the other.
pub(super) struct Latencies {
    /// `None` for no time at all.
    distribution: Option<LogNormal<f64>>,
    random: Mutex<StdRng>,
}

impl Latencies {
    pub(super) fn new(latency: StandInLatency, seed: u64) -> Result<Self> {
        let mean = latency.mean.as_secs_f64();
        // The mean of a lognormal distribution is e^(mu + sigma^2 / 2).
        let mu = mean.ln() - latency.sigma * latency.sigma / 2.0;
        let distribution = if latency.mean.is_zero() {
            None
        } else {
            Some(LogNormal::new(mu, latency.sigma).context("The spread of a latency must be a finite number.")?)
        };
        Ok(Self { distribution, random: Mutex::new(StdRng::seed_from_u64(seed)) })
    }

    pub(super) fn draw(&self) -> Duration {
        let Some(distribution) = &self.distribution else {
            return Duration::ZERO;
        };
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::try_from_secs_f64(distribution.sample(&mut *random)).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(latency: StandInLatency, seed: u64, many: usize) -> Vec<f64> {
        let latencies = Latencies::new(latency, seed).unwrap();
        (0..many).map(|_| latencies.draw().as_secs_f64()).collect()
    }

    #[test]
    fn the_mean_is_the_one_that_was_asked_for() {
        let many = 20_000;
        let sum: f64 = draws(StandInLatency::lognormal(Duration::from_millis(2400)), 7, many).iter().sum();
        let mean = sum / 20_000.0;
        assert!((mean - 2.4).abs() < 0.05, "{mean}");
    }

    #[test]
    fn a_seed_gives_the_same_latencies_each_time() {
        let latency = StandInLatency::lognormal(Duration::from_secs(1));
        assert_eq!(draws(latency, 1, 20), draws(latency, 1, 20));
        assert_ne!(draws(latency, 1, 20), draws(latency, 2, 20));
    }

    #[test]
    fn without_spread_every_call_takes_the_mean() {
        for seconds in draws(StandInLatency::constant(Duration::from_secs(3)), 1, 5) {
            assert!((seconds - 3.0).abs() < 1e-6, "{seconds}");
        }
        assert_eq!(draws(StandInLatency::none(), 1, 2), [0.0, 0.0]);
    }
}
