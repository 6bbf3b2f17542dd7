//! How busy a day's backlog keeps the lanes, where the rest of their time goes, and what a month takes of Lambda's GB-seconds: as
//! the template ships it, and with other batches and calls in flight.
//!
//! `cargo run --release -p pulse-sim --example lanes`

use std::{
    io::{self, Write as _},
    time::Duration,
};

use jiff::Timestamp;
use pulse_sim::{
    backlog::{STAGES, backlog, quiet_day},
    world::WorldSettings,
};

/// Customers who are due in a day, of a roster of 600,000.
const DUE: u32 = 20_000;

/// Invocations at once, calls in flight of each, messages of a full batch, seconds for which a function may run.
const WAYS: [(u32, usize, usize, u64); 8] = [
    (5, 4, 80, 120),
    (5, 4, 160, 220),
    (5, 4, 240, 300),
    (5, 4, 320, 400),
    (2, 10, 240, 300),
    (2, 10, 700, 300),
    (4, 5, 240, 300),
    (10, 2, 100, 300),
];

fn settings((invocations, in_flight, batch, timeout): (u32, usize, usize, u64)) -> WorldSettings {
    let starts: Timestamp = "2026-11-11T00:00:00Z".parse().expect("a moment");
    let mut settings = WorldSettings::shipped(starts, 1);
    for stage in STAGES {
        settings.stages[stage].maximum_concurrency = invocations;
        settings.stages[stage].worker.in_flight = in_flight;
        settings.stages[stage].batch_size = batch;
        settings.stages[stage].function_timeout = Duration::from_secs(timeout);
    }
    settings
}

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "lanes busy under a day's backlog of {DUE}, 20 lanes; a month is 30 quiet days")?;
    for way in WAYS {
        let [score, email] = backlog(DUE, settings(way)).map(|report| (report.busy * 100.0, report.throughput * 100.0));
        let month = quiet_day(DUE, settings(way)).map(|day| (day.invocations * 30, day.gb_seconds * 30.0));
        let gb_seconds: f64 = month.iter().map(|(_, gb_seconds)| gb_seconds).sum();
        let invocations: u64 = month.iter().map(|(invocations, _)| invocations).sum();
        let (invocations_at_once, in_flight, batch, timeout) = way;
        writeln!(
            output,
            "{invocations_at_once:>2} x {in_flight:>2}, batch {batch:>3}, {timeout:>3} s: score {:.2} % busy ({:.2} % carried), email {:.2} % \
             ({:.2} %); a month {gb_seconds:>7.0} GB-s, {invocations} invocations",
            score.0, score.1, email.0, email.1
        )?;
    }
    writeln!(output, "where the rest goes, 5 x 4:")?;
    for (batch, timeout) in [(80, 120), (240, 300)] {
        let plain = settings((5, 4, batch, timeout));
        let mut even = plain.clone();
        for stage in STAGES {
            even.stages[stage].latency.sigma = 0.0;
        }
        let unhindered = WorldSettings { call: Duration::ZERO, ..plain.clone() };
        for (what, settings) in
            [("as it is", plain), ("latencies all the same", even), ("AWS takes no time", unhindered)]
        {
            let [score, email] = backlog(DUE, settings).map(|report| (1.0 - report.busy) * 100.0);
            writeln!(output, "  batch {batch:>3}, {what:<22}: score loses {score:.2} points, email {email:.2}")?;
        }
    }
    Ok(())
}
