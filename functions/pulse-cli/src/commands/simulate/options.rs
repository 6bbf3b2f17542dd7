use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use pulse_core::{bill::TableCapacity, control::Actor, entry::Plan, stage::StageName};
use pulse_sim::month::{Scenario, Spread, StageScenario, Window, WindowError};

use crate::exit::Usage;

/// What is said of one month of many customers, and is left to chance with faults.
const OF_A_MONTH: [&str; 12] = [
    "starts",
    "score_lanes",
    "email_lanes",
    "score_latency",
    "email_latency",
    "outage",
    "pause",
    "spread",
    "window",
    "table_capacity",
    "api",
    "report",
];

/// What `pulse simulate` takes.
#[derive(Debug, Args)]
#[command(after_help = "A month: pulse simulate --customers 600000 --outage score:6h@day3 --report month.html\n\
                        Months with faults: pulse simulate --seeds 1000\n\
                        One of them again: pulse simulate --seed 42 --customers 3 --days 35 --faults 1,4\n\
                        A game day: pulse simulate --console --open\n\n\
                        A game day of 20,000 customers takes 0.1 GB of memory and some seconds for a virtual day; one of 600,000 \
                        takes 2.2 GB, and a minute or two before its page is there.")]
pub struct Options {
    /// Customers [default: 600000; 200 with faults; 20000 with --console].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    customers: Option<u32>,

    /// Days [default: 30; 35 with faults].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=400))]
    days: Option<u32>,

    /// The first moment.
    #[arg(long, value_name = "MOMENT", default_value = "2026-11-01T00:00:00Z")]
    starts: Timestamp,

    /// Decides what is left to chance. With --faults: the seed that is lived through again.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Lives through this many months of random faults, and checks what must always hold.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    #[arg(conflicts_with = "faults", conflicts_with_all = OF_A_MONTH)]
    seeds: Option<u64>,

    /// Of a seed's faults, only these, by number; or "all", or "none".
    #[arg(long, value_name = "NUMBERS", requires = "seed", conflicts_with_all = OF_A_MONTH)]
    faults: Option<String>,

    /// What a month of faults has beside customers and operators: campaigns, other systems that are told, or both.
    #[arg(long, value_name = "NAMES", value_enum, value_delimiter = ',', conflicts_with_all = OF_A_MONTH)]
    with: Vec<Beside>,

    /// Scoring lanes: calls in flight at once.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=80_000))]
    score_lanes: u32,

    /// Email lanes.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=80_000))]
    email_lanes: u32,

    /// Mean time of a scoring call, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "2.4", value_parser = latency, allow_hyphen_values = true)]
    score_latency: Duration,

    /// Mean time of a send, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "3.3", value_parser = latency, allow_hyphen_values = true)]
    email_latency: Duration,

    /// A provider's outage, as in score:6h@day3. Can be given several times.
    #[arg(long, value_name = "STAGE:LENGTH@DAY", value_parser = window)]
    outage: Vec<(StageName, Window)>,

    /// A stage's pause, as in email:2d@day10. Can be given several times.
    #[arg(long, value_name = "STAGE:LENGTH@DAY", value_parser = window)]
    pause: Vec<(StageName, Window)>,

    /// When in the day customers are due.
    #[arg(long, value_enum, default_value_t = SpreadOption::BySignup)]
    spread: SpreadOption,

    /// Seconds for which a batch is waited for: `MaximumBatchingWindowInSeconds`.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=300))]
    window: u64,

    /// How the table's capacity is charged, as the template's `TableCapacity` has it.
    #[arg(long, value_enum, default_value_t = CapacityMode::OnDemand)]
    table_capacity: CapacityMode,

    /// Prices the API for unsubscribing by one click, too.
    #[arg(long)]
    api: bool,

    /// Writes an HTML report with plots to this file.
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,

    /// Serves the console's pages over the month, on this machine alone, with time to let pass and faults to throw: a game day.
    #[arg(long, conflicts_with_all = ["seeds", "faults", "with", "report", "api"])]
    pub(super) console: bool,

    /// The console's port, or 0 for any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0, requires = "console")]
    pub(super) port: u16,

    /// Opens the console in the browser.
    #[arg(long, requires = "console")]
    pub(super) open: bool,

    /// Who is said to give the orders of the game.
    #[arg(long, value_name = "NAME", env = "USER")]
    pub(super) by: Option<Actor>,

