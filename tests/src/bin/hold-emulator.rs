//! Starts an emulator, prints its endpoint, and holds it until somebody kills this program.

use std::io::{self, Write as _};
use std::thread;

use pulse_local::emulator::EmulatorOptions;

fn main() -> io::Result<()> {
    let emulator = pulse_tests::emulator::start(&EmulatorOptions::default());
    let mut output = io::stdout();
    writeln!(output, "{}", emulator.endpoint())?;
    output.flush()?;
    loop {
        thread::park();
    }
}
