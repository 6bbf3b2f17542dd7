use pulse_core::{
    customer::CustomerId,
    entry::{EntryId, StageName},
    replay::ReplayError,
    run::RunId,
    settlement::SettlementError,
};

use super::*;

fn told(error: &ReplayError) -> String {
    advised(error, error.advice().as_ref())
}

#[test]
fn an_entry_that_is_not_replayed_says_which_command_is_next() {
    let id = EntryId::of(CustomerId::parse("c-1").unwrap(), RunId::parse("2026-11").unwrap());
    assert_eq!(
        told(&ReplayError::NoEntry(id.clone())),
        "there is no entry c-1/2026-11: see `pulse customer` for the runs that the customer has"
    );
    assert_eq!(
        told(&ReplayError::Closed { entry: id.clone(), state: "sent" }),
        "entry c-1/2026-11 is sent already, and nobody is mailed twice by accident: a further mail needs --force \
         and a --note that says why"
    );
    assert_eq!(
        told(&ReplayError::NotDue(id.clone())),
        "entry c-1/2026-11 isn't due yet: to mail it before its time needs --force and a --note that says why"
    );
    assert_eq!(
        told(&ReplayError::Unknown { entry: id.clone() }),
        "nobody knows whether the mail of c-1/2026-11 was accepted: `pulse settle c-1 --run 2026-11` first"
    );
    assert_eq!(
        told(&ReplayError::RepeatUnderWay(id.clone())),
        "c-1/2026-11 is a further mail of that month, and isn't done: see `pulse why c-1 --run 2026-11`"
    );
    let settlement = SettlementError::NoEntry(id);
    assert!(advised(&settlement, settlement.advice().as_ref()).contains(": see `pulse customer` for"));
}

#[test]
fn what_needs_no_command_is_left_as_it_is() {
    assert_eq!(advised("it failed", None), "it failed");
    let lanes = Advice::LookAtLanes { stage: StageName::Score };
    assert_eq!(advised("changed", Some(&lanes)), "changed: look at them with `pulse lanes`.");
}
