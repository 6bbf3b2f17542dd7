//! Configuration of the Lambdas: read once from environment variables, typed, and refused at start
//! with the variable's name.

mod console;
mod feedback;
mod scheduled;

use std::{borrow::Cow, fmt::Display, num::NonZeroU32, ops::RangeInclusive, str::FromStr, time::Duration};

use pulse_core::{
    control::BreakerPolicy,
    quiet_hours::QuietHours,
    stage::{EmailPolicy, PerStage, StageName, WorkerSettings},
    unsubscribe::UnsubscribeUrl,
};

pub use console::ConsoleConfig;
pub use feedback::{FeedbackConfig, Tenant};
pub use scheduled::{AuditConfig, TickConfig};

/// A variable that is missing or can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It isn't set.
    #[error("the environment variable {0} is not set: set it in the function's configuration (template.yaml does)")]
    Missing(Cow<'static, str>),
    /// It can't be used. The value isn't shown.
    #[error("the environment variable {name} {problem}")]
    Invalid {
        /// The variable's name.
        name: Cow<'static, str>,
        /// What is wrong, without the value.
        problem: String,
    },
}

/// Environment variables by name.
#[derive(Clone, Copy)]
pub struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Environment<'a> {
    /// Variables from `lookup`. An empty variable counts as not set.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(lookup)
    }

    /// A variable, if it is set.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: impl Into<Cow<'static, str>>) -> Result<String, ConfigError> {
        let name = name.into();
        self.optional(&name).ok_or(ConfigError::Missing(name))
    }

    /// Each stage's own variable whose name ends so, as `SCORE_QUEUE_URL` does; none, of a stage that the stack hasn't.
    fn per_stage(&self, suffix: &str) -> Result<PerStage<Option<String>>, ConfigError> {
        PerStage::try_from_fn(|stage: StageName| {
            let name = format!("{}_{suffix}", stage.spec().prefix);
            match stage.spec().given_by {
                None => self.text(name).map(Some),
                Some(_) => Ok(self.optional(&name)),
            }
        })
    }

    fn number<N: FromStr + PartialOrd + Display>(
        &self,
        name: &'static str,
        range: RangeInclusive<N>,
    ) -> Result<N, ConfigError> {
        let value: Option<N> = self.text(name)?.parse().ok();
        value.filter(|value| range.contains(value)).ok_or_else(|| ConfigError::Invalid {
            name: name.into(),
            problem: format!("is not a number from {} to {}", range.start(), range.end()),
        })
    }

    fn flag(&self, name: &'static str) -> Result<bool, ConfigError> {
        let problem = || ConfigError::Invalid { name: name.into(), problem: "is neither 'true' nor 'false'".into() };
        self.text(name)?.parse().map_err(|_| problem())
    }

    fn seconds(&self, name: &'static str) -> Result<Duration, ConfigError> {
        self.number(name, 1..=600).map(Duration::from_secs)
    }
}

/// This process's own environment.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn process_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What every stage needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageConfig {
    /// The ledger's table: `TABLE_NAME`.
    pub table: String,
    /// The stages' queues: `SCORE_QUEUE_URL` and so on; none, of a stage that the stack hasn't.
    pub queue_urls: PerStage<Option<String>>,
    /// `IN_FLIGHT`, `MAX_RECEIVE_COUNT` and the stage's own `.._TIMEOUT_SECONDS`.
    pub worker: WorkerSettings,
    /// `BREAKER_..`, as [`TickConfig`] has them.
    pub breaker: BreakerPolicy,
    /// The stack's name: `STACK_NAME`.
    pub stack: String,
    /// Whether all metrics are written: `DETAILED_METRICS`, `true` or `false`.
    pub detailed_metrics: bool,
}

