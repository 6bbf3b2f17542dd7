//! Which deployed stack a command is about.

use anyhow::{Context, Result};
use clap::Args;
use pulse_app::App;
use pulse_aws::{
    sdk::{self, operator::load_for_operator},
    stack::{Stack, outputs},
};
use pulse_core::control::Actor;

use crate::{
    app::app,
    local_record::{self, HOW_TO_START, LocalRecord},
};

/// Which deployed stack a command is about.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Name of the deployed stack [default: pulse].
    #[arg(long, global = true, env = "PULSE_STACK", value_name = "NAME")]
    stack: Option<String>,

    /// The stack that `pulse local` is running on this machine. Of several it is the newest, unless one is named by
    /// its port, its URL or its stack's name, as in --local=4566.
    #[arg(long, global = true, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    local: Option<String>,
}

/// The stack that a command is about where none is named.
const STACK: &str = "pulse";

impl Target {
    /// The stack in words, if one is named: for a command that asks none otherwise.
    #[must_use]
    pub fn named(&self) -> Option<String> {
        let local = self.local.as_ref().map(|_| "the local stack".to_owned());
        local.or_else(|| self.stack.as_ref().map(|name| format!("the stack {name}")))
    }

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
        if let Some(wanted) = &self.local {
            let wanted = Some(wanted.as_str()).filter(|wanted| !wanted.is_empty());
            let record = LocalRecord::find(&local_record::folder()?, wanted)?;
            let aws = sdk::for_emulator(&record.endpoint);
            let outputs = outputs(&aws, &record.stack)
                .await
                .with_context(|| format!("The `pulse local` at {} doesn't answer: {HOW_TO_START}", record.endpoint))?;
            return Ok(Stack { aws, outputs });
        }
        let aws = load_for_operator().await?;
        let outputs = outputs(&aws, self.stack.as_deref().unwrap_or(STACK)).await?;
        Ok(Stack { aws, outputs })
    }
}
