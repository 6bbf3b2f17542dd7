use async_trait::async_trait;
use aws_sdk_sesv2::{Client, error::ProvideErrorMetadata as _};
use pulse_core::{
    customer::EmailAddress,
    failure::Cause,
    feedback::FeedbackSource,
    ports::{ProviderRelease, ProviderSuppressions},
};

/// The list that Amazon SES keeps for an account: it takes mails to addresses on it, and doesn't send them (Amazon SES
/// Developer Guide, "Using the Amazon SES account-level suppression list").
///
/// Needs `ses:DeleteSuppressedDestination`.
#[derive(Debug)]
pub struct SesSuppressions {
    client: Client,
}

impl SesSuppressions {
    /// The list of the client's account, in its Region.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl ProviderSuppressions for SesSuppressions {
    fn source(&self) -> FeedbackSource {
        FeedbackSource::Ses
    }

    /// Errors are told by their code alone: SES's words quote the address.
    async fn release(&self, address: &EmailAddress) -> Result<ProviderRelease, Cause> {
        let delete = self.client.delete_suppressed_destination().email_address(address.expose());
        let Err(error) = delete.send().await else { return Ok(ProviderRelease::Released) };
        match error.code() {
            Some("NotFoundException") => Ok(ProviderRelease::NotHeld),
            Some("AccessDeniedException") => Err(Cause::new(
                "SES refuses to take an address off its list: it takes ReleaseAtSes of PrivacyPolicy in template.yaml \
                 (output PrivacyPolicyArn)",
            )),
            code => Err(Cause::new(format!(
                "SES can't take an address off its list: {}",
                code.unwrap_or("it can't be reached, or didn't answer in time")
            ))),
        }
    }
}
