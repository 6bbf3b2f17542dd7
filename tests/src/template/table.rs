//! The ledger's table: nothing in it may be lost, and nothing in it may be scanned for.

use pulse_core::bill::{COUNTED_AT_ONCE, TableCapacity, Units};
use serde_json::{Value, json};

use super::Template;

/// The table outlives mistakes: point-in-time recovery, deletion protection, kept when the stack goes.
#[must_use]
pub fn survives_mistakes(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, table) in template.resources("AWS::DynamoDB::Table") {
        if table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] != true {
            problems.push(format!("{id} cannot be recovered to a point in time"));
        }
        if table["DeletionProtectionEnabled"] != true {
            problems.push(format!("{id} can be deleted"));
        }
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            if template.at(&format!("/Resources/{id}/{policy}")) != Some(&json!("Retain")) {
                problems.push(format!("{id} goes with the stack: its {policy} is not Retain"));
            }
        }
    }
    problems
}

/// A table of an earlier stack can take the place of this stack's own, everywhere.
#[must_use]
pub fn can_be_taken_up(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, _) in template.resources("AWS::DynamoDB::Table") {
        if template.at(&format!("/Resources/{id}/Condition")) != Some(&json!("MakesTable")) {
            problems.push(format!("{id} is made though there is one already"));
        }
        for section in ["Globals", "Resources", "Outputs"] {
            for (place, value) in template.section(section).filter(|(place, _)| *place != id) {
                // What scales it isn't made either where there is one already.
                let scales = value["Condition"] == "ScalesTable" && scales_own_table(template);
                if !scales && names(value, id) {
                    problems.push(format!("{place} knows no table but this stack's own"));
                }
            }
        }
    }
    problems
}

/// Whether a value names a resource where an existing one would have to take its place.
fn names(value: &Value, id: &str) -> bool {
    match value {
        Value::Object(map) => match map.get("Fn::If") {
            Some(branches) if branches[0] == "MakesTable" => {
                !branches[2].to_string().contains("ExistingTable") || names(&branches[2], id)
            }
            _ => map.values().any(|inner| names(inner, id)),
        },
        Value::Array(items) => items.iter().any(|inner| names(inner, id)),
        Value::String(text) => text.contains(id),
        _ => false,
    }
}

fn scales_own_table(template: &Template) -> bool {
    let condition = template.at("/Conditions/ScalesTable/Fn::And");
    condition.and_then(Value::as_array).is_some_and(|all| all.contains(&json!({ "Condition": "MakesTable" })))
}

