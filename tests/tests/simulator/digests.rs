//! What happens in seeds and in a month is what was recorded: a change that is to change nothing changes none.

use pulse_sim::digests;

/// Of 200 that are recorded; `cargo run --release -p pulse-sim --example digests` makes all.
const SEEDS: u64 = 40;

const AGAIN: &str = "If the change is meant, record it anew, and say in the commit which seeds differ and why: \
                     cargo run --release -p pulse-sim --example digests > functions/pulse-sim/digests.txt";

#[test]
fn the_first_seeds_and_a_month_of_20_000_customers_go_as_recorded() {
    let mut now = digests::of_seeds(SEEDS);
    now.push(digests::of_month());
    let recorded: Vec<&str> = digests::RECORDED.lines().collect();
    let differing: Vec<_> = now.iter().filter(|line| !recorded.contains(&line.as_str())).collect();
    assert!(differing.is_empty(), "{differing:#?}\n{AGAIN}");
}