impl StageConfig {
    fn read(env: Environment<'_>, stage: StageName) -> Result<Self, ConfigError> {
        Ok(Self {
            table: env.text("TABLE_NAME")?,
            queue_urls: env.per_stage("QUEUE_URL")?,
            breaker: scheduled::breaker(env)?,
            stack: env.text("STACK_NAME")?,
            detailed_metrics: env.flag("DETAILED_METRICS")?,
            worker: WorkerSettings {
                in_flight: env.number("IN_FLIGHT", 1..=1000)?,
                call_timeout: env.seconds(stage.spec().timeout_variable)?,
                max_receive_count: env.number("MAX_RECEIVE_COUNT", 1..=1000)?,
            },
        })
    }
}

/// The `score` function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreConfig {
    /// What every stage needs.
    pub stage: StageConfig,
    /// `SCORE_URL`: where the scoring API is.
    pub url: String,
    /// `SCORE_SECRET`: the name of its secret, if it wants one.
    pub secret_name: Option<String>,
}

impl ScoreConfig {
    /// Reads it.
    ///
    /// # Errors
    /// With the name of the first variable that is missing or can't be used.
    pub fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            stage: StageConfig::read(env, StageName::Score)?,
            url: env.text("SCORE_URL")?,
            secret_name: env.optional("SCORE_SECRET"),
        })
    }
}

/// The `call` function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallConfig {
    /// What every stage needs.
    pub stage: StageConfig,
    /// `CALL_URL`: where the partner's API is.
    pub url: String,
    /// `CALL_SECRET`: the name of its secret, if it wants one.
    pub secret_name: Option<String>,
}

impl CallConfig {
    /// Reads it.
    ///
    /// # Errors
    /// With the name of the first variable that is missing or can't be used.
    pub fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            stage: StageConfig::read(env, StageName::Call)?,
            url: env.text("CALL_URL")?,
            secret_name: env.optional("CALL_SECRET"),
        })
    }
}

/// The `email` function's configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct EmailConfig {
    /// What every stage needs.
    pub stage: StageConfig,
    /// `SCORE_MAX_AGE_HOURS` and `QUIET_HOURS`.
    pub policy: EmailPolicy,
    /// `MAIL_PROVIDER` and what that provider needs.
    pub provider: MailProvider,
    /// `KEYS_SECRET`: the name of the secret with the deployment's keys, if it has some.
    pub keys_secret: Option<String>,
    /// `UNSUBSCRIBE_URL`: what links to unsubscribe begin with, if the deployment hears of them. It takes the keys.
    pub unsubscribe_url: Option<UnsubscribeUrl>,
}

/// The email provider, chosen by `MAIL_PROVIDER`.
#[derive(Debug, Clone, PartialEq)]
pub enum MailProvider {
    /// `ses`: Amazon SES.
    Ses {
        /// `SENDER`: the From of every mail.
        sender: String,
        /// `SES_CONFIGURATION_SET`, if any.
        configuration_set: Option<String>,
        /// Mails a second that this worker may send: `SES_RATE` / `MAX_CONCURRENCY`.
        rate_per_second: f64,
    },
    /// `marketing-cloud`: Salesforce Marketing Cloud.
    MarketingCloud {
        /// `MARKETING_CLOUD_URL`: the REST base.
        url: String,
        /// `MARKETING_CLOUD_AUTH_URL`: the authentication base.
        auth_url: String,
        /// `MARKETING_CLOUD_DEFINITION`: the send definition's key.
        definition: String,
        /// `MARKETING_CLOUD_SECRET`: the name of the secret with the client's credentials.
        secret_name: String,
        /// `MARKETING_CLOUD_ACCOUNT_ID`: the business unit's MID, if not that of the installed package.
        account_id: Option<u64>,
    },
}

