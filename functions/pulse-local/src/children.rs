//! Programs that `pulse` runs for a while (cargo, pip), and that must not go on when it is interrupted.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

/// Process groups that are running, by their leaders' ids.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A child that leads a process group of its own. It is to be waited for before this is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        lock().remove(&self.child.id());
    }
}

/// Starts a program.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Running> {
    let child = command.process_group(0).spawn()?;
    lock().insert(child.id());
    Ok(Running { child })
}

/// Runs a program to its end.
pub(crate) fn output(command: &mut Command) -> io::Result<Output> {
    let mut running = spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (stdout, stderr) = (running.child.stdout.take(), running.child.stderr.take());
    let (stdout, stderr) = std::thread::scope(|scope| {
        let stderr = scope.spawn(|| read(stderr));
        (read(stdout), stderr.join().unwrap_or_default())
    });
    Ok(Output { status: running.child.wait()?, stdout, stderr })
}

/// Ends whatever is running still, with all that it started.
pub fn end_all() {
    for group in std::mem::take(&mut *lock()) {
        // It may have ended by itself since.
        let _ = Command::new("kill").args(["-TERM", "--", &format!("-{group}")]).stderr(Stdio::null()).status();
    }
}

fn read(pipe: Option<impl io::Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What was read so far is worth more than the error.
        let _ = pipe.read_to_end(&mut bytes);
    }
    bytes
}

fn lock() -> std::sync::MutexGuard<'static, BTreeSet<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_runs_still_is_ended_with_what_it_started() {
        let mut running = spawn(Command::new("sh").args(["-c", "sleep 600 & sleep 600"])).unwrap();
        end_all();
        assert!(!running.child.wait().unwrap().success());
    }

    #[test]
    fn what_a_program_says_is_read_from_both_sides() {
        let output = output(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(output.status.code(), Some(3));
    }
}
