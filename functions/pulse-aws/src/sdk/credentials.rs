//! Failures that are about the caller's credentials, and not about what was asked.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;

use super::failure::root_of;

/// What services answer to credentials that have expired, were deleted, or aren't theirs (AWS Lambda API Reference,
/// "Common Errors"; AWS STS and IAM have the older names).
pub(super) const REFUSALS: [&str; 11] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// What is answered to a request that was signed too long ago, or isn't yet by AWS's clock (AWS IAM User Guide,
/// "Troubleshoot Signature Version 4 signing"; Amazon S3 API Reference, "Error responses").
pub(super) const OUT_OF_TIME: [&str; 4] =
    ["RequestExpired", "RequestTimeTooSkewed", "Signature expired", "Signature not yet current"];

/// Whether a code, without its protocol's prefix, says that the credentials aren't taken.
pub(super) fn is_refusal(code: &str) -> bool {
    REFUSALS.contains(&code)
}

/// Why there were no credentials to sign a call with, if that is why it failed.
pub(super) fn failure_in(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<CredentialsError>() {
            return Some(root_of(error));
        }
        next = error.source();
    }
    None
}
