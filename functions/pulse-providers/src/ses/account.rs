use async_trait::async_trait;
use aws_sdk_sesv2::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{DkimStatus, SendQuota, SendingOptions},
};
use pulse_core::ports::{AccountError, SendingAccount, SendingIdentity, SendingLimits};

/// What Amazon SES says of an account.
///
/// Needs `ses:GetAccount`, `ses:GetEmailIdentity` and `ses:GetConfigurationSet`.
#[derive(Debug)]
pub struct SesAccount {
    client: Client,
}

impl SesAccount {
    /// Asks by this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl SendingAccount for SesAccount {
    async fn limits(&self) -> Result<SendingLimits, AccountError> {
        let answer = self.client.get_account().send().await;
        let answer = answer.map_err(|error| unanswered("the account", &error))?;
        let quota = answer.send_quota();
        Ok(SendingLimits {
            in_production: answer.production_access_enabled(),
            is_enabled: answer.sending_enabled(),
            enforcement: answer.enforcement_status().unwrap_or("unknown").to_owned(),
            // -1 is no limit (Amazon SES API v2 Reference, SendQuota).
            per_day: quota.map(SendQuota::max24_hour_send).filter(|most| *most >= 0.0),
            per_second: quota.map_or(0.0, SendQuota::max_send_rate),
        })
    }

    async fn identity(&self, name: &str) -> Result<Option<SendingIdentity>, AccountError> {
        let answer = match self.client.get_email_identity().email_identity(name).send().await {
            Err(error) if is_missing(&error) => return Ok(None),
            answer => answer.map_err(|error| unanswered("the sender's identity", &error))?,
        };
        let signed = answer
            .dkim_attributes()
            .is_some_and(|dkim| dkim.signing_enabled() && dkim.status() == Some(&DkimStatus::Success));
        let mail_from = answer.mail_from_attributes().filter(|own| !own.mail_from_domain().is_empty());
        Ok(Some(SendingIdentity {
            is_verified: answer.verified_for_sending_status(),
            is_signed: signed,
            mail_from: mail_from.map(|own| own.mail_from_domain_status().as_str().to_owned()),
            configuration_set: answer.configuration_set_name().map(str::to_owned),
        }))
    }

    async fn is_sending(&self, configuration_set: &str) -> Result<Option<bool>, AccountError> {
        match self.client.get_configuration_set().configuration_set_name(configuration_set).send().await {
            Err(error) if is_missing(&error) => Ok(None),
            answer => {
                let answer = answer.map_err(|error| unanswered("the configuration set", &error))?;
                Ok(Some(answer.sending_options().is_none_or(SendingOptions::sending_enabled)))
            }
        }
    }
}

fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.code() == Some("NotFoundException")
}

/// With the code alone: the words may quote an address. What is denied is told by the statement that it takes.
fn unanswered<E>(what: &str, error: &SdkError<E>) -> AccountError
where
    E: ProvideErrorMetadata,
{
    let why = match error {
        SdkError::ServiceError(_) if error.code() == Some("AccessDeniedException") => {
            "it takes ExamineTheAccount and ExamineTheSender of DoctorPolicy in template.yaml (output DoctorPolicyArn)"
        }
        SdkError::ServiceError(_) => error.code().unwrap_or("an error without a code"),
        SdkError::TimeoutError(_) => "no answer in time",
        _ => "it can't be reached",
    };
    AccountError(format!("SES can't be asked for {what}: {why}"))
}
