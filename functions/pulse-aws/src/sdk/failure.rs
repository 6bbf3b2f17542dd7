//! What a failed SDK call means: try again, or don't.

use std::error::Error;

use anyhow::anyhow;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use pulse_core::{failure::Cause, ports::QueueError};

use super::{credentials, permissions};

/// A service of AWS, as causes speak of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    name: &'static str,
    /// Whether its answer to a malformed request may quote personal data: then only the code is kept of it.
    quotes_personal_data: bool,
}

/// Rows hold addresses and names.
pub(crate) const DYNAMODB: Service = Service { name: "DynamoDB", quotes_personal_data: true };
/// SQS, where messages are sent: what is dead-lettered may be anybody's text.
pub(crate) const SQS: Service = Service { name: "SQS", quotes_personal_data: true };
/// SQS, where no message's body is in the request.
pub(crate) const SQS_CONTROL: Service = Service { name: "SQS", quotes_personal_data: false };
/// Requests to Lambda name functions and mappings.
pub(crate) const LAMBDA: Service = Service { name: "Lambda", quotes_personal_data: false };
/// Requests to `CloudFormation` name the stack.
pub(crate) const CLOUDFORMATION: Service = Service { name: "CloudFormation", quotes_personal_data: false };
/// Schedules have a customer's id, expression and time zone.
pub(crate) const SCHEDULER: Service = Service { name: "EventBridge Scheduler", quotes_personal_data: false };

/// A failed call, in Pulse's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallFailure {
    /// No answer, or one that says to come back. The call may have taken effect.
    Again(Cause),
    /// An answer to this request, that stays the same however often it is asked for.
    Refused(Cause),
    /// Whoever asks may not, whatever the request: no permission, or credentials that are missing or over.
    Denied(Cause),
}

impl CallFailure {
    /// In words that are safe to print: they hold nobody's data.
    pub(crate) fn into_cause(self) -> Cause {
        let (Self::Again(cause) | Self::Refused(cause) | Self::Denied(cause)) = self;
        cause
    }

    /// The same of a queue's call.
    pub(crate) fn of_queue(self, queue: &str) -> QueueError {
        let queue = queue.to_owned();
        match self {
            Self::Again(cause) => QueueError::Unavailable { queue, cause },
            Self::Refused(cause) | Self::Denied(cause) => QueueError::Refused { queue, cause },
        }
    }
}

/// Codes that mean "not now" although their status is 400 ("Common errors" of the API references
/// of `DynamoDB`, SQS and `EventBridge` Scheduler; `DynamoDB` Developer Guide, "Error handling").
const NOT_NOW: [&str; 13] = [
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
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Reads a failed call to `service`. What the service answers to a malformed request may quote the
/// request: where that may hold personal data, only the code is kept.
pub(crate) fn read<E>(service: Service, error: &SdkError<E>) -> CallFailure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let name = service.name;
    match error {
        SdkError::ConstructionFailure(_) => {
            CallFailure::Refused(Cause::new(format!("The call to {name} can't be built: {}.", root_of(error))))
        }
        SdkError::TimeoutError(_) => CallFailure::Again(Cause::new(format!("{name} didn't answer in time."))),
        SdkError::DispatchFailure(_) => match credentials::failure_in(error) {
            Some(why) => CallFailure::Denied(Cause::new(why)),
            None => CallFailure::Again(Cause::new(format!("{name} can't be reached: {}", root_of(error)))),
        },
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            answered(service, status, answer.err().code(), answer.err().message())
        }
        _ => CallFailure::Again(Cause::new(format!("{name}'s answer can't be read."))),
    }
}

fn answered(service: Service, status: u16, code: Option<&str>, message: Option<&str>) -> CallFailure {
    let name = service.name;
    let code = code.map_or_else(|| status.to_string(), ToOwned::to_owned);
    // With the XML protocols a code has a prefix: AWS.SimpleQueueService.OverLimit.
    let last = code.rsplit('.').next().unwrap_or_default();
    let quotes_the_request = last.starts_with("Validation") || last.starts_with("InvalidParameter");
    let may_be_personal = quotes_the_request && service.quotes_personal_data;
    let words = message.filter(|words| !words.is_empty() && !may_be_personal);
    let told = match words {
        Some(words) => format!("{name} answered {code}: {words}"),
        None => format!("{name} answered {code}."),
    };
    if status >= 500 || status == 429 || NOT_NOW.contains(&last) {
        return CallFailure::Again(Cause::new(told));
    }
    if permissions::is_denial(last) {
        let statement = message.and_then(permissions::explain);
        return CallFailure::Denied(Cause::new(statement.unwrap_or(told)));
    }
    if credentials::is_refusal(last) {
        return CallFailure::Denied(Cause::new(told));
    }
    CallFailure::Refused(Cause::new(told))
}

