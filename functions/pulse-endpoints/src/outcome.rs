//! What a receiver's answer means, and what it means that there is none.

use std::{error::Error, io, iter::successors, time::Duration};

use jiff::Timestamp;
use pulse_core::{failure::Cause, ports::CourierError};
use reqwest::{StatusCode, header::HeaderMap};

use crate::{EndpointUrl, resolver::RefusedAddress, retry_after::retry_after};

/// Why a webhook wasn't taken. No cause shows more of the URL than its host, or anything of what was answered but the status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The receiver asks never to be called again.
    #[error("{cause}")]
    Gone {
        /// In words that are safe to print: they hold nobody's data.
        cause: Cause,
    },
    /// This body won't ever be taken.
    #[error("{cause}")]
    Rejected {
        /// In words that are safe to print: they hold nobody's data.
        cause: Cause,
    },
    /// The receiver doesn't let Pulse in: it may not know the keys that this was signed with.
    #[error("{cause}")]
    Unrecognized {
        /// How long the receiver asks to be left alone, if it does: a day at the most.
        after: Option<Duration>,
        /// In words that are safe to print: they hold nobody's data.
        cause: Cause,
    },
    /// It may be taken another time. It may have been taken this time too: the id says so to the receiver.
    #[error("{cause}")]
    Retry {
        /// How long the receiver asks to be left alone, if it does: a day at the most.
        after: Option<Duration>,
        /// In words that are safe to print: they hold nobody's data.
        cause: Cause,
    },
}

/// Who doesn't know Pulse today may tomorrow: it takes the receiver's key, or Pulse's, to be exchanged.
impl From<PostError> for CourierError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Gone { cause } => Self::Gone { cause },
            PostError::Rejected { cause } => Self::Rejected { cause },
            PostError::Unrecognized { after, cause } | PostError::Retry { after, cause } => {
                Self::Retry { after, cause }
            }
        }
    }
}

pub(crate) fn retry(cause: String) -> PostError {
    PostError::Retry { after: None, cause: Cause::new(cause) }
}

/// By the specification's "Delivery success and failure": any 2xx is success, whatever the body, and 410 the wish to be left
/// alone. What a status says of the body alone is the body's fault; all else can pass, or be mended by those who operate the
/// receiver.
pub(crate) fn of_answer(
    to: &EndpointUrl,
    status: StatusCode,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<(), PostError> {
    let cause = |hint: &str| Cause::new(format!("{to} answered {status}{hint}"));
    let after = retry_after(headers, now);
    let retry = |hint: &str| Err(PostError::Retry { after, cause: cause(hint) });
    match status.as_u16() {
        200..=299 => Ok(()),
        410 => Err(PostError::Gone { cause: cause(": it asks not to be called again.") }),
        400 | 413 | 414 | 415 | 422 | 431 => Err(PostError::Rejected { cause: cause(": it won't take this.") }),
        300..=399 => retry(": redirects aren't followed. Correct the endpoint's URL."),
        401 | 403 => {
            let hint = ": it doesn't let Pulse in. See whether it has the endpoint's key.";
            Err(PostError::Unrecognized { after, cause: cause(hint) })
        }
        _ => retry("."),
    }
}

pub(crate) fn of_no_answer(to: &EndpointUrl, error: &reqwest::Error) -> PostError {
    retry(if has::<RefusedAddress>(error) {
        format!("{to} isn't called: {RefusedAddress}.")
    } else if has::<rustls::Error>(error) {
        format!("{to} can't be reached over TLS. See whether its certificate is valid.")
    } else if error.is_dns() {
        format!("{to} can't be reached: its name leads to no address.")
    } else if error.is_connect() || error.is_builder() {
        format!("{to} can't be reached.")
    } else {
        format!("{to} hung up without an answer.")
    })
}

/// Whether an error of this type is among the causes.
fn has<E: Error + 'static>(error: &reqwest::Error) -> bool {
    let first: &(dyn Error + 'static) = error;
    successors(Some(first), |&error| beneath(error)).any(<dyn Error>::is::<E>)
}

/// The cause of an error. What an [`io::Error`] wraps isn't its source.
fn beneath<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(within) => Some(within),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AddressRules;

    #[test]
    fn each_status_has_its_one_meaning() {
        let to = EndpointUrl::parse("https://hooks.example/t0ken?t0ken", AddressRules::PublicOnly).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let headers: HeaderMap = [(reqwest::header::RETRY_AFTER, "7".parse().unwrap())].into_iter().collect();
        for code in 100..1000 {
            let status = StatusCode::from_u16(code).unwrap();
            let outcome = of_answer(&to, status, &headers, now);
            let fits = match &outcome {
                Ok(()) => (200..300).contains(&code),
                Err(PostError::Gone { .. }) => code == 410,
                Err(PostError::Rejected { .. }) => [400, 413, 414, 415, 422, 431].contains(&code),
                Err(PostError::Unrecognized { after, .. }) => {
                    *after == Some(Duration::from_secs(7)) && [401, 403].contains(&code)
                }
                Err(PostError::Retry { after, .. }) => {
                    *after == Some(Duration::from_secs(7))
                        && !(200..300).contains(&code)
                        && ![400, 401, 403, 410, 413, 414, 415, 422, 431].contains(&code)
                }
            };
            assert!(fits, "{code}: {outcome:?}");
            if let Err(error) = outcome {
                let shown = format!("{error} {error:?}");
                assert!(shown.contains(&format!("https://hooks.example answered {code}")), "{shown}");
                assert!(!shown.contains("t0ken"), "{shown}");
            }
        }
    }
}
