//! What providers tell of mails, and partners of customers: signatures are checked on the raw bytes, and what is signed is
//! read.
//!
//! [`Parsers`] has all of it, by source. No error and no cause quotes what was sent: diagnostics hold addresses.

mod fields;
mod mailgun;
mod marketing_cloud;
mod parsers;
mod partner;
mod ses;
mod signature;
mod standard_webhooks;
mod status;
mod unsigned;

pub use mailgun::{MailgunParser, OnceToken};
pub use marketing_cloud::{MarketingCloudParser, Verification};
pub use parsers::{FormError, Parsers};
pub use partner::PartnerVerifier;
pub use ses::SesParser;
pub use standard_webhooks::{KeyError, WebhookVerifier};
pub use status::{EnhancedStatus, bounce_kind};
pub use unsigned::UnsignedReader;
