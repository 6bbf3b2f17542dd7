use pulse_core::{
    delivery::EndpointName,
    orders::{EndpointChange, OrderAction},
    ports::{EndpointKeys, EndpointKeysError, KeysSeen},
};
use serde::Serialize;

use super::EndpointError;
use crate::App;

/// An endpoint's keys after they were changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointRotated {
    /// Whose.
    pub endpoint: EndpointName,
    /// The secret that holds them.
    pub secret: String,
    /// What may be shown of them.
    #[serde(flatten)]
    pub keys: KeysSeen,
}

impl App {
    /// Has a new key sign an endpoint's word beside the one that does.
    ///
    /// # Errors
    /// As [`EndpointError`] says.
    pub async fn rotate_endpoint(
        &self,
        keys: &dyn EndpointKeys,
        name: &EndpointName,
    ) -> Result<EndpointRotated, EndpointError> {
        let rotated = async {
            let secret = self.secret_of(name).await?;
            let seen = keys.rotate(&secret).await.map_err(|error| match error {
                EndpointKeysError::Rotating(_) => EndpointError::Rotating(name.clone()),
                error => error.into(),
            })?;
            Ok(EndpointRotated { endpoint: name.clone(), secret, keys: seen })
        };
        let (endpoint, rotated) = (name.clone(), rotated.await);
        self.leave_order(OrderAction::Endpoint { endpoint, change: EndpointChange::Rotate }, None, &rotated).await;
        rotated
    }

    /// Drops the key before the newest: its receiver has that one by now.
    ///
    /// # Errors
    /// As [`EndpointError`] says.
    pub async fn finish_rotation(
        &self,
        keys: &dyn EndpointKeys,
        name: &EndpointName,
    ) -> Result<EndpointRotated, EndpointError> {
        let finished = async {
            let secret = self.secret_of(name).await?;
            Ok(EndpointRotated { endpoint: name.clone(), keys: keys.finish(&secret).await?, secret })
        };
        let (endpoint, finished) = (name.clone(), finished.await);
        let action = OrderAction::Endpoint { endpoint, change: EndpointChange::FinishRotation };
        self.leave_order(action, None, &finished).await;
        finished
    }

    async fn secret_of(&self, name: &EndpointName) -> Result<String, EndpointError> {
        let target = self.endpoint(name).await?.target;
        let secret = target.secret().map(str::to_owned);
        secret.ok_or_else(|| EndpointError::NotSigned { endpoint: name.clone(), kind: target.kind() })
    }
}
