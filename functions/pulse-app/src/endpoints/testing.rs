use pulse_core::{
    delivery::EndpointName,
    failure::Cause,
    ports::{EndpointTester, TestWord},
};
use serde::Serialize;

use super::EndpointError;
use crate::App;

/// What came of word of nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointTested {
    /// To whom it was sent.
    pub endpoint: EndpointName,
    /// How many milliseconds that took it, if it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Why it wasn't, or isn't known to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

impl App {
    /// Has the deliver function send an endpoint word of nothing, held or not.
    ///
    /// # Errors
    /// When there is none of that name, or the function can't be asked.
    pub async fn test_endpoint(
        &self,
        tester: &dyn EndpointTester,
        name: &EndpointName,
    ) -> Result<EndpointTested, EndpointError> {
        let endpoint = self.endpoint(name).await?.name;
        Ok(match tester.send_test_word(&endpoint).await? {
            TestWord::Accepted { took } => {
                let took_ms = Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
                EndpointTested { endpoint, took_ms, cause: None }
            }
            TestWord::Failed(cause) => EndpointTested { endpoint, took_ms: None, cause: Some(cause) },
        })
    }
}
