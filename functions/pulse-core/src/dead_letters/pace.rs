use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::ports::{Rate, Sleeper};

/// Gives everyone a moment of their own, no more of them in any second than the rate allows.
pub(super) struct Pace<'a> {
    sleeper: &'a dyn Sleeper,
    /// From one moment to the next.
    step: Duration,
    /// The first moment that isn't given away.
    free: Mutex<Timestamp>,
}

impl<'a> Pace<'a> {
    pub(super) fn of(sleeper: &'a dyn Sleeper, rate: Option<Rate>) -> Self {
        let step = rate.map_or(0, |rate| 1_000_000_000_u64.div_ceil(u64::from(rate.per_second())));
        Self { sleeper, step: Duration::from_nanos(step), free: Mutex::new(sleeper.now()) }
    }

    /// Waits for the next moment. Those that nobody wanted are not made up for.
    pub(super) async fn turn(&self) {
        if !self.step.is_zero() {
            let moment = self.take();
            self.sleeper.sleep_until(moment).await;
        }
    }

    fn take(&self) -> Timestamp {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = self.sleeper.now().max(*free);
        *free = moment.saturating_add(self.step).unwrap_or(Timestamp::MAX);
        moment
    }
}
