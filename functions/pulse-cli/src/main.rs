//! The `pulse` command.

use std::process::ExitCode;

use clap::Parser;
use pulse_cli::{Cli, run};

fn main() -> ExitCode {
    run(Cli::parse())
}
