use super::{ConfigError, Environment};
use crate::scheduler::ScheduleTarget;

/// The `feedback` function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackConfig {
    /// The ledger's table: `TABLE_NAME`.
    pub table: String,
    /// The stack's name: `STACK_NAME`.
    pub stack: String,
    /// Whether all metrics are written: `DETAILED_METRICS`, `true` or `false`.
    pub detailed_metrics: bool,
    /// The intake's queues, in the order of `IntakeQueue::ALL`: `FEEDBACK_QUEUE_URL` and `UNSUBSCRIBE_QUEUE_URL`.
    pub queue_urls: [String; 2],
    /// Where word of what is told waits to be told further: `DELIVER_QUEUE_URL`.
    pub deliver_queue_url: String,
    /// `MAX_RECEIVE_COUNT`: the queues' `maxReceiveCount`.
    pub max_receive_count: u32,
    /// `KEYS_SECRET`: the name of the secret with the deployment's keys.
    pub keys_secret: String,
    /// `FEEDBACK_SECRET`: the name of the secret with the keys that providers and partners sign with, if there are any.
    pub feedback_secret: Option<String>,
    /// Who verifies Marketing Cloud's callbacks, where it sends the mails.
    pub tenant: Option<Tenant>,
    /// `SCHEDULE_GROUP`, `SCORE_QUEUE_ARN`, `SCHEDULER_ROLE_ARN` and `SCHEDULE_DLQ_ARN`: partners move customers' zones.
    pub target: ScheduleTarget,
}

/// A Marketing Cloud tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// `MARKETING_CLOUD_URL`: the REST base.
    pub url: String,
    /// `MARKETING_CLOUD_AUTH_URL`: the authentication base.
    pub auth_url: String,
    /// `MARKETING_CLOUD_SECRET`: the name of the secret with the client's credentials.
    pub secret_name: String,
    /// `MARKETING_CLOUD_ACCOUNT_ID`: the business unit's MID, if not that of the installed package.
    pub account_id: Option<u64>,
}

impl Tenant {
    fn read(env: Environment<'_>) -> Result<Option<Self>, ConfigError> {
        let Some(url) = env.optional("MARKETING_CLOUD_URL") else { return Ok(None) };
        Ok(Some(Self {
            url,
            auth_url: env.text("MARKETING_CLOUD_AUTH_URL")?,
            secret_name: env.text("MARKETING_CLOUD_SECRET")?,
            account_id: match env.optional("MARKETING_CLOUD_ACCOUNT_ID") {
                Some(_) => Some(env.number("MARKETING_CLOUD_ACCOUNT_ID", 1..=u64::MAX)?),
                None => None,
            },
        }))
    }
}

impl FeedbackConfig {
    /// Reads it.
    ///
    /// # Errors
    /// With the name of the first variable that is missing or can't be used.
    pub fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            table: env.text("TABLE_NAME")?,
            stack: env.text("STACK_NAME")?,
            detailed_metrics: env.flag("DETAILED_METRICS")?,
            queue_urls: [env.text("FEEDBACK_QUEUE_URL")?, env.text("UNSUBSCRIBE_QUEUE_URL")?],
            deliver_queue_url: env.text("DELIVER_QUEUE_URL")?,
            max_receive_count: env.number("MAX_RECEIVE_COUNT", 1..=1_000)?,
            keys_secret: env.text("KEYS_SECRET")?,
            feedback_secret: env.optional("FEEDBACK_SECRET"),
            tenant: Tenant::read(env)?,
            target: super::scheduled::target(env)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_but_the_providers_keys_has_to_be_there() {
        let all = [
            ("TABLE_NAME", "t"),
            ("STACK_NAME", "pulse"),
            ("DETAILED_METRICS", "true"),
            ("FEEDBACK_QUEUE_URL", "f"),
            ("UNSUBSCRIBE_QUEUE_URL", "u"),
            ("DELIVER_QUEUE_URL", "w"),
            ("MAX_RECEIVE_COUNT", "10"),
            ("KEYS_SECRET", "k"),
            ("SCHEDULE_GROUP", "g"),
            ("SCORE_QUEUE_ARN", "q"),
            ("SCHEDULER_ROLE_ARN", "r"),
            ("SCHEDULE_DLQ_ARN", "d"),
        ];
        let read = |without: &str| {
            let lookup = |name: &str| {
                all.iter().find(|(key, _)| *key == name && *key != without).map(|(_, value)| (*value).to_owned())
            };
            FeedbackConfig::read(Environment::new(&lookup))
        };
        assert_eq!(read("").unwrap().feedback_secret, None);
        for (name, _) in all {
            assert_eq!(read(name), Err(ConfigError::Missing(name.into())));
        }
    }
}
