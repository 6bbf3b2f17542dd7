use pulse_core::{customer::CustomerId, entry::StageName, failure::Cause, overview::Condition, ports::DeniedAction};

use super::*;

fn every_finding() -> Vec<Finding> {
    let domain = || "example.com".to_owned();
    let (stage, policy) = (StageName::Email, PeoplePolicy::Operator);
    vec![
        Finding::Unknown { topic: Topic::Schedules, why: "Service Quotas can't be asked".into() },
        Finding::Caller { account: "111122223333".into(), arn: "arn:aws:iam::111122223333:user/ada".into() },
        Finding::Root,
        Finding::Allowed { policy },
        Finding::Denied {
            policy,
            actions: vec![DeniedAction { statement: "Queue".into(), action: "sqs:SendMessage".into() }],
        },
        Finding::ClockSkew { seconds: 1 },
        Finding::ClockSkew { seconds: -90 },
        Finding::Concurrency { limit: 1000, needed: 112 },
        Finding::Concurrency { limit: 10, needed: 112 },
        Finding::NotReserved,
        Finding::Starts { stage },
        Finding::Throttled { stage },
        Finding::NoSecret { stage, cause: Cause::new("the secret pulse/mail can't be read (AccessDeniedException)") },
        Finding::DoesNotStart { stage, cause: Cause::new("the environment variable SENDER is not set.") },
        Finding::Stage { stage, condition: Condition::Running },
        Finding::Stage { stage, condition: Condition::Paused },
        Finding::Mapping { stage, state: "Enabled".into(), is_held: false },
        Finding::Mapping { stage, state: "Disabled".into(), is_held: false },
        Finding::Mapping { stage, state: "Updating".into(), is_held: false },
        Finding::NoSchedules,
        Finding::ScheduleRead,
        Finding::StrangeSchedule { customer: CustomerId::parse("c-1").unwrap() },
        Finding::ScheduleGroup { state: "ACTIVE".into() },
        Finding::ScheduleGroup { state: "DELETING".into() },
        Finding::ScheduleQuota { schedules: 1e7, created_per_second: 250.0, customers: 600_000 },
        Finding::ScheduleQuota { schedules: 1e5, created_per_second: 250.0, customers: 600_000 },
        Finding::Sandbox,
        Finding::SendingPaused,
        Finding::Enforcement { status: "HEALTHY".into() },
        Finding::Enforcement { status: "PROBATION".into() },
        Finding::SendingRate { allowed: 14.0, configured: 14.0 },
        Finding::SendingRate { allowed: 1.0, configured: 14.0 },
        Finding::DailyQuota { allowed: 50_000.0, needed: 21_429.0 },
        Finding::DailyQuota { allowed: 200.0, needed: 21_429.0 },
        Finding::NoIdentity { domain: domain() },
        Finding::Unverified { domain: domain() },
        Finding::Unsigned { domain: domain() },
        Finding::Identity { domain: domain() },
        Finding::NoMailFrom { domain: domain() },
        Finding::MailFrom { state: "SUCCESS".into() },
        Finding::MailFrom { state: "FAILED".into() },
        Finding::NoConfigurationSet { name: "pulse".into() },
        Finding::ConfigurationSetPaused { name: "pulse".into() },
        Finding::ConfigurationSet { name: "pulse".into() },
        Finding::NotSes,
        Finding::OneClick,
        Finding::LinkOnly,
        Finding::NoOneClick { daily: 100.0 },
        Finding::NoOneClick { daily: 21_429.0 },
        Finding::TestMailSent { provider_id: "0101".into() },
        Finding::TestMailFailed { cause: Cause::new("SES refuses the address.") },
        Finding::Authentication { method: Method::Spf, result: Some("pass".into()) },
        Finding::Authentication { method: Method::Dmarc, result: Some("fail".into()) },
        Finding::Authentication { method: Method::Dkim, result: None },
        Finding::UnsubscribeHeaders { present: false, one_click: false, signed: false },
        Finding::UnsubscribeHeaders { present: true, one_click: false, signed: true },
        Finding::UnsubscribeHeaders { present: true, one_click: true, signed: false },
        Finding::UnsubscribeHeaders { present: true, one_click: true, signed: true },
    ]
}

#[test]
fn every_finding_is_a_sentence_of_its_own_under_a_heading() {
    console::set_colors_enabled(false);
    insta::assert_snapshot!(text(&every_finding()));
}

#[test]
fn a_stack_that_is_fit_is_told_so() {
    assert!(text(&[Finding::Root, Finding::NotSes]).ends_with("\nNothing has to be mended.\n"));
    let unseen = Finding::Unknown { topic: Topic::Mail, why: "SES can't be asked".into() };
    assert!(text(&[unseen]).contains("1 could not be looked at"));
}
