//! The wall clock.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::ports::{Clock, Sleeper};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[async_trait]
impl Sleeper for SystemClock {
    async fn sleep_until(&self, moment: Timestamp) {
        let wait = Duration::try_from(moment.duration_since(self.now())).unwrap_or_default();
        tokio::time::sleep(wait).await;
    }
}
