use std::fs;

use aws_sdk_sqs::types::QueueAttributeName;
use pulse_aws::{clock::SystemClock, sdk};
use pulse_core::{entry::StageName, message::WorkMessage, ports::Clock as _};
use pulse_local::{deployment::Packages, lambdas::Package};
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    emulator::packages,
    in_memory_stack::customer,
};

use super::{
    RUNTIME, assert_lanes_held, old_stack,
    operator::{pulse, pulse_json, pulse_with, status_of},
};

/// A version whose score function crashes at its start.
pub(super) fn that_crashes() -> Packages {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("bootstrap");
    fs::write(&program, "#!/bin/sh\necho 'a variable is missing' >&2\nexit 1\n").expect("written");
    let mut crashing = packages("runbook").clone();
    crashing.insert("score".into(), Package::of(program).expect("packed"));
    crashing
}

/// The template's 31 minutes, made short: what a crashed function had comes back after that.
pub(super) async fn shorten_visibility(stack: &DeployedStack) {
    let set = sdk::sqs_client(&stack.stack.aws).set_queue_attributes().queue_url(stack.output("ScoreQueueUrl"));
    set.attributes(QueueAttributeName::VisibilityTimeout, "2").send().await.expect("set");
}

async fn dead(stack: &DeployedStack) -> u64 {
    pulse_json(stack, "dlq score").await[0]["looked_at"].as_u64().expect("a number")
}

#[test]
fn bad_deploy() {
    RUNTIME.block_on(async {
        let stack = old_stack("walk-deploy").await;
        let before: Vec<_> = (0..6).map(|n| customer(&format!("w-before-{n}"))).collect();
        let after: Vec<_> = (0..6).map(|n| customer(&format!("w-after-{n}"))).collect();
        stack.deploy(&that_crashes()).await;
        shorten_visibility(&stack).await;
        stack.enroll(&before).await;
        for customer in &before {
            let entry = stack.open_overdue(customer, SystemClock.now()).await;
            stack.send("ScoreQueueUrl", &WorkMessage::for_entry(entry.id()).body()).await;
        }

        // The provider was never called, so no breaker opens, and messages burn their receives.
        eventually("the first letters are dead", async || (dead(&stack).await == 6).then_some(())).await;
        let stage = status_of(&stack, StageName::Score).await;
        assert_eq!((&stage["condition"], &stage["failing_percent"]), (&"running".into(), &0.into()), "{stage}");
        let dlq = pulse(&stack, "dlq score").await.text;
        assert!(dlq.contains("No worker said why"), "{dlq}");

        // Pause at once: whoever comes due from now on waits, and loses nothing.
        let paused = pulse_with(&stack, &["pause", "score", "--note", "The new version crashes."]).await;
        assert!(paused.status == 0 && paused.text.contains("The score stage is paused"), "{}", paused.text);
        stack.set_due(&after).await;

        // Roll back. The pause outlives the deployment.
        stack.deploy(packages("runbook")).await;
        stack.until_held(StageName::Score, "paused").await;
        stack.until_mapping("ScoreMappingId", "Disabled").await;
        let stage = status_of(&stack, StageName::Score).await;
        assert_eq!(stage["held"]["how"], "by root (night-shift): The new version crashes.", "{stage}");
        assert_eq!((&stage["waiting"], dead(&stack).await), (&6.into(), 6), "{stage}");

        let resumed = pulse(&stack, "resume score").await;
        assert_eq!(resumed.status, 0, "{}", resumed.text);
        let redriven = pulse_json(&stack, "redrive score").await;
        assert_eq!(redriven["progress"]["moved"], 6, "{redriven}");
        stack.all_mailed_once(&[before, after].concat()).await;
        assert_lanes_held(&stack);
    });
}
