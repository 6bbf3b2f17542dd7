use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use pulse_app::{App, Settings, SettingsError};
use pulse_aws::{config::MailProvider, stack::Stack};
use pulse_core::{
    control::{Actor, BreakerPolicy},
    customer::Zone,
    failure::Cause,
    feedback::FeedbackSource,
    ports::KeySource,
    stage::{EmailRules, Rules},
    tick::SweepPolicy,
    unsubscribe::UnsubscribeUrl,
};
use pulse_endpoints::AwsEndpointKeys;
use pulse_feedback::UnsignedReader;
use pulse_providers::{
    MarketingCloudMailer, SesMailer, SesSuppressions,
    secret::{OperatorsKeys, SecretStores},
    ses_client,
};
use rand::{TryRng as _, rngs::SysRng};

/// The application over a deployed stack, for whoever does something with it.
///
/// # Errors
/// When the stack lacks an output.
pub fn app(stack: &Stack, actor: Actor) -> Result<App> {
    // The keys came with the intake's template.
    let keys = stack
        .outputs
        .find("KeysSecretName")
        .map(|name| -> Arc<dyn KeySource> { Arc::new(OperatorsKeys::new(SecretStores::new(&stack.aws), name)) });
    let ses = Arc::new(SesSuppressions::new(ses_client(&stack.aws)));
    let ports = stack.ports(Arc::new(UnsignedReader), keys, ses)?;
    Ok(App { ports, settings: Arc::new(Deployed(stack.clone())), actor })
}

/// The keys of a stack's endpoints, new ones of the operating system's random numbers.
#[must_use]
pub fn endpoint_keys(stack: &Stack) -> AwsEndpointKeys {
    let random = || {
        let mut bytes = [0; 32];
        let filled = SysRng.try_fill_bytes(&mut bytes);
        filled.map(|()| bytes).map_err(|error| Cause::new(format!("This machine gives no random numbers: {error}.")))
    };
    AwsEndpointKeys::of_stack(SecretStores::new(&stack.aws), stack.outputs.stack(), Box::new(random))
}

/// What a stack's functions go by, as they are configured.
struct Deployed(Stack);

#[async_trait]
impl Settings for Deployed {
    async fn rules(&self) -> Result<Rules, SettingsError> {
        rules(&self.0).await.map_err(|error| unread(&error))
    }

    async fn sweep(&self) -> Result<SweepPolicy, SettingsError> {
        self.0.sweep_policy().await.map_err(|error| unread(&error))
    }

    async fn breaker(&self) -> Result<BreakerPolicy, SettingsError> {
        self.0.breaker_policy().await.map_err(|error| unread(&error))
    }

    async fn unsubscribe_url(&self) -> Result<Option<UnsubscribeUrl>, SettingsError> {
        Ok(self.0.email_config().await.map_err(|error| unread(&error))?.unsubscribe_url)
    }

    fn zone(&self) -> Result<Zone, SettingsError> {
        self.0.default_zone().map_err(|error| unread(&error))
    }
}

/// With its causes, on one line.
fn unread(error: &anyhow::Error) -> SettingsError {
    SettingsError(format!("{error:#}"))
}

/// Asks the deployed email function.
///
/// # Errors
/// When the function can't be asked, or its configuration can't be read.
pub async fn rules(stack: &Stack) -> Result<Rules> {
    let config = stack.email_config().await?;
    let (provider, recall) = match config.provider {
        MailProvider::Ses { .. } => (FeedbackSource::Ses, SesMailer::RECALL),
        MailProvider::MarketingCloud { .. } => (FeedbackSource::MarketingCloud, MarketingCloudMailer::RECALL),
    };
    Ok(Rules { email: EmailRules { policy: config.policy, recall, provider } })
}
