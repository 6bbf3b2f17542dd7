//! `pulse local` and the commands beside it, as a newcomer runs them: the program itself, on the emulator, with the
//! shipped roster's first customers and their real schedules.

mod interruptions;
mod localstack;
mod newcomer;
mod simulate;

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use pulse_tests::emulator::{program, workspace};

/// One `pulse local` at a time: `pulse --local` means the one that runs.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The program.
fn pulse() -> Command {
    let mut command = Command::new(program("local", "pulse"));
    command.current_dir(workspace().root()).stdin(Stdio::null()).env_remove("AWS_ENDPOINT_URL");
    // What else runs on this machine is none of the tests' business.
    command.env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"));
    command
}

/// A started program, which doesn't outlive its test, be that failed.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program, running Pulse with functions that `cargo test` has built.
fn pulse_local() -> Command {
    let mut command = pulse();
    let functions = program("local", "score");
    command.args(["local", "--functions"]).arg(functions.parent().unwrap());
    command
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

/// Processes that have this text among their arguments.
fn processes_with(text: &str) -> Vec<String> {
    let listing = Command::new("ps").args(["-eww", "-o", "pid=,args="]).output().unwrap();
    let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
    listing.lines().filter(|line| line.contains(text) && !line.contains("ps -eww")).map(str::to_owned).collect()
}

fn in_checkout(path: &str) -> PathBuf {
    workspace().root().join(path)
}
