//! The ports of `pulse-core` on AWS: `DynamoDB`, SQS, `EventBridge` Scheduler and Lambda; with the
//! configuration and the telemetry that the Lambdas share.

#[cfg(feature = "account")]
pub mod account;
pub mod batch;
pub mod clock;
pub mod config;
pub mod dynamodb;
pub mod host;
pub mod intake;
pub mod lanes;
pub mod outbox;
pub mod scheduler;
pub mod sdk;
pub mod sqs;
pub mod stack;
pub mod stages;
pub mod telemetry;
pub mod test_mail;
pub mod test_word;
