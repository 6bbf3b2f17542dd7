use jiff::ToSpan as _;
use pulse_aws::clock::SystemClock;
use pulse_core::{entry::StageName, message::WorkMessage, ports::Clock as _};
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    in_memory_stack::customer,
};

use super::{
    RUNTIME, assert_lanes_held, old_stack,
    operator::{console, pulse, pulse_with, status_of},
    stack,
};

pub(super) async fn reserve(stack: &DeployedStack, executions: &str) {
    console(&["reserve", stack.output("ScoreFunctionName"), executions]).await;
}

#[test]
fn pause_over_a_weekend() {
    RUNTIME.block_on(async {
        let stack = old_stack("walk-weekend").await;
        let mut customers: Vec<_> = (0..10).map(|n| customer(&format!("w-{n}"))).collect();

        // One stage is paused by the command, for a time; the other in the console.
        let line = ["pause", "email", "--for", "1m", "--note", "The text is being looked at."];
        let paused = pulse_with(&stack, &line).await;
        assert!(paused.status == 0 && paused.text.contains("it ends by itself at"), "{}", paused.text);
        reserve(&stack, "0").await;
        stack.until_held(StageName::Score, "paused").await;
        stack.until_mapping("ScoreMappingId", "Disabled").await;
        stack.set_due(&customers).await;
        let late = customer("w-late");
        stack.enroll(std::slice::from_ref(&late)).await;
        let entry = stack.open_overdue(&late, SystemClock.now() - (8 * 24).hours()).await;
        stack.send("ScoreQueueUrl", &WorkMessage::for_entry(entry.id()).body()).await;
        customers.push(late);

        let stage = status_of(&stack, StageName::Score).await;
        assert_eq!((&stage["condition"], &stage["waiting"]), (&"paused".into(), &11.into()), "{stage}");
        let how = stage["held"]["how"].as_str().expect("words");
        assert!(how.contains("reserved concurrency is 0"), "{how}");
        // Due for eight days, of the ten that the queue keeps its message.
        assert_eq!(stage["expires_soon"], true, "{stage}");
        assert!(pulse(&stack, "status").await.text.contains("resume the stage"));

        let resumed = pulse(&stack, "resume score").await;
        assert!(resumed.status == 1 && resumed.text.contains("raise it"), "{}", resumed.text);
        assert_eq!(stack.score.meter().calls(), 0);
        reserve(&stack, "5").await;
        stack.until_held(StageName::Score, "flows").await;
        stack.until_held(StageName::Email, "flows").await;
        stack.all_mailed_once(&customers).await;
        assert_lanes_held(&stack);
    });
}

#[test]
fn a_raise_right_after_a_deployment_is_taken_for_its_doing_and_pulse_resume_ends_the_pause() {
    RUNTIME.block_on(async {
        let stack = stack("walk-raise").await;
        let customers = [1, 2, 3].map(|n| customer(&format!("w-{n}")));
        reserve(&stack, "0").await;
        stack.until_held(StageName::Score, "paused").await;
        stack.set_due(&customers).await;
        reserve(&stack, "5").await;
        eventually("it is known that the pause was kept", async || {
            stack.tick(StageName::Score).await;
            let stage = status_of(&stack, StageName::Score).await;
            let how = stage["held"]["how"].as_str()?.to_owned();
            how.contains("before a deployment: `pulse resume` ends it").then_some(())
        })
        .await;
        stack.until_mapping("ScoreMappingId", "Disabled").await;
        let resumed = pulse(&stack, "resume score").await;
        assert!(resumed.status == 0 && resumed.text.contains("flows again"), "{}", resumed.text);
        for customer in &customers {
            stack.until(customer, |entry| entry.state() == "sent").await;
        }
        stack.all_mailed_once(&customers).await;
    });
}
