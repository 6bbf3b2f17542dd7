//! A function that is deployed with code that panics on one customer.

use std::time::Duration;

use pulse_aws::{clock::SystemClock, sdk};
use pulse_core::{
    control::{BreakerPolicy, Note, Pause},
    entry::{Progress, StageName},
    pausing::{Pausing, Resumed},
    ports::{Clock as _, Stages as _},
    tick::MappingReconciler,
};
use pulse_local::{deployment::Packages, lambdas::Package};
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    emulator::{packages, program, shared},
    in_memory_stack::customer,
};

use super::RUNTIME;

/// A version whose score function panics on customer `panic-40`.
fn that_panics() -> Packages {
    let mut panicking = packages("stack").clone();
    let package = Package::of(program("stack", "panicking-score")).expect("packed");
    panicking.insert("score".into(), package);
    panicking
}

/// The template's five minutes and five receives, made fewer: whoever panics is tried again within a minute and a
/// half, for the last time.
async fn hurry(stack: &DeployedStack) {
    let client = sdk::lambda_client(&stack.stack.aws);
    let name = stack.output("ScoreFunctionName");
    client.update_function_configuration().function_name(name).timeout(60).send().await.expect("a timeout");
    stack.set_variables("ScoreFunctionName", &[("SCORE_TIMEOUT_SECONDS", "5"), ("MAX_RECEIVE_COUNT", "2")]).await;
}

#[test]
fn a_panic_costs_79_neighbours_nothing_and_is_on_the_ledger_with_its_place() {
    RUNTIME.block_on(async {
        let stack = DeployedStack::build(shared(), "panicking", "stack", Duration::from_millis(10)).await;
        stack.deploy(&that_panics()).await;
        hurry(&stack).await;
        let customers: Vec<_> = (0..80).map(|n| customer(&format!("panic-{n}"))).collect();
        let (panicked, neighbours) = (&customers[40], [&customers[..40], &customers[41..]].concat());

        // All at once: a batch of the mapping's 80.
        let (ledger, stages) = (stack.ledger(), stack.stack.stages().unwrap());
        let reconciler = MappingReconciler {
            stages: &stages,
            controls: &ledger,
            outcomes: &ledger,
            clock: &SystemClock,
            policy: BreakerPolicy::default(),
        };
        let pausing = Pausing { reconciler };
        let note = Note::parse("Until all of them wait.").unwrap();
        let pause = Pause { by: "ops".into(), note, since: SystemClock.now(), until: None };
        pausing.pause(StageName::Score, &pause).await.unwrap();
        stack.until_mapping("ScoreMappingId", "Disabled").await;
        stack.set_due(&customers).await;
        assert_eq!(pausing.resume(StageName::Score, None).await, Ok(Resumed::Flows));

        let failed = stack.until(panicked, |entry| entry.state() == "failed").await;
        let Progress::Failed { cause, .. } = failed.progress() else { panic!("failed elsewhere: {failed:?}") };
        let place = cause.as_str().strip_prefix("A panic in the code, at ");
        assert!(place.is_some_and(|place| place.starts_with("tests/src/bin/panicking-score.rs:")), "{cause}");
        // Of a call that is made without a claim nothing is left but what was given up.
        assert_eq!(failed.claims(), 0);
        for neighbour in &neighbours {
            let sent = stack.until(neighbour, |entry| entry.state() == "sent").await;
            // One to be scored, one to be mailed.
            assert_eq!((sent.claims(), stack.mails(neighbour)), (2, 1), "{}", sent.id());
        }

        // As any dead letter, it is brought back once the code is mended.
        let dead = eventually("the message is dead", async || {
            stack.take("ScoreDlqUrl", |body| body.contains("panic-40")).await.pop()
        })
        .await;
        stack.deploy(packages("stack")).await;
        stack.send("ScoreQueueUrl", &dead).await;
        stack.until(panicked, |entry| entry.state() == "sent").await;
        stack.all_mailed_once(&customers).await;
        // The version that panics takes no neighbour's message a second time: it would still be there.
        eventually("the queue is empty", async || {
            let seen = stages.status(StageName::Score).await.expect("the stage");
            (seen.waiting + seen.in_flight == 0).then_some(())
        })
        .await;
    });
}
