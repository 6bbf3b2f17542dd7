//! A stack without a partner is as it was before there was any.

use anyhow::Result;
use pulse_tests::template::{Template, given};
use serde_json::json;

use crate::{keeps, set};

#[test]
fn what_a_stack_has_not_is_named_nowhere() -> Result<()> {
    keeps(
        given::nothing_is_named_that_isnt_there,
        [set("CallRole/Policies/1/PolicyDocument/Statement/0/Resource", json!({ "Fn::GetAtt": ["CalQueue", "Arn"] }))],
    )?;
    let without = Template::shipped_without_given_stages()?;
    assert_eq!(given::nothing_is_named_that_isnt_there(&without), Vec::<String>::new());
    Ok(())
}

#[test]
fn a_stack_without_a_partner_has_nothing_that_costs() -> Result<()> {
    let without = Template::shipped_without_given_stages()?;
    let of_a_partner = |id: &str| id.starts_with("Call");
    for section in ["Resources", "Outputs"] {
        let left: Vec<_> = without.section(section).filter(|(id, _)| of_a_partner(id)).collect();
        assert!(left.is_empty(), "{left:?}");
        let all = Template::shipped()?;
        assert!(all.section(section).any(|(id, _)| of_a_partner(id)));
    }
    assert_eq!(without.stages().len() + 1, Template::shipped()?.stages().len());
    let variables = without.at("/Globals/Function/Environment/Variables/CALL_QUEUE_URL");
    assert_eq!(variables, Some(&json!("")), "an empty variable is none");
    Ok(())
}
