use std::{fmt, time::Duration};

use jiff::Timestamp;
use pulse_core::{
    bill::TableCapacity,
    stage::{PerStage, StageName, StageSet},
};
use serde::{Serialize, Serializer};

const DAY: Duration = Duration::from_hours(24);

/// When in the day customers are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spread {
    /// As they signed up: from six in the morning to midnight, most in the afternoon.
    BySignup,
    /// All between six and ten in the evening.
    Evening,
}

/// What is simulated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scenario {
    /// How many customers there are.
    pub customers: u32,
    /// How many days it lasts.
    pub days: u32,
    /// The first moment.
    pub starts: Timestamp,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// When in the day customers are due.
    pub spread: Spread,
    /// How long a batch is waited for: the mappings' batching window.
    pub window: Duration,
    /// Whether the intake's API is priced, too.
    pub api: bool,
    /// The table's capacity, if it is provisioned and not on demand.
    pub capacity: Option<TableCapacity>,
    /// The stages. The stack has no others than every stack has.
    #[serde(flatten, serialize_with = "of_every_stack")]
    pub stages: PerStage<StageScenario>,
}

/// A stage's size, and what happens to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageScenario {
    /// Invocations at once.
    pub maximum_concurrency: u32,
    /// Calls in flight of each.
    pub in_flight: u32,
    /// The provider's mean latency. Latencies are lognormal.
    pub latency_mean: Duration,
    /// Their sigma.
    pub latency_sigma: f64,
    /// When the provider refuses everything.
    pub outages: Vec<Window>,
    /// When an operator has the stage paused.
    pub pauses: Vec<Window>,
}

impl Scenario {
    /// The month's stages, the first of its plan first.
    #[must_use]
    pub fn of_entries(&self) -> [&StageScenario; 2] {
        [StageName::Score, StageName::Email].map(|stage| &self.stages[stage])
    }
}

impl StageScenario {
    /// A stage of so many lanes: four calls in flight to an invocation, as the template has it, or the
    /// next smaller number of which the lanes are a multiple.
    #[must_use]
    pub fn of_lanes(lanes: u32, latency_mean: Duration) -> Self {
        let lanes = lanes.max(1);
        let in_flight = (1..=4).rev().find(|n| lanes.is_multiple_of(*n)).unwrap_or(1);
        Self {
            maximum_concurrency: lanes / in_flight,
            in_flight,
            latency_mean,
            latency_sigma: 0.5,
            outages: Vec::new(),
            pauses: Vec::new(),
        }
    }

    /// All stages, of which the others have the fewest lanes that there can be: a month tells nobody, and calls no partner.
    #[must_use]
    pub fn of_stages(score: Self, email: Self) -> PerStage<Self> {
        let others = Self::of_lanes(8, Duration::from_millis(200));
        PerStage::from_array([score, email, others.clone(), others])
    }

    /// Calls that the provider can see at once.
    #[must_use]
    pub fn lanes(&self) -> u32 {
        self.maximum_concurrency * self.in_flight
    }

    /// Calls that the lanes carry in an hour.
    #[must_use]
    pub fn hourly_capacity(&self) -> f64 {
        f64::from(self.lanes()) * 3600.0 / self.latency_mean.as_secs_f64()
    }
}

fn of_every_stack<S: Serializer>(stages: &PerStage<StageScenario>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(StageSet::of_every_stack().iter().map(|stage| (stage, &stages[stage])))
}

/// A stretch of time, from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// When it begins.
    pub from: Duration,
    /// For how long it lasts.
    pub lasts: Duration,
}

impl Window {
    /// When it is over.
    #[must_use]
    pub fn to(self) -> Duration {
        self.from + self.lasts
    }

    /// Reads `score:6h@day3`: which stage, for how long (`m`, `h` or `d`), from which day on, the first
    /// being day 1; `@day3.5` is noon of the third.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<(StageName, Self), WindowError> {
        let refused = || WindowError(text.to_owned());
        let (stage, rest) = text.split_once(':').ok_or_else(refused)?;
        let (lasts, day) = rest.split_once("@day").ok_or_else(refused)?;
        let stage = stage.parse().map_err(|_| refused())?;
        let number = lasts.get(..lasts.len().saturating_sub(1)).and_then(positive).ok_or_else(refused)?;
        let unit = match lasts.chars().last() {
            Some('m') => Duration::from_mins(1),
            Some('h') => Duration::from_hours(1),
            Some('d') => DAY,
            _ => return Err(refused()),
        };
        let day = positive(day).filter(|day| *day >= 1.0).ok_or_else(refused)?;
        Ok((stage, Self { from: DAY.mul_f64(day - 1.0), lasts: unit.mul_f64(number) }))
    }
}

/// A number above 0, and below what would overflow.
fn positive(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0 && *number < 100_000.0)
}

/// A stretch of time that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowError(String);

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no stretch of time: write it as score:6h@day3 or email:90m@day3.5", self.0)
    }
}

impl std::error::Error for WindowError {}

#[cfg(test)]
mod tests;
