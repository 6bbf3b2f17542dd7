//! The other systems that Pulse tells of what happened: Standard Webhooks over HTTPS (standardwebhooks.com,
//! specification 1.0), and topics and event buses of the account's.
//!
//! Who operates such a system names the URL, so no URL is trusted: see [`AddressRules`]. What receivers do with a webhook,
//! to verify it, is `pulse_feedback::WebhookVerifier`, as partners sign by the same standard.

mod addresses;
mod buses;
mod client;
mod courier;
mod endpoint_url;
mod key;
mod key_cache;
mod key_secrets;
mod outcome;
mod refusal;
mod resolver;
mod retry_after;
mod signing;
mod topics;
mod webhook_id;

pub use addresses::AddressRules;
pub use client::{LONGEST_BODY, WebhookClient, WebhookSettings};
pub use courier::EndpointCourier;
pub use endpoint_url::{EndpointUrl, EndpointUrlError};
pub use key::KeyError;
pub use key_secrets::{AwsEndpointKeys, RandomSource};
pub use outcome::PostError;
pub use pulse_core::delivery::SignatureScheme;
pub use resolver::SystemResolver;
pub use signing::SigningKeys;
pub use webhook_id::{WebhookId, WebhookIdError};
