//! What AWS answered, in one sentence: the SDK's own text quotes the whole exchange.

use std::error::Error;

use anyhow::anyhow;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;

/// Makes an error of a failed call: `what` did not work, and why.
pub fn because<E>(what: impl Into<String>) -> impl FnOnce(E) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + 'static,
{
    move |error| anyhow!("{}: {}", what.into(), reason(&error))
}

/// The service's message, or else what lies at the bottom of the error, as in a refused connection.
#[must_use]
pub fn reason<E>(error: &E) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match (error.message(), error.code()) {
        (Some(message), _) => message.to_owned(),
        (None, Some(code)) => code.to_owned(),
        (None, None) => {
            let mut cause: &dyn Error = error;
            while let Some(below) = cause.source() {
                cause = below;
            }
            cause.to_string()
        }
    }
}
