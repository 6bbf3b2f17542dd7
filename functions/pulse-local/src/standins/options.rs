use std::{fmt, sync::Arc};

use pulse_aws::clock::SystemClock;
use pulse_core::ports::Clock;

use super::StandInLatency;

/// How a stand-in behaves.
#[derive(Clone)]
pub struct StandInOptions {
    /// How long its calls take.
    pub latency: StandInLatency,
    /// What its random numbers start from: the n-th call takes the same time each run.
    pub seed: u64,
    /// Its port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
}

impl Default for StandInOptions {
    /// Answers at once, on a free port, by the machine's clock.
    fn default() -> Self {
        Self { latency: StandInLatency::none(), seed: 0, port: 0, clock: Arc::new(SystemClock) }
    }
}

impl fmt::Debug for StandInOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandInOptions")
            .field("latency", &self.latency)
            .field("seed", &self.seed)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
