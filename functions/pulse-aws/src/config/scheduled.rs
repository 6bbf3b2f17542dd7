//! Configuration of what runs by the clock.

use std::time::Duration;

use pulse_core::{
    control::BreakerPolicy,
    stage::{PerStage, StageName},
    tick::SweepPolicy,
};

use super::{ConfigError, Environment};
use crate::{
    scheduler::ScheduleTarget,
    sdk::SdkConfig,
    stack::{Stack, StackOutputs},
    stages::StageAddress,
};

/// The `tick` function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickConfig {
    /// The ledger's table: `TABLE_NAME`.
    pub table: String,
    /// The stack's name: `STACK_NAME`.
    pub stack: String,
    /// Whether all metrics are written: `DETAILED_METRICS`, `true` or `false`.
    pub detailed_metrics: bool,
    /// `DEPLOYED_WITHIN_SECONDS`: for how long after a deployment a change is taken to be its doing.
    pub deployed_within: Duration,
    /// `COUNT_UNITS_AT_ONCE`: read units that one tick may take for counting the run; 0, if there is no such limit.
    pub count_units_at_once: u32,
    /// Where the stages are: `SCORE_FUNCTION`, `SCORE_MAPPING`, `SCORE_QUEUE_URL`, `SCORE_DLQ_URL` and so on; none, of a stage
    /// that the stack hasn't.
    pub stages: PerStage<Option<StageAddress>>,
    /// What the scheduler couldn't deliver: `SCHEDULE_DLQ_URL`.
    pub schedule_dead_letters: String,
    /// What came in and waits to be read: `FEEDBACK_QUEUE_URL`.
    pub feedback_queue_url: String,
    /// Opt-outs that came in: `UNSUBSCRIBE_QUEUE_URL`.
    pub unsubscribe_queue_url: String,
    /// What came in and couldn't be read: `FEEDBACK_DLQ_URL`.
    pub feedback_dead_letters: String,
    /// Opt-outs that couldn't be written down: `UNSUBSCRIBE_DLQ_URL`.
    pub unsubscribe_dead_letters: String,
    /// `SWEEP_GRACE_MINUTES`, `SWEEP_AGAIN_HOURS`, `SWEEP_BACKLOG`, `SWEEP_AT_MOST` and
    /// `QUEUE_RETENTION_SECONDS`.
    pub policy: SweepPolicy,
    /// `BREAKER_WINDOW_MINUTES`, `BREAKER_CALLS`, `BREAKER_FAILING_PERCENT`, `BREAKER_QUIET_FAILURES`,
    /// `BREAKER_COOL_DOWN_SECONDS`, `BREAKER_PROBES` and `BREAKER_PATIENCE_HOURS`.
    pub breaker: BreakerPolicy,
}

/// Reads when a provider is taken to be out of order.
///
/// # Errors
/// With the name of the first variable that is missing or can't be used.
pub(super) fn breaker(env: Environment<'_>) -> Result<BreakerPolicy, ConfigError> {
    Ok(BreakerPolicy {
        window: Duration::from_mins(env.number("BREAKER_WINDOW_MINUTES", 1..=60)?),
        calls: env.number("BREAKER_CALLS", 1..=100_000)?,
        failing_percent: env.number("BREAKER_FAILING_PERCENT", 1..=100)?,
        quiet_failures: env.number("BREAKER_QUIET_FAILURES", 1..=1_000)?,
        cool_down: Duration::from_secs(env.number("BREAKER_COOL_DOWN_SECONDS", 10..=3_600)?),
        probes: env.number("BREAKER_PROBES", 1..=10)?,
        max_defer: Duration::from_hours(env.number("BREAKER_PATIENCE_HOURS", 1..=1_000)?),
        ..BreakerPolicy::default()
    })
}

