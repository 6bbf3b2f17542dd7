//! The `pulse` command.

use std::process::ExitCode;

use clap::Parser;
use pulse_cli::{Cli, explained, run};

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => run(cli),
        Err(error) => {
            explained(error, &std::env::args_os().map(|word| word.display().to_string()).collect::<Vec<_>>()).exit()
        }
    }
}
