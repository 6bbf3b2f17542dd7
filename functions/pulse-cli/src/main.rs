//! The `pulse` command.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use pulse_cli::{Cli, explained, run};

/// A simulated month makes and drops small things by the billion: with this it takes a quarter less time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => run(cli),
        Err(error) => {
            explained(error, &std::env::args_os().map(|word| word.display().to_string()).collect::<Vec<_>>()).exit()
        }
    }
}
