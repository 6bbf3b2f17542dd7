//! Which deployed stack a command is about.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use pulse_app::App;
use pulse_aws::{
    sdk,
    stack::{Stack, outputs},
};
use pulse_core::control::Actor;
use pulse_local::workspace::Workspace;
use serde::{Deserialize, Serialize};

use crate::app::app;

/// Which deployed stack a command is about.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Name of the deployed stack.
    #[arg(long, global = true, env = "PULSE_STACK", default_value = "pulse", value_name = "NAME")]
    stack: String,

    /// The stack that `pulse local` is running on this machine.
    #[arg(long, global = true)]
    local: bool,
}

impl Target {
    /// Finds the stack, and makes the application over it for someone whose name isn't asked for.
    ///
    /// # Errors
    /// When there is none of that name, it lacks an output, or AWS can't be reached.
    pub async fn app(&self) -> Result<App> {
        self.app_of(Actor::default()).await
    }

    /// Finds the stack, and makes the application over it for whoever does something with it.
    ///
    /// # Errors
    /// When there is none of that name, it lacks an output, or AWS can't be reached.
    pub async fn app_of(&self, actor: Actor) -> Result<App> {
        app(&self.find().await?, actor)
    }

    /// Finds the stack.
    ///
    /// # Errors
    /// When there is none of that name, or AWS can't be reached.
    pub async fn find(&self) -> Result<Stack> {
        if self.local {
            let record = LocalRecord::read(&Workspace::find()?)?;
            let aws = sdk::for_emulator(&record.endpoint);
            let outputs = outputs(&aws, &record.stack).await.with_context(|| {
                format!(
                    "The `pulse local` that was at {} doesn't answer: start one with `cargo run --release -- local`",
                    record.endpoint
                )
            })?;
            return Ok(Stack { aws, outputs });
        }
        let aws = sdk::load().await?;
        let outputs = outputs(&aws, &self.stack).await?;
        Ok(Stack { aws, outputs })
    }
}

/// What a running `pulse local` leaves for `pulse --local ..` to find it by.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalRecord {
    /// The emulator.
    pub endpoint: String,
    /// The stack's name.
    pub stack: String,
}

impl LocalRecord {
    fn path(workspace: &Workspace) -> PathBuf {
        workspace.target_dir().join("pulse-local.json")
    }

    /// Leaves the record.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write(&self, workspace: &Workspace) -> Result<()> {
        let path = Self::path(workspace);
        fs::write(&path, serde_json::to_string(self)?).with_context(|| format!("{} can't be written", path.display()))
    }

    /// Takes the record away, unless it is another's by now.
    pub fn remove(&self, workspace: &Workspace) {
        if Self::read(workspace).is_ok_and(|record| record == *self) {
            let _ = fs::remove_file(Self::path(workspace));
        }
    }

    fn read(workspace: &Workspace) -> Result<Self> {
        let Ok(text) = fs::read_to_string(Self::path(workspace)) else {
            bail!(
                "No `pulse local` is running here: start one with `cargo run --release -- local` and leave it running."
            )
        };
        Ok(serde_json::from_str(&text)?)
    }
}