/// The table is charged by request, or by the capacity that `pulse simulate` reckons with: what is free of charge in all, and
/// scaled where a backlog uses more of it.
#[must_use]
pub fn has_the_capacity_that_is_reckoned_with(template: &Template) -> Vec<String> {
    let TableCapacity { table, open, tally, most, target } = TableCapacity::SHIPPED;
    let mut problems = Vec::new();
    let capacity = |Units { reads, writes }: Units| {
        let units = json!({ "ReadCapacityUnits": reads, "WriteCapacityUnits": writes });
        json!({ "Fn::If": ["ProvisionsTable", units, { "Ref": "AWS::NoValue" }] })
    };
    for (id, of) in template.resources("AWS::DynamoDB::Table") {
        if of["BillingMode"] != json!({ "Fn::If": ["ProvisionsTable", "PROVISIONED", "PAY_PER_REQUEST"] }) {
            problems.push(format!("{id} isn't charged as TableCapacity says"));
        }
        let indexes = &of["GlobalSecondaryIndexes"];
        for (part, has, units) in [("table", of, table), ("open", &indexes[0], open), ("tally", &indexes[1], tally)] {
            if has["ProvisionedThroughput"] != capacity(units) {
                problems.push(format!("{id}: {part} hasn't {units:?}"));
            }
        }
    }
    let free = |of: fn(Units) -> u32| [table, open, tally].map(of).into_iter().sum::<u32>() == 25;
    if !free(|units| units.reads) || !free(|units| units.writes) {
        problems.push("what is free of charge isn't shared out".to_owned());
    }
    let targets = [
        ("table", "Read", "", table.reads),
        ("table", "Write", "", table.writes),
        ("index", "Write", "/index/open", open.writes),
        ("index", "Write", "/index/tally", tally.writes),
    ];
    for (of, what, resource, least) in targets {
        let is_it = |target: &Value| {
            target["ScalableDimension"] == format!("dynamodb:{of}:{what}CapacityUnits")
                && target["ResourceId"] == json!({ "Fn::Sub": format!("table/${{PulseTable}}{resource}") })
                && target["MinCapacity"] == least
                && target["MaxCapacity"] == json!(most)
        };
        let Some((id, _)) =
            template.resources("AWS::ApplicationAutoScaling::ScalableTarget").find(|(_, one)| is_it(one))
        else {
            problems.push(format!("{what}s of {of}{resource} aren't scaled from {least} units on"));
            continue;
        };
        let follows = |policy: &Value| {
            let tracking = &policy["TargetTrackingScalingPolicyConfiguration"];
            policy["ScalingTargetId"] == json!({ "Ref": id })
                && tracking["TargetValue"].as_f64() == Some((target * 100.0).round())
                && tracking["PredefinedMetricSpecification"]["PredefinedMetricType"]
                    == format!("DynamoDB{what}CapacityUtilization")
        };
        if !template.resources("AWS::ApplicationAutoScaling::ScalingPolicy").any(|(_, policy)| follows(policy)) {
            problems.push(format!("nothing scales {id}"));
        }
    }
    let at_once = json!({ "Fn::If": ["ProvisionsTable", COUNTED_AT_ONCE.to_string(), "0"] });
    if template.at("/Resources/TickFunction/Properties/Environment/Variables/COUNT_UNITS_AT_ONCE") != Some(&at_once) {
        problems.push("a run isn't counted in parts as it is simulated".to_owned());
    }
    problems
}

/// There is one table that forgets activity rows by their `expires_at`.
#[must_use]
pub fn forgets_what_expires(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let tables: Vec<_> = template.resources("AWS::DynamoDB::Table").collect();
    if tables.len() != 1 {
        problems.push(format!("the template has {} tables, not one", tables.len()));
    }
    for (id, table) in tables {
        if table["TimeToLiveSpecification"] != json!({ "AttributeName": "expires_at", "Enabled": true }) {
            problems.push(format!("{id} does not forget rows by their expires_at"));
        }
    }
    problems
}

/// What is open and what a run holds are found by two indexes of keys alone. They are sparse because their
/// keys are attributes of their own, which a row carries only while it belongs in there.
#[must_use]
pub fn has_two_sparse_indexes(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, table) in template.resources("AWS::DynamoDB::Table") {
        let own = key_names(table);
        let indexes = table["GlobalSecondaryIndexes"].as_array().cloned().unwrap_or_default();
        let names: Vec<_> = indexes.iter().map(|index| index["IndexName"].as_str()).collect();
        if names != [Some("open"), Some("tally")] {
            problems.push(format!("{id} has the indexes {names:?}, not open and tally"));
        }
        for index in &indexes {
            let keys = key_names(index);
            if keys.len() != 2 || keys.iter().any(|key| own.contains(key)) {
                problems.push(format!("{id}: {} is not sparse, its keys are {keys:?}", index["IndexName"]));
            }
            if index["Projection"] != json!({ "ProjectionType": "KEYS_ONLY" }) {
                problems.push(format!("{id}: {} copies more than keys", index["IndexName"]));
            }
        }
    }
    problems
}

fn key_names(of: &Value) -> Vec<&str> {
    let schema = of["KeySchema"].as_array();
    schema.into_iter().flatten().filter_map(|key| key["AttributeName"].as_str()).collect()
}
