use clap::Parser;
use jiff::Timestamp;
use pulse_app::EndpointShown;
use pulse_core::delivery::{Bodies, FactKind, Keeps};

use super::*;
use crate::exit::Usage;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    options: Options,
}

pub(super) fn at() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

pub(super) fn shown() -> EndpointShown {
    EndpointShown {
        endpoint: EndpointName::parse("crm").unwrap(),
        kind: "webhook",
        place: "hooks.example".to_owned(),
        secret: Some("pulse/endpoints/crm".to_owned()),
        facts: [FactKind::Sent, FactKind::Bounced].into(),
        keeps: Keeps::Every,
        bodies: Bodies::Thin,
        lanes: 5,
        by: "aoife".into(),
        added_at: at(),
    }
}

fn parse(line: &str) -> Result<Line, String> {
    Line::try_parse_from(["endpoint"].into_iter().chain(line.split(' '))).map_err(|error| error.to_string())
}

#[test]
fn an_endpoint_has_one_target_some_facts_and_keys_of_one_kind() {
    for good in [
        "list",
        "add crm --url https://hooks.example/x --facts all",
        "add crm --url https://hooks.example/x --ed25519 --facts sent,bounced --keep latest --bodies full --lanes 10",
        "add crm --url https://hooks.example/x --secret pulse/endpoints/crm-2 --facts all",
        "add crm --sns arn:aws:sns:eu-west-1:123456789012:pulse-facts --facts sent --by aoife",
        "add crm --bus default --facts sent",
        "pause crm --note moving --for 30d",
        "resume crm --note moved",
        "rotate crm --finish",
        "remove crm --yes",
        "test crm",
    ] {
        assert!(parse(good).is_ok(), "{good}: {:?}", parse(good));
    }
    for bad in [
        "add crm --facts all",
        "add crm --url https://hooks.example/x",
        "add crm --url https://hooks.example/x --bus default --facts all",
        "add crm --url https://hooks.example/x --facts run-begun",
        "add crm --url https://hooks.example/x --facts all --lanes 0",
        "add crm --url https://hooks.example/x --facts all --keep some",
        "add crm --url https://hooks.example/x --facts all --secret s --ed25519",
        "add crm --bus default --facts all --secret s",
        "add crm --sns pulse-facts --facts all",
        "add CRM --bus default --facts all",
        "pause crm",
        "resume crm",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_url_that_nobody_may_call_is_refused_before_a_stack_is_looked_for() {
    let Line { target, options } = parse("add crm --url http://hooks.example/t0ken --facts all").unwrap();
    let refused = run(options, &target, Output::new(false)).await.unwrap_err();
    assert!(refused.is::<Usage>(), "{refused}");
    assert_eq!(refused.to_string(), "The URL doesn't begin with https://.");
}
