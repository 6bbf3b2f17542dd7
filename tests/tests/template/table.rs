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
fn the_table_forgets_what_expires() -> Result<()> {
    let edits = [
        cut("/Resources/PulseTable"),
        cut("PulseTable/TimeToLiveSpecification"),
        set("PulseTable/BillingMode", "PROVISIONED"),
    ];
    keeps(table::forgets_what_expires, edits)
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
