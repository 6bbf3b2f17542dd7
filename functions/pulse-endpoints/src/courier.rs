//! What brings word to endpoints, whichever way they take it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_config::SdkConfig;
use pulse_core::{
    delivery::{Endpoint, Target, WebhookUrl},
    ports::{Clock, Courier, CourierError, Word},
};
use pulse_providers::{Connections, SetupError, secret::SecretStores};
use tokio::time::timeout;

use crate::{
    AddressRules, EndpointUrl, PostError, WebhookClient, WebhookId, WebhookSettings,
    buses::EventBuses,
    key_cache::KeyCache,
    refusal::{rejected, retry},
    topics::SnsTopics,
};

/// Brings word to webhooks, topics and event buses. Needs `secretsmanager:GetSecretValue` on the secrets
/// with webhooks' keys, and `ssm:GetParameter` on the parameters.
pub struct EndpointCourier {
    webhooks: WebhookClient,
    rules: AddressRules,
    keys: KeyCache,
    topics: SnsTopics,
    buses: EventBuses,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl EndpointCourier {
    /// A courier to whom the rules allow. Bringing word once takes `timeout` at the most, reading its keys included.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new(
        aws: &SdkConfig,
        rules: AddressRules,
        timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        Ok(Self {
            webhooks: WebhookClient::new(WebhookSettings { rules, ..WebhookSettings::default() })?,
            rules,
            keys: KeyCache::new(SecretStores::new(aws), Arc::clone(&clock)),
            topics: SnsTopics::new(aws_sdk_sns::Client::new(aws)),
            buses: EventBuses::new(aws_sdk_eventbridge::Client::new(aws), Arc::clone(&clock)),
            timeout,
            clock,
        })
    }

    /// Its connections to webhooks, to be renewed when an invocation begins. A call to AWS that meets a dead one is made again
    /// by the SDK.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.webhooks.connections()
    }

    /// With keys that the endpoint doesn't know, once more with those that took their place meanwhile, if any did: so that a
    /// rotation takes hold with the first call that misses it.
    async fn post(&self, word: &Word, url: &WebhookUrl, secret: &str) -> Result<(), CourierError> {
        let url = EndpointUrl::parse(url.expose(), self.rules);
        let url = url.map_err(|error| retry(format!("The endpoint's URL {error}: correct the endpoint.")))?;
        let id = WebhookId::parse(&word.id).map_err(|error| rejected(format!("This isn't sent: {error}.")))?;
        let keys = self.keys.current(secret).await.map_err(|cause| CourierError::Retry { after: None, cause })?;
        let post = async |keys| self.webhooks.post(&url, keys, &id, &word.body, self.clock.now()).await;
        let mut outcome = post(&keys).await;
        if matches!(outcome, Err(PostError::Unrecognized { .. }))
            && let Some(others) = self.keys.instead_of(secret, &keys).await
        {
            outcome = post(&others).await;
        }
        Ok(outcome?)
    }
}

#[async_trait]
impl Courier for EndpointCourier {
    async fn bring(&self, word: &Word, to: &Endpoint) -> Result<(), CourierError> {
        let brought = async {
            match &to.target {
                Target::Webhook { url, secret } => self.post(word, url, secret).await,
                Target::Sns { topic } => self.topics.publish(topic, word).await,
                Target::EventBridge { bus } => self.buses.put(bus, word).await,
                Target::Unknown => {
                    let words = "This release doesn't know where that is: deploy the one that added it.";
                    Err(retry(words.to_owned()))
                }
            }
        };
        let (name, limit) = (&to.name, self.timeout.as_secs_f64());
        let late = |_| Err(retry(format!("Endpoint {name} wasn't done within {limit} s.")));
        timeout(self.timeout, brought).await.unwrap_or_else(late)
    }
}
