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
    /// `MAX_RECEIVE_COUNT`: the queues' `maxReceiveCount`.
    pub max_receive_count: u32,
    /// `KEYS_SECRET`: the name of the secret with the deployment's keys.
    pub keys_secret: String,
    /// `FEEDBACK_SECRET`: the name of the secret with the keys that providers and partners sign with, if there are any.
    pub feedback_secret: Option<String>,
    /// `SCHEDULE_GROUP`, `SCORE_QUEUE_ARN`, `SCHEDULER_ROLE_ARN` and `SCHEDULE_DLQ_ARN`: partners move customers' zones.
    pub target: ScheduleTarget,
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
            max_receive_count: env.number("MAX_RECEIVE_COUNT", 1..=1_000)?,
            keys_secret: env.text("KEYS_SECRET")?,
            feedback_secret: env.optional("FEEDBACK_SECRET"),
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
