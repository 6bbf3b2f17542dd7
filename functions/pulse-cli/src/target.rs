//! Which deployed stack a command is about.

use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use pulse_app::App;
use pulse_aws::{
    account,
    config::process_variable,
    sdk::{self, operator::load_for_operator},
    stack::{Stack, outputs},
};
use pulse_core::control::Actor;
use pulse_deployed::app;

use crate::{
    exit::Usage,
    local_record::{self, HOW_TO_START, LocalRecord},
};

/// Which deployed stack a command is about.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Name of the deployed stack, if it is neither that of the variable `PULSE_STACK` nor `pulse`.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        help = "Name of the deployed stack [env: PULSE_STACK] [default: pulse]"
    )]
    stack: Option<String>,

    /// The stack that `pulse local` is running on this machine. Of several it is the newest, unless one is named by
    /// its port, its URL or its stack's name, as in --local=4566.
    #[arg(long, global = true, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    local: Option<String>,
}

/// For how long AWS is asked who acts. What is done doesn't hang on it.
const WHO: Duration = Duration::from_secs(5);

/// Who acts, by the credentials. Where AWS doesn't say, by what they say themselves.
pub async fn actor(stack: &Stack, says: Option<Actor>) -> Actor {
    match tokio::time::timeout(WHO, account::caller(&stack.aws)).await {
        Ok(Ok(caller)) => Actor::of_credentials(caller.name(), says.as_ref()),
        Ok(Err(_)) | Err(_) => Actor::of_credentials("", says.as_ref()),
    }
}

/// The stack that a command is about where none is named.
const STACK: &str = "pulse";

/// The application over a stack for whoever does something with it.
///
/// # Errors
/// When the stack lacks an output.
pub async fn app_for(stack: &Stack, says: Option<Actor>) -> Result<App> {
    app(stack, actor(stack, says).await)
}

impl Target {
    /// The stack in words, if one is named: for a command that asks none otherwise.
    #[must_use]
    pub fn named(&self) -> Option<String> {
        let local = self.local.as_ref().map(|_| "the local stack".to_owned());
        local.or_else(|| self.stack_named().map(|name| format!("the stack {name}")))
    }

    fn stack_named(&self) -> Option<String> {
        let named = || process_variable("PULSE_STACK").filter(|name| !name.is_empty());
        self.stack.clone().or_else(named)
    }

    /// Finds the stack, and makes the application over it for someone whose name isn't asked for.
    ///
    /// # Errors
    /// When there is none of that name, it lacks an output, or AWS can't be reached.
    pub async fn app(&self) -> Result<App> {
        app(&self.find().await?, Actor::default())
    }

    /// Finds the stack, and makes the application over it for whoever does something with it: whose credentials they use,
    /// and beside that how they say that they are called.
    ///
    /// # Errors
    /// When there is none of that name, it lacks an output, or AWS can't be reached.
    pub async fn app_of(&self, says: Option<Actor>) -> Result<App> {
        app_for(&self.find().await?, says).await
    }

    /// Finds the stack.
    ///
    /// # Errors
    /// When there is none of that name, or AWS can't be reached.
    pub async fn find(&self) -> Result<Stack> {
        if let Some(wanted) = &self.local {
            if let Some(stack) = &self.stack {
                let why = format!(
                    "--local and --stack {stack} name two stacks: of several that run here, --local={stack} names one."
                );
                return Err(Usage(why).into());
            }
            let wanted = Some(wanted.as_str()).filter(|wanted| !wanted.is_empty());
            let record = LocalRecord::find(&local_record::folder()?, wanted)?;
            let aws = sdk::for_emulator(&record.endpoint);
            let outputs = outputs(&aws, &record.stack)
                .await
                .with_context(|| format!("The `pulse local` at {} doesn't answer: {HOW_TO_START}", record.endpoint))?;
            return Ok(Stack { aws, outputs });
        }
        let stack = self.stack_named().unwrap_or_else(|| STACK.to_owned());
        let aws = load_for_operator(&|waits| eprintln!("{waits}")).await?;
        let outputs = outputs(&aws, &stack).await?;
        Ok(Stack { aws, outputs })
    }
}
