//! Installs the pinned emulator into a folder of its own under cargo's target folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

use super::python::{Python, isolated};
use super::step::{Progress, Step};
use super::workspace::Workspace;

/// An emulator that is installed and can be started.
#[derive(Clone, Debug)]
pub struct Installation {
    folder: PathBuf,
    launcher: PathBuf,
}

impl Installation {
    /// Installs the emulator that `infra/emulator/requirements.txt` pins, unless that is done already.
    /// Two processes may do this at once: one waits for the other.
    ///
    /// # Errors
    /// When there is no Python that will do, or pip can't install the packages; each with what to do about it.
    pub fn ensure(workspace: &Workspace, progress: &Progress) -> Result<Self> {
        let sources = workspace.root().join("infra/emulator");
        let requirements = sources.join("requirements.txt");
        let wanted = fs::read_to_string(&requirements)
            .with_context(|| format!("{} can't be read.", requirements.display()))?;
        let folder = workspace.target_dir().join(format!("emulator-{}", pinned_version(&wanted)?));
        let installation = Self { folder, launcher: sources.join("launch.py") };
        let _lock = installation.lock()?;
        if installation.stamp().is_some_and(|stamp| stamp == wanted) && installation.python().exists() {
            return Ok(installation);
        }
        installation.install(&Python::find()?, &requirements, progress)?;
        // Written last: an installation that was cut short has none, and is made anew.
        fs::write(installation.stamp_file(), &wanted)
            .with_context(|| format!("{} can't be written.", installation.stamp_file().display()))?;
        Ok(installation)
    }

    /// A command that runs the launcher on the installed Python.
    pub(super) fn launch(&self) -> Command {
        let mut command = isolated(&self.python());
        command.arg(&self.launcher);
        command
    }

    fn install(&self, python: &Python, requirements: &Path, progress: &Progress) -> Result<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)
                .with_context(|| format!("{} can't be removed.", self.folder.display()))?;
        }
        progress(Step::MakingEnvironment);
        let made = python
            .command()
            .args(["-m", "venv"])
            .arg(&self.folder)
            .output()
            .context("Python could not be started.")?;
        if !made.status.success() {
            bail!("{}", why_no_environment(&made));
        }
        progress(Step::InstallingEmulator);
        let installed = isolated(&self.python())
            .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"])
            .args(["--retries", "2", "-r"])
            .arg(requirements)
            .output()
            .context("pip could not be started.")?;
        if !installed.status.success() {
            bail!("{}", why_not_installed(&String::from_utf8_lossy(&installed.stderr)));
        }
        Ok(())
    }

    fn lock(&self) -> Result<File> {
        let path = self.folder.with_added_extension("lock");
        let open = || {
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            let file = File::create(&path)?;
            file.lock()?;
            Ok::<_, std::io::Error>(file)
        };
        open().with_context(|| format!("{} can't be locked.", path.display()))
    }

    fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    fn stamp_file(&self) -> PathBuf {
        self.folder.join("installed-requirements.txt")
    }

    fn stamp(&self) -> Option<String> {
        fs::read_to_string(self.stamp_file()).ok()
    }
}

fn pinned_version(requirements: &str) -> Result<&str> {
    requirements
        .lines()
        .find_map(|line| line.trim().strip_prefix("ministack=="))
        .context("infra/emulator/requirements.txt pins no ministack: restore its line `ministack==VERSION`.")
}

fn why_no_environment(made: &Output) -> String {
    let said = [&made.stdout[..], &made.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said);
    if said.contains("ensurepip") || said.contains("No module named venv") {
        return "Python's venv module is missing: install it (Debian and Ubuntu: apt install python3-venv), and run this again."
            .to_owned();
    }
    format!("Python could not make an environment for the local emulator ({}): see to that, and run this again.", last_line(&said))
}

fn why_not_installed(stderr: &str) -> String {
    let unreachable =
        ["NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ReadTimeoutError", "ProxyError"];
    if unreachable.iter().any(|name| stderr.contains(name)) {
        return "The local emulator could not be installed, as pip reached no package registry: connect to the internet, or name a mirror in PIP_INDEX_URL, and run this again."
            .to_owned();
    }
    format!("The local emulator could not be installed, as pip said \"{}\": see to that, and run this again.", last_line(stderr))
}

/// The last line that says something: pip's last error, or else the last line that is not blank.
fn last_line(said: &str) -> &str {
    let lines = || said.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    lines()
        .find_map(|line| line.strip_prefix("ERROR: "))
        .or_else(|| lines().next())
        .unwrap_or("nothing")
        .trim_end_matches('.')
}