impl TickConfig {
    /// Reads it.
    ///
    /// # Errors
    /// With the name of the first variable that is missing or can't be used.
    pub fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            table: env.text("TABLE_NAME")?,
            stack: env.text("STACK_NAME")?,
            detailed_metrics: env.flag("DETAILED_METRICS")?,
            deployed_within: Duration::from_secs(env.number("DEPLOYED_WITHIN_SECONDS", 0..=3_600)?),
            breaker: breaker(env)?,
            stages: PerStage::try_from_fn(|stage: StageName| {
                let name = |suffix| format!("{}_{suffix}", stage.spec().prefix);
                if stage.spec().given_by.is_some() && env.optional(&name("FUNCTION")).is_none() {
                    return Ok(None);
                }
                let text = |suffix| env.text(name(suffix));
                Ok(Some(StageAddress {
                    function: text("FUNCTION")?,
                    mapping: text("MAPPING")?,
                    queue_url: text("QUEUE_URL")?,
                    dlq_url: text("DLQ_URL")?,
                }))
            })?,
            count_units_at_once: env.number("COUNT_UNITS_AT_ONCE", 0..=1_000_000)?,
            schedule_dead_letters: env.text("SCHEDULE_DLQ_URL")?,
            feedback_queue_url: env.text("FEEDBACK_QUEUE_URL")?,
            unsubscribe_queue_url: env.text("UNSUBSCRIBE_QUEUE_URL")?,
            feedback_dead_letters: env.text("FEEDBACK_DLQ_URL")?,
            unsubscribe_dead_letters: env.text("UNSUBSCRIBE_DLQ_URL")?,
            policy: SweepPolicy {
                grace: Duration::from_mins(env.number("SWEEP_GRACE_MINUTES", 1..=10_000)?),
                again_after: Duration::from_hours(env.number("SWEEP_AGAIN_HOURS", 1..=1_000)?),
                backlog: env.number("SWEEP_BACKLOG", 0..=10_000_000)?,
                retention: Duration::from_secs(env.number("QUEUE_RETENTION_SECONDS", 60..=1_209_600)?),
                at_most: env.number("SWEEP_AT_MOST", 1..=10_000)?,
            },
        })
    }

    /// The tick's own stack, by its outputs' names, as far as its queues and lanes go.
    #[must_use]
    pub fn own_stack(&self, aws: &SdkConfig) -> Stack {
        let deployed = self.stages.iter().filter_map(|(stage, address)| Some((stage, address.as_ref()?)));
        let of_stages = deployed.flat_map(|(stage, StageAddress { function, mapping, queue_url, dlq_url })| {
            let suffixes = ["FunctionName", "MappingId", "QueueUrl", "DlqUrl"];
            let name = move |suffix| format!("{}{suffix}", stage.spec().title);
            suffixes.map(name).into_iter().zip([function, mapping, queue_url, dlq_url])
        });
        let others = [
            ("ScheduleDlqUrl", &self.schedule_dead_letters),
            ("FeedbackQueueUrl", &self.feedback_queue_url),
            ("FeedbackDlqUrl", &self.feedback_dead_letters),
            ("UnsubscribeQueueUrl", &self.unsubscribe_queue_url),
            ("UnsubscribeDlqUrl", &self.unsubscribe_dead_letters),
        ];
        let others = others.map(|(name, value)| (name.to_owned(), value));
        let values = of_stages.chain(others).map(|(name, value)| (name, value.clone()));
        Stack { aws: aws.clone(), outputs: StackOutputs::known(&self.stack, values) }
    }
}

/// Where schedules are, and what they send to.
pub(super) fn target(env: Environment<'_>) -> Result<ScheduleTarget, ConfigError> {
    Ok(ScheduleTarget {
        group: env.text("SCHEDULE_GROUP")?,
        queue_arn: env.text("SCORE_QUEUE_ARN")?,
        role_arn: env.text("SCHEDULER_ROLE_ARN")?,
        dead_letter_arn: env.text("SCHEDULE_DLQ_ARN")?,
    })
}

/// The `audit` function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditConfig {
    /// The ledger's table: `TABLE_NAME`.
    pub table: String,
    /// `SCHEDULE_GROUP`, `SCORE_QUEUE_ARN`, `SCHEDULER_ROLE_ARN` and `SCHEDULE_DLQ_ARN`.
    pub target: ScheduleTarget,
    /// Where word of what a repair closes is queued: `DELIVER_QUEUE_URL`.
    pub deliver_queue_url: String,
    /// `AUDIT_REPAIR`: whether what is found is repaired, `true` or `false`.
    pub repair: bool,
}

