use std::time::Duration;

use async_trait::async_trait;

use super::AccountError;
use crate::{delivery::EndpointName, failure::Cause};

/// What came of word of nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestWord {
    /// The endpoint took it.
    Accepted {
        /// How long that took it.
        took: Duration,
    },
    /// It didn't, or it isn't known whether it did.
    Failed(Cause),
}

/// Has the deployed deliver function tell endpoints, as it tells them of facts: with its permissions, from where it runs.
#[async_trait]
pub trait EndpointTester: Send + Sync {
    /// Has an endpoint sent word of nothing, to see whether it takes it.
    async fn send_test_word(&self, endpoint: &EndpointName) -> Result<TestWord, AccountError>;
}
