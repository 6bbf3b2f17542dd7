//! Installs the pinned emulator into a folder of its own under cargo's target folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

use crate::children;
use crate::python::{Python, isolated};
use crate::step::{LocalStep, Progress};
use crate::workspace::Workspace;

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
        Self::ensure_with(workspace, Python::find, progress)
    }

    fn ensure_with(
        workspace: &Workspace,
        find_python: impl FnOnce() -> Result<Python>,
        progress: &Progress,
    ) -> Result<Self> {
        let sources = workspace.root().join("infra/emulator");
        let requirements = sources.join("requirements.txt");
        let wanted =
            fs::read_to_string(&requirements).with_context(|| format!("{} can't be read.", requirements.display()))?;
        let folder = workspace.target_dir().join(format!("emulator-{}", pinned_version(&wanted)?));
        let installation = Self { folder, launcher: sources.join("launch.py") };
        let _lock = installation.lock()?;
        if installation.stamp().is_some_and(|stamp| stamp == wanted) && installation.python().exists() {
            return Ok(installation);
        }
        installation.install(&find_python()?, &requirements, progress)?;
        // Written last: an installation that was cut short has none, and is made anew.
        fs::write(installation.stamp_file(), &wanted)
            .with_context(|| format!("{} can't be written.", installation.stamp_file().display()))?;
        Ok(installation)
    }

    /// A command that runs the launcher on the installed Python.
    pub(crate) fn launch(&self) -> Command {
        let mut command = isolated(&self.python());
        command.arg(&self.launcher);
        command
    }

    fn install(&self, python: &Python, requirements: &Path, progress: &Progress) -> Result<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).with_context(|| format!("{} can't be removed.", self.folder.display()))?;
        }
        progress(LocalStep::MakingEnvironment);
        let made = children::output(python.command().args(["-m", "venv"]).arg(&self.folder))
            .context("Python could not be started.")?;
        if !made.status.success() {
            bail!("{}", why_no_environment(&made));
        }
        progress(LocalStep::InstallingEmulator);
        let mut pip = isolated(&self.python());
        pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"])
            .args(["--retries", "2", "-r"])
            .arg(requirements);
        let installed = children::output(&mut pip).context("pip could not be started.")?;
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

    /// The installed Python, which has boto3.
    #[must_use]
    pub fn python(&self) -> PathBuf {
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
    format!(
        "Python could not make an environment for the local emulator ({}): see to that, and run this again.",
        last_line(&said)
    )
}

fn why_not_installed(stderr: &str) -> String {
    let unreachable =
        ["NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ReadTimeoutError", "ProxyError"];
    if unreachable.iter().any(|name| stderr.contains(name)) {
        return "The local emulator could not be installed, as pip reached no package registry: connect to the internet, or name a mirror in PIP_INDEX_URL, and run this again."
            .to_owned();
    }
    format!(
        "The local emulator could not be installed, as pip said \"{}\": see to that, and run this again.",
        last_line(stderr)
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::tests::write_program;
    use crate::step::silently;

    /// A checkout with pins, and a stand-in for Python that makes environments of itself.
    struct Fixture {
        checkout: tempfile::TempDir,
    }

    impl Fixture {
        /// `venv` and `pip` are what the stand-in does, in shell, when it is asked for these modules.
        fn new(venv: &str, pip: &str) -> Self {
            let checkout = tempfile::tempdir().unwrap();
            let fixture = Self { checkout };
            fs::create_dir_all(fixture.path("infra/emulator")).unwrap();
            fs::write(fixture.path("template.yaml"), "").unwrap();
            fs::write(fixture.path("Cargo.toml"), "").unwrap();
            fixture.pin("1.0");
            let log = fixture.path("log");
            let script = format!(
                "[ \"$1\" = -c ] && echo 3.12 && exit\necho $2 >>{}\ncase $2 in\nvenv) {venv};;\npip) {pip};;\nesac",
                log.display()
            );
            write_program(&fixture.path("python"), &script);
            fixture
        }

        fn path(&self, name: &str) -> PathBuf {
            self.checkout.path().join(name)
        }

        fn pin(&self, version: &str) {
            let pins = format!("# pins\nministack=={version}\n");
            fs::write(self.path("infra/emulator/requirements.txt"), pins).unwrap();
        }

        fn ensure(&self) -> Result<Installation> {
            let workspace = Workspace::around(self.checkout.path(), None)?;
            let python = || Python::among(&[self.path("python").into()]);
            Installation::ensure_with(&workspace, python, &silently())
        }

        fn asked_for(&self) -> Vec<String> {
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            log.lines().map(str::to_owned).collect()
        }
    }

    const MAKES_ONE: &str = "mkdir -p $3/bin && cp $0 $3/bin/python";

    #[test]
    fn an_installation_is_made_once_and_again_when_the_pins_change() {
        let fixture = Fixture::new(MAKES_ONE, "true");
        fixture.ensure().unwrap();
        fixture.ensure().unwrap();
        assert_eq!(fixture.asked_for(), ["venv", "pip"]);
        fixture.pin("1.1");
        let renewed = fixture.ensure().unwrap();
        assert_eq!(fixture.asked_for(), ["venv", "pip", "venv", "pip"]);
        assert_eq!(renewed.folder, fixture.path("target/emulator-1.1"));
    }

    #[test]
    fn an_installation_that_broke_off_is_made_anew() {
        let fixture = Fixture::new(MAKES_ONE, "[ -e $0.tried ] || { touch $0.tried; exit 1; }");
        let marked = fixture.path("target/emulator-1.0/bin/python.tried");
        fixture.ensure().unwrap_err();
        assert!(marked.exists());
        fixture.ensure().unwrap_err();
        assert_eq!(fixture.asked_for(), ["venv", "pip", "venv", "pip"]);
    }

    #[test]
    fn without_a_network_the_error_says_to_connect() {
        let said = "WARNING: Retrying after connection broken by NewConnectionError; ERROR: No matching distribution";
        let fixture = Fixture::new(MAKES_ONE, &format!("echo '{said}' >&2; exit 1"));
        let error = fixture.ensure().unwrap_err().to_string();
        assert!(error.contains("reached no package registry: connect to the internet"), "{error}");
    }

    #[test]
    fn any_other_failure_of_pip_is_quoted_by_its_last_error() {
        let fixture = Fixture::new(MAKES_ONE, "echo 'ERROR: No space left on device.' >&2; echo >&2; exit 1");
        let error = fixture.ensure().unwrap_err().to_string();
        assert!(error.contains("pip said \"No space left on device\""), "{error}");
    }

    #[test]
    fn without_the_venv_module_the_error_names_the_package_that_has_it() {
        let fixture = Fixture::new("echo 'ensurepip is not available'; exit 1", "true");
        let error = fixture.ensure().unwrap_err().to_string();
        assert!(error.contains("apt install python3-venv"), "{error}");
    }
}
