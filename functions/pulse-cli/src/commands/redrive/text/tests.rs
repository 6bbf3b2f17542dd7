use pulse_core::{dead_letters::Stuck, failure::Cause};

use pulse_core::entry::StageName;

use super::*;

#[test]
fn the_result_tells_what_moved_what_stays_and_why() {
    let unknown = Stuck { cause: Cause::new("The customer is unknown."), count: 2 };
    let redriven = Redriven { redriven: 12, closed: 3, stuck: vec![unknown], ..Redriven::default() };
    let said = text(DlqName::Stage(StageName::Email), &RedriveOrder::default(), &redriven);
    assert!(said.contains("12 are queued to the email stage again"), "{said}");
    assert!(said.contains("3 are of customers who have left"), "{said}");
    assert!(said.contains("2 stay, as they would only die again: The customer is unknown."), "{said}");
    let order = RedriveOrder { dry_run: true, ..RedriveOrder::default() };
    assert!(text(DlqName::Schedules, &order, &redriven).contains("12 would be queued to the score stage"));
}

#[test]
fn an_end_that_came_early_says_how_to_go_on() {
    let trouble = Some(Cause::new("the email queue can't be used right now"));
    let broken = Redriven { failed: 1, trouble, ..Redriven::default() };
    assert!(text(DlqName::Stage(StageName::Email), &RedriveOrder::default(), &broken).contains("run it again"));
    let stopped = Redriven { way: Way::MoveTask, interrupted: true, ..Redriven::default() };
    assert!(
        text(DlqName::Stage(StageName::Email), &RedriveOrder::default(), &stopped).contains("SQS goes on by itself")
    );
    assert!(
        text(DlqName::Stage(StageName::Email), &RedriveOrder::default(), &Redriven::default())
            .contains("nothing to redrive")
    );
}
