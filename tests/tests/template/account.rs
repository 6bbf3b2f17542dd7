use std::fs;

use anyhow::{Context as _, Result};
use pulse_tests::{
    emulator::workspace,
    template::{Template, account},
};
use serde_json::{Value, json};

use crate::{cut, keeps, set};

fn page(name: &str) -> Result<String> {
    Ok(fs::read_to_string(workspace().root().join(name))?)
}

#[test]
fn a_new_account_has_parameters_that_fit_it() -> Result<()> {
    let page = page("infra/configuration.md")?;
    let edits = [
        cut("/Parameters/ReserveConcurrency"),
        set("/Parameters/ScoreInFlight/MinValue", 4),
        set("/Parameters/EmailMaximumConcurrency/MinValue", 3),
        set("/Parameters/ReserveConcurrency/AllowedValues", json!(["yes", "no"])),
    ];
    keeps(|template| account::a_new_one_has_parameters_that_fit(template, &page), edits)?;
    let shipped = Template::shipped()?;
    for (given, other) in [
        ("ReserveConcurrency=false", "ReserveConcurrency=true"),
        ("ScoreMaximumConcurrency=2", "ScoreMaximumConcurrency=7"),
        ("EmailMaximumConcurrency=2", "EmailMaximumConcurrency=7"),
        ("SesRate=1", "SesRate=14"),
    ] {
        assert!(page.contains(given), "{given}");
        let edited = page.replace(given, other);
        assert!(!account::a_new_one_has_parameters_that_fit(&shipped, &edited).is_empty(), "{other}");
    }
    Ok(())
}

#[test]
fn the_concurrency_that_an_account_needs_is_said_wherever_somebody_looks_for_it() -> Result<()> {
    let shipped = Template::shipped()?;
    let described = shipped.at("/Parameters/ReserveConcurrency/Description").and_then(Value::as_str);
    let described = described.context("a description")?.to_owned();
    for text in [described, page("README.md")?, page("infra/configuration.md")?] {
        let edits = [set("/Parameters/ScoreMaximumConcurrency/Default", 6), cut("/Resources/AuditFunction")];
        keeps(|template| account::what_is_needed_is_said(template, &text), edits)?;
    }
    Ok(())
}

#[test]
fn how_long_a_stacks_name_may_be_is_said() -> Result<()> {
    let page = page("infra/configuration.md")?;
    let edits = [
        set("AuditFunction/FunctionName", json!({ "Fn::Sub": "${AWS::StackName}-the-auditor" })),
        set("ScheduleDlq/QueueName", json!({ "Fn::Sub": "${AWS::StackName}-the-schedules-dead-letters" })),
    ];
    keeps(|template| account::how_long_its_name_may_be_is_said(template, &page), edits)
}
