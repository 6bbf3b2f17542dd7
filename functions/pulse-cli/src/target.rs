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
    /// Name of the deployed stack.
    #[arg(long, global = true, env = "PULSE_STACK", default_value = "pulse", value_name = "NAME")]
    stack: String,

    /// The stack that `pulse local` is running on this machine. Of several it is the newest, unless one is named by
    /// its port, its URL or its stack's name, as in --local=4566.
    #[arg(long, global = true, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    local: Option<String>,
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
        let outputs = outputs(&aws, &self.stack).await?;
        Ok(Stack { aws, outputs })
    }
}
