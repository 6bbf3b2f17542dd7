use aws_sdk_sqs::types::MessageAttributeValue;
use jiff::{Timestamp, ToSpan as _};
use pulse_aws::{clock::SystemClock, sdk};
use pulse_core::{customer::Customer, entry::StageName, message::WorkMessage, ports::Clock as _};
use pulse_tests::{deployed_stack::DeployedStack, in_memory_stack::customer};

use super::{
    RUNTIME, old_stack,
    operator::{console, pulse, pulse_json, status_of},
};

/// The scheduler gave up delivering a customer who was due then.
pub(super) async fn undelivered(stack: &DeployedStack, customer: &Customer, due: Timestamp) {
    let input = WorkMessage::schedule_input(&customer.id).replace("<aws.scheduler.scheduled-time>", &due.to_string());
    let attribute = |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build();
    let send = sdk::sqs_client(&stack.stack.aws)
        .send_message()
        .queue_url(stack.output("ScheduleDlqUrl"))
        .message_body(serde_json::json!({ "MessageBody": input, "QueueUrl": "https://sqs/score" }).to_string())
        .message_attributes("ERROR_CODE", attribute("AccessDenied").expect("an attribute"))
        .message_attributes("ERROR_MESSAGE", attribute("The role may not send.").expect("an attribute"))
        .message_attributes("SCHEDULED_TIME", attribute(&due.to_string()).expect("an attribute"));
    send.send().await.expect("sent");
}

#[test]
fn catch_up_after_three_lost_days() {
    RUNTIME.block_on(async {
        let stack = old_stack("walk-lost").await;
        stack.shorten_invocations().await;
        let now = SystemClock.now();
        let days_ago = |n: usize| now - (24 * (1 + i64::try_from(n % 3).expect("few"))).hours();
        // Nothing ran for three days, the tick neither. Of some, the scheduler left a letter; of others nothing.
        console(&["reserve", stack.output("TickFunctionName"), "0"]).await;
        let (lettered, silent): (Vec<_>, Vec<_>) =
            (0..60).map(|n| customer(&format!("w-{n}"))).enumerate().partition(|(n, _)| n % 2 == 0);
        for (n, customer) in lettered.iter().chain(&silent) {
            stack.enroll(std::slice::from_ref(customer)).await;
            if n % 2 == 0 {
                undelivered(&stack, customer, days_ago(*n)).await;
            } else {
                stack.open_overdue(customer, days_ago(*n)).await;
            }
        }
        let stage = status_of(&stack, StageName::Score).await;
        let due: Timestamp = stage["oldest_due"].as_str().expect("a moment").parse().expect("a moment");
        assert!(due <= now - 71.hours(), "{stage}");

        // The lanes that it takes, by the commands that the plan prints.
        let plan = pulse(&stack, "plan --customers 600000 --backlog 60000 --within 2h").await.text;
        let commands: Vec<_> = plan.lines().filter_map(|line| line.trim().strip_prefix("pulse lanes ")).collect();
        assert_eq!(commands.len(), 2, "{plan}");
        for command in commands {
            let set = pulse(&stack, &format!("lanes {command}")).await;
            assert!(set.status == 0 && set.text.contains("parameter_overrides"), "{}", set.text);
        }
        let lanes = pulse_json(&stack, "lanes").await;
        let [score, email] = [0, 1].map(|n| lanes[n]["lanes"].as_u64().expect("a number"));

        // First what left a letter, then the tick, which queues who left none.
        let redriven = pulse_json(&stack, "redrive schedules --direct").await;
        assert_eq!(redriven["redriven"], 30, "{redriven}");
        console(&["reserve", stack.output("TickFunctionName"), "1"]).await;
        stack.until_held(StageName::Score, "flows").await;
        let customers: Vec<_> = lettered.into_iter().chain(silent).map(|(_, customer)| customer).collect();
        stack.all_mailed_once(&customers).await;
        assert_eq!(stack.take("ScheduleDlqUrl", |_| false).await, Vec::<String>::new());
        assert!(
            stack.score.meter().peak() as u64 <= score && stack.mail.meter().peak() as u64 <= email,
            "more calls than lanes"
        );
        assert_eq!(status_of(&stack, StageName::Score).await["oldest_due"], serde_json::Value::Null);
    });
}