impl EmailConfig {
    /// Reads it.
    ///
    /// # Errors
    /// With the name of the first variable that is missing or can't be used.
    pub fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        let hours: u64 = env.number("SCORE_MAX_AGE_HOURS", 1..=10_000)?;
        let quiet_hours = env.optional("QUIET_HOURS").unwrap_or_default();
        Ok(Self {
            stage: StageConfig::read(env, StageName::Email)?,
            policy: EmailPolicy {
                score_max_age: Duration::from_secs(hours * 3600),
                quiet_hours: QuietHours::parse(&quiet_hours).map_err(|error| ConfigError::Invalid {
                    name: "QUIET_HOURS".into(),
                    problem: format!("can't be used: {error}"),
                })?,
            },
            provider: MailProvider::read(env)?,
            keys_secret: env.optional("KEYS_SECRET"),
            unsubscribe_url: unsubscribe_url(env)?,
        })
    }
}

/// The `deliver` function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliverConfig {
    /// What every stage needs.
    pub stage: StageConfig,
    /// `MAX_CONCURRENCY`: how many invocations may run at once, which share an endpoint's lanes.
    pub invocations: NonZeroU32,
    /// `ENDPOINTS_ON_LOOPBACK`: whether endpoints may be on this machine, and there without TLS, as where an emulator runs.
    pub on_loopback: bool,
}

impl DeliverConfig {
    /// Reads it.
    ///
    /// # Errors
    /// With the name of the first variable that is missing or can't be used.
    pub fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            stage: StageConfig::read(env, StageName::Deliver)?,
            invocations: env.number("MAX_CONCURRENCY", NonZeroU32::MIN..=NonZeroU32::MIN.saturating_add(999))?,
            on_loopback: env.optional("ENDPOINTS_ON_LOOPBACK").is_some_and(|value| value == "true"),
        })
    }
}

fn unsubscribe_url(env: Environment<'_>) -> Result<Option<UnsubscribeUrl>, ConfigError> {
    let Some(url) = env.optional("UNSUBSCRIBE_URL") else { return Ok(None) };
    env.text("KEYS_SECRET")?;
    let url = UnsubscribeUrl::parse(&url).map_err(|error| ConfigError::Invalid {
        name: "UNSUBSCRIBE_URL".into(),
        problem: format!("can't be used: {error}"),
    })?;
    Ok(Some(url))
}

