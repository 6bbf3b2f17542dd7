use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use pulse_aws::clock::SystemClock;
use pulse_core::ports::Clock;

use super::StandInLatency;

/// Where a stand-in is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandInPlace {
    /// The address of this machine that it listens on. Whoever reaches that address may call it.
    pub bind: IpAddr,
    /// The name or address under which the functions find it. None is the one that it listens on.
    pub host: Option<String>,
}

impl Default for StandInPlace {
    /// On 127.0.0.1, for functions that are processes of this machine.
    fn default() -> Self {
        Self { bind: Ipv4Addr::LOCALHOST.into(), host: None }
    }
}

/// How a stand-in behaves.
#[derive(Clone)]
pub struct StandInOptions {
    /// Where it is.
    pub place: StandInPlace,
    /// How long its calls take.
    pub latency: StandInLatency,
    /// What its random numbers start from: the n-th call takes the same time each run.
    pub seed: u64,
    /// Its port; 0 takes a free one.
    pub port: u16,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
}

impl Default for StandInOptions {
    /// Answers at once, on a free port of 127.0.0.1, by the machine's clock.
    fn default() -> Self {
        Self {
            place: StandInPlace::default(),
            latency: StandInLatency::none(),
            seed: 0,
            port: 0,
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for StandInOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandInOptions")
            .field("place", &self.place)
            .field("latency", &self.latency)
            .field("seed", &self.seed)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
