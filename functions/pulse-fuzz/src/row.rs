//! A row of a roster, a column a line.

use jiff::Timestamp;
use pulse_core::{
    customer::{Customer, Zone},
    roster::RosterRow,
};

use crate::quotes_nothing;

/// The columns in their order, a line each; those that are missing are empty.
///
/// # Panics
/// When a customer who was taken isn't read again from the ledger as the same, has a slot that never comes, or a problem
/// quotes its column.
pub fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let row = RosterRow {
        id: next(),
        name: next(),
        email: next(),
        product: next(),
        balance: next(),
        currency: next(),
        locale: next(),
        time_zone: next(),
        signed_up_at: next(),
        status: next(),
        opted_out: next(),
    };
    match row.parse(&Zone::UTC) {
        Ok(customer) => {
            let json = serde_json::to_string(&customer).unwrap_or_default();
            let read: Result<Customer, _> = serde_json::from_str(&json);
            assert!(read.is_ok_and(|read| read == customer), "what is written is read back");
            let now = Timestamp::UNIX_EPOCH;
            let due = customer.slot.next_after(now);
            assert!(now < due && due.duration_since(now).as_hours() <= 32 * 24, "the slot comes within a month");
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "a row is refused for something");
            for problem in &problems {
                quotes_nothing(&problem.cause);
            }
        }
    }
}
