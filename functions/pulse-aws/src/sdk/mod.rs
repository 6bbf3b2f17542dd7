//! The AWS SDK's configuration: one for all clients of a process.
//!
//! The SDK crates are built without their default HTTP client, so it is set here: rustls on ring,
//! which serves `http://` endpoints (emulators) too.

mod credentials;
pub(crate) mod failure;
#[cfg(feature = "operator")]
pub mod operator;
mod permissions;

use std::time::Duration;

pub use aws_config::SdkConfig;
use aws_config::{
    BehaviorVersion, ConfigLoader, Region, environment::EnvironmentVariableRegionProvider,
    meta::region::RegionProviderChain, profile::ProfileFileRegionProvider, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

pub use self::failure::{because, reason};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 3;
/// A connection that was idle for longer isn't used again. A call that meets a dead one is made again, and has lost an
/// attempt's time by then.
const IDLE: Duration = Duration::from_secs(15);

/// How long an attempt of a worker's call may take. `DynamoDB` and SQS answer in milliseconds; a full batch's first calls
/// wait some seconds for the handshakes of all their connections, where the function has a small share of a processor.
pub const WORKER_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a worker's call is made at most.
pub const WORKER_ATTEMPTS: u32 = ATTEMPTS;
/// The longest wait before the second attempt. It doubles for each further one (AWS SDKs and Tools Reference Guide,
/// "Retry behavior": standard mode).
pub const WORKER_BACKOFF: Duration = Duration::from_millis(500);
/// The longest that a worker waits for one call, when each of its attempts goes unanswered.
pub const LONGEST_WORKER_CALL: Duration = WORKER_ATTEMPT_TIMEOUT
    .saturating_mul(WORKER_ATTEMPTS)
    .saturating_add(WORKER_BACKOFF.saturating_mul(2_u32.pow(WORKER_ATTEMPTS - 1) - 1));
const EMULATOR_REGION: &str = "us-east-1";

/// There is no region to work in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no AWS region is set: set AWS_REGION, or a region in the AWS profile that is used")]
pub struct NoRegion;

/// Reads the configuration as the AWS tools do: region from `AWS_REGION`, `AWS_DEFAULT_REGION` or
/// the profile, credentials from the default chain, and `AWS_ENDPOINT_URL` for an emulator (AWS
/// SDKs and Tools Reference Guide, "Service-specific endpoints").
///
/// A call takes at most 2 s to connect and 10 s an attempt, and is tried three times.
///
/// # Errors
/// When no region is set. The instance metadata service isn't asked for one: off AWS that costs
/// seconds, and on Lambda the environment has it.
pub async fn load() -> Result<SdkConfig, NoRegion> {
    let config = loader().retry_config(retries()).load().await;
    match config.region() {
        Some(_) => Ok(config),
        None => Err(NoRegion),
    }
}

fn loader() -> ConfigLoader {
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new());
    let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client());
    loader.region(region).timeout_config(timeouts())
}

/// The configuration for an emulator at `endpoint`, with the credentials that emulators take as
/// the account's root. Reads neither the environment nor a profile.
#[must_use]
pub fn for_emulator(endpoint: &str) -> SdkConfig {
    let root = Credentials::new("test", "test", None, None, "emulator");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new(EMULATOR_REGION))
        .credentials_provider(SharedCredentialsProvider::new(root))
        .http_client(http_client())
        .timeout_config(timeouts())
        .retry_config(retries())
        .build()
}

/// The same for a stage's worker, whose calls to the ledger and the queues have to end before Lambda ends it: an attempt
/// that goes unanswered is given up for the next one early.
#[must_use]
pub fn for_worker(config: &SdkConfig) -> SdkConfig {
    let attempt = TimeoutConfig::builder().operation_attempt_timeout(WORKER_ATTEMPT_TIMEOUT);
    let retries = RetryConfig::standard().with_max_attempts(WORKER_ATTEMPTS).with_initial_backoff(WORKER_BACKOFF);
    config.to_builder().timeout_config(attempt.connect_timeout(CONNECT_TIMEOUT).build()).retry_config(retries).build()
}

/// A client for the ledger's table.
#[must_use]
pub fn dynamodb_client(config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(config)
}

/// A client for the queues.
#[must_use]
pub fn sqs_client(config: &SdkConfig) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(config)
}

/// A client for the functions and their event source mappings.
#[must_use]
pub fn lambda_client(config: &SdkConfig) -> aws_sdk_lambda::Client {
    aws_sdk_lambda::Client::new(config)
}

/// A client for the stack itself.
#[must_use]
pub fn cloudformation_client(config: &SdkConfig) -> aws_sdk_cloudformation::Client {
    aws_sdk_cloudformation::Client::new(config)
}

/// A client for the schedules.
#[must_use]
pub fn scheduler_client(config: &SdkConfig) -> aws_sdk_scheduler::Client {
    aws_sdk_scheduler::Client::new(config)
}

fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).pool_idle_timeout(IDLE).build_https()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT).build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_gives_an_attempt_up_for_the_next_one_early() {
        let config = for_worker(&for_emulator("http://127.0.0.1:1"));
        let (timeouts, retries) = (config.timeout_config().unwrap(), config.retry_config().unwrap());
        assert_eq!(timeouts.operation_attempt_timeout(), Some(WORKER_ATTEMPT_TIMEOUT));
        assert_eq!(timeouts.connect_timeout(), Some(CONNECT_TIMEOUT));
        assert_eq!(retries.max_attempts(), WORKER_ATTEMPTS);
        assert_eq!(LONGEST_WORKER_CALL, Duration::from_millis(10_500));
    }
}