/// What is at the bottom of an error, in one line.
pub(super) fn root_of(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Makes an error of a failed call: `what` did not work, and why.
pub fn because<E>(what: impl Into<String>) -> impl FnOnce(SdkError<E>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + 'static,
{
    move |error| anyhow!("{}: {}", what.into(), reason(&error))
}

/// The service's code and message, or else what lies at the bottom of the error, as in a refused connection. Who answers
/// without either is no service of AWS's, or one that an emulator hasn't.
#[must_use]
pub fn reason<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match (error.message(), error.code()) {
        (Some(message), Some(code)) if permissions::is_denial(code) => {
            permissions::explain(message).unwrap_or_else(|| message.to_owned())
        }
        (Some(message), Some(code)) if credentials::is_refusal(code) => format!("{code}: {message}"),
        (Some(message), _) => message.to_owned(),
        (None, Some(code)) => code.to_owned(),
        (None, None) => match error {
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            SdkError::ServiceError(answer) => {
                format!("HTTP {} with no word of why; is it AWS that answers?", answer.raw().status().as_u16())
            }
            SdkError::ResponseError(answer) => {
                format!("HTTP {} that isn't the service's; is it AWS that answers?", answer.raw().status().as_u16())
            }
            _ => root_of(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_worth_another_try(status: u16, code: &str) -> bool {
        matches!(answered(SQS, status, Some(code), None), CallFailure::Again(_))
    }

    #[test]
    fn throttles_and_server_errors_are_worth_another_try() {
        assert!(is_worth_another_try(400, "ThrottlingException"));
        assert!(is_worth_another_try(400, "AWS.SimpleQueueService.OverLimit"));
        assert!(is_worth_another_try(503, "Whatever"));
        assert!(is_worth_another_try(429, "Whatever"));
    }

    #[test]
    fn a_refusal_says_why_unless_the_answer_may_quote_personal_data() {
        let over = "Specified ReservedConcurrentExecutions for function decreases account's \
                    UnreservedConcurrentExecution below its minimum value of [100].";
        for (service, code, words, told) in [
            (DYNAMODB, "ValidationException", "bad: ada@example.com", "DynamoDB answered ValidationException."),
            (SQS, "InvalidParameterValue", "ada@example.com", "SQS answered InvalidParameterValue."),
            (
                SQS_CONTROL,
                "InvalidParameterValue",
                "Source queue must be configured as a Dead Letter Queue.",
                "SQS answered InvalidParameterValue: Source queue must be configured as a Dead Letter Queue.",
            ),
            (
                LAMBDA,
                "InvalidParameterValueException",
                over,
                &format!("Lambda answered InvalidParameterValueException: {over}"),
            ),
            (
                SCHEDULER,
                "ValidationException",
                "Invalid timezone Mars/Olympus.",
                "EventBridge Scheduler answered ValidationException: Invalid timezone Mars/Olympus.",
            ),
        ] {
            let refused = answered(service, 400, Some(code), Some(words));
            assert_eq!(refused, CallFailure::Refused(Cause::new(told)));
        }
        let busy = answered(SCHEDULER, 429, Some("ThrottlingException"), Some("Rate exceeded"));
        let told = "EventBridge Scheduler answered ThrottlingException: Rate exceeded";
        assert_eq!(busy, CallFailure::Again(Cause::new(told)));
    }

    #[test]
    fn who_may_not_ask_is_told_from_a_request_that_is_refused() {
        let expired = answered(LAMBDA, 403, Some("ExpiredTokenException"), Some("The security token is expired"));
        let told = "Lambda answered ExpiredTokenException: The security token is expired";
        assert_eq!(expired, CallFailure::Denied(Cause::new(told)));
        let denied = answered(SQS, 403, Some("AWS.SimpleQueueService.AccessDenied"), Some("Access is denied."));
        assert!(matches!(denied, CallFailure::Denied(_)), "{denied:?}");
    }
}
