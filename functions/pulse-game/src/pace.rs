use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

/// How fast virtual time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// Virtual time stands still.
    Paused,
    /// So many of its seconds pass in one of the wall's.
    Times(u32),
    /// As fast as it can be computed, until then, and pauses there.
    FastUntil(Timestamp),
}

/// Speeds that a page offers.
pub(crate) const SPEEDS: [u32; 4] = [1, 60, 600, 3_600];

impl Pace {
    /// How many virtual seconds pass in one of the wall's. None that is known, where it passes as fast as it can.
    #[must_use]
    pub fn factor(self) -> f64 {
        match self {
            Self::Paused | Self::FastUntil(_) => 0.0,
            Self::Times(times) => f64::from(times),
        }
    }

    /// Until when virtual time passes that stands at `now`, when so much of the wall's has passed.
    pub(crate) fn until(self, now: Timestamp, wall: Duration) -> Timestamp {
        match self {
            Self::Paused => now,
            Self::Times(times) => now.saturating_add(wall.saturating_mul(times)).unwrap_or(Timestamp::MAX),
            Self::FastUntil(moment) => moment.max(now),
        }
    }
}
