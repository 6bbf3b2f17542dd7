use async_trait::async_trait;
use jiff::Timestamp;

use super::Clock;

/// Waits. By the wall clock in production, by a virtual one in the simulator.
#[async_trait]
pub trait Sleeper: Clock {
    /// Waits until `moment`. What is past is no wait at all.
    async fn sleep_until(&self, moment: Timestamp);
}