impl AuditConfig {
    /// Reads it.
    ///
    /// # Errors
    /// With the name of the first variable that is missing or can't be used.
    pub fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            table: env.text("TABLE_NAME")?,
            target: target(env)?,
            deliver_queue_url: env.text("DELIVER_QUEUE_URL")?,
            repair: env.flag("AUDIT_REPAIR")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: &[(&str, &str)] = &[
        ("TABLE_NAME", "t"),
        ("STACK_NAME", "pulse"),
        ("DETAILED_METRICS", "true"),
        ("COUNT_UNITS_AT_ONCE", "2500"),
        ("DEPLOYED_WITHIN_SECONDS", "180"),
        ("BREAKER_WINDOW_MINUTES", "5"),
        ("BREAKER_CALLS", "20"),
        ("BREAKER_FAILING_PERCENT", "50"),
        ("BREAKER_QUIET_FAILURES", "5"),
        ("BREAKER_COOL_DOWN_SECONDS", "60"),
        ("BREAKER_PROBES", "3"),
        ("BREAKER_PATIENCE_HOURS", "48"),
        ("SCORE_FUNCTION", "sf"),
        ("SCORE_MAPPING", "sm"),
        ("SCORE_QUEUE_URL", "sq"),
        ("SCORE_DLQ_URL", "sd"),
        ("EMAIL_FUNCTION", "ef"),
        ("EMAIL_MAPPING", "em"),
        ("EMAIL_QUEUE_URL", "eq"),
        ("EMAIL_DLQ_URL", "ed"),
        ("DELIVER_FUNCTION", "df"),
        ("DELIVER_MAPPING", "dm"),
        ("DELIVER_QUEUE_URL", "dq"),
        ("DELIVER_DLQ_URL", "dd"),
        ("SCHEDULE_DLQ_URL", "xd"),
        ("FEEDBACK_QUEUE_URL", "fq"),
        ("UNSUBSCRIBE_QUEUE_URL", "uq"),
        ("FEEDBACK_DLQ_URL", "fd"),
        ("UNSUBSCRIBE_DLQ_URL", "ud"),
        ("SWEEP_GRACE_MINUTES", "75"),
        ("SWEEP_AGAIN_HOURS", "24"),
        ("SWEEP_BACKLOG", "400"),
        ("SWEEP_AT_MOST", "500"),
        ("QUEUE_RETENTION_SECONDS", "864000"),
    ];

    fn tick(change: (&str, &str)) -> Result<TickConfig, ConfigError> {
        let lookup = |name: &str| {
            if name == change.0 {
                return Some(change.1.to_owned());
            }
            TICK.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        TickConfig::read(Environment::new(&lookup))
    }

    #[test]
    fn the_templates_figures_are_the_policys_own() {
        let config = tick(("", "")).unwrap();
        assert_eq!((config.policy, config.breaker), (SweepPolicy::default(), BreakerPolicy::default()));
    }

    #[test]
    fn every_variable_of_the_tick_is_named_when_it_is_missing() {
        for (name, _) in TICK {
            let error = tick((name, "")).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn a_stage_that_the_stack_has_not_is_nowhere_and_one_that_it_has_is_somewhere_all_over() {
        let config = tick(("", "")).unwrap();
        assert_eq!(config.stages[StageName::Call], None);
        let lookup = |name: &str| match name {
            "CALL_FUNCTION" => Some("cf".to_owned()),
            _ => TICK.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
        };
        assert_eq!(TickConfig::read(Environment::new(&lookup)), Err(ConfigError::Missing("CALL_MAPPING".into())));
    }

    #[test]
    fn an_audit_repairs_or_does_not_and_nothing_between() {
        let read = |repair: &'static str| {
            let lookup = move |name: &str| Some(if name == "AUDIT_REPAIR" { repair } else { "x" }.to_owned());
            AuditConfig::read(Environment::new(&lookup))
        };
        assert!(read("true").unwrap().repair && !read("false").unwrap().repair);
        assert!(read("perhaps").unwrap_err().to_string().contains("AUDIT_REPAIR"));
    }
}
