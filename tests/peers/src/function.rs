//! The functions that are compared, each as Lambda runs it: a program that polls the Runtime API.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::process::{Child, Command};

use crate::ledger::TABLE;

/// What the kernel counts processor time in: hundredths of a second (proc(5), `/proc/pid/stat`).
const TICK: Duration = Duration::from_millis(10);

/// A function.
pub struct Function {
    /// What it is called.
    pub name: &'static str,
    /// The program, and what it is given.
    pub command: Vec<PathBuf>,
    /// Where its code is.
    pub folder: PathBuf,
}

impl Function {
    /// Starts it, with the variables of template.yaml, and no others but those that Lambda sets. What it writes to its error
    /// output is kept in `log`.
    ///
    /// # Errors
    /// When the program can't be run.
    pub fn start(&self, stand_in: SocketAddr, log: &Path) -> Result<Running> {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).current_dir(&self.folder).env_clear();
        command.envs(of_lambda(stand_in)).env("LAMBDA_TASK_ROOT", &self.folder).env("PYTHONPATH", &self.folder);
        command.envs(of_template(stand_in));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(log)?).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("{} can't be run", self.command[0].display()))?;
        let id = child.id().context("it has ended already")?;
        Ok(Running { child, proc: format!("/proc/{id}").into() })
    }
}

/// AWS Lambda Developer Guide, "Defined runtime environment variables".
fn of_lambda(stand_in: SocketAddr) -> Vec<(&'static str, String)> {
    let fixed = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_LAMBDA_FUNCTION_NAME", "pulse-score"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/pulse-score"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/10/[$LATEST]0"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ];
    let fixed = fixed.into_iter().map(|(name, value)| (name, value.to_owned()));
    let ours = [
        ("AWS_LAMBDA_RUNTIME_API", stand_in.to_string()),
        // So that all of them, in whatever language, call this machine (AWS SDKs and Tools Reference Guide, "Service-specific
        // endpoints").
        ("AWS_ENDPOINT_URL", format!("http://{stand_in}")),
    ];
    fixed.chain(ours).collect()
}

fn of_template(stand_in: SocketAddr) -> Vec<(&'static str, String)> {
    let queue = |stage: &str| format!("http://{stand_in}/123456789012/{stage}");
    let fixed = [
        ("TABLE_NAME", TABLE),
        ("STACK_NAME", "pulse"),
        ("DETAILED_METRICS", "false"),
        ("IN_FLIGHT", "4"),
        ("MAX_RECEIVE_COUNT", "5"),
        ("SCORE_TIMEOUT_SECONDS", "20"),
        ("BREAKER_WINDOW_MINUTES", "5"),
        ("BREAKER_CALLS", "20"),
        ("BREAKER_FAILING_PERCENT", "50"),
        ("BREAKER_QUIET_FAILURES", "5"),
        ("BREAKER_COOL_DOWN_SECONDS", "60"),
        ("BREAKER_PROBES", "3"),
        ("BREAKER_PATIENCE_HOURS", "48"),
        ("LOG_LEVEL", "info"),
    ];
    let fixed = fixed.into_iter().map(|(name, value)| (name, value.to_owned()));
    let ours = [
        ("SCORE_QUEUE_URL", queue("score")),
        ("EMAIL_QUEUE_URL", queue("email")),
        ("DELIVER_QUEUE_URL", queue("deliver")),
        ("SCORE_URL", format!("http://{stand_in}/scores")),
    ];
    fixed.chain(ours).collect()
}

/// A function that runs.
pub struct Running {
    /// Its process, which ends with this.
    pub child: Child,
    proc: PathBuf,
}

impl Running {
    /// Processor time of all its threads, of the program and of the kernel on its behalf.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn processor_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(self.proc.join("stat"))?;
        // The name, in parentheses, is the one field that may hold spaces. The times are the 14th and 15th field.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
        Ok(TICK * ticks)
    }

    /// The most memory that it has had resident, in KiB.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn peak_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(self.proc.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("there is no VmHWM")?;
        Ok(line.trim_end_matches("kB").trim().parse()?)
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it can't be ended.
    pub async fn end(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}
