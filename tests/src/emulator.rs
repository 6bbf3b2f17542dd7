//! The local emulator that the tests of one program share, and the functions to deploy to it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use pulse_local::deployment::Packages;
use pulse_local::emulator::{Emulator, EmulatorOptions};
use pulse_local::install::Installation;
use pulse_local::lambdas::{self, CargoBuild, Programs};
use pulse_local::step::Progress;
use pulse_local::template::Template;
use pulse_local::workspace::Workspace;

/// The emulator of this test program, with IAM enforced: started, and first installed, when a test first asks.
/// It is never dropped. It ends because the test program does.
///
/// # Panics
/// When it can't be installed or started.
#[must_use]
pub fn shared() -> &'static Emulator {
    static SHARED: OnceLock<Emulator> = OnceLock::new();
    SHARED.get_or_init(|| start(&EmulatorOptions { enforce_iam: true, ..EmulatorOptions::default() }))
}

/// Starts an emulator of the caller's own.
///
/// # Panics
/// When it can't be installed or started.
#[must_use]
pub fn start(options: &EmulatorOptions) -> Emulator {
    expect(Emulator::start(&installation(), options))
}

/// The emulator's installation, made when there is none.
///
/// # Panics
/// When it can't be made.
#[must_use]
pub fn installation() -> Installation {
    expect(Installation::ensure(&workspace(), &progress()))
}

/// The functions' packages, built when a test of this program first asks, with what `cargo test --workspace`
/// has built already. `test` is the name of a test program, any of this package's.
///
/// # Panics
/// When they can't be built.
#[must_use]
pub fn packages(test: &str) -> &'static Packages {
    static PACKAGES: OnceLock<BTreeMap<String, lambdas::Package>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let template = expect(Template::read(&workspace()));
        let build = Programs::Build(CargoBuild::like_cargo_test(test));
        expect(lambdas::build(&workspace(), &template.functions(), &build, &progress()))
    })
}

/// A program of the workspace, built when a test of this program first asks. `test` is as for [`packages`].
///
/// # Panics
/// When it can't be built.
#[must_use]
pub fn program(test: &str, name: &str) -> PathBuf {
    static PROGRAMS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let programs = PROGRAMS
        .get_or_init(|| expect(lambdas::programs(&workspace(), &CargoBuild::like_cargo_test(test), &progress())));
    programs.get(name).unwrap_or_else(|| panic!("cargo built no program {name}")).clone()
}

/// The checkout that the tests run in.
///
/// # Panics
/// When they run outside of one.
#[must_use]
pub fn workspace() -> Workspace {
    expect(Workspace::find())
}

/// Prints each step where cargo shows it when the test fails.
#[must_use]
pub fn progress() -> Progress {
    Arc::new(|step| eprintln!("{step}"))
}

fn expect<T>(result: anyhow::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error:#}"))
}
