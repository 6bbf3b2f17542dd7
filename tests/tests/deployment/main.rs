//! The template as it stands, deployed to the emulator the way `pulse local` does it.

mod doctor;

use std::collections::BTreeMap;

use anyhow::Result;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::ScalingConfig;
use pulse_aws::stack::Stack;
use pulse_core::{entry::StageName, lanes::LaneChange, ports::LaneControl as _};
use pulse_local::deployment::{Deployment, StackPlan};
use pulse_local::step::silently;
use pulse_tests::emulator::{packages, shared, workspace};

fn plan(stack: &str, changes: &[(&str, &str)]) -> StackPlan {
    let usual = [("ScoreUrl", "http://127.0.0.1:9/"), ("Sender", "Pulse <pulse@example.com>")];
    let pairs = usual.iter().chain(changes).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    StackPlan { stack: stack.to_owned(), parameters: pairs.collect(), secrets: BTreeMap::new() }
}

async fn deploy(plan: &StackPlan) -> Result<Deployment> {
    Deployment::deploy(&workspace(), shared().endpoint(), packages("deployment"), plan, &silently()).await
}

#[tokio::test]
async fn what_the_emulator_drops_is_restored_once_and_a_changed_parameter_arrives() -> Result<()> {
    let first = deploy(&plan("restored", &[])).await?;
    // Each of six functions' reserved concurrency, three mappings' maximum, and the table's time to live.
    assert_eq!(first.restored.len(), 10, "{:?}", first.restored);
    let again = deploy(&plan("restored", &[])).await?;
    assert_eq!(again.restored, Vec::<String>::new());
    assert_eq!(again.outputs, first.outputs);

    let changed = deploy(&plan("restored", &[("ScoreMaximumConcurrency", "7")])).await?;
    assert_eq!(changed.outputs.get("ScoreMaximumConcurrency")?, "7");
    let lambda = Client::new(&changed.aws);
    let function = changed.outputs.get("ScoreFunctionName")?;
    let found = lambda.get_function_concurrency().function_name(function).send().await?;
    assert_eq!(found.reserved_concurrent_executions(), Some(7));
    let mapping = lambda.get_event_source_mapping().uuid(changed.outputs.get("ScoreMappingId")?).send().await?;
    assert_eq!(mapping.scaling_config().and_then(ScalingConfig::maximum_concurrency), Some(7));
    Ok(())
}

#[tokio::test]
async fn where_no_concurrency_is_to_be_reserved_none_is_and_lanes_reserve_none() -> Result<()> {
    let deployed = deploy(&plan("unreserved", &[("ReserveConcurrency", "false")])).await?;
    // Three mappings' maximum, and the table's time to live.
    assert_eq!(deployed.restored.len(), 4, "{:?}", deployed.restored);
    let stack = Stack { aws: deployed.aws, outputs: deployed.outputs };
    let (control, lambda) = (stack.lane_control()?, Client::new(&stack.aws));
    for name in
        ["ScoreFunctionName", "EmailFunctionName", "DeliverFunctionName", "TickFunctionName", "AuditFunctionName"]
    {
        let found = lambda.get_function_concurrency().function_name(stack.outputs.get(name)?).send().await?;
        assert_eq!(found.reserved_concurrent_executions(), None, "{name}");
    }
    // Shorter invocations than the template's: a change of lanes waits for as long as one may last.
    let function = stack.outputs.get("ScoreFunctionName")?;
    lambda.update_function_configuration().function_name(function).timeout(1).send().await?;
    let change = LaneChange { control: &control };
    let plan = change.plan(StageName::Score, 32, None).await?;
    change.carry_out(StageName::Score, &plan, &mut |_| {}).await?;
    let settings = control.settings(StageName::Score).await?;
    assert_eq!((settings.maximum_concurrency, settings.reserved_concurrency), (8, None));
    Ok(())
}

#[tokio::test]
async fn a_refused_parameter_is_an_error_that_quotes_the_refusal() {
    let error = deploy(&plan("refused", &[("ScoreInFlight", "1")])).await.unwrap_err().to_string();
    assert!(error.starts_with("The stack refused could not be deployed: "), "{error}");
    assert!(error.contains("ScoreInFlight"), "{error}");
}

#[tokio::test]
async fn secrets_are_stored_and_can_be_stored_again() -> Result<()> {
    let mut plan = plan("secretive", &[("ScoreSecret", "secretive/score")]);
    plan.secrets.insert("secretive/score".to_owned(), r#"{"authorization": "Bearer one"}"#.to_owned());
    deploy(&plan).await?;
    deploy(&plan).await?;
    Ok(())
}