    /// What is done in the game by itself: a record that the page of another gave.
    #[arg(long, value_name = "FILE", requires = "console")]
    pub(super) repeat: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CapacityMode {
    /// By what is read and written.
    OnDemand,
    /// By the capacity that it has, of which the first units are free. More of it follows a backlog within some minutes.
    Provisioned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SpreadOption {
    /// As they signed up: from six in the morning to midnight, most in the afternoon.
    BySignup,
    /// All between six and ten in the evening.
    Evening,
}

/// What a month of faults may have beside customers and operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Beside {
    /// Campaigns that operators start, hold and cancel.
    Campaigns,
    /// Other systems that are told of what happens, and have faults of their own.
    Endpoints,
}

/// Which of a seed's faults are lived through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeptFaults {
    /// All.
    All,
    /// Those with these numbers.
    Only(Vec<usize>),
}

impl Options {
    /// Whether months of faults are wanted, not one of many customers.
    pub(super) fn is_about_seeds(&self) -> bool {
        self.seeds.is_some() || self.faults.is_some() || !self.with.is_empty()
    }

    /// The month that is wanted.
    ///
    /// # Errors
    /// When an outage or a pause begins after its end.
    pub(super) fn scenario(&self) -> Result<Scenario, Usage> {
        let days = self.days.unwrap_or(30);
        for (what, windows) in [("--outage", &self.outage), ("--pause", &self.pause)] {
            let ends = Duration::from_hours(24) * days;
            if let Some((stage, _)) = windows.iter().find(|(stage, _)| !Plan::MONTHLY.has(*stage)) {
                return Err(Usage(format!(
                    "{what} {stage}:.. does nothing: a month has no part for the {stage} stage."
                )));
            }
            if let Some((stage, window)) = windows.iter().find(|(_, window)| window.from >= ends) {
                let day = window.from.as_secs() / 86_400 + 1;
                return Err(Usage(format!(
                    "{what} {stage}:..@day{day} begins after the month's {days} days: name an earlier day, or simulate \
                     more of them with --days."
                )));
            }
        }
        let of = |windows: &[(StageName, Window)], stage| {
            windows.iter().filter(|(of, _)| *of == stage).map(|(_, window)| *window).collect()
        };
        let stage = |name, lanes, latency| StageScenario {
            outages: of(&self.outage, name),
            pauses: of(&self.pause, name),
            ..StageScenario::of_lanes(lanes, latency)
        };
        Ok(Scenario {
            customers: self.customers.unwrap_or(if self.console { 20_000 } else { 600_000 }),
            days,
            starts: self.starts,
            seed: self.seed.unwrap_or(1),
            spread: match self.spread {
                SpreadOption::BySignup => Spread::BySignup,
                SpreadOption::Evening => Spread::Evening,
            },
            window: Duration::from_secs(self.window),
            api: self.api,
            capacity: (self.table_capacity == CapacityMode::Provisioned).then_some(TableCapacity::SHIPPED),
            stages: StageScenario::of_stages(
                stage(StageName::Score, self.score_lanes, self.score_latency),
                stage(StageName::Email, self.email_lanes, self.email_latency),
            ),
        })
    }

    /// The seeds that are wanted: from which on, and how many.
    pub(super) fn seeds(&self) -> (u64, u64) {
        (self.seed.unwrap_or(0), self.seeds.unwrap_or(1))
    }

    /// Customers and days of a month of faults.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.customers.unwrap_or(200), self.days.unwrap_or(35))
    }

    /// Whether a month of faults has this, too.
    pub(super) fn with(&self, beside: Beside) -> bool {
        self.with.contains(&beside)
    }

    /// Which of the faults are wanted.
    ///
    /// # Errors
    /// When they are no list of numbers.
    pub(super) fn kept(&self) -> Result<KeptFaults, Usage> {
        match self.faults.as_deref() {
            None | Some("all") => Ok(KeptFaults::All),
            Some("none") => Ok(KeptFaults::Only(Vec::new())),
            Some(numbers) => {
                let numbers: Result<_, _> = numbers.split(',').map(|number| number.trim().parse()).collect();
                numbers.map(KeptFaults::Only).map_err(|_| {
                    let given = self.faults.as_deref().unwrap_or_default();
                    Usage(format!("--faults {given} is no list of numbers: write it as 1,4, or all, or none."))
                })
            }
        }
    }
}

fn window(text: &str) -> Result<(StageName, Window), WindowError> {
    Window::parse(text)
}

fn latency(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.001..=20.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "must be from 0.001 to 20 seconds, the client's patience".into())
}

#[cfg(test)]
mod tests;
