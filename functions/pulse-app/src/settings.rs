use async_trait::async_trait;
use pulse_core::{
    control::BreakerPolicy, customer::Zone, stage::Rules, tick::SweepPolicy, unsubscribe::UnsubscribeUrl,
};

/// What the functions go by couldn't be read. The words name what was asked, and why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub String);

/// What the deployed functions go by. It is asked for when it is needed: on AWS each answer costs a call, and a pause
/// mustn't fail because a function's configuration can't be read.
#[async_trait]
pub trait Settings: Send + Sync {
    /// What the stages decide by.
    async fn rules(&self) -> Result<Rules, SettingsError>;

    /// When an entry counts as overdue.
    async fn sweep(&self) -> Result<SweepPolicy, SettingsError>;

    /// When a provider is taken to be out of order.
    async fn breaker(&self) -> Result<BreakerPolicy, SettingsError>;

    /// What the links begin with by which customers unsubscribe. None, where they can only reply and say so.
    async fn unsubscribe_url(&self) -> Result<Option<UnsubscribeUrl>, SettingsError>;

    /// The time zone of roster rows that name none, by which a month is the current one.
    ///
    /// # Errors
    /// When there is no such zone, or it isn't known.
    fn zone(&self) -> Result<Zone, SettingsError>;
}

/// Settings that are known beforehand, as in a simulation.
#[derive(Debug, Clone)]
pub struct FixedSettings {
    /// What the stages decide by.
    pub rules: Rules,
    /// When an entry counts as overdue.
    pub sweep: SweepPolicy,
    /// When a provider is taken to be out of order.
    pub breaker: BreakerPolicy,
    /// The time zone of roster rows that name none.
    pub zone: Zone,
}

#[async_trait]
impl Settings for FixedSettings {
    async fn rules(&self) -> Result<Rules, SettingsError> {
        Ok(self.rules)
    }

    async fn sweep(&self) -> Result<SweepPolicy, SettingsError> {
        Ok(self.sweep)
    }

    async fn breaker(&self) -> Result<BreakerPolicy, SettingsError> {
        Ok(self.breaker)
    }

    async fn unsubscribe_url(&self) -> Result<Option<UnsubscribeUrl>, SettingsError> {
        Ok(None)
    }

    fn zone(&self) -> Result<Zone, SettingsError> {
        Ok(self.zone.clone())
    }
}
