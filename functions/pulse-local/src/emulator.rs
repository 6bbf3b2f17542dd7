//! The local AWS emulator as a process, and everything that must end with it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use pulse_aws::sdk;
use tempfile::TempDir;

use crate::install::Installation;
use pulse_aws::sdk::reason;

const BETWEEN_LOOKS: Duration = Duration::from_millis(25);
/// At least a minute. A cold start on a busy machine stays well below that.
const LOOKS: usize = 2400;
/// A free port can be taken by somebody else between its choice and the emulator's bind.
const ATTEMPTS_AT_A_FREE_PORT: usize = 3;
/// What a program needs from its surroundings. All else stays out, as the emulator hands its environment on
/// to the functions: proxies, credentials and profiles of the person at the keyboard.
const INHERITED: [&str; 5] = ["PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH"];

/// How to start an emulator.
#[derive(Clone, Debug, Default)]
pub struct EmulatorOptions {
    /// The port on 127.0.0.1. None takes a free one.
    pub port: Option<u16>,
    /// Whether IAM policies are enforced. Then only test/test, the root credentials, may do everything.
    pub enforce_iam: bool,
    /// Where the emulator's log goes. None keeps it with the emulator's state, which goes when the emulator does.
    pub log: Option<PathBuf>,
}

/// A running emulator. It ends, with every function process that it started, when this is dropped, and also
/// when the process that holds this ends in any other way, SIGKILL included.
#[derive(Debug)]
pub struct Emulator {
    endpoint: String,
    own: Option<OwnProcess>,
}

/// The process of an emulator that was started here.
#[derive(Debug)]
struct OwnProcess {
    warden: Child,
    log: PathBuf,
    state: TempDir,
}

impl Emulator {
    /// Starts an emulator and waits until it answers.
    ///
    /// # Errors
    /// When the port is taken, or the emulator does not come up.
    pub fn start(installation: &Installation, options: &EmulatorOptions) -> Result<Self> {
        if let Some(port) = options.port {
            refuse_a_taken_port(port)?;
            return Self::start_on(installation, options, port);
        }
        let mut outcome = Self::start_on(installation, options, free_port()?);
        for _ in 1..ATTEMPTS_AT_A_FREE_PORT {
            if outcome.is_ok() {
                break;
            }
            outcome = Self::start_on(installation, options, free_port()?);
        }
        outcome
    }

    /// Takes an emulator that runs already, `LocalStack` or another: once it answers for `CloudFormation`. It is
    /// not ended with this.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn attach(url: &str) -> Result<Self> {
        let client = aws_sdk_cloudformation::Client::new(&sdk::for_emulator(url));
        if let Err(error) = client.describe_stacks().send().await {
            bail!(
                "The emulator at {url}, which AWS_ENDPOINT_URL names, does not answer for CloudFormation ({}): start it, or unset AWS_ENDPOINT_URL to use the one that Pulse brings along.",
                reason(&error)
            );
        }
        Ok(Self { endpoint: url.trim_end_matches('/').to_owned(), own: None })
    }

    /// The URL that AWS clients are to use.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The emulator's log, where it was started here.
    #[must_use]
    pub fn log_path(&self) -> Option<&Path> {
        self.own.as_ref().map(|own| own.log.as_path())
    }

    /// Ends the emulator and every function process that it started. The same as dropping it.
    pub fn stop(self) {
        drop(self);
    }

    fn start_on(installation: &Installation, options: &EmulatorOptions, port: u16) -> Result<Self> {
        let mut own = OwnProcess::spawn(installation, options, port)?;
        own.wait_until_ready(port)?;
        Ok(Self { endpoint: format!("http://127.0.0.1:{port}"), own: Some(own) })
    }
}

impl OwnProcess {
    fn spawn(installation: &Installation, options: &EmulatorOptions, port: u16) -> Result<Self> {
        let state = tempfile::Builder::new()
            .prefix("pulse-emulator-")
            .tempdir()
            .context("A temporary folder for the emulator's state can't be made.")?;
        let log = options.log.clone().unwrap_or_else(|| state.path().join("emulator.log"));
        let mut command = installation.launch();
        set_environment(&mut command, port, options.enforce_iam, state.path())?;
        let output = create_log(&log)?;
        let warden = command
            .arg(state.path())
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C at the terminal is for `pulse`, which ends the emulator when it has no more use for it.
            .process_group(0)
            .spawn()
            .context("The local emulator could not be started.")?;
        Ok(Self { warden, log, state })
    }

    fn wait_until_ready(&mut self, port: u16) -> Result<()> {
        for _ in 0..LOOKS {
            if self.warden.try_wait()?.is_some() {
                bail!("The local emulator ended while it started{}", self.last_words());
            }
            if answers_health(port).unwrap_or(false) {
                return Ok(());
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        bail!("The local emulator started but does not answer on port {port}{}", self.last_words())
    }

    /// The end of a sentence that quotes the last line of the log.
    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        match log.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
            Some(line) => format!(". Its log ends with: {line}"),
            None => ", and its log is empty.".to_owned(),
        }
    }
}

impl Drop for OwnProcess {
    fn drop(&mut self) {
        // The end of its input tells the launcher to kill all that it started, and then to go.
        drop(self.warden.stdin.take());
        if let Err(error) = self.warden.wait() {
            tracing::warn!(%error, state = %self.state.path().display(), "the local emulator could not be waited for");
        }
    }
}

fn set_environment(command: &mut Command, port: u16, enforce_iam: bool, state: &Path) -> Result<()> {
    command.env_clear();
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    for (variable, folder) in [("TMPDIR", "tmp"), ("STATE_DIR", "state"), ("S3_DATA_DIR", "s3")] {
        let path = state.join(folder);
        fs::create_dir(&path).with_context(|| format!("{} can't be made.", path.display()))?;
        command.env(variable, path);
    }
    command
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        // Without it the functions that the emulator starts would call AWS itself.
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .env("AUTH", enforce_iam.to_string())
        // These listen on fixed ports, which two emulators side by side would fight over.
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        .env("TZ", "UTC")
        .env("PYTHONUNBUFFERED", "1");
    Ok(())
}

fn create_log(path: &Path) -> Result<File> {
    let create = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        File::create(path)
    };
    create().with_context(|| format!("The emulator's log {} can't be written.", path.display()))
}

/// Says in time that an emulator could not start on a port.
///
/// # Errors
/// When another program has the port, or this one may not.
pub fn refuse_a_taken_port(port: u16) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!("Port {port} is taken by another program: end that one, or choose another port with --port.")
        }
        Err(error) => {
            bail!("Port {port} can't be used ({error}): choose another one with --port.")
        }
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("This machine has no free port.")?;
    Ok(listener.local_addr()?.port())
}

/// Asks the emulator for its health with plain HTTP: clients of AWS have no call for it.
fn answers_health(port: u16) -> std::io::Result<bool> {
    let patience = Duration::from_secs(2);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(b"GET /_ministack/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(answer == *b"HTTP/1.1 200")
}
