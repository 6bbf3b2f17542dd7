//! The local emulator that the tests of one program share.

use std::sync::OnceLock;

use std::sync::Arc;

use pulse_cli::local::step::Progress;
use pulse_cli::local::emulator::{Emulator, EmulatorOptions};
use pulse_cli::local::install::Installation;
use pulse_cli::local::workspace::Workspace;

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
    Emulator::start(&installation(), options).unwrap_or_else(|error| panic!("{error:#}"))
}

/// The emulator's installation, made when there is none.
///
/// # Panics
/// When it can't be made.
#[must_use]
pub fn installation() -> Installation {
    let progress: Progress = Arc::new(|step| eprintln!("{step}"));
    Workspace::find()
        .and_then(|workspace| Installation::ensure(&workspace, &progress))
        .unwrap_or_else(|error| panic!("{error:#}"))
}
