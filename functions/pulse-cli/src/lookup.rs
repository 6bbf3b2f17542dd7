//! Whom the command line names.

use anyhow::{Context as _, Result};
use pulse_aws::stack::Stack;
use pulse_core::{
    customer::{Customer, CustomerId},
    ports::Ledger as _,
};

/// A customer by the id that was typed.
///
/// # Errors
/// When the id can't be one, or nobody on the roster has it.
pub async fn customer(stack: &Stack, id: &str) -> Result<Customer> {
    let id = CustomerId::parse(id)?;
    let customer = stack.ledger()?.customer(&id).await?;
    customer.with_context(|| {
        format!("Customer {id} is not on the roster: see `pulse enroll --help` for how to put someone there.")
    })
}
