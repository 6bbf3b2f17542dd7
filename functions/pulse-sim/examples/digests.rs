//! Prints digests of what happens in 200 seeds and in a month of 20,000 customers, as `digests.txt` has them:
//! `cargo run --release -p pulse-sim --example digests | diff functions/pulse-sim/digests.txt -`

use std::io::{self, Write as _};

use pulse_sim::digests;

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for line in digests::of_seeds(200) {
        writeln!(output, "{line}")?;
    }
    writeln!(output, "{}", digests::of_month())
}
