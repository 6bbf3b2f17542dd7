//! The Python that the emulator runs on.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// Names the Python to use, as a path or a command.
pub const PYTHON_VARIABLE: &str = "PULSE_PYTHON";

/// The oldest Python that the emulator runs on.
const OLDEST: (u32, u32) = (3, 10);

/// A Python new enough for the emulator.
#[derive(Clone, Debug)]
pub struct Python {
    command: PathBuf,
}

impl Python {
    /// Finds a Python: the one that `PULSE_PYTHON` names, or else the first on PATH that is new enough.
    ///
    /// # Errors
    /// When there is none, or none that is new enough.
    pub fn find() -> Result<Self> {
        let named = std::env::var_os(PYTHON_VARIABLE).filter(|name| !name.is_empty());
        Self::among(&named.map_or_else(usual_names, |name| vec![name]))
    }

    /// The first of `commands` that is a Python new enough.
    ///
    /// # Errors
    /// When none is.
    pub fn among(commands: &[OsString]) -> Result<Self> {
        let mut too_old = None;
        for command in commands {
            match version(Path::new(command)) {
                Some(found) if found >= OLDEST => {
                    return Ok(Self { command: command.into() });
                }
                Some(found) => too_old = too_old.or(Some((command, found))),
                None => {}
            }
        }
        let (major, minor) = OLDEST;
        let Some((command, found)) = too_old else {
            let looked_for = commands.first().map_or_else(|| "python3".into(), |name| name.to_string_lossy());
            bail!(
                "No Python was found as {looked_for}: install Python {major}.{minor} or later, or name one in {PYTHON_VARIABLE}."
            );
        };
        bail!(
            "{} is Python {}.{}, which is too old for the local emulator: install Python {major}.{minor} or later, or name one in {PYTHON_VARIABLE}.",
            command.to_string_lossy(),
            found.0,
            found.1
        )
    }

    /// A command that runs this Python, undisturbed by variables meant for another one.
    #[must_use]
    pub fn command(&self) -> Command {
        isolated(&self.command)
    }
}

/// A command that runs the Python at `path`, undisturbed by variables meant for another one.
pub(crate) fn isolated(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").env_remove("VIRTUAL_ENV");
    command.stdin(Stdio::null());
    command
}

fn usual_names() -> Vec<OsString> {
    let versioned = (OLDEST.1..=15).rev().map(|minor| format!("python3.{minor}").into());
    std::iter::once("python3".into()).chain(versioned).chain(["python".into()]).collect()
}

/// Asks a command for its version. A version manager's placeholder exists but does not run.
fn version(command: &Path) -> Option<(u32, u32)> {
    let question = "import sys; print('%d.%d' % sys.version_info[:2])";
    let answer = isolated(command).args(["-c", question]).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    let (major, minor) = text.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Writes a program that stands in for Python. Another process writes it: while this one had it open, a
    /// child of a test beside could inherit that, and the program would be too busy to run.
    pub(crate) fn write_program(path: &Path, script: &str) {
        let draft = path.with_added_extension("draft");
        std::fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
        let installed = Command::new("install").args(["-m", "755"]).arg(&draft).arg(path).status();
        assert!(installed.unwrap().success());
    }

    fn pretend(folder: &Path, name: &str, script: &str) -> OsString {
        let path = folder.join(name);
        write_program(&path, script);
        path.into()
    }

    #[test]
    fn a_python_that_is_too_old_or_does_not_run_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let old = pretend(folder.path(), "old", "echo 3.9");
        let placeholder = pretend(folder.path(), "placeholder", "echo not found >&2; exit 127");
        let good = pretend(folder.path(), "good", "echo 3.10");
        let found = Python::among(&[old, placeholder, good.clone()]).unwrap();
        assert_eq!(found.command, PathBuf::from(good));
    }

    #[test]
    fn only_an_old_python_is_an_error_that_names_it_and_the_version_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let old = pretend(folder.path(), "old", "echo 3.9");
        let error = Python::among(std::slice::from_ref(&old)).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "{} is Python 3.9, which is too old for the local emulator: install Python 3.10 or later, or name one in PULSE_PYTHON.",
                old.to_string_lossy()
            )
        );
    }

    #[test]
    fn no_python_is_an_error_that_says_what_to_install() {
        let error = Python::among(&["/nowhere/python3".into()]).unwrap_err().to_string();
        assert_eq!(
            error,
            "No Python was found as /nowhere/python3: install Python 3.10 or later, or name one in PULSE_PYTHON."
        );
    }
}
