//! The ledger's table: nothing in it may be lost, and nothing in it may be scanned for.

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
                if names(value, id) {
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

/// There is one table, billed by request, that forgets activity rows by their `expires_at`.
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
        if table["BillingMode"] != "PAY_PER_REQUEST" {
            problems.push(format!("{id} is not billed by request"));
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
