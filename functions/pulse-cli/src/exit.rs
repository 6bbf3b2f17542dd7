//! What `pulse` tells the shell.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: all was done.
    Done,
    /// 1: it couldn't be done; the reason is on standard error.
    Failed,
    /// 2: a command line that can't be read, as clap has it, or that asks for what can't be.
    Usage,
    /// 3: done, but some rows of the roster were rejected, or left out by `local --exit`.
    SomeRejected,
    /// 4: `local --exit`, `simulate` or `audit` found a promise broken, or `doctor` something to mend.
    PromiseBroken,
    /// 130: ended by Ctrl-C, as shells count it.
    Interrupted,
}

/// What a command line asks for can't be, whatever is there. Nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::SomeRejected => 3,
            Exit::PromiseBroken => 4,
            Exit::Interrupted => 130,
        })
    }
}
