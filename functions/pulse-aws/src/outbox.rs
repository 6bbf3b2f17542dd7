//! The ledger as all write to it who may make facts.

use std::sync::Arc;

use pulse_core::{
    delivery::{EndpointBook, OutboxLedger},
    ports::StageQueue,
};

use crate::{clock::SystemClock, dynamodb::DynamoDbLedger};

/// The ledger, with word of what happens written beside that, and queued on the deliver stage's `queue`.
#[must_use]
pub fn outbox(ledger: &DynamoDbLedger, queue: Arc<dyn StageQueue>) -> OutboxLedger {
    let (ledger, clock) = (Arc::new(ledger.clone()), Arc::new(SystemClock));
    let book = Arc::new(EndpointBook::new(ledger.clone(), clock.clone()));
    OutboxLedger { ledger, book, queue, clock }
}
