//! How many batches a mapping has in flight at once.

use std::time::Duration;

use jiff::Timestamp;

/// AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": Lambda
/// starts with five batches, invokes up to 300 more a minute for as long as messages wait, and at most
/// 1,250 at a time.
const FIRST: u32 = 5;
const MOST: u32 = 1_250;
const STEP: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Concurrency {
    maximum: u32,
    grown: u32,
    grows_at: Option<Timestamp>,
}

impl Concurrency {
    pub(super) fn new(maximum: Option<u32>) -> Self {
        Self { maximum: maximum.unwrap_or(MOST), grown: FIRST, grows_at: None }
    }

    /// The setting of this name: the mapping stops reading at it.
    pub(super) fn set_maximum(&mut self, maximum: Option<u32>) {
        self.maximum = maximum.unwrap_or(MOST);
    }

    pub(super) fn allowed(&self) -> u32 {
        self.grown.min(self.maximum)
    }

    pub(super) fn may_grow(&self) -> bool {
        self.grown < self.maximum
    }

    /// Messages wait, and all that is allowed is in flight: grows if it is time. Says when it will be
    /// time again.
    pub(super) fn press(&mut self, now: Timestamp) -> Option<Timestamp> {
        let mut grows_at = self.grows_at.unwrap_or_else(|| later(now));
        while grows_at <= now && self.may_grow() {
            self.grown += 1;
            grows_at = later(grows_at);
        }
        self.grows_at = Some(grows_at).filter(|_| self.may_grow());
        self.grows_at
    }

    /// Nothing waits.
    pub(super) fn relax(&mut self) {
        self.grows_at = None;
    }

    /// Nothing waits, and nothing is in flight.
    pub(super) fn rest(&mut self) {
        *self = Self { grown: FIRST, grows_at: None, ..*self };
    }

    /// An invocation failed or was throttled, and Lambda "gradually backs off" (AWS Lambda Developer
    /// Guide, "Handling errors for an SQS event source in Lambda"). How gradually isn't told: one less
    /// for each, and no growth for a step.
    pub(super) fn back_off(&mut self, now: Timestamp) {
        self.grown = self.grown.saturating_sub(1).max(FIRST);
        self.grows_at = Some(later(now));
    }
}

fn later(moment: Timestamp) -> Timestamp {
    moment.saturating_add(STEP).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_starts_with_five_and_adds_three_hundred_a_minute_up_to_1_250() {
        // AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings".
        let mut concurrency = Concurrency::new(None);
        assert_eq!(concurrency.allowed(), 5);
        let start = Timestamp::UNIX_EPOCH;
        concurrency.press(start);
        concurrency.press(start + Duration::from_mins(1));
        assert_eq!(concurrency.allowed(), 305);
        concurrency.press(start + Duration::from_hours(1));
        assert_eq!((concurrency.allowed(), concurrency.may_grow()), (1_250, false));
        concurrency.rest();
        assert_eq!(concurrency.allowed(), 5);
    }

    #[test]
    fn failures_take_it_back_one_by_one_but_not_below_five() {
        // AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": backoff
        // strategy for failed invocations.
        let mut concurrency = Concurrency::new(None);
        let start = Timestamp::UNIX_EPOCH;
        concurrency.press(start);
        concurrency.press(start + STEP * 2);
        assert_eq!(concurrency.allowed(), 7);
        let after: Vec<_> = (0..4)
            .map(|_| {
                concurrency.back_off(start + STEP * 2);
                concurrency.allowed()
            })
            .collect();
        assert_eq!(after, [6, 5, 5, 5]);
    }

    #[test]
    fn a_maximum_is_never_exceeded_nor_waited_for() {
        let mut concurrency = Concurrency::new(Some(2));
        assert_eq!(concurrency.press(Timestamp::UNIX_EPOCH), None);
        assert_eq!(concurrency.allowed(), 2);
        concurrency.set_maximum(Some(6));
        let next = concurrency.press(Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(concurrency.press(next), None);
        assert_eq!(concurrency.allowed(), 6);
    }
}
