//! What happens in seeds and in a month is what was recorded: a change that is to change nothing changes none.

use std::sync::Arc;

use pulse_core::entry::Entry;
use pulse_sim::{digests, ledger::RowForm, world::SystemUnderTest};
use pulse_tests::first_release::of_a_mixed_fleet;

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

/// Functions of release 0.1.0 and of this one, on one table.
struct MixedFleet;

impl SystemUnderTest for MixedFleet {
    fn row_form(&self) -> Option<RowForm> {
        Some(of_a_mixed_fleet)
    }
}

#[test]
fn a_fleet_of_this_release_and_of_the_one_before_does_the_same_on_one_table() {
    let recorded: Vec<&str> = digests::RECORDED.lines().collect();
    for seed in 0..20 {
        assert_eq!(digests::of_seed_by(seed, Arc::new(MixedFleet)), recorded[usize::try_from(seed).unwrap()]);
    }
}

/// A release whose functions lose that a mail is in doubt.
struct LosesDoubt;

impl SystemUnderTest for LosesDoubt {
    fn row_form(&self) -> Option<RowForm> {
        Some(|entry: &Entry| {
            let mut row = serde_json::to_value(entry).unwrap();
            row.as_object_mut().unwrap().remove("in_doubt_since");
            serde_json::from_value(row).unwrap()
        })
    }
}

#[test]
fn a_release_that_loses_what_another_wrote_is_seen() {
    let recorded: Vec<&str> = digests::RECORDED.lines().collect();
    let same =
        |seed: &u64| digests::of_seed_by(*seed, Arc::new(LosesDoubt)) == recorded[usize::try_from(*seed).unwrap()];
    assert!(!(0..20).all(|seed| same(&seed)));
}
