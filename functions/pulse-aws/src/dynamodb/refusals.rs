//! Failed `DynamoDB` calls as ledger errors.

use std::error::Error;

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
};
use pulse_core::{failure::Cause, ports::LedgerError};

use crate::sdk::failure::{self, CallFailure};

/// Throttled, timed out or out of order: unavailable. Anything else: refused for good.
pub(super) fn of_call<E>(error: &SdkError<E>) -> LedgerError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match failure::read(failure::DYNAMODB, error) {
        CallFailure::Again(cause) => LedgerError::Unavailable(cause),
        CallFailure::Refused(cause) | CallFailure::Denied(cause) => LedgerError::Broken(cause),
    }
}

/// Why a transaction was cancelled, as far as the ledger tells reasons apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// The first write's condition doesn't hold.
    First,
    /// Another reason.
    Otherwise(LedgerError),
}

/// Reads the reasons, of which there is one for each write, in their order (`DynamoDB` API
/// Reference, `TransactWriteItems`, "`TransactionCanceledException`").
pub(super) fn of_transaction(error: &SdkError<TransactWriteItemsError>) -> Cancelled {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return Cancelled::Otherwise(of_call(error));
    };
    let codes: Vec<&str> = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
    of_codes(&codes)
}

fn of_codes(codes: &[&str]) -> Cancelled {
    const UNMET: &str = "ConditionalCheckFailed";
    let reasons = || Cause::new(format!("DynamoDB cancelled a transaction: {}.", codes.join(", ")));
    match codes {
        [UNMET, ..] => Cancelled::First,
        [..] if codes.contains(&"ValidationError") => Cancelled::Otherwise(LedgerError::Broken(reasons())),
        // TransactionConflict, ThrottlingError, ProvisionedThroughputExceeded: later they may pass.
        [..] => Cancelled::Otherwise(LedgerError::Unavailable(reasons())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_stale_is_told_from_other_reasons() {
        let unmet = "ConditionalCheckFailed";
        assert_eq!(of_codes(&[unmet, unmet]), Cancelled::First);
        assert_eq!(of_codes(&[unmet, "None"]), Cancelled::First);
        assert!(matches!(of_codes(&["None", unmet]), Cancelled::Otherwise(_)));
    }

    #[test]
    fn a_conflict_with_another_writer_is_worth_another_try() {
        for codes in [["TransactionConflict", "None"], ["TransactionConflict", "ConditionalCheckFailed"]] {
            let cancelled = of_codes(&codes);
            assert!(matches!(cancelled, Cancelled::Otherwise(LedgerError::Unavailable(_))), "{codes:?}");
        }
        let refused = of_codes(&["None", "ValidationError"]);
        assert!(matches!(refused, Cancelled::Otherwise(LedgerError::Broken(_))));
    }
}
