//! Write-back: word of what happened, for other systems.
//!
//! What happens to an entry, a customer or a run makes [`Fact`]s. For each [`Endpoint`] that asks for a fact a [`Delivery`] is written together with
//! what made it, so that neither stands without the other; where no endpoint asks, nothing is. The `Row` that a stage moves is
//! the delivery. There is no personal data in any of them: who is told is told by customer, run and kind, and reads more where
//! it may. [`OutboxLedger`] is where that is seen to.

mod body;
mod book;
mod control;
mod desk;
mod endpoint;
mod fact;
mod holding;
mod line;
mod outbox;
mod outbox_ledger;
mod record;
mod round;
mod signature_scheme;
mod standing;
mod target;
mod transition;

pub use body::{SubjectNow, body};
pub use book::{EndpointBook, KNOWN_WITHIN};
pub use control::{EndpointControl, EndpointHold, Gone};
pub use desk::{Counter, EndpointDesk, Lane};
pub use endpoint::{Bodies, Endpoint, EndpointName, Keeps};
pub use fact::{Fact, FactId, FactKind, Subject};
pub use holding::{HoldingError, pause_endpoint, resume_endpoint};
pub use line::{Line, Owner};
pub use outbox::Outbox;
pub use outbox_ledger::OutboxLedger;
pub use record::{Delivery, DeliveryId, DeliveryProgress};
pub use round::{EndpointRound, EndpointRounds};
pub use signature_scheme::SignatureScheme;
pub use standing::{EndpointStanding, UnwellEndpoint};
pub use target::{Target, WebhookUrl};
pub use transition::DeliveryChange;

#[cfg(test)]
mod tests;
