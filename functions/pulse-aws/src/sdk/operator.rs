//! An operator's configuration: credentials of every kind that the AWS tools take, and one sentence with the command
//! that mends them where they are missing or over. The functions are built without it: they have their role's.

mod origin;

use std::{
    error::Error,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_config::{identity::IdentityCache, retry::RetryConfig};
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};

use futures::future::{Either, select};
use tokio::time::sleep;

use self::origin::Origin;
use super::{
    NoRegion, SdkConfig,
    credentials::{OUT_OF_TIME, REFUSALS},
    loader,
};

/// An operator's commands outlast a throttled minute: a call is tried so often, with waits that double up to 20 s. Not
/// the adaptive mode, which "assumes that the client works against a single resource" (AWS SDKs and Tools Reference
/// Guide, "Retry behavior"); whoever works through many customers has a pace of their own.
const ATTEMPTS: u32 = 6;

/// For how long credentials are waited for: a `credential_process` may ask for a touch of a key. The SDK gives up after
/// five seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whoever waits for longer is told what for.
const UNTOLD: Duration = Duration::from_secs(3);

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
/// When no region is set, or there are no credentials. `tell` hears what is waited for, if that takes more than a moment.
pub async fn load_for_operator(tell: &(dyn Fn(String) + Sync)) -> Result<SdkConfig, OperatorError> {
    let cache = IdentityCache::lazy().load_timeout(PATIENCE).build();
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
    let config = loader().identity_cache(cache).retry_config(retries).load().await;
    // An empty variable is a Region to the SDK.
    if config.region().is_none_or(|region| region.as_ref().is_empty()) {
        // A profile of another name would have a region as well.
        let origin = Origin::find().await;
        return Err(match origin {
            Origin::NoSuchProfile(..) => OperatorError::Credentials(origin.not_there("")),
            _ => NoRegion.into(),
        });
    }
    let Some(chain) = config.credentials_provider() else { return Ok(config) };
    let (a_moment, the_rest) = (sleep(UNTOLD), sleep(PATIENCE));
    let asked = waited_for(chain.provide_credentials(), a_moment, the_rest, async || {
        let source = Origin::find().await.source();
        tell(format!("Still waiting for {source}, for {} s at most.", PATIENCE.as_secs()));
    });
    let first = match asked.await {
        Some(Ok(first)) => first,
        Some(Err(error)) => return Err(OperatorError::Credentials(Origin::find().await.not_there(&told(&error)))),
        None => return Err(OperatorError::Credentials(Origin::find().await.too_slow(PATIENCE))),
    };
    let told = Told { chain, first: Mutex::new(Some(first)) };
    Ok(config.into_builder().credentials_provider(SharedCredentialsProvider::new(told)).build())
}

/// A sentence with the command that mends credentials which a service took no more, if that is what `failure`, the text
/// of a failed command, tells of.
///
/// A clock that is off looks like that, too.
pub async fn mend_refused(failure: &str) -> Option<String> {
    if let Some(words) = OUT_OF_TIME.into_iter().find(|words| failure.contains(words)) {
        return Some(format!(
            "AWS refuses requests that are signed more than five minutes before or after its own time ({words}): this \
             machine's clock is off. Set it, as `sudo timedatectl set-ntp true` does, and run this again."
        ));
    }
    let mut words = failure.split(|letter: char| !letter.is_ascii_alphabetic());
    let code = words.find(|word| REFUSALS.contains(word))?;
    Some(Origin::find().await.refused(code))
}

/// What comes of `asking`, unless `the_rest` of the time is over first. After `a_moment` it is told that it is waited for.
async fn waited_for<T>(
    asking: impl Future<Output = T>,
    a_moment: impl Future<Output = ()>,
    the_rest: impl Future<Output = ()>,
    tell: impl AsyncFnOnce(),
) -> Option<T> {
    let (mut asking, a_moment, the_rest) = (pin!(asking), pin!(a_moment), pin!(the_rest));
    if let Either::Left((done, _)) = select(&mut asking, a_moment).await {
        return Some(done);
    }
    tell().await;
    match select(asking, the_rest).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
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

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        future::{pending, ready},
    };

    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn what_takes_long_is_told_and_given_up_in_the_end() {
        let told = Cell::new(0);
        let tell = async || told.set(told.get() + 1);
        assert_eq!(waited_for(ready(7), pending(), pending(), tell).now_or_never(), Some(Some(7)));
        assert_eq!(told.get(), 0);
        let mut asks = 0;
        let late = std::future::poll_fn(|_| {
            asks += 1;
            if asks > 1 { std::task::Poll::Ready(7) } else { std::task::Poll::Pending }
        });
        assert_eq!(waited_for(late, ready(()), pending(), tell).now_or_never(), Some(Some(7)));
        assert_eq!(told.get(), 1);
        let never = waited_for(pending::<()>(), ready(()), ready(()), tell);
        assert_eq!(never.now_or_never(), Some(None));
    }

    #[tokio::test]
    async fn a_clock_that_is_off_is_told_from_credentials_that_are_over() {
        for failure in [
            "InvalidSignatureException: Signature expired: 20261103T100000Z is now earlier than 20261103T101500Z",
            "SignatureDoesNotMatch: Signature not yet current: 20261103T110000Z is still later than 20261103T100500Z",
            "RequestExpired: Request has expired.",
            "RequestTimeTooSkewed: The difference between the request time and the current time is too large.",
        ] {
            let mend = mend_refused(failure).await.unwrap();
            assert!(mend.contains("this machine's clock is off"), "{mend}");
        }
        assert_eq!(mend_refused("The score queue can't be used").await, None);
    }
}
