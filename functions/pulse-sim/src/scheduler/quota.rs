//! How many targets are invoked in a second.

use jiff::Timestamp;

/// The invocations throttle limit: what is over it is delayed, not lost (`EventBridge` Scheduler User
/// Guide, "Quotas for Amazon `EventBridge` Scheduler").
#[derive(Debug)]
pub(super) struct Quota {
    per_second: u32,
    second: i64,
    used: u32,
}

impl Quota {
    /// At least one a second.
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), second: i64::MIN, used: 0 }
    }

    /// Takes one of this second's invocations, or says when there are more.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        if self.second != now.as_second() {
            (self.second, self.used) = (now.as_second(), 0);
        }
        if self.used < self.per_second {
            self.used += 1;
            return Ok(());
        }
        Err(Timestamp::from_second(self.second + 1).unwrap_or(Timestamp::MAX))
    }
}
