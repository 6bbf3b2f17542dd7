//! Prints how long an audit takes, for rosters of several sizes, and how much memory: `cargo run --release -p pulse-sim
//! --example audit`. Virtual time passes, and the code is what is shipped.

use std::{
    fs,
    io::{self, Write as _},
    time::Duration,
};

use pulse_core::audit::AuditDepth;
use pulse_sim::audits::{AuditTrial, Damage};

/// As the daily audit has it.
const DEPTH: AuditDepth = AuditDepth::Slice { number: 0, of: 28 };

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(
        output,
        "customers  ms/page     pages    looks  throttled  invocations  minutes  amiss  left amiss  peak MB"
    )?;
    for customers in [600_000, 10_000_000] {
        for page in [60, 150] {
            let damage = Damage { no_schedule: 1_000, no_entry: 1_000 };
            let page = Duration::from_millis(page);
            let trial = AuditTrial { customers, page, depth: DEPTH, damage, death: 0.0, seed: 0 };
            let tried = trial.run(|ports| ports);
            let sum = |damage: Damage| damage.no_schedule + damage.no_entry;
            writeln!(
                output,
                "{customers:>9}  {:>7}  {:>8} {:>8}  {:>9}  {:>11}  {:>7.1}  {:>5}  {:>10}  {:>7}",
                page.as_millis(),
                tried.pages,
                tried.looks,
                tried.throttled,
                tried.invocations,
                tried.took.as_secs_f64() / 60.0,
                sum(damage),
                sum(tried.left),
                peak_memory_mb().map_or("?".to_owned(), |mb| mb.to_string()),
            )?;
        }
    }
    Ok(())
}

/// The most that this process has held so far (Linux's proc(5), `VmHWM`).
fn peak_memory_mb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}
