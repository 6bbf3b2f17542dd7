use pulse_core::{
    enrollment::PartnerChange,
    ports::{Payload, PayloadError},
};
use secrecy::SecretString;

use crate::{
    fields::unreadable,
    standard_webhooks::{KeyError, TOLERANCE, WebhookVerifier},
};

/// Checks what one partner sends, and reads it. A request that is sent again within five minutes tells what is known
/// already, by its sequence.
#[derive(Debug, Clone)]
pub struct PartnerVerifier(WebhookVerifier);

impl PartnerVerifier {
    /// Believes what is signed with one of these keys, `whsec_..` or `whpk_..`.
    ///
    /// # Errors
    /// When one of them is no such key.
    pub fn new(keys: &[SecretString]) -> Result<Self, KeyError> {
        WebhookVerifier::new(keys).map(Self)
    }

    /// Checks the signature, and reads the change.
    ///
    /// # Errors
    /// When it is forged; when it can't be read; when it is of the future, from where it would be newer than all that
    /// others tell.
    pub fn read(&self, payload: &Payload) -> Result<PartnerChange, PayloadError> {
        self.0.verify(payload)?;
        let change = PartnerChange::parse(&payload.body).map_err(PayloadError::Unreadable)?;
        if change.occurred_at.duration_since(payload.received_at) > TOLERANCE {
            return Err(unreadable("occurred_at: is of the future"));
        }
        Ok(change)
    }
}
