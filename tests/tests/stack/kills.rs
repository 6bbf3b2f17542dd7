//! Lambdas that are killed while they work.

use std::{collections::HashMap, time::Duration};

use aws_sdk_lambda::types::Environment;
use pulse_local::emulator::EmulatorOptions;
use pulse_tests::{
    emulator::start,
    house::customer,
    town::{Town, eventually, kill_lambdas},
};

use super::RUNTIME;

/// The template's two minutes, made short: what is killed comes back after the function's timeout.
async fn hurry(town: &Town, function: &str, timeout_variable: &str) {
    let client = aws_sdk_lambda::Client::new(&town.stack.aws);
    let name = town.stack.outputs.get(function).unwrap();
    let found = client.get_function_configuration().function_name(name).send().await.unwrap();
    let variables = found.environment().and_then(|environment| environment.variables()).unwrap();
    let mut variables: HashMap<_, _> = variables.clone();
    variables.insert(timeout_variable.into(), "5".into());
    client
        .update_function_configuration()
        .function_name(name)
        .timeout(12)
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
        let town = Town::build(&emulator, "killed", "stack", Duration::from_millis(1500)).await;
        hurry(&town, "ScoreFunctionName", "SCORE_TIMEOUT_SECONDS").await;
        hurry(&town, "EmailFunctionName", "MAIL_TIMEOUT_SECONDS").await;
        let customers: Vec<_> = (0..24).map(|n| customer(&format!("killed-{n}"))).collect();
        town.enroll(&customers).await;
        for customer in &customers {
            let body =
                format!(r#"{{"v":1,"customer":"{}","scheduled":"<aws.scheduler.scheduled-time>"}}"#, customer.id);
            town.send("ScoreQueueUrl", &body).await;
        }
        for meter in [town.score.meter(), town.mail.meter()] {
            eventually("calls are in flight", async || (meter.in_flight() >= 3).then_some(())).await;
            assert!(kill_lambdas(&emulator) > 0, "no Lambda was there to be killed");
        }
        for customer in &customers {
            town.until(customer, |entry| entry.state() == "sent").await;
        }
        for customer in &customers {
            assert_eq!(town.mails(customer), 1, "{}", customer.id);
        }
        assert!(town.score.peak() <= 20 && town.mail.peak() <= 20);
    });
}
