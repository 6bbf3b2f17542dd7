//! What bringing Pulse up on this machine is busy with.

use std::fmt;
use std::sync::Arc;

/// A step that takes long enough for a person to want to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalStep {
    /// A Python environment for the emulator is being made.
    MakingEnvironment,
    /// The emulator is being installed into that environment.
    InstallingEmulator,
    /// The emulator is starting.
    StartingEmulator,
    /// Cargo is building the functions. It comes again with every line that cargo prints.
    BuildingFunctions {
        /// Cargo's line, as in `Compiling serde v1.0`. None at the start.
        cargo: Option<String>,
    },
    /// The functions' packages are being uploaded.
    UploadingFunctions,
    /// `CloudFormation` is deploying the stack.
    DeployingStack,
}

impl fmt::Display for LocalStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::MakingEnvironment => "Making a Python environment for the local emulator",
            Self::InstallingEmulator => "Installing the local emulator",
            Self::StartingEmulator => "Starting the local emulator",
            Self::BuildingFunctions { cargo: None } => "Building the functions",
            Self::BuildingFunctions { cargo: Some(line) } => {
                return write!(formatter, "Building the functions: {line}");
            }
            Self::UploadingFunctions => "Uploading the functions",
            Self::DeployingStack => "Deploying the stack",
        })
    }
}

/// Is told of each step as it begins. Steps may overlap: the functions are built while the emulator starts.
pub type Progress = Arc<dyn Fn(LocalStep) + Send + Sync>;

/// A [`Progress`] that tells nobody.
#[must_use]
pub fn silently() -> Progress {
    Arc::new(|_| ())
}
