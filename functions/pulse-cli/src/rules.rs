//! What the deployed stages decide by.

use anyhow::Result;
use pulse_aws::{config::MailProvider, stack::Stack};
use pulse_core::stage::{EmailRules, Rules};
use pulse_providers::{MarketingCloudMailer, SesMailer};

/// Asks the deployed email function.
///
/// # Errors
/// When the function can't be asked, or its configuration can't be read.
pub async fn rules(stack: &Stack) -> Result<Rules> {
    let config = stack.email_config().await?;
    let recall = match config.provider {
        MailProvider::Ses { .. } => SesMailer::RECALL,
        MailProvider::MarketingCloud { .. } => MarketingCloudMailer::RECALL,
    };
    Ok(Rules { email: EmailRules { policy: config.policy, recall } })
}
