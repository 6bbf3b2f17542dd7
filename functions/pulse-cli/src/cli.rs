//! The command line.

use std::process::ExitCode;

use clap::{
    Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};
use pulse_aws::sdk::operator::mend_refused;
use pulse_core::customer::CustomerId;
use pulse_local::children;

use crate::{
    commands::{
        audit, console, customer, deliveries, dlq, doctor, endpoint, enroll, export, forget, lanes, local, opt_out,
        orders, pause, plan, preview, redrive, replay, resume, run, settle, simulate, status, suppressions, unenroll,
        watch, why,
    },
    exit::{Exit, Usage},
    output::{Output, with_causes},
    target::Target,
};

/// Once a month, for every customer, score and send an email.
#[derive(Debug, Parser)]
#[command(name = "pulse", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done; 1 failed; 2 usage; 3 done, but some roster rows were rejected; \
                        4 a promise broken (local --exit, simulate, audit) or something to mend (doctor); 130 interrupted.")]
pub struct Cli {
    #[command(flatten)]
    target: Target,

    /// Print JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole of Pulse on this machine: emulator, stack, stand-in providers, customers.
    Local(Box<local::Options>),
    /// Put the customers of a roster file on the roster, or bring one customer's schedule in line.
    Enroll(enroll::Options),
    /// Take customers off the roster: no schedule, no more mail.
    Unenroll(unenroll::Options),
    /// Keep that customers asked for no more mail, or for mail again. No roster overrules it.
    OptOut(opt_out::Options),
    /// Show the addresses that must not be mailed, by reason; or look one up, release it, or add one.
    Suppressions(suppressions::Options),
    /// Write down all that is known of one customer, to hand it out to them.
    Export(export::Options),
    /// Forget one customer for good, or let one who was forgotten come back.
    Forget(forget::Options),
    /// Show one customer: profile, this month's entry, history, schedule.
    Customer(customer::Options),
    /// Show where everything stands: stages and what holds them, entries by state, queues, dead letters, lanes.
    Status(status::Options),
    /// Watch stages, queues, lanes and the month's run, live in the terminal, and pause or resume a stage from there.
    Watch(watch::Options),
    /// Serve the console, a web page of all this, to this machine's browser.
    Console(console::Options),
    /// Hold a stage's messages back: nothing is lost, and it stays so until `pulse resume`.
    Pause(pause::Options),
    /// Let a stage's messages flow again, whatever held them.
    Resume(resume::Options),
    /// Start a campaign, a letter to many customers beside their monthly mails; show, hold, resume or cancel one.
    Run(Box<run::Options>),
    /// Look at what the stack stands on in its account: permissions, limits, the sender, functions. Changes nothing.
    Doctor(doctor::Options),
    /// Hold the roster against the schedules and the ledger, and repair what is amiss.
    Audit(audit::Options),
    /// List the mails in doubt, or say what became of one: without, the provider's word or a day of silence ends a doubt.
    Settle(settle::Options),
    /// Add other systems that are told of facts, show them, hold and remove them, and exchange their keys.
    Endpoint(Box<endpoint::Options>),
    /// Show what other systems aren't told yet, the longest first, or what was given up.
    Deliveries(deliveries::Options),
    /// Show what is in the dead-letter queues, by cause.
    Dlq(dlq::Options),
    /// Queue again what a stage gave up, or the scheduler couldn't deliver.
    Redrive(redrive::Options),
    /// Show what was ordered: who, why, what, when, and what has come of it; or cancel an order.
    Orders(orders::Options),
    /// Show a stage's lanes, or set how many calls its provider sees at once.
    Lanes(lanes::Options),
    /// Reckon how many lanes a roster takes, how long a backlog, and what it costs. Asks nobody.
    Plan(plan::Options),
    /// Show who is not done in a run, and why; or one customer's story and what comes next.
    Why(why::Options),
    /// Show what would be done now for one entry, and do it.
    Replay(replay::Options),
    /// Write the exact mail that a customer gets, to look at.
    Preview(preview::Options),
    /// Simulate a month: of many customers, to see what it takes, or of many faults, to see that nobody is lost.
    Simulate(Box<simulate::Options>),
}

