//! Prints how long months of faults take to simulate, as `pulse simulate --seeds N --customers C` does:
//! `cargo run --release -p pulse-sim --example seeds 1000 100`

use std::{
    env,
    io::{self, Write as _},
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use mimalloc::MiMalloc;
use pulse_sim::{
    seeds::{FaultPlan, run},
    world::Production,
};

const DAYS: u32 = 35;

/// As `pulse` has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[expect(clippy::disallowed_methods, reason = "it is about the time that passes for whoever waits")]
fn main() -> io::Result<()> {
    let mut numbers = env::args().skip(1).map(|number| number.parse::<u32>().map_err(io::Error::other));
    let seeds = numbers.next().transpose()?.unwrap_or(100);
    let customers = numbers.next().transpose()?.unwrap_or(100);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let (next, broken, mails) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let numbers = std::iter::from_fn(|| Some(next.fetch_add(1, Relaxed)).filter(|n| *n < u64::from(seeds)));
                for seed in numbers {
                    let plan = FaultPlan::of_seed(seed, customers, DAYS).with_panics().with_orders();
                    let report = run(&plan, Arc::new(Production), false);
                    broken.fetch_add(u64::from(!report.violations.is_empty()), Relaxed);
                    mails.fetch_add(report.mails, Relaxed);
                }
            });
        }
    });
    let took = began.elapsed().as_secs_f64();
    writeln!(
        io::stdout(),
        "{seeds} seeds of {customers} customers: {took:.1} s on {threads} threads, {:.0} ms each; {} mails, {} broken",
        took * 1e3 * threads as f64 / f64::from(seeds.max(1)),
        mails.into_inner(),
        broken.into_inner(),
    )
}
