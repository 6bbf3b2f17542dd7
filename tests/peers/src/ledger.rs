//! The table, as far as the score stage asks it: a profile and an entry of whoever is asked for, and writes that are held against
//! what Pulse's own rules would write.

use serde_json::{Map, Value, json};

use crate::{
    month::{BATCH, Case},
    tally::{Step, Tally},
};

/// The table's name.
pub(crate) const TABLE: &str = "pulse";

/// Answers an operation; `None` for one that the stage has no business with.
pub(crate) fn answer(operation: &str, call: &Value, tally: &mut Tally) -> Option<Value> {
    if call["TableName"] != TABLE {
        tally.fault(format!("{operation} of another table"));
    }
    match operation {
        "GetItem" => Some(get(call, tally)),
        "PutItem" => Some(put(call, tally)),
        "UpdateItem" => Some(update(call, tally)),
        _ => None,
    }
}

fn get(call: &Value, tally: &mut Tally) -> Value {
    if call["ConsistentRead"] != true {
        tally.fault("GetItem without ConsistentRead");
    }
    if call["Key"] == json!({ "pk": { "S": "STAGE#score" }, "sk": { "S": "CONTROL" } }) {
        // Nobody has ever paused the stage, so that there is no such row.
        tally.count("GetItem, whether the stage is paused");
        return json!({});
    }
    let Some(case) = case_of(&call["Key"]) else {
        tally.fault(format!("GetItem of no customer's row: {}", call["Key"]));
        return json!({});
    };
    let item = if call["Key"]["sk"]["S"] == "PROFILE" {
        tally.count("GetItem, profile");
        case.profile_row()
    } else {
        tally.count("GetItem, entry");
        case.entry_row()
    };
    json!({ "Item": item })
}

fn put(call: &Value, tally: &mut Tally) -> Value {
    tally.count("PutItem");
    let condition = [
        ("ConditionExpression", json!("#version = :expected")),
        ("ExpressionAttributeNames", json!({ "#version": "version" })),
        ("ExpressionAttributeValues", json!({ ":expected": { "N": "1" } })),
        ("ReturnValuesOnConditionCheckFailure", json!("ALL_OLD")),
    ];
    for (name, value) in condition {
        if call[name] != value {
            tally.fault(format!("PutItem whose {name} is {}", call[name]));
        }
    }
    match (case_of(&call["Item"]), call["Item"].as_object()) {
        (Some(case), Some(item)) => {
            if let Some(name) = first_difference(item, &case.scored_row()) {
                tally.fault(format!("PutItem of {} whose {name} is {}", case.id(), call["Item"][name]));
            }
            tally.step(case.id(), Step::Written);
        }
        _ => tally.fault("PutItem of no customer's row"),
    }
    json!({})
}

/// What came of the invocation's calls is added to the minute's.
fn update(call: &Value, tally: &mut Tally) -> Value {
    tally.count("UpdateItem");
    let is_of_stage = call["Key"]["pk"]["S"] == "STAGE#score";
    let adds = call["UpdateExpression"].as_str().is_some_and(|expression| expression.starts_with("ADD calls :calls"));
    let calls = call["ExpressionAttributeValues"][":calls"]["N"].as_str().and_then(|calls| calls.parse().ok());
    if !is_of_stage || !adds || calls != Some(BATCH) {
        tally.fault(format!("UpdateItem of {}: {}", call["Key"], call["UpdateExpression"]));
    }
    json!({})
}

fn case_of(key: &Value) -> Option<Case> {
    key["pk"]["S"].as_str()?.strip_prefix("CUST#").map(Case::of)
}

fn first_difference<'a>(item: &'a Map<String, Value>, wanted: &'a Map<String, Value>) -> Option<&'a str> {
    let is_like = |name: &str| match (item.get(name), wanted.get(name)) {
        (Some(_), Some(_)) if Case::says_what_differs(name) => true,
        (there, wanted) => there == wanted,
    };
    item.keys().chain(wanted.keys()).map(String::as_str).find(|name| !is_like(name))
}
