//! What operators do to a stage, from the command line and from the AWS console, and what a provider that is out of
//! order does.

use std::time::Duration;

use aws_sdk_lambda::types::Environment;
use pulse_aws::{clock::SystemClock, sdk};
use pulse_cli::standins::Fault;
use pulse_core::{
    control::{Note, Pause, Pausing, Resumed},
    customer::Customer,
    entry::{StageName, State},
    ports::{Clock as _, Controls as _},
};
use pulse_tests::{
    emulator::shared,
    house::customer,
    town::{Town, eventually},
};
use serde_json::Value;

use super::RUNTIME;

const MEANWHILE: Duration = Duration::from_millis(50);

async fn town(name: &str) -> Town {
    let town = Town::build(shared(), name, "stack", MEANWHILE).await;
    // The stack is a moment old: what is changed now would be taken for its deployment's doing.
    set_variables(&town, &[("DEPLOYED_WITHIN_SECONDS", "0"), ("BREAKER_COOL_DOWN_SECONDS", "10")]).await;
    town
}

async fn set_variables(town: &Town, changes: &[(&str, &str)]) {
    let client = sdk::lambda_client(&town.stack.aws);
    let name = town.stack.outputs.get("TickFunctionName").unwrap();
    let found = client.get_function_configuration().function_name(name).send().await.unwrap();
    let mut variables = found.environment().and_then(|environment| environment.variables()).unwrap().clone();
    variables.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let environment = Environment::builder().set_variables(Some(variables)).build();
    client.update_function_configuration().function_name(name).environment(environment).send().await.unwrap();
}

/// The stage's part of what the tick answers.
async fn tick(town: &Town, stage: StageName) -> Value {
    let told = town.invoke("TickFunctionName").await;
    let stages = told["stages"].as_array().expect("stages");
    stages.iter().find(|told| told["stage"] == stage.as_str()).cloned().expect("the stage")
}

/// Ticks until the stage is held so. The emulator ticks every minute too, and one tick may be in another's way.
async fn until_held(town: &Town, stage: StageName, held: &str) {
    eventually(&format!("the {stage} stage is {held}"), async || {
        (tick(town, stage).await["held"] == held).then_some(())
    })
    .await;
}

async fn mapping_state(town: &Town, output: &str) -> String {
    let client = sdk::lambda_client(&town.stack.aws);
    let mapping = client.get_event_source_mapping().uuid(town.stack.outputs.get(output).unwrap()).send().await;
    mapping.unwrap().state().unwrap().to_owned()
}

async fn until_mapping(town: &Town, output: &str, state: &str) {
    eventually(&format!("{output} is {state}"), async || (mapping_state(town, output).await == state).then_some(()))
        .await;
}

async fn reserve(town: &Town, function: &str, executions: i32) {
    let client = sdk::lambda_client(&town.stack.aws);
    let name = town.stack.outputs.get(function).unwrap();
    let reserve = client.put_function_concurrency().function_name(name).reserved_concurrent_executions(executions);
    reserve.send().await.unwrap();
}

async fn set_due(town: &Town, customers: &[Customer]) {
    town.enroll(customers).await;
    for customer in customers {
        let body = format!(r#"{{"v":1,"customer":"{}","scheduled":"<aws.scheduler.scheduled-time>"}}"#, customer.id);
        town.send("ScoreQueueUrl", &body).await;
    }
}

async fn all_mailed_once(town: &Town, customers: &[Customer]) {
    for customer in customers {
        town.until(customer, |state| matches!(state, State::Sent { .. })).await;
    }
    for customer in customers {
        assert_eq!(town.mails(customer), 1, "{}", customer.id);
    }
    for queue in ["ScoreDlqUrl", "EmailDlqUrl"] {
        assert_eq!(town.take(queue, |_| false).await, Vec::<String>::new());
    }
}

#[test]
fn a_pause_outlives_a_deployment_and_loses_nothing() {
    RUNTIME.block_on(async {
        let town = town("paused").await;
        let customers = [1, 2, 3].map(|n| customer(&format!("p-{n}")));
        let (ledger, stages) = (town.ledger(), town.stack.stages().unwrap());
        let pausing = Pausing { stages: &stages, controls: &ledger, clock: &SystemClock };
        let note = Note::parse("The template is wrong.").unwrap();
        let pause = Pause { by: "ops".into(), note, since: SystemClock.now(), until: None };
        pausing.pause(StageName::Email, &pause).await.unwrap();
        until_mapping(&town, "EmailMappingId", "Disabled").await;
        set_due(&town, &customers).await;
        for customer in &customers {
            town.until(customer, |state| matches!(state, State::Scored { .. })).await;
        }

        // A deployment enables what the template has enabled.
        sdk::lambda_client(&town.stack.aws)
            .update_event_source_mapping()
            .uuid(town.stack.outputs.get("EmailMappingId").unwrap())
            .enabled(true)
            .send()
            .await
            .unwrap();
        until_held(&town, StageName::Email, "paused").await;
        until_mapping(&town, "EmailMappingId", "Disabled").await;
        let late = customer("p-late");
        set_due(&town, std::slice::from_ref(&late)).await;
        town.until(&late, |state| matches!(state, State::Scored { .. })).await;
        assert_eq!(town.mails(&late), 0);

        assert_eq!(pausing.resume(StageName::Email).await, Ok(Resumed::Flows));
        until_mapping(&town, "EmailMappingId", "Enabled").await;
        all_mailed_once(&town, &[&customers[..], &[late]].concat()).await;
    });
}

#[test]
fn reserved_concurrency_of_zero_disables_the_mapping_and_raising_it_enables_it() {
    RUNTIME.block_on(async {
        let town = town("throttled").await;
        let customers = [1, 2, 3].map(|n| customer(&format!("r-{n}")));
        until_held(&town, StageName::Score, "flows").await;
        reserve(&town, "ScoreFunctionName", 0).await;
        until_held(&town, StageName::Score, "paused").await;
        until_mapping(&town, "ScoreMappingId", "Disabled").await;
        set_due(&town, &customers).await;
        let console = town.ledger().control(StageName::Score).await.unwrap().console.unwrap();
        assert!(console.how.to_string().contains("reserved concurrency is 0"), "{console:?}");

        let reserved = town.stack.outputs.get("ScoreMaximumConcurrency").unwrap().parse().unwrap();
        reserve(&town, "ScoreFunctionName", reserved).await;
        until_held(&town, StageName::Score, "flows").await;
        until_mapping(&town, "ScoreMappingId", "Enabled").await;
        all_mailed_once(&town, &customers).await;
    });
}

#[test]
fn a_provider_that_is_down_is_left_alone_and_tried_until_it_is_well() {
    RUNTIME.block_on(async {
        let town = town("broken").await;
        let customers: Vec<_> = (0..30).map(|n| customer(&format!("b-{n}"))).collect();
        town.score.faults().set_rule(|_| Some(Fault::status(503)));
        set_due(&town, &customers).await;
        until_held(&town, StageName::Score, "broken").await;
        until_mapping(&town, "ScoreMappingId", "Disabled").await;

        eventually("the provider is tried, in vain", async || {
            let told = tick(&town, StageName::Score).await;
            let probes = told["probes"].as_u64().expect("a number");
            assert!(probes <= 3, "{told}");
            (probes > 0).then(|| assert_eq!(told["held"], "broken", "{told}"))
        })
        .await;
        town.score.faults().set_rule(|_| None);
        until_held(&town, StageName::Score, "flows").await;
        until_mapping(&town, "ScoreMappingId", "Enabled").await;
        all_mailed_once(&town, &customers).await;
    });
}
