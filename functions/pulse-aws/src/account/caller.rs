//! Whose credentials are used, and what AWS's clock shows.

use std::sync::{Arc, OnceLock};

use aws_sdk_sts::{
    Client, Config,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextRef},
    error::BoxError,
};
use jiff::{Timestamp, fmt::rfc2822};
use pulse_core::ports::{AccountError, Caller};

use super::unanswered;
use crate::sdk::SdkConfig;

/// Asks AWS whose credentials these are, which everyone may.
///
/// # Errors
/// When AWS can't be asked.
pub async fn ask(aws: &SdkConfig) -> Result<Caller, AccountError> {
    let date = Arc::new(OnceLock::new());
    let heard = Config::builder().interceptor(DateHeader(Arc::clone(&date)));
    let answer = Client::new(aws).get_caller_identity().customize().config_override(heard).send().await;
    let answer = answer.map_err(unanswered("AWS can't be asked whose credentials these are"))?;
    Ok(Caller {
        account: answer.account.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
        at: date.get().copied(),
    })
}

/// Keeps when an answer was given, by its Date header. What the SDK knows of the difference it keeps to itself.
#[derive(Debug)]
struct DateHeader(Arc<OnceLock<Timestamp>>);

impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "DateHeader"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(|date| rfc2822::parse(date).ok());
        if let Some(date) = date {
            let _ = self.0.set(date.timestamp());
        }
        Ok(())
    }
}
