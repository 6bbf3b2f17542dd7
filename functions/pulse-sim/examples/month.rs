//! Prints how long a month of many customers takes to simulate, and how much memory, for each number of customers given:
//! `cargo run --release -p pulse-sim --example month 20000 60000 200000 600000`
//!
//! A month is the one of `pulse simulate --customers N --spread evening`, with as many lanes for each customer as 8 and 9 are
//! for 600,000.

use std::{
    env, fs,
    io::{self, Write as _},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use mimalloc::MiMalloc;
use pulse_core::stable_hash::stable_hash;
use pulse_sim::month::{Scenario, Spread, StageScenario, run};

/// Lanes for scoring and email that carry 600,000 customers due in the evenings of a month.
const LANES: (u32, u32) = (8, 9);
const CUSTOMERS: u64 = 600_000;

/// As `pulse` has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> io::Result<ExitCode> {
    let sizes: Vec<String> = env::args().skip(1).collect();
    if let [size] = &sizes[..] {
        return one(size.parse().map_err(io::Error::other)?);
    }
    // Each in a process of its own, whose memory is its own.
    for size in &sizes {
        let status = Command::new(env::current_exe()?).arg(size).status()?;
        if !status.success() {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::disallowed_methods, reason = "it is about the time that passes for whoever waits")]
fn one(customers: u32) -> io::Result<ExitCode> {
    let lanes =
        |of: u32| u32::try_from((u64::from(of) * u64::from(customers)).div_ceil(CUSTOMERS)).unwrap_or(of).max(1);
    let score = StageScenario::of_lanes(lanes(LANES.0), Duration::from_millis(2_400));
    let email = StageScenario::of_lanes(lanes(LANES.1), Duration::from_millis(3_300));
    let scenario = Scenario {
        customers,
        days: 30,
        starts: "2026-11-01T00:00:00Z".parse().map_err(io::Error::other)?,
        seed: 1,
        spread: Spread::Evening,
        window: Duration::from_mins(1),
        api: false,
        capacity: None,
        stages: StageScenario::of_stages(score, email),
    };
    let began = Instant::now();
    let report = run(&scenario, &mut |_| {});
    let took = began.elapsed().as_secs_f64();
    writeln!(
        io::stdout(),
        "{customers:>10} customers {:>10} mails {took:>8.1} s {:>6.1} us/mail {:>6} MB at most, report {:016x}",
        report.proof.accepted,
        took * 1e6 / report.proof.accepted.max(1) as f64,
        peak_memory_mb().map_or("?".to_owned(), |mb| mb.to_string()),
        stable_hash("report", &format!("{report:?}")),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The most that this process has held so far (Linux's proc(5), `VmHWM`).
fn peak_memory_mb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}
