use std::time::Duration;

use anyhow::Result;
use pulse_tests::template::{Template, closing};

use crate::{cut, keeps, set};

#[test]
fn an_invocation_has_time_for_its_end() -> Result<()> {
    let edits = [
        set("ScoreFunction/MemorySize", 128),
        set("EmailFunction/MemorySize", 192),
        cut("EmailFunction/MemorySize"),
        cut("/Parameters/ScoreInFlight/MaxValue"),
    ];
    keeps(closing::the_worker_keeps_time_for_its_end, edits)
}

#[test]
fn two_seconds_would_not_do() -> Result<()> {
    assert_eq!(closing::ends_that_take_longer(&Template::shipped()?, Duration::from_secs(2)).len(), 4);
    Ok(())
}

#[test]
fn a_message_comes_back_to_an_entry_that_can_be_claimed() -> Result<()> {
    let edits = [
        set("ScoreQueue/VisibilityTimeout", 130),
        cut("EmailQueue/VisibilityTimeout"),
        set("/Globals/Function/Timeout", 1_850),
    ];
    keeps(closing::a_claim_ends_before_its_message_is_back, edits)
}
