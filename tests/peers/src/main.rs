//! Measures the score function beside the same stage in Python and in Node: processor time, memory, start and package, in runs
//! that take turns. `tests/peers/run` builds all of them and calls this.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use pulse_peers::{
    function::Function,
    measure::{self, Load, Measured},
    table::{Figures, table},
};

/// Measures the score function beside its peers.
#[derive(Parser)]
struct Arguments {
    /// The folder that holds `pulse`, `hello`, `python` and `node`, and a zip file of each.
    folder: PathBuf,
    /// The interpreter of Python, with awslambdaric.
    #[arg(long)]
    python: PathBuf,
    /// Node.
    #[arg(long)]
    node: PathBuf,
    /// How often each function is run.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How many batches of 240 are counted in each run.
    #[arg(long, default_value_t = 10)]
    batches: usize,
    /// How many batches come before those.
    #[arg(long, default_value_t = 3)]
    warm_up: usize,
    /// How often each function is started in a round, only to see how long that takes.
    #[arg(long, default_value_t = 5)]
    starts: usize,
    /// Run this one alone, as to profile it: `pulse`, `python`, `node` or `hello`.
    #[arg(long)]
    only: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let load = Load { warm_up: arguments.warm_up, counted: arguments.batches };
    let wanted = |function: &Function| arguments.only.as_ref().is_none_or(|only| function.folder.ends_with(only));
    let functions: Vec<_> = functions(&arguments).into_iter().filter(wanted).collect();
    let log = arguments.folder.join("function.log");
    let mut all: Vec<Figures> = functions.iter().map(|of| figures(of, &arguments.folder)).collect::<Result<_>>()?;
    for round in 1..=arguments.rounds {
        for (function, figures) in functions.iter().zip(&mut all) {
            for _ in 0..arguments.starts {
                figures.starts.push(measure::start(function, &log).await?);
            }
            if works(function) {
                let run = measure::work(function, load, &log).await?;
                eprintln!("Round {round}: {} takes {:.2} ms a message.", function.name, millis(&run));
                figures.starts.push(run.start);
                figures.runs.push(run);
            }
        }
    }
    let calls = same_calls(&all)?;
    println!("{}\n\n{calls}", table(&all));
    Ok(())
}

/// What is compared; hello, for its start alone.
fn functions(Arguments { folder, python, node, .. }: &Arguments) -> [Function; 4] {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let function = |name, of: &str, command: &[&Path]| {
        let folder = absolute(&folder.join(of));
        Function { name, command: command.iter().map(|part| folder.join(part)).collect(), folder }
    };
    let bootstrap = Path::new("bootstrap");
    let mut python_function = function("Python", "python", &[&absolute(python)]);
    python_function.command.extend(["-m", "awslambdaric", "score.handler"].map(PathBuf::from));
    [
        function("Pulse", "pulse", &[bootstrap]),
        python_function,
        function("Node", "node", &[&absolute(node), Path::new("runtime.mjs")]),
        function("hello, in Rust", "hello", &[bootstrap]),
    ]
}

fn works(function: &Function) -> bool {
    !function.folder.ends_with("hello")
}

fn figures(function: &Function, folder: &Path) -> Result<Figures> {
    let zip = folder.join(function.folder.file_name().unwrap_or_default()).with_extension("zip");
    let package = fs::metadata(&zip).with_context(|| format!("{} is missing", zip.display()))?.len();
    Ok(Figures { name: function.name, runs: Vec::new(), starts: Vec::new(), package })
}

fn millis(run: &Measured) -> f64 {
    Duration::as_secs_f64(&run.per_message) * 1e3
}

/// What each run called, which is the same of all.
fn same_calls(all: &[Figures]) -> Result<String> {
    let of_runs = || all.iter().flat_map(|of| of.runs.iter().map(move |run| (of.name, &run.calls)));
    let Some((_, first)) = of_runs().next() else { return Ok(String::new()) };
    for (name, calls) in of_runs() {
        ensure!(calls == first, "{name} makes other calls: {calls:?} instead of {first:?}");
    }
    let counts: Vec<_> = first.iter().map(|(call, count)| format!("{count} {call}")).collect();
    Ok(format!("Calls of each run, the same of all three: {}.", counts.join("; ")))
}
