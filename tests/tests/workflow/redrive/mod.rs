//! Redrives that are cut off, slowed down, told to stop, of no avail, or done by the queue itself.

mod early_ends;
mod killed;
mod long;
mod move_tasks;
mod ordered;
mod throttled;

use std::time::Duration;

use pulse_core::{customer::Customer, failure::Cause, ports::ScoreError};
use pulse_tests::in_memory_stack::{InMemoryStack, customer, entry_id};

/// Customers whose scoring was given up.
pub(crate) async fn die(stack: &InMemoryStack, count: usize) -> Vec<Customer> {
    let customers: Vec<_> = (0..count).map(|n| customer(&format!("c-{n}"))).collect();
    stack.enroll(&customers).await;
    for customer in &customers {
        let failure = ScoreError::Fail { cause: Cause::new("The scoring API answered 422.") };
        stack.scorer.fail_next_of(&entry_id(customer.id.as_str(), "2026-11"), [failure]);
        stack.fire(customer);
    }
    stack.drain().await;
    // So that nothing has just happened.
    stack.clock.advance(Duration::from_secs(1));
    assert_eq!(stack.score.dlq.depth().visible, count);
    customers
}

pub(crate) async fn assert_everyone_is_mailed_once(stack: &InMemoryStack, customers: &[Customer]) {
    stack.drain().await;
    for Customer { id, .. } in customers {
        assert!(stack.state(id.as_str(), "2026-11").await == "sent", "{id}");
        assert_eq!(stack.mails(id.as_str()), 1, "{id}");
    }
    assert_eq!(stack.score.dlq.depth().visible, 0);
}
