//! The providers: the scoring API, campaigns' partners and Marketing Cloud over HTTP, and Amazon SES.

mod connections;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod http;
mod json_api;
mod marketing_cloud;
mod partner;
mod scorer;
pub mod secret;
mod sender;
mod ses;
mod setup;
mod trust;

pub use connections::{Connections, Pooled};
pub use marketing_cloud::{EnsVerifier, MarketingCloudMailer};
pub use partner::HttpPartner;
pub use scorer::HttpScorer;
pub use sender::Sender;
pub use ses::{SendingRate, SesAccount, SesMailer, SesSuppressions};
pub use setup::{SetupError, secrets_client, ses_client};
pub use trust::system_trust;
