use anyhow::Result;
use pulse_tests::template::table;
use serde_json::json;

use crate::{cut, keeps, set};

#[test]
fn the_table_survives_mistakes() -> Result<()> {
    let edits = [
        cut("PulseTable/PointInTimeRecoverySpecification"),
        set("PulseTable/DeletionProtectionEnabled", false),
        cut("/Resources/PulseTable/DeletionPolicy"),
        set("/Resources/PulseTable/UpdateReplacePolicy", "Delete"),
    ];
    keeps(table::survives_mistakes, edits)
}

#[test]
fn a_table_that_was_kept_can_be_taken_up() -> Result<()> {
    let own = json!({ "Ref": "PulseTable" });
    let edits = [
        cut("/Resources/PulseTable/Condition"),
        set("/Globals/Function/Environment/Variables/TABLE_NAME", own.clone()),
        set("/Outputs/TableName/Value", own.clone()),
        set("/Outputs/TableName/Value/Fn::If/2", own),
        set("/Conditions/ScalesTable/Fn::And/0/Condition", "ProvisionsTable"),
        set(
            "TickRole/Policies/1/PolicyDocument/Statement/8/Resource",
            json!({ "Fn::Sub": "${PulseTable.Arn}/index/open" }),
        ),
    ];
    keeps(table::can_be_taken_up, edits)
}

#[test]
fn the_table_forgets_what_expires() -> Result<()> {
    let edits = [cut("/Resources/PulseTable"), cut("PulseTable/TimeToLiveSpecification")];
    keeps(table::forgets_what_expires, edits)
}

#[test]
fn the_table_has_the_capacity_that_is_reckoned_with() -> Result<()> {
    let edits = [
        set("PulseTable/BillingMode", "PROVISIONED"),
        set("PulseTable/ProvisionedThroughput/Fn::If/1/ReadCapacityUnits", 10),
        cut("PulseTable/GlobalSecondaryIndexes/1/ProvisionedThroughput"),
        set("OpenWrites/MaxCapacity", 9),
        set("TallyWrites/MinCapacity", 9),
        cut("/Resources/TableReads"),
        cut("/Resources/TableWritesPolicy"),
        set("TableReadsPolicy/TargetTrackingScalingPolicyConfiguration/TargetValue", 90),
        set("TickFunction/Environment/Variables/COUNT_UNITS_AT_ONCE", "0"),
    ];
    keeps(table::has_the_capacity_that_is_reckoned_with, edits)
}

#[test]
fn the_table_has_two_sparse_indexes() -> Result<()> {
    let indexes = "PulseTable/GlobalSecondaryIndexes";
    let edits = [
        set(&format!("{indexes}/0/KeySchema/0/AttributeName"), "pk"),
        set(&format!("{indexes}/1/Projection/ProjectionType"), "ALL"),
        set(indexes, json!([])),
    ];
    keeps(table::has_two_sparse_indexes, edits)
}
