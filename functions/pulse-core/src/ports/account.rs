use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    campaign::CampaignLetter,
    customer::{EmailAddress, Locale},
    entry::StageName,
    failure::Cause,
};

/// An account couldn't be asked for something. The words name what was asked, and why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AccountError(pub String);

/// Whose credentials are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The AWS account's number.
    pub account: String,
    /// The user, or the role with the session's name, as an ARN.
    pub arn: String,
    /// What AWS's clock showed when it answered, to the second.
    pub at: Option<Timestamp>,
}

impl Caller {
    /// The name of whoever it is, without the account: a user's, or a role's with the session's, which is a person's where
    /// people sign in.
    #[must_use]
    pub fn name(&self) -> &str {
        let resource = self.arn.rsplit_once(':').map_or("", |(_, resource)| resource);
        match resource.split_once('/') {
            Some(("assumed-role", session)) => session,
            Some((_, path)) => path.rsplit_once('/').map_or(path, |(_, name)| name),
            None => resource,
        }
    }

    /// Whether these are the account's own credentials, which may do everything.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.arn.ends_with(":root")
    }
}

/// One of the stack's managed policies for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeoplePolicy {
    /// What every command takes.
    Operator,
    /// What the commands take that change nothing.
    ReadOnly,
}

/// An action that someone's policies don't allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeniedAction {
    /// The statement of the stack's policy that would allow it.
    pub statement: String,
    /// The action, as in `sqs:SendMessage`.
    pub action: String,
}

/// What `EventBridge` Scheduler lets the account do, in this Region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SchedulerQuotas {
    /// Schedules.
    pub schedules: f64,
    /// Schedules created a second.
    pub created_per_second: f64,
}

/// Whether a function starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// It does, so it has its configuration, its secret, and a program for its processor.
    Fine,
    /// It may not run now: its reserved concurrency is 0, or all of it is in use.
    Throttled,
    /// Its secret can't be read, or has another form.
    NoSecret(Cause),
    /// It ends before it works, for another reason.
    Fails(Cause),
}

/// A campaign's letter, to see how it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestedLetter {
    /// In all its languages.
    pub letter: CampaignLetter,
    /// In which of them the made-up customer reads.
    pub language: Locale,
    /// Whether the campaign scores.
    pub has_score: bool,
    /// Whether it calls a partner. An email function of an earlier release doesn't hear of it.
    #[serde(default)]
    pub has_reference: bool,
    /// Whether its mails are about items. The same is true of that.
    #[serde(default)]
    pub has_item: bool,
}

/// What came of a test mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestMail {
    /// The provider took it.
    Accepted {
        /// By this id.
        provider_id: String,
    },
    /// It wasn't sent, or it isn't known whether it was.
    Failed(Cause),
}

/// The AWS account that a stack is in, as far as the stack stands on it.
#[async_trait]
pub trait Account: Send + Sync {
    /// Whose credentials are used.
    async fn caller(&self) -> Result<Caller, AccountError>;

    /// What of a policy the caller may not do.
    async fn denied(&self, caller: &Caller, policy: PeoplePolicy) -> Result<Vec<DeniedAction>, AccountError>;

    /// How many invocations all of the account's functions together may have at once, in this Region.
    async fn concurrency(&self) -> Result<u32, AccountError>;

    /// What the scheduler lets the account do.
    async fn scheduler_quotas(&self) -> Result<SchedulerQuotas, AccountError>;

    /// The state of the group that the customers' schedules are in, by its own word (Amazon `EventBridge` Scheduler
    /// API Reference, `GetScheduleGroup`: State).
    async fn schedule_group(&self) -> Result<String, AccountError>;

    /// Has a stage's function started with an empty batch, of which nothing comes.
    async fn start(&self, stage: StageName) -> Result<Start, AccountError>;

    /// Has the email function send a made-up customer's mail to someone: the month's, or a campaign's that is to be.
    async fn send_test_mail(
        &self,
        to: &EmailAddress,
        campaign: Option<&TestedLetter>,
    ) -> Result<TestMail, AccountError>;
}

/// What Amazon SES lets the account send, in this Region (Amazon SES API v2 Reference, `GetAccount`).
#[derive(Debug, Clone, PartialEq)]
pub struct SendingLimits {
    /// Whether it is out of the sandbox.
    pub in_production: bool,
    /// Whether it may send at all.
    pub is_enabled: bool,
    /// `HEALTHY`, `PROBATION` or `SHUTDOWN`.
    pub enforcement: String,
    /// Mails in 24 hours; none is no limit.
    pub per_day: Option<f64>,
    /// Mails a second.
    pub per_second: f64,
}

/// An identity to send as (Amazon SES API v2 Reference, `GetEmailIdentity`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendingIdentity {
    /// Whether SES sends as it.
    pub is_verified: bool,
    /// Whether its mails are signed.
    pub is_signed: bool,
    /// Its own MAIL FROM domain's state, if it has one.
    pub mail_from: Option<String>,
    /// The configuration set that its mails go by if they name none.
    pub configuration_set: Option<String>,
}

/// Amazon SES, as far as sending stands on it.
#[async_trait]
pub trait SendingAccount: Send + Sync {
    /// What the account may send.
    async fn limits(&self) -> Result<SendingLimits, AccountError>;

    /// An identity, a domain or an address; none, if SES has none of that name.
    async fn identity(&self, name: &str) -> Result<Option<SendingIdentity>, AccountError>;

    /// Whether a configuration set lets mails out; none, if there is no such set.
    async fn is_sending(&self, configuration_set: &str) -> Result<Option<bool>, AccountError>;
}
