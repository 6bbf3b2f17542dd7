//! Lanes, set on the deployed stack while it is what it is.

use std::{collections::HashMap, time::Duration};

use pulse_aws::sdk;
use pulse_core::{
    entry::StageName,
    lanes::{LaneChange, LaneChangeError, LaneSettings, Step},
    ports::LaneControl as _,
};
use pulse_tests::{deployed_stack::DeployedStack, emulator::shared, in_memory_stack::customer};

use super::RUNTIME;

struct Laned {
    stack: DeployedStack,
    lambda: aws_sdk_lambda::Client,
}

impl Laned {
    async fn build() -> Self {
        let stack = DeployedStack::build(shared(), "laned", "stack", Duration::from_millis(50)).await;
        let lambda = sdk::lambda_client(&stack.stack.aws);
        Self { stack, lambda }
    }

    fn output(&self, name: &str) -> &str {
        self.stack.stack.outputs.get(name).unwrap()
    }

    async fn variables(&self, function: &str) -> HashMap<String, String> {
        let found = self.lambda.get_function_configuration().function_name(self.output(function)).send().await.unwrap();
        found.environment().and_then(|environment| environment.variables().cloned()).unwrap()
    }

    /// How long an invocation may run: what a change of lanes waits for.
    async fn allow(&self, seconds: i32) {
        for function in ["ScoreFunctionName", "EmailFunctionName"] {
            let update = self.lambda.update_function_configuration().function_name(self.output(function));
            update.timeout(seconds).send().await.unwrap();
        }
    }

    /// Sets lanes, and says how they are set then and which steps led there.
    async fn set(
        &self,
        stage: StageName,
        count: u32,
        in_flight: Option<u32>,
    ) -> Result<(LaneSettings, Vec<Step>), LaneChangeError> {
        let control = self.stack.stack.lane_control().unwrap();
        let change = LaneChange { control: &control };
        let plan = change.plan(stage, count, in_flight).await?;
        change.carry_out(stage, &plan, &mut |_| {}).await?;
        Ok((control.settings(stage).await?, plan.steps))
    }
}

fn figures(settings: &LaneSettings) -> (u32, Option<u32>, u32, Option<u32>) {
    (settings.maximum_concurrency, settings.reserved_concurrency, settings.in_flight, settings.rate_divisor)
}

#[test]
fn lanes_are_set_and_nothing_else_is() {
    RUNTIME.block_on(async {
        let laned = Laned::build().await;
        let control = laned.stack.stack.lane_control().unwrap();
        let shipped = control.settings(StageName::Score).await.unwrap();
        // It was deployed just now.
        assert_eq!((figures(&shipped), shipped.enabled, shipped.changed_lately), ((5, Some(5), 4, None), true, true));
        laned.allow(1).await;
        let before = laned.variables("EmailFunctionName").await;

        let (score, steps) = laned.set(StageName::Score, 8, None).await.unwrap();
        assert_eq!(figures(&score), (2, Some(2), 4, None));
        assert_eq!(steps, [Step::Drain, Step::Maximum(2), Step::Drain, Step::Reserve(2)]);
        let (email, _) = laned.set(StageName::Email, 36, Some(6)).await.unwrap();
        assert_eq!(figures(&email), (6, Some(6), 6, Some(6)));
        let mut expected = before;
        expected.insert("IN_FLIGHT".into(), "6".into());
        expected.insert("MAX_CONCURRENCY".into(), "6".into());
        assert_eq!(laned.variables("EmailFunctionName").await, expected);

        laned.allow(120).await;
        let customer = customer("c-laned");
        laned.stack.enroll(std::slice::from_ref(&customer)).await;
        let message = format!(r#"{{"v":1,"customer":"{}","scheduled":"<aws.scheduler.scheduled-time>"}}"#, customer.id);
        laned.stack.send("ScoreQueueUrl", &message).await;
        laned.stack.until(&customer, |entry| entry.state() == "sent").await;
        assert_eq!(laned.stack.mails(&customer), 1);

        a_pause_stays_a_pause(&laned).await;
    });
}

async fn a_pause_stays_a_pause(laned: &Laned) {
    let mapping = laned.output("ScoreMappingId");
    laned.lambda.update_event_source_mapping().uuid(mapping).enabled(false).send().await.unwrap();
    laned.allow(1).await;
    let (paused, _) = laned.set(StageName::Score, 20, None).await.unwrap();
    assert_eq!((figures(&paused), paused.enabled), ((5, Some(5), 4, None), false));
    let state = laned.lambda.get_event_source_mapping().uuid(mapping).send().await.unwrap();
    assert_eq!(state.state(), Some("Disabled"));

    let put = laned.lambda.put_function_concurrency().function_name(laned.output("ScoreFunctionName"));
    put.reserved_concurrent_executions(0).send().await.unwrap();
    let refused = laned.set(StageName::Score, 40, None).await;
    assert_eq!(refused, Err(LaneChangeError::Paused(StageName::Score)));
    let control = laned.stack.stack.lane_control().unwrap();
    let still = control.settings(StageName::Score).await.unwrap();
    assert_eq!(figures(&still), (5, Some(0), 4, None));
}
