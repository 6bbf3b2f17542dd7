use std::future;

use async_trait::async_trait;
use pulse_core::{
    control::BreakerPolicy, customer::Zone, stage::Rules, tick::SweepPolicy, unsubscribe::UnsubscribeUrl,
};

use crate::{Settings, SettingsError};

/// Functions of which one can't be read, and another never answers.
pub(super) struct Unreadable;

#[async_trait]
impl Settings for Unreadable {
    async fn rules(&self) -> Result<Rules, SettingsError> {
        Err(SettingsError("QUIET_HOURS can't be read".into()))
    }

    async fn sweep(&self) -> Result<SweepPolicy, SettingsError> {
        Ok(SweepPolicy::default())
    }

    async fn breaker(&self) -> Result<BreakerPolicy, SettingsError> {
        future::pending().await
    }

    async fn unsubscribe_url(&self) -> Result<Option<UnsubscribeUrl>, SettingsError> {
        Err(SettingsError("UNSUBSCRIBE_URL can't be read".into()))
    }

    fn zone(&self) -> Result<Zone, SettingsError> {
        Err(SettingsError("no zone".into()))
    }
}
