//! What operators do to a stage, from the command line and from the AWS console, and what a provider that is out of
//! order does.

use std::time::Duration;

use pulse_aws::{clock::SystemClock, sdk};
use pulse_core::{
    control::{BreakerPolicy, Console, Note, Pause},
    entry::StageName,
    pausing::{Pausing, Resumed},
    ports::{Clock as _, Controls as _},
    tick::MappingReconciler,
};
use pulse_local::standins::StandInFault;
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    emulator::shared,
    in_memory_stack::customer,
};

use super::RUNTIME;

const MEANWHILE: Duration = Duration::from_millis(50);

async fn stack(name: &str) -> DeployedStack {
    let stack = DeployedStack::build(shared(), name, "stack", MEANWHILE).await;
    stack.let_the_tick_hurry().await;
    stack
}

async fn reserve(stack: &DeployedStack, function: &str, executions: i32) {
    let client = sdk::lambda_client(&stack.stack.aws);
    let name = stack.stack.outputs.get(function).unwrap();
    let reserve = client.put_function_concurrency().function_name(name).reserved_concurrent_executions(executions);
    reserve.send().await.unwrap();
}

#[test]
fn a_pause_outlives_a_deployment_and_loses_nothing() {
    RUNTIME.block_on(async {
        let stack = stack("paused").await;
        let customers = [1, 2, 3].map(|n| customer(&format!("p-{n}")));
        let (ledger, stages) = (stack.ledger(), stack.stack.stages().unwrap());
        let reconciler = MappingReconciler {
            stages: &stages,
            controls: &ledger,
            outcomes: &ledger,
            clock: &SystemClock,
            policy: BreakerPolicy::default(),
        };
        let pausing = Pausing { reconciler };
        let note = Note::parse("The template is wrong.").unwrap();
        let pause = Pause { by: "ops".into(), note, since: SystemClock.now(), until: None };
        pausing.pause(StageName::Email, &pause).await.unwrap();
        stack.until_mapping("EmailMappingId", "Disabled").await;
        stack.set_due(&customers).await;
        for customer in &customers {
            stack.until(customer, |entry| entry.state() == "scored").await;
        }

        // A deployment enables what the template has enabled.
        sdk::lambda_client(&stack.stack.aws)
            .update_event_source_mapping()
            .uuid(stack.stack.outputs.get("EmailMappingId").unwrap())
            .enabled(true)
            .send()
            .await
            .unwrap();
        stack.until_held(StageName::Email, "paused").await;
        stack.until_mapping("EmailMappingId", "Disabled").await;
        let late = customer("p-late");
        stack.set_due(std::slice::from_ref(&late)).await;
        stack.until(&late, |entry| entry.state() == "scored").await;
        assert_eq!(stack.mails(&late), 0);

        assert_eq!(pausing.resume(StageName::Email, None).await, Ok(Resumed::Flows));
        stack.until_mapping("EmailMappingId", "Enabled").await;
        stack.all_mailed_once(&[&customers[..], &[late]].concat()).await;
    });
}

#[test]
fn reserved_concurrency_of_zero_disables_the_mapping_and_raising_it_enables_it() {
    RUNTIME.block_on(async {
        let stack = stack("throttled").await;
        let customers = [1, 2, 3].map(|n| customer(&format!("r-{n}")));
        stack.until_held(StageName::Score, "flows").await;
        reserve(&stack, "ScoreFunctionName", 0).await;
        stack.until_held(StageName::Score, "paused").await;
        stack.until_mapping("ScoreMappingId", "Disabled").await;
        stack.set_due(&customers).await;
        let console = stack.ledger().control(StageName::Score).await.unwrap().console.unwrap();
        assert_eq!(console.how, Console::ReservedZero, "{console:?}");

        let reserved = stack.stack.outputs.get("ScoreMaximumConcurrency").unwrap().parse().unwrap();
        reserve(&stack, "ScoreFunctionName", reserved).await;
        stack.until_held(StageName::Score, "flows").await;
        stack.until_mapping("ScoreMappingId", "Enabled").await;
        stack.all_mailed_once(&customers).await;
    });
}

#[test]
fn a_provider_that_is_down_is_left_alone_and_tried_until_it_is_well() {
    RUNTIME.block_on(async {
        let stack = stack("broken").await;
        let customers: Vec<_> = (0..30).map(|n| customer(&format!("b-{n}"))).collect();
        stack.score.faults().set_rule(|_| Some(StandInFault::status(503)));
        stack.set_due(&customers).await;
        stack.until_held(StageName::Score, "broken").await;
        stack.until_mapping("ScoreMappingId", "Disabled").await;

        eventually("the provider is tried, in vain", async || {
            let told = stack.tick(StageName::Score).await;
            let probes = told["probes"].as_u64().expect("a number");
            assert!(probes <= 3, "{told}");
            (probes > 0).then(|| assert_eq!(told["held"], "broken", "{told}"))
        })
        .await;
        stack.score.faults().set_rule(|_| None);
        stack.until_held(StageName::Score, "flows").await;
        stack.until_mapping("ScoreMappingId", "Enabled").await;
        stack.all_mailed_once(&customers).await;
    });
}
