//! What is made of `EventBridge` Scheduler's refusals, which the emulator hasn't (`EventBridge` Scheduler API Reference,
//! `CreateSchedule`: Errors).

use pulse_aws::{
    scheduler::{EventBridgeSchedules, ScheduleTarget},
    sdk::{for_emulator, scheduler_client},
};
use pulse_core::ports::{MonthlySchedule, ScheduleError, Schedules as _, SchedulesError};
use pulse_tests::{
    in_memory_stack::customer,
    providers::aws_server::{AwsAnswer, AwsServer},
};

/// A scheduler that answers so.
async fn answering(status: u16, code: &'static str, words: &'static str) -> (EventBridgeSchedules, AwsServer) {
    let server = AwsServer::start().await.unwrap();
    server.answer_next(std::iter::repeat_n(AwsAnswer::Error(status, code, words), 9));
    let target = ScheduleTarget {
        group: "pulse".into(),
        queue_arn: "arn:aws:sqs:eu-west-1:123456789012:pulse-score".into(),
        role_arn: "arn:aws:iam::123456789012:role/pulse-SchedulerRole-1".into(),
        dead_letter_arn: "arn:aws:sqs:eu-west-1:123456789012:pulse-schedule-dlq".into(),
    };
    let schedules = EventBridgeSchedules::new(scheduler_client(&for_emulator(server.url())), target).without_retries();
    (schedules, server)
}

/// What comes of making a schedule that is answered so, and how often it was asked for.
async fn put(status: u16, code: &'static str, words: &'static str) -> (ScheduleError, u64) {
    let (schedules, server) = answering(status, code, words).await;
    let customer = customer("c-1");
    let refused = schedules.put(&MonthlySchedule { customer: customer.id, slot: customer.slot }).await.unwrap_err();
    (refused, server.calls())
}

#[tokio::test]
async fn throttling_is_heard_at_once_and_in_its_words() {
    for (status, code) in
        [(429, "ThrottlingException"), (402, "ServiceQuotaExceededException"), (500, "InternalServerException")]
    {
        let (refused, calls) = put(status, code, "Rate exceeded").await;
        assert!(matches!(&refused, ScheduleError::Unavailable { .. }), "{code}: {refused:?}");
        assert!(refused.to_string().contains("Rate exceeded"), "{refused}");
        assert_eq!(calls, 1, "{code}");
    }
}

#[tokio::test]
async fn a_list_that_is_throttled_is_told_from_one_that_is_denied_and_each_is_asked_for_once() {
    for (status, code, may_pass) in [
        (429, "ThrottlingException", true),
        (500, "InternalServerException", true),
        (403, "AccessDeniedException", false),
        (403, "ExpiredTokenException", false),
        (404, "ResourceNotFoundException", false),
    ] {
        let (schedules, server) = answering(status, code, "So it is.").await;
        let error = schedules.list("c", None).await.unwrap_err();
        assert_eq!(matches!(error, SchedulesError::Unavailable(_)), may_pass, "{code}: {error}");
        assert_eq!(server.calls(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_schedule_that_is_refused_is_told_from_everyone_s() {
    let (refused, _) = put(400, "ValidationException", "Invalid Schedule Expression Timezone America/Coyhaique.").await;
    assert!(matches!(&refused, ScheduleError::Refused { .. }), "{refused:?}");
    assert!(refused.to_string().contains("America/Coyhaique"), "{refused}");
    let pass = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: iam:PassRole on resource: \
                arn:aws:iam::123456789012:role/y because no identity-based policy allows the iam:PassRole action";
    let (denied, _) = put(403, "AccessDeniedException", pass).await;
    assert!(matches!(&denied, ScheduleError::Denied { .. }), "{denied:?}");
    assert!(denied.to_string().contains("HandSchedulesTheirRole of OperatorPolicy"), "{denied}");
    for (status, code) in [(404, "ResourceNotFoundException"), (403, "UnrecognizedClientException")] {
        let (denied, _) = put(status, code, "Schedule group pulse does not exist.").await;
        assert!(matches!(&denied, ScheduleError::Denied { .. }), "{code}: {denied:?}");
    }
}
