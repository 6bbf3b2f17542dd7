//! Failures that are about the caller's credentials, and not about what was asked.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;

use super::failure::root_of;

/// What services answer to credentials that have expired, were deleted, or aren't theirs (AWS Lambda API Reference,
/// "Common Errors"; AWS STS and IAM have the older names).
pub(super) const REFUSALS: [&str; 10] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

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
