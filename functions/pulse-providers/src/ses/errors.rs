//! What a failed `SendEmail` means (Amazon SES API v2 Reference, `SendEmail`, Errors).

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sesv2::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::send_email::SendEmailError,
};
use hyper_util::client::legacy::Error as HttpError;
use pulse_core::{failure::Cause, ports::SendError};

type Failure = SdkError<SendEmailError, HttpResponse>;

/// How SES words that a recipient can't be (Amazon SES Developer Guide, "Amazon SES email sending
/// errors"). The sender was read as an address before, so these speak of the customer's.
const ADDRESS_PROBLEMS: [&str; 6] = [
    "blacklisted",
    "illegal address",
    "invalid email address",
    "local address contains",
    "domain contains",
    "missing final '@domain'",
];

/// How SES words that the account, or its configuration set, may not send for now, in errors whose code says no more than
/// that the mail was rejected. Seen: "Sending paused for this account. For more information, please check the inbox of the
/// email address associated with your AWS account." (`GoodDollar/GoodServer`#419), "Sending suspended for this account",
/// "Daily message quota exceeded." and "Maximum sending rate exceeded." (Amazon SES Developer Guide, "Errors related to the
/// sending quotas for your Amazon SES account"). AWS's own list of them isn't complete.
const ACCOUNT_PROBLEMS: [&str; 7] =
    ["paused", "suspended", "shut down", "quota", "throttl", "sending rate", "sending is disabled"];

pub(super) fn classify(failure: &Failure) -> SendError {
    match failure {
        Failure::ServiceError(answer) => refused(answer.err(), answer.raw().status().as_u16()),
        Failure::ConstructionFailure(_) => {
            SendError::Fail { cause: Cause::new("The mail can't be put into a request to SES.") }
        }
        Failure::DispatchFailure(dispatch) if dispatch.is_user() => {
            SendError::Fail { cause: Cause::new("The mail can't be put into a request to SES.") }
        }
        failure if never_left(failure) => SendError::Retry { after: None, cause: Cause::new("SES can't be reached.") },
        Failure::ResponseError(_) => lost("SES gave an answer that can't be read"),
        _ => lost("SES didn't answer"),
    }
}

fn lost(what: &str) -> SendError {
    SendError::Lost { cause: Cause::new(format!("{what}: the mail may have been accepted.")) }
}

/// Whether there was no connection, or no credentials to sign with. Anything else may have arrived.
fn never_left(failure: &Failure) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(failure);
    while let Some(error) = next {
        let unconnected = error.downcast_ref::<HttpError>().is_some_and(HttpError::is_connect);
        if unconnected || error.is::<CredentialsError>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// SES answered with an error. Its words may quote an address, so they are never passed on.
fn refused(error: &SendEmailError, status: u16) -> SendError {
    use SendEmailError as E;
    let code = error.code().unwrap_or("no code");
    let retry =
        |hint: &str| SendError::Retry { after: None, cause: Cause::new(format!("SES answered {status} {code}{hint}")) };
    let fail =
        || SendError::Fail { cause: Cause::new(format!("SES answered {status} {code}: it doesn't take the mail.")) };
    let may_not_send = || retry(": the account may not send now. See its sending status in the SES console.");
    let words = error.message().unwrap_or_default().to_lowercase();
    match error {
        E::TooManyRequestsException(_) | E::LimitExceededException(_) => retry(": the account's limit is used up."),
        E::SendingPausedException(_) | E::AccountSuspendedException(_) => may_not_send(),
        E::MailFromDomainNotVerifiedException(_) => {
            retry(": the MAIL FROM domain is not verified. Verify it in the SES console.")
        }
        E::NotFoundException(_) => retry(": it doesn't know the configuration set. Check its name."),
        E::MessageRejected(_) if words.contains("not verified") => {
            retry(": an identity is not verified in this Region, or the account is in the sandbox.")
        }
        E::MessageRejected(_) | E::BadRequestException(_) if says_any_of(&ADDRESS_PROBLEMS, &words) => {
            let cause = Cause::new(format!("SES answered {status} {code}: it doesn't take the customer's address."));
            SendError::AddressRefused { cause }
        }
        // Whoever is next would be rejected too. An address may have such words in it, and is looked at before.
        E::MessageRejected(_) | E::BadRequestException(_) if says_any_of(&ACCOUNT_PROBLEMS, &words) => may_not_send(),
        E::MessageRejected(_) | E::BadRequestException(_) => fail(),
        _ => match status {
            401 | 403 => retry(": it doesn't let Pulse in. It takes SendMails of EmailRole in template.yaml."),
            408 | 429 | 503 => retry("."),
            _ if code.contains("Throttl") => retry("."),
            // Version 1 has codes for it, of the account and of a configuration set, that version 2 doesn't document.
            _ if code.contains("Paused") || code.contains("Suspended") => may_not_send(),
            400..500 => fail(),
            // A success that can't be read, or a gateway on the way that gave up waiting.
            _ => lost(&format!("SES answered {status}")),
        },
    }
}

fn says_any_of(problems: &[&str], words: &str) -> bool {
    problems.iter().any(|problem| words.contains(problem))
}
