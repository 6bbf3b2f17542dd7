//! The AWS account that a stack is in, for the one who looks at it before customers do.

mod caller;
mod functions;
mod permissions;
mod quotas;

pub use caller::ask as caller;

use async_trait::async_trait;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use pulse_core::{
    customer::EmailAddress,
    delivery::EndpointName,
    entry::StageName,
    ports::{
        Account, AccountError, Caller, DeniedAction, EndpointTester, PeoplePolicy, SchedulerQuotas, Start, TestMail,
        TestWord, TestedLetter,
    },
};

use crate::{sdk, stack::Stack};

/// A stack's own account.
///
/// Needs `sts:GetCallerIdentity`, which everyone may; `iam:GetRole`, `iam:GetPolicy`, `iam:GetPolicyVersion` and
/// `iam:SimulatePrincipalPolicy`; `lambda:GetAccountSettings`, `servicequotas:ListServiceQuotas` and
/// `servicequotas:ListAWSDefaultServiceQuotas`; `scheduler:GetScheduleGroup` on the stack's group, and
/// `lambda:InvokeFunction` on its stages' functions.
#[derive(Clone)]
pub struct StackAccount {
    stack: Stack,
}

impl StackAccount {
    /// The account of a stack.
    #[must_use]
    pub fn new(stack: Stack) -> Self {
        Self { stack }
    }

    fn output(&self, name: &str) -> Result<&str, AccountError> {
        self.stack.outputs.get(name).map_err(|error| AccountError(error.to_string()))
    }
}

#[async_trait]
impl Account for StackAccount {
    async fn caller(&self) -> Result<Caller, AccountError> {
        caller(&self.stack.aws).await
    }

    async fn denied(&self, caller: &Caller, policy: PeoplePolicy) -> Result<Vec<DeniedAction>, AccountError> {
        let policy = self.output(match policy {
            PeoplePolicy::Operator => "OperatorPolicyArn",
            PeoplePolicy::ReadOnly => "ReadOnlyPolicyArn",
        })?;
        permissions::denied(&aws_sdk_iam::Client::new(&self.stack.aws), caller, policy).await
    }

    async fn concurrency(&self) -> Result<u32, AccountError> {
        let answer = sdk::lambda_client(&self.stack.aws).get_account_settings().send().await;
        let answer = answer.map_err(unanswered("Lambda can't be asked for the account's limits"))?;
        let limit = answer.account_limit().map_or(0, |limit| limit.concurrent_executions);
        Ok(u32::try_from(limit).unwrap_or_default())
    }

    async fn scheduler_quotas(&self) -> Result<SchedulerQuotas, AccountError> {
        quotas::ask(&aws_sdk_servicequotas::Client::new(&self.stack.aws)).await
    }

    async fn schedule_group(&self) -> Result<String, AccountError> {
        let name = self.output("ScheduleGroupName")?;
        let answer = sdk::scheduler_client(&self.stack.aws).get_schedule_group().name(name).send().await;
        let answer = answer.map_err(unanswered("EventBridge Scheduler can't be asked for the schedules' group"))?;
        Ok(answer.state().map_or_else(|| "unknown".to_owned(), |state| state.as_str().to_owned()))
    }

    async fn start(&self, stage: StageName) -> Result<Start, AccountError> {
        self.start_with_nothing(stage).await
    }

    async fn send_test_mail(
        &self,
        to: &EmailAddress,
        campaign: Option<&TestedLetter>,
    ) -> Result<TestMail, AccountError> {
        self.test_mail(to, campaign).await
    }
}

/// Needs `lambda:InvokeFunction` on the deliver function.
#[async_trait]
impl EndpointTester for StackAccount {
    async fn send_test_word(&self, endpoint: &EndpointName) -> Result<TestWord, AccountError> {
        self.test_word(endpoint).await
    }
}

/// Why a question had no answer, in the service's own words: they hold no personal data here.
fn unanswered<E>(what: &'static str) -> impl FnOnce(SdkError<E>) -> AccountError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    move |error| AccountError(format!("{what}: {}", sdk::reason(&error)))
}
