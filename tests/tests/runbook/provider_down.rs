use pulse_core::entry::StageName;
use pulse_local::standins::StandInFault;
use pulse_tests::{deployed_stack::eventually, in_memory_stack::customer};

use super::{
    RUNTIME, assert_lanes_held, old_stack,
    operator::{pulse, status_of},
};

/// The email provider refuses most mails, and of some it takes the mail and never says so.
pub(super) fn out_of_order(key: &str) -> StandInFault {
    if key.contains("unsaid") { StandInFault::WorkThenHangUp } else { StandInFault::status(503) }
}

#[test]
fn provider_down() {
    RUNTIME.block_on(async {
        let stack = old_stack("walk-down").await;
        let name = |n| if n % 10 == 9 { format!("w-unsaid-{n}") } else { format!("w-{n}") };
        let customers: Vec<_> = (0..30).map(|n| customer(&name(n))).collect();
        stack.mail.faults().set_rule(|key| Some(out_of_order(key)));
        stack.set_due(&customers).await;

        // What one sees, and that nothing is to be done about it.
        stack.until_held(StageName::Email, "broken").await;
        let stage = status_of(&stack, StageName::Email).await;
        assert_eq!(stage["condition"], "broken", "{stage}");
        assert!(
            stage["held"]["how"].as_str().is_some_and(|how| how.contains("calls to the provider failed")),
            "{stage}"
        );
        // It answers when it is asked for a mail that it didn't take, which speaks for nothing.
        assert!(stage["failing_percent"].as_u64().is_some_and(|percent| percent > 75), "{stage}");
        assert_eq!(status_of(&stack, StageName::Score).await["condition"], "running");
        let text = pulse(&stack, "status").await.text;
        assert!(text.contains("tried next"), "{text}");
        let dlq = pulse(&stack, "dlq").await.text;
        assert!(dlq.contains("email dead letters: none") && dlq.contains("score dead letters: none"), "{dlq}");

        stack.mail.faults().set_rule(|_| None);
        eventually("the stage flows by itself", async || {
            stack.tick(StageName::Email).await;
            (status_of(&stack, StageName::Email).await["condition"] == "running").then_some(())
        })
        .await;
        stack.all_mailed_once(&customers).await;
        assert_lanes_held(&stack);
    });
}