/// What is wrong with a command line. An id may begin with `-`, and then it is taken for options: clap's own advice names
/// the first letter alone.
#[must_use]
pub fn explained(mut error: clap::Error, line: &[String]) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(letter)) = error.get(ContextKind::InvalidArg)
        && let Some(whole) = line.iter().find(|word| word.starts_with(letter.as_str()))
        && CustomerId::parse(whole).is_ok()
    {
        let advice = format!("an id that begins with - comes last, after --, as in `-- {whole}`");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![advice.into()]));
    }
    error
}

/// Runs a command line to its end.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: The asynchronous runtime can't be started: {error}.");
            return Exit::Failed.into();
        }
    };
    let output = Output::new(cli.json);
    let exit = runtime.block_on(async {
        match dispatch(cli, output).await {
            Ok(exit) => exit,
            Err(error) => {
                let exit = if error.is::<Usage>() { Exit::Usage } else { Exit::Failed };
                let mend = mend_refused(&with_causes(&error)).await;
                output.error(&mend.map_or(error, anyhow::Error::msg));
                exit
            }
        }
    });
    // What was interrupted may have threads that wait for cargo or pip.
    children::end_all();
    runtime.shutdown_background();
    exit.into()
}

async fn dispatch(cli: Cli, output: Output) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Local(options) => local::run(*options, output).await,
        Command::Enroll(options) => enroll::run(options, &cli.target, output).await,
        Command::Unenroll(options) => unenroll::run(options, &cli.target, output).await,
        Command::OptOut(options) => opt_out::run(options, &cli.target, output).await,
        Command::Suppressions(options) => suppressions::run(options, &cli.target, output).await,
        Command::Export(options) => export::run(options, &cli.target, output).await,
        Command::Forget(options) => forget::run(options, &cli.target, output).await,
        Command::Customer(options) => customer::run(options, &cli.target, output).await,
        Command::Status(options) => Box::pin(status::run(options, &cli.target, output)).await,
        Command::Watch(options) => watch::run(options, &cli.target, output).await,
        Command::Console(options) => console::run(options, &cli.target, output).await,
        Command::Pause(options) => pause::run(options, &cli.target, output).await,
        Command::Resume(options) => resume::run(options, &cli.target, output).await,
        Command::Run(options) => run::run(*options, &cli.target, output).await,
        Command::Doctor(options) => doctor::run(options, &cli.target, output).await,
        Command::Audit(options) => audit::run(options, &cli.target, output).await,
        Command::Settle(options) => settle::run(options, &cli.target, output).await,
        Command::Endpoint(options) => endpoint::run(*options, &cli.target, output).await,
        Command::Deliveries(options) => deliveries::run(options, &cli.target, output).await,
        Command::Dlq(options) => dlq::run(options, &cli.target, output).await,
        Command::Redrive(options) => redrive::run(options, &cli.target, output).await,
        Command::Orders(options) => orders::run(options, &cli.target, output).await,
        Command::Lanes(options) => lanes::run(options, &cli.target, output).await,
        Command::Plan(options) => plan::run(&options, output),
        Command::Why(options) => why::run(options, &cli.target, output).await,
        Command::Replay(options) => replay::run(options, &cli.target, output).await,
        Command::Preview(options) => preview::run(options, &cli.target, output).await,
        Command::Simulate(options) => simulate::run(*options, output).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_id_that_begins_with_a_dash_is_taken_after_two_and_otherwise_told_so() {
        let line = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for command in ["customer", "unenroll", "why", "enroll", "preview", "export"] {
            let said = |words: &str| {
                let line = line(words);
                Cli::try_parse_from(&line).map_err(|error| explained(error, &line).to_string())
            };
            let refused = said(&format!("pulse {command} -abc")).unwrap_err();
            assert!(refused.contains("as in `-- -abc`"), "{refused}");
            assert!(said(&format!("pulse {command} -- -abc")).is_ok(), "{command}");
        }
    }
}
