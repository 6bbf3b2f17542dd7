//! What a failed SDK call means: try again, or don't.

use std::error::Error;

use anyhow::anyhow;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::error::SdkError;
use pulse_core::failure::Cause;

/// A failed call, in Pulse's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallFailure {
    /// No answer, or one that says to come back. The call may have taken effect.
    Again(Cause),
    /// An answer that stays the same however often it is asked for.
    Refused(Cause),
}

/// Codes that mean "not now" although their status is 400 ("Common errors" of the API references
/// of `DynamoDB`, SQS and `EventBridge` Scheduler; `DynamoDB` Developer Guide, "Error handling").
const NOT_NOW: [&str; 12] = [
    "InternalServerError",
    "KmsThrottled",
    "OverLimit",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Reads a failed call to `service`. What the service answers to a malformed request may quote the
/// request, so of that only the code is kept.
pub(crate) fn read<E>(service: &str, error: &SdkError<E>) -> CallFailure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => {
            CallFailure::Refused(Cause::new(format!("The call to {service} can't be built.")))
        }
        SdkError::TimeoutError(_) => CallFailure::Again(Cause::new(format!("{service} didn't answer in time."))),
        SdkError::DispatchFailure(_) => {
            CallFailure::Again(Cause::new(format!("{service} can't be reached: {}", root_of(error))))
        }
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            answered(service, status, answer.err().code(), answer.err().message())
        }
        _ => CallFailure::Again(Cause::new(format!("{service}'s answer can't be read."))),
    }
}

fn answered(service: &str, status: u16, code: Option<&str>, message: Option<&str>) -> CallFailure {
    let name = code.map_or_else(|| status.to_string(), ToOwned::to_owned);
    // With the XML protocols a code has a prefix: AWS.SimpleQueueService.OverLimit.
    let last = name.rsplit('.').next().unwrap_or_default();
    if status >= 500 || status == 429 || NOT_NOW.contains(&last) {
        return CallFailure::Again(Cause::new(format!("{service} answered {name}.")));
    }
    let quotes_the_request = last.starts_with("Validation") || last.starts_with("InvalidParameter");
    CallFailure::Refused(Cause::new(match message {
        Some(message) if !quotes_the_request => format!("{service} answered {name}: {message}"),
        _ => format!("{service} answered {name}."),
    }))
}

/// What is at the bottom of an error, in one line.
fn root_of(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn is_worth_another_try(status: u16, code: &str) -> bool {
        matches!(answered("SQS", status, Some(code), None), CallFailure::Again(_))
    }

    #[test]
    fn throttles_and_server_errors_are_worth_another_try() {
        assert!(is_worth_another_try(400, "ThrottlingException"));
        assert!(is_worth_another_try(400, "AWS.SimpleQueueService.OverLimit"));
        assert!(is_worth_another_try(503, "Whatever"));
        assert!(is_worth_another_try(429, "Whatever"));
    }

    #[test]
    fn a_refusal_says_why_unless_the_answer_may_quote_the_request() {
        let denied = answered("SQS", 400, Some("AccessDenied"), Some("not allowed to send"));
        let cause = Cause::new("SQS answered AccessDenied: not allowed to send");
        assert_eq!(denied, CallFailure::Refused(cause));

        let invalid = answered("SQS", 400, Some("ValidationException"), Some("bad: ada@example.com"));
        assert_eq!(invalid, CallFailure::Refused(Cause::new("SQS answered ValidationException.")));
    }
}
