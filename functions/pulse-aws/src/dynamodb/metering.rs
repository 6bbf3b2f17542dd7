//! What reading costs, as `DynamoDB` says.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use pulse_core::ports::ReadUnits;

/// Counts read units, if it is to: workers have no use for them.
#[derive(Debug, Clone, Default)]
pub(super) struct ReadMeter(Option<Arc<AtomicU64>>);

impl ReadMeter {
    pub(super) fn counting() -> Self {
        Self(Some(Arc::default()))
    }

    /// What a call has to ask for.
    pub(super) fn asks_for(&self) -> Option<ReturnConsumedCapacity> {
        self.0.as_ref().map(|_| ReturnConsumedCapacity::Total)
    }

    /// Adds what a call says it has consumed (Amazon `DynamoDB` API Reference, `ConsumedCapacity`).
    pub(super) fn add(&self, consumed: Option<&ConsumedCapacity>) {
        if let (Some(halves), Some(units)) = (&self.0, consumed.and_then(ConsumedCapacity::capacity_units)) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "units are few, and not negative"
            )]
            halves.fetch_add((units * 2.0).round() as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn read_units(&self) -> ReadUnits {
        ReadUnits::of_halves(self.0.as_ref().map_or(0, |halves| halves.load(Ordering::Relaxed)))
    }
}
