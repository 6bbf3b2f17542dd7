//! Providers that misbehave, duplicates, and messages that nobody can read.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_sdk_sqs::types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue};
use pulse_aws::sdk;
use pulse_core::{customer::Customer, entry::Progress, ports::LedgerReports as _, trace::TraceHeader};
use pulse_local::standins::StandInFault;
use pulse_tests::{deployed_stack::eventually, in_memory_stack::customer};

use super::{RUNTIME, stack};

/// While this is false, the scoring provider refuses some customers for good.
static MENDED: AtomicBool = AtomicBool::new(false);

/// What a customer meets at a provider, by the word in their id: the first time only, except that who is refused
/// is refused until the provider is mended.
pub(crate) fn by_the_word_in_the_id() -> impl Fn(&str) -> Option<StandInFault> + Send + Sync + 'static {
    let met = Mutex::<BTreeSet<String>>::default();
    move |key| {
        let word = key.split(['-', '_']).nth(1)?;
        if word == "refused" {
            return (!MENDED.load(Ordering::Relaxed)).then(|| StandInFault::status(422));
        }
        let fault = match word {
            "busy" => StandInFault::busy("1"),
            "broken" => StandInFault::status(500),
            "garbage" => StandInFault::Garbage,
            "hangup" => StandInFault::HangUp,
            "silence" => StandInFault::Silence,
            "lost" => StandInFault::WorkThenHangUp,
            _ => return None,
        };
        met.lock().unwrap().insert(key.to_owned()).then_some(fault)
    }
}

fn schedule_message(customer: &Customer) -> String {
    format!(r#"{{"v":1,"customer":"{}","scheduled":"<aws.scheduler.scheduled-time>"}}"#, customer.id)
}

#[test]
fn whatever_a_provider_answers_the_first_time_each_customer_is_mailed_once() {
    RUNTIME.block_on(async {
        let stack = stack().await;
        let kinds = ["busy", "broken", "garbage", "hangup", "silence", "lost", "fine"];
        let customers = kinds.map(|kind| customer(&format!("c-{kind}")));
        stack.enroll(&customers).await;
        for customer in &customers {
            stack.send("ScoreQueueUrl", &schedule_message(customer)).await;
        }
        for customer in &customers {
            let sent = stack.until(customer, |entry| entry.state() == "sent").await;
            assert_eq!(stack.mails(customer), 1, "{}", sent.id());
        }
    });
}

#[test]
fn what_is_refused_for_good_is_dead_with_its_cause_and_a_redrive_from_the_console_brings_it_back() {
    RUNTIME.block_on(async {
        let stack = stack().await;
        let refused = customer("c-refused");
        stack.enroll(std::slice::from_ref(&refused)).await;
        stack.send("ScoreQueueUrl", &schedule_message(&refused)).await;
        let failed = stack.until(&refused, |entry| entry.state() == "failed").await;
        let Progress::Failed { cause, .. } = failed.progress() else { panic!("failed elsewhere: {failed:?}") };
        assert!(cause.as_str().contains("422"), "{cause}");
        let notes = stack.ledger().activities(&refused.id).await.unwrap();
        assert_eq!(notes.len(), 1, "{notes:?}");

        MENDED.store(true, Ordering::Relaxed);
        let bodies = eventually("the message is dead", async || {
            let taken = stack.take("ScoreDlqUrl", |body| body.contains("c-refused")).await;
            (!taken.is_empty()).then_some(taken)
        })
        .await;
        for body in bodies {
            stack.send("ScoreQueueUrl", &body).await;
        }
        stack.until(&refused, |entry| entry.state() == "sent").await;
        assert_eq!(stack.mails(&refused), 1);
    });
}

#[test]
fn duplicates_and_messages_that_nobody_can_read_cost_the_others_nothing() {
    RUNTIME.block_on(async {
        let stack = stack().await;
        let customers = [1, 2, 3, 4, 5].map(|n| customer(&format!("twice-{n}")));
        stack.enroll(&customers).await;
        let unreadable = [
            "not json",
            r#"{"v":7,"customer":"twice-1","run":"2026-11"}"#,
            r#"{"v":1,"customer":"nobody","run":"2026-11"}"#,
        ];
        for body in unreadable {
            stack.send("ScoreQueueUrl", body).await;
            stack.send("EmailQueueUrl", body).await;
        }
        for customer in customers.iter().chain(&customers).chain(customers.iter().rev()) {
            stack.send("ScoreQueueUrl", &schedule_message(customer)).await;
        }
        for customer in &customers {
            stack.until(customer, |entry| entry.state() == "sent").await;
        }
        for queue in ["ScoreDlqUrl", "EmailDlqUrl"] {
            for body in unreadable {
                eventually("the unreadable message is dead", async || {
                    stack.take(queue, |dead| dead == body).await.pop()
                })
                .await;
            }
        }
        for customer in &customers {
            assert_eq!(stack.mails(customer), 1, "{}", customer.id);
        }
    });
}

#[test]
fn a_trace_is_carried_from_the_schedules_message_to_the_mail_and_begun_where_there_is_none() {
    RUNTIME.block_on(async {
        let stack = stack().await;
        let (traced, untraced) = (customer("c-traced"), customer("c-untraced"));
        stack.enroll(&[traced.clone(), untraced.clone()]).await;
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let value = MessageSystemAttributeValue::builder().data_type("String").string_value(header).build().unwrap();
        sdk::sqs_client(&stack.stack.aws)
            .send_message()
            .queue_url(stack.stack.outputs.get("ScoreQueueUrl").unwrap())
            .message_body(schedule_message(&traced))
            .message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, value)
            .send()
            .await
            .unwrap();
        stack.send("ScoreQueueUrl", &schedule_message(&untraced)).await;
        let trace = async |customer: &Customer| {
            stack.until(customer, |entry| entry.state() == "sent").await;
            let mails = stack.mail.accepted();
            let mail = mails.into_iter().find(|mail| mail.contact == customer.id.as_str()).expect("a mail");
            mail.trace.expect("a trace")
        };
        assert_eq!(trace(&traced).await, header);
        assert!(TraceHeader::parse(&trace(&untraced).await).is_ok());
    });
}
