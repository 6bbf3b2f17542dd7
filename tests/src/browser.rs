//! A headless browser, as the tests of the console use it: one that is on the machine, or else one that a package carries.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::tools::{Node, on_path, sources};

/// What browsers are called that `tests/browser/driver.mjs` can drive.
const BROWSERS: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// Names the browser to use, as a path; empty to use the one that the package carries.
const BROWSER_VARIABLE: &str = "PULSE_BROWSER";

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
        let mut driver = installed.node.run(sources("browser").join("driver.mjs"));
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

/// What the driver runs on.
struct Installed {
    folder: PathBuf,
    node: Node,
}

impl Installed {
    /// Installs what `tests/browser` pins, unless that is done already.
    fn ensure(with_browser: bool) -> Result<Self> {
        let node = Node::ensure()?;
        let (name, left_out): (_, &[_]) =
            if with_browser { ("browser-of-package", &[]) } else { ("browser", &["--omit=optional"]) };
        let folder = node.packages(name, &sources("browser"), left_out)?;
        ensure!(
            !with_browser || folder.join("node_modules/@sparticuz/chromium").is_dir(),
            "npm left out the package with a browser: install Chromium or Chrome, or name one in {BROWSER_VARIABLE}."
        );
        Ok(Self { folder, node })
    }
}
