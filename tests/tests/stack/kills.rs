//! Lambdas that are killed while they work.

use std::{collections::HashMap, time::Duration};

use aws_sdk_lambda::types::Environment;
use pulse_local::emulator::EmulatorOptions;
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually, kill_lambdas},
    emulator::start,
    in_memory_stack::customer,
};

use super::RUNTIME;

/// The template's five minutes, made short: what is killed comes back after the function's timeout. A worker keeps nine seconds
/// of it for its end.
async fn hurry(stack: &DeployedStack, function: &str, timeout_variable: &str) {
    let client = aws_sdk_lambda::Client::new(&stack.stack.aws);
    let name = stack.stack.outputs.get(function).unwrap();
    let found = client.get_function_configuration().function_name(name).send().await.unwrap();
    let variables = found.environment().and_then(|environment| environment.variables()).unwrap();
    let mut variables: HashMap<_, _> = variables.clone();
    variables.insert(timeout_variable.into(), "5".into());
    client
        .update_function_configuration()
        .function_name(name)
        .timeout(22)
        .environment(Environment::builder().set_variables(Some(variables)).build())
        .send()
        .await
        .unwrap();
}

#[test]
fn killing_every_lambda_in_mid_batch_twice_loses_nobody_and_mails_nobody_twice() {
    RUNTIME.block_on(async {
        // Its own, so that nobody else's Lambdas are killed.
        let emulator = start(&EmulatorOptions { enforce_iam: true, ..EmulatorOptions::default() });
        let stack = DeployedStack::build(&emulator, "killed", "stack", Duration::from_millis(1500)).await;
        hurry(&stack, "ScoreFunctionName", "SCORE_TIMEOUT_SECONDS").await;
        hurry(&stack, "EmailFunctionName", "MAIL_TIMEOUT_SECONDS").await;
        let customers: Vec<_> = (0..24).map(|n| customer(&format!("killed-{n}"))).collect();
        stack.enroll(&customers).await;
        for customer in &customers {
            let body =
                format!(r#"{{"v":1,"customer":"{}","scheduled":"<aws.scheduler.scheduled-time>"}}"#, customer.id);
            stack.send("ScoreQueueUrl", &body).await;
        }
        for meter in [stack.score.meter(), stack.mail.meter()] {
            eventually("calls are in flight", async || (meter.in_flight() >= 3).then_some(())).await;
            assert!(kill_lambdas(&emulator) > 0, "no Lambda was there to be killed");
        }
        for customer in &customers {
            stack.until(customer, |entry| entry.state() == "sent").await;
        }
        for customer in &customers {
            assert_eq!(stack.mails(customer), 1, "{}", customer.id);
        }
        assert!(stack.score.meter().peak() <= 20 && stack.mail.meter().peak() <= 20);
    });
}
