//! An operator's configuration: credentials of every kind that the AWS tools take, and one sentence with the command
//! that mends them where they are missing or over. The functions are built without it: they have their role's.

mod origin;

use std::{
    error::Error,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_config::{identity::IdentityCache, retry::RetryConfig};
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};

use self::origin::Origin;
use super::{NoRegion, SdkConfig, credentials::REFUSALS, loader};

/// An operator's commands outlast a throttled minute: a call is tried so often, with waits that double up to 20 s. Not
/// the adaptive mode, which "assumes that the client works against a single resource" (AWS SDKs and Tools Reference
/// Guide, "Retry behavior"); whoever works through many customers has a pace of their own.
const ATTEMPTS: u32 = 6;

/// For how long credentials are waited for: a `credential_process` may ask for a touch of a key. The SDK gives up after
/// five seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why there is nothing to work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    /// There is no region.
    #[error(transparent)]
    Region(#[from] NoRegion),
    /// There are no credentials, or they are over: a sentence that ends in the command that mends it.
    #[error("{0}")]
    Credentials(String),
}

/// Reads the configuration as [`load`](super::load) does, with IAM Identity Center's sessions, `aws login`'s and
/// `credential_process` beside environment, keys and roles. Credentials are asked for at once.
///
/// # Errors
/// When no region is set, or there are no credentials.
pub async fn load_for_operator() -> Result<SdkConfig, OperatorError> {
    let cache = IdentityCache::lazy().load_timeout(PATIENCE).build();
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
    let config = loader().identity_cache(cache).retry_config(retries).load().await;
    if config.region().is_none() {
        return Err(NoRegion.into());
    }
    let Some(chain) = config.credentials_provider() else { return Ok(config) };
    let first = match chain.provide_credentials().await {
        Ok(first) => first,
        Err(error) => return Err(OperatorError::Credentials(Origin::find().await.not_there(&told(&error)))),
    };
    let told = Told { chain, first: Mutex::new(Some(first)) };
    Ok(config.into_builder().credentials_provider(SharedCredentialsProvider::new(told)).build())
}

/// A sentence with the command that mends credentials which a service took no more, if that is what `failure`, the text
/// of a failed command, tells of.
pub async fn mend_refused(failure: &str) -> Option<String> {
    let mut words = failure.split(|letter: char| !letter.is_ascii_alphabetic());
    let code = words.find(|word| REFUSALS.contains(word))?;
    Some(Origin::find().await.refused(code))
}

/// An operator's credentials. Those that were asked for first are handed out once more before others are loaded, and
/// whoever can't load others is told what mends it.
#[derive(Debug)]
struct Told {
    chain: SharedCredentialsProvider,
    first: Mutex<Option<Credentials>>,
}

impl ProvideCredentials for Told {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

impl Told {
    async fn load(&self) -> provider::Result {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(first) = first {
            return Ok(first);
        }
        match self.chain.provide_credentials().await {
            Err(error) => Err(CredentialsError::provider_error(Origin::find().await.not_there(&told(&error)))),
            loaded => loaded,
        }
    }
}

/// An error and all that it came from, on one line.
fn told(error: &CredentialsError) -> String {
    let mut all = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        all = format!("{all}: {cause}");
        next = cause.source();
    }
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}
