use async_trait::async_trait;
use jiff::Timestamp;

/// Tells the time. The wall clock in production, a virtual one in the simulator.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Waits. By the wall clock in production, by a virtual one in the simulator.
#[async_trait]
pub trait Sleeper: Clock {
    /// Waits until `moment`. What is past is no wait at all.
    async fn sleep_until(&self, moment: Timestamp);
}