impl MailProvider {
    fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        match env.text("MAIL_PROVIDER")?.as_str() {
            "ses" => Ok(Self::Ses {
                sender: env.text("SENDER")?,
                configuration_set: env.optional("SES_CONFIGURATION_SET"),
                rate_per_second: env.number("SES_RATE", 0.01..=1e6)? / env.number("MAX_CONCURRENCY", 1.0..=1000.0)?,
            }),
            "marketing-cloud" => Ok(Self::MarketingCloud {
                url: env.text("MARKETING_CLOUD_URL")?,
                auth_url: env.text("MARKETING_CLOUD_AUTH_URL")?,
                definition: env.text("MARKETING_CLOUD_DEFINITION")?,
                secret_name: env.text("MARKETING_CLOUD_SECRET")?,
                account_id: match env.optional("MARKETING_CLOUD_ACCOUNT_ID") {
                    Some(_) => Some(env.number("MARKETING_CLOUD_ACCOUNT_ID", 1..=u64::MAX)?),
                    None => None,
                },
            }),
            _ => Err(ConfigError::Invalid {
                name: "MAIL_PROVIDER".into(),
                problem: "is neither 'ses' nor 'marketing-cloud'".into(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMAIL: &[(&str, &str)] = &[
        ("TABLE_NAME", "t"),
        ("SCORE_QUEUE_URL", "s"),
        ("EMAIL_QUEUE_URL", "e"),
        ("DELIVER_QUEUE_URL", "d"),
        ("STACK_NAME", "pulse"),
        ("DETAILED_METRICS", "true"),
        ("BREAKER_WINDOW_MINUTES", "5"),
        ("BREAKER_CALLS", "20"),
        ("BREAKER_FAILING_PERCENT", "50"),
        ("BREAKER_QUIET_FAILURES", "5"),
        ("BREAKER_COOL_DOWN_SECONDS", "60"),
        ("BREAKER_PROBES", "3"),
        ("BREAKER_PATIENCE_HOURS", "48"),
        ("IN_FLIGHT", "4"),
        ("MAX_RECEIVE_COUNT", "5"),
        ("MAIL_TIMEOUT_SECONDS", "20"),
        ("SCORE_MAX_AGE_HOURS", "72"),
        ("QUIET_HOURS", ""),
        ("MAIL_PROVIDER", "ses"),
        ("SENDER", "Pulse <pulse@example.com>"),
        ("SES_RATE", "14"),
        ("MAX_CONCURRENCY", "7"),
    ];

    fn read(change: (&str, Option<&str>)) -> Result<EmailConfig, ConfigError> {
        let lookup = |name: &str| {
            if name == change.0 {
                return change.1.map(str::to_owned);
            }
            EMAIL.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        EmailConfig::read(Environment::new(&lookup))
    }

    #[test]
    fn the_accounts_rate_is_shared_by_the_workers() {
        let config = read(("", None)).unwrap();
        let MailProvider::Ses { rate_per_second, .. } = config.provider else { panic!("another provider") };
        assert!((rate_per_second - 2.0).abs() < f64::EPSILON);
        assert_eq!(config.policy.score_max_age, Duration::from_hours(72));
    }

    #[test]
    fn a_stage_that_the_stack_has_not_has_no_queue() {
        let urls = |call| read(("CALL_QUEUE_URL", call)).unwrap().stage.queue_urls;
        assert_eq!(urls(None)[StageName::Call], None);
        assert_eq!(urls(Some("c")).map(|_, url| url.unwrap()).as_slice(), ["s", "e", "d", "c"]);
    }

    #[test]
    fn every_required_variable_is_named_when_it_is_missing() {
        for (name, _) in EMAIL.iter().filter(|(_, value)| !value.is_empty()) {
            let error = read((name, None)).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            let error = read((name, Some(""))).unwrap_err();
            assert_eq!(error, read((name, None)).unwrap_err());
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_but_not_shown() {
        for (name, value) in [
            ("IN_FLIGHT", "none"),
            ("IN_FLIGHT", "-7"),
            ("QUIET_HOURS", "late"),
            ("MAIL_PROVIDER", "pigeon"),
            ("SES_RATE", "NaN"),
        ] {
            let error = read((name, Some(value))).unwrap_err().to_string();
            assert!(error.contains(name) && !error.contains(value), "{error}");
        }
    }

    #[test]
    fn links_to_unsubscribe_take_a_url_and_the_keys() {
        let read = |url: &'static str, keys: &'static str| {
            let lookup = |name: &str| match name {
                "UNSUBSCRIBE_URL" => Some(url.to_owned()),
                "KEYS_SECRET" => Some(keys.to_owned()),
                _ => EMAIL.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
            };
            EmailConfig::read(Environment::new(&lookup))
        };
        let is_read = |config: &EmailConfig| (config.unsubscribe_url.is_some(), config.keys_secret.is_some());
        assert_eq!(read("", "").as_ref().map(is_read), Ok((false, false)));
        assert_eq!(read("", "pulse/keys").as_ref().map(is_read), Ok((false, true)));
        assert_eq!(read("https://pulse.example/u", "pulse/keys").as_ref().map(is_read), Ok((true, true)));
        assert_eq!(read("https://pulse.example/u", ""), Err(ConfigError::Missing("KEYS_SECRET".into())));
        let plain = read("http://pulse.example/u", "pulse/keys").unwrap_err().to_string();
        assert!(plain.contains("UNSUBSCRIBE_URL") && !plain.contains("pulse.example"), "{plain}");
    }

    #[test]
    fn marketing_cloud_wants_its_own_variables() {
        assert_eq!(
            read(("MAIL_PROVIDER", Some("marketing-cloud"))),
            Err(ConfigError::Missing("MARKETING_CLOUD_URL".into()))
        );
    }
}
