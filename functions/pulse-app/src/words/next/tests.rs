use jiff::{Timestamp, ToSpan as _};
use pulse_core::{
    control::{Console, ConsolePause, Note},
    entry::{SkipReason, StageName},
    failure::Cause,
    run::RunId,
    suppression::{Evidence, InForce, Scope, SuppressionReason},
};

use super::*;

fn due() -> Timestamp {
    "2026-11-10T10:30:00Z".parse().unwrap()
}

fn outlook(next: NextStep) -> Outlook {
    let run = RunId::parse("2026-11").unwrap();
    Outlook {
        run,
        item: None,
        next,
        in_doubt_since: None,
        will_be_skipped: None,
        suppressed_by: None,
        silent: false,
        then: Some(Preview::Mail),
    }
}

fn told(outlook: &Outlook) -> String {
    sentence(outlook, &CustomerId::parse("c-1").unwrap(), &Zone::parse("Europe/Dublin").unwrap())
}

fn next(next: NextStep) -> String {
    told(&outlook(next))
}

#[test]
fn an_entry_that_is_not_due_is_queued_by_its_schedule_or_else_by_tick() {
    assert_eq!(
        next(NextStep::DueBySchedule { at: due() }),
        "Due 2026-11-10 10:30 Europe/Dublin: the schedule queues it to the score stage."
    );
    let sentence = next(NextStep::DueWithoutSchedule { at: due(), queued_from: due() + 1.hour() });
    assert!(sentence.contains("tick does from 2026-11-10 11:30") && sentence.contains("`pulse enroll c-1`"));
}

#[test]
fn what_holds_the_stage_is_told_and_by_whom() {
    let stage = StageName::Email;
    let note = Note::parse("wrong template").unwrap();
    let holder = HoldReason::Command { who: "aoife".into(), note, since: due(), until: Some(due() + 6.hours()) };
    assert_eq!(
        next(NextStep::Held { stage, holder }),
        "Waits for the email stage, which is paused since 2026-11-10 10:30 Europe/Dublin by aoife (wrong template), \
         until 2026-11-10 16:30 Europe/Dublin."
    );
    for (how, words) in [
        (Console::ReservedZero, "the function's reserved concurrency is 0: raise it to resume"),
        (Console::MappingDisabled, "the mapping was disabled in the console: enable it there, or `pulse resume`"),
        (Console::KeptAfterDeployment, "it was paused in the console before a deployment: `pulse resume` ends it"),
    ] {
        let holder = HoldReason::Console { pause: ConsolePause { how, since: due() } };
        let sentence = next(NextStep::Held { stage, holder });
        assert!(sentence.ends_with(&format!("which is paused since 2026-11-10 10:30 Europe/Dublin: {words}.")));
    }
    let holder = HoldReason::Breaker { since: due(), probe_at: due() + 1.minute() };
    assert!(next(NextStep::Held { stage, holder }).contains("is tried next at 2026-11-10 10:31"));
}

#[test]
fn what_is_put_off_or_tried_again_says_when() {
    let put_off = next(NextStep::PutOff { stage: StageName::Email, until: due() + 9.hours() });
    assert!(put_off.starts_with("Put off until 2026-11-10 19:30"), "{put_off}");
    let retries = next(NextStep::Retries {
        stage: StageName::Email,
        cause: Cause::new("The provider answered 500."),
        not_before: Some(due() + 130.minutes()),
        repeated_at: due() + 3.hours(),
    });
    assert!(retries.contains("not before 2026-11-10 12:40"), "{retries}");
}

#[test]
fn a_mail_in_doubt_is_asked_for_first_and_someone_unmailable_will_be_skipped() {
    let waits = NextStep::Waits { stage: StageName::Email, since: due(), repeated_at: due() + 1.hour() };
    let doubtful =
        Outlook { in_doubt_since: Some(due()), will_be_skipped: Some(SkipReason::OptedOut), ..outlook(waits) };
    let sentence = told(&doubtful);
    assert!(sentence.contains("it is asked before anything is sent"), "{sentence}");
    assert!(sentence.ends_with("As things are, it will be skipped then: opted-out."), "{sentence}");
    let lost = told(&Outlook { then: Some(Preview::Indeterminate), ..doubtful });
    assert!(
        lost.contains("it can't be asked: the mail will be in doubt until the provider tells of it, or a day is over."),
        "{lost}"
    );
}

#[test]
fn a_suppressed_address_is_told_since_when_and_why() {
    let evidence = Evidence { at: due(), scope: Scope::All, cause: Some(Cause::new("Status 5.1.1.")) };
    let suppressed_by = Some(InForce { reason: SuppressionReason::HardBounce, evidence, until: None });
    let will_be_skipped = Some(SkipReason::Suppressed);
    let due = outlook(NextStep::DueBySchedule { at: due() + 24.hours() });
    let sentence = told(&Outlook { will_be_skipped, suppressed_by, ..due });
    assert!(
        sentence.ends_with(
            "As things are, it will be skipped then: the address is suppressed, hard-bounce since 2026-11-10 10:30 \
             Europe/Dublin, until it is released (Status 5.1.1)."
        ),
        "{sentence}"
    );
}

#[test]
fn what_is_closed_is_done_or_says_which_command_brings_it_back() {
    for done in [NextStep::Sent { at: due() }, NextStep::Skipped { reason: SkipReason::OptedOut }] {
        assert!(next(done).ends_with("nothing more happens in this run."));
    }
    let failed = next(NextStep::Failed { stage: StageName::Email, cause: Cause::new("The provider answered 500.") });
    assert!(failed.contains("`pulse redrive email --run 2026-11`"), "{failed}");
    assert!(failed.contains("`pulse replay c-1 --run 2026-11 --again`"), "{failed}");
    assert!(next(NextStep::Unknown).contains("`pulse settle c-1 --run 2026-11`"));
}
