//! What a failed call to SNS or `EventBridge` means: whose fault it is, and who can mend it.

use std::error::Error;

use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use pulse_core::{failure::Cause, ports::CourierError};

/// A service that takes word, and what it takes it for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receiver<'r> {
    /// The service's name.
    pub(crate) service: &'static str,
    /// What is written to, by its kind and name.
    pub(crate) target: &'r str,
    /// What it takes to be allowed.
    pub(crate) takes: &'static str,
    /// Words by which the service says that it is the target, and not the word, that it can't do with.
    pub(crate) speaks_of_target: &'static [&'static str],
}

impl Receiver<'_> {
    /// A call that wasn't answered, or with an error. It may have taken effect where there was no answer.
    pub(crate) fn failed<E>(self, error: &SdkError<E>) -> CourierError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let service = self.service;
        match error {
            SdkError::ConstructionFailure(_) => {
                rejected(format!("This can't be put into a request to {service}: it won't ever be taken."))
            }
            SdkError::TimeoutError(_) => retry(format!("{service} didn't answer in time.")),
            SdkError::DispatchFailure(_) => retry(format!("{service} can't be reached.")),
            SdkError::ServiceError(answer) => {
                let (code, words) = (answer.err().code(), answer.err().message());
                let status = answer.raw().status().as_u16().to_string();
                self.refused(code.unwrap_or(&status), words.unwrap_or_default())
            }
            _ => retry(format!("{service}'s answer can't be read.")),
        }
    }

    /// An answer with this code (Amazon SNS API Reference, `Publish`: Errors; Amazon `EventBridge` API Reference,
    /// `PutEventsResultEntry`, and "Common Errors" of both). Whatever isn't known to be the fault of what was sent may pass, or
    /// be mended. The words may quote what was sent, and are never passed on.
    pub(crate) fn refused(self, code: &str, words: &str) -> CourierError {
        let Self { service, target, takes, speaks_of_target } = self;
        let name = code.trim_end_matches("Exception");
        match name {
            "AccessDenied" | "AuthorizationError" | "NotAuthorized" => {
                retry(format!("{service} doesn't let Pulse write to the {target} ({code}): it takes {takes}."))
            }
            "NotFound" | "ResourceNotFound" => {
                retry(format!("{service} knows no {target} ({code}): make it, or correct the endpoint."))
            }
            _ if name.starts_with("KMS") && !name.contains("Throttl") => {
                retry(format!("{service} can't use the key of the {target} ({code}): see the key and its policy."))
            }
            "InvalidParameter"
            | "InvalidParameterValue"
            | "InvalidArgument"
            | "ParameterValueInvalid"
            | "ValidationError"
            | "Validation"
            | "MalformedDetail" => {
                if speaks_of_target.iter().any(|word| words.contains(word)) {
                    return retry(format!("{service} can't do with the {target} ({code}): correct the endpoint."));
                }
                rejected(format!("{service} answered {code}: it won't take this."))
            }
            _ => retry(format!("{service} answered {code}.")),
        }
    }
}

pub(crate) fn retry(cause: impl Into<String>) -> CourierError {
    CourierError::Retry { after: None, cause: Cause::new(cause) }
}

pub(crate) fn rejected(cause: impl Into<String>) -> CourierError {
    CourierError::Rejected { cause: Cause::new(cause) }
}
