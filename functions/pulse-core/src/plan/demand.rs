use std::{fmt, num::NonZeroU32, time::Duration};

use super::{DAY, StageSettings};
use crate::{
    entry::StageName,
    lanes::{IN_FLIGHT, LanesError},
};

/// Messages of a full batch of a stage of entries, as in `template.yaml`.
pub const BATCH: u32 = StageName::Email.spec().batch;

/// For how long such a stage's function may run, as in `template.yaml`.
pub const FUNCTION_TIMEOUT: Duration = StageName::Email.spec().function_timeout;

/// For how long messages are gathered until a batch is full, as in `template.yaml`.
pub const WINDOW: Duration = Duration::from_mins(1);

/// Calls that an invocation keeps in flight, as `template.yaml` has it where nothing else is said.
pub const SHIPPED_IN_FLIGHT: u32 = 4;

/// For how long a provider is waited for, as in `template.yaml`.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// What is to be done, and with what.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Customers on the roster.
    pub customers: u32,
    /// Days in which each is due once.
    pub days: NonZeroU32,
    /// Calls of the scoring provider.
    pub score: Calls,
    /// Calls of the email provider.
    pub email: Calls,
    /// Customers who are late.
    pub backlog: u64,
    /// The time in which they are to be done, beside those who are due. Without it, they are done with what there is.
    pub within: Option<Duration>,
    /// How much of the lanes may be used.
    pub utilisation: Utilisation,
}

/// Calls of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    latency: Duration,
    in_flight: u32,
}

/// A share of the lanes: the rest is headroom, for slow days, second tries and uneven batches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Utilisation(f64);

/// A plan that can't be made, or can't be met.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A call takes no time, or longer than the client waits.
    #[error("a call of {} s can't be planned with: it must take from 0.001 to {} s, for which the client waits",
        .0.as_secs_f64(), CALL_TIMEOUT.as_secs())]
    Latency(Duration),
    /// The share of the lanes is none.
    #[error("{0} is no share of the lanes: it must be above 0 and at most 1, as in 0.8")]
    Utilisation(f64),
    /// A full batch outlasts the function.
    #[error(
        "with {in_flight} calls in flight of {} s each, a full batch of {BATCH} outlasts the function's {} s: keep \
         {enough} or more",
        latency.as_secs_f64(), FUNCTION_TIMEOUT.as_secs()
    )]
    Batch {
        /// How many calls were to be in flight.
        in_flight: u32,
        /// How long each takes.
        latency: Duration,
        /// How many would do.
        enough: u32,
    },
    /// Lambda doesn't make so many invocations at once.
    #[error(
        "the {stage} stage needs {needed} lanes, which are {invocations} invocations of {in_flight} calls, and Lambda \
         makes 1000 at once at most: {}", CapacityRemedy(*enough)
    )]
    TooManyLanes {
        /// The stage concerned.
        stage: StageName,
        /// Lanes that it needs.
        needed: u32,
        /// Invocations that it would need.
        invocations: u32,
        /// With so many calls in flight.
        in_flight: u32,
        /// The fewest calls in flight with which it could be met.
        enough: Option<u32>,
    },
    /// The lanes can't be set.
    #[error(transparent)]
    Lanes(#[from] LanesError),
}

/// What to do about too few calls in flight: how many would be enough, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapacityRemedy(pub Option<u32>);

impl fmt::Display for CapacityRemedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(calls) => write!(f, "keep {calls} or more calls in flight, or allow it more time"),
            None => f.write_str("allow it more time"),
        }
    }
}

impl Calls {
    /// Calls that take so long on average, so many of them in flight per invocation.
    ///
    /// # Errors
    /// When they take no time, or longer than they are waited for; or when a full batch of them outlasts the function.
    pub fn new(latency: Duration, in_flight: u32) -> Result<Self, PlanError> {
        if !(Duration::from_millis(1)..=CALL_TIMEOUT).contains(&latency) {
            return Err(PlanError::Latency(latency));
        }
        if !IN_FLIGHT.contains(&in_flight) {
            return Err(LanesError::InFlight(in_flight).into());
        }
        let fits = |in_flight: &u32| StageSettings { in_flight: *in_flight, ..StageSettings::SHIPPED }.fit(latency);
        if !fits(&in_flight) {
            let enough = IN_FLIGHT.into_iter().find(fits).unwrap_or(*IN_FLIGHT.end());
            return Err(PlanError::Batch { in_flight, latency, enough });
        }
        Ok(Self { latency, in_flight })
    }

    /// How long one takes, on average.
    #[must_use]
    pub fn latency(self) -> Duration {
        self.latency
    }

    /// How many of them an invocation keeps in flight.
    #[must_use]
    pub fn in_flight(self) -> u32 {
        self.in_flight
    }
}

impl Utilisation {
    /// Reads a share.
    ///
    /// # Errors
    /// Unless it is above 0 and at most 1.
    pub fn parse(share: f64) -> Result<Self, PlanError> {
        if share > 0.0 && share <= 1.0 { Ok(Self(share)) } else { Err(PlanError::Utilisation(share)) }
    }

    /// So much of a rate.
    #[must_use]
    pub fn of(self, rate: f64) -> f64 {
        self.0 * rate
    }

    /// Lanes that carry so many calls a second, each of so many seconds: at least one.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates, and isn't negative")]
    pub(super) fn lanes(self, rate: f64, latency: f64) -> u32 {
        // What is off a whole number by less than a call a day is that number.
        let least = 1.0 / DAY.as_secs_f64();
        (rate * latency / self.0 - least).ceil().max(1.0) as u32
    }
}

impl Default for Utilisation {
    /// Four fifths.
    fn default() -> Self {
        Self(0.8)
    }
}
