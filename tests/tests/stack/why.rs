//! What `pulse why` and `pulse replay` find out and do, on the deployed stack.

use std::time::Duration;

use pulse_app::words::next_sentences;
use pulse_aws::clock::SystemClock;
use pulse_core::{
    control::{Note, Pause},
    customer::{Consent, Customer, OptOutMark, Standing},
    entry::{EntryId, Progress, StageName},
    ports::{Clock as _, Ledger as _, LedgerReports as _},
    replay::{ReplayError, ReplayOne, Requeued},
    run::RunId,
    stage::Preview,
    why::{CustomerInquiry, NextStep, Reason, RunInquiry},
};
use pulse_local::standins::StandInFault;
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    emulator::shared,
    in_memory_stack::customer,
};

use super::RUNTIME;

fn note() -> Note {
    Note::parse("asked for it by phone").unwrap()
}

/// Queues a customer's schedule message, whose unreplaced token makes the run the current one.
async fn fire(stack: &DeployedStack, customer: &Customer) {
    let body = pulse_core::message::WorkMessage::schedule_input(&customer.id);
    stack.send("ScoreQueueUrl", &body).await;
}

#[test]
fn everyone_is_accounted_for_with_the_reason_why_they_are_not_done() {
    RUNTIME.block_on(async {
        let stack = DeployedStack::build(shared(), "asked-why", "stack", Duration::from_millis(50)).await;
        stack.score.faults().set_rule(|key: &str| key.contains("refused").then(|| StandInFault::status(422)));
        let names = ["why-sent", "why-refused", "why-waiting", "why-left", "why-out"];
        let [sent, refused, waiting, left, opted_out] = names.map(customer);
        let opted_out = Customer { consent: Consent::of_mark(OptOutMark::Yes), ..opted_out };
        stack.enroll(&[sent.clone(), refused.clone(), waiting.clone(), opted_out.clone()]).await;
        stack.ledger().save_customer(&Customer { standing: Standing::Closed, ..left.clone() }).await.unwrap();
        for fired in [&sent, &refused, &opted_out] {
            fire(&stack, fired).await;
        }
        let run = stack.until(&sent, |entry| entry.state() == "sent").await.id().run;
        stack.until(&refused, |entry| entry.state() == "failed").await;
        stack.until(&opted_out, |entry| entry.state() == "skipped").await;

        let (ledger, stages) = (stack.ledger().metered(), stack.stack.stages().unwrap());
        let inquiry = RunInquiry {
            ledger: &ledger,
            reports: &ledger,
            open: &ledger,
            feedback: &ledger,
            controls: &ledger,
            stages: &stages,
            clock: &SystemClock,
            limit: 100,
            in_depth: true,
        };
        let report = inquiry.why(run).await.unwrap();
        assert!(report.adds_up(), "{report:?}");
        assert_eq!(report.count(Reason::Sent), 1, "{report:?}");
        assert_eq!(report.count(Reason::Failed(StageName::Score)), 1);
        assert_eq!(report.count(Reason::LeftBefore), 1);
        // Whoever waits may wait for a slot in this run or the next, by the day of the month.
        assert_eq!(report.count(Reason::NotDue) + report.count(Reason::InLaterRun), 1, "{report:?}");
        assert!(report.causes[0].causes[0].cause.as_str().contains("422"), "{report:?}");
        assert_ne!(report.read_units.to_string(), "0");
        the_story_says_what_comes_next(&stack, &sent, &refused, run).await;
    });
}

async fn the_story_says_what_comes_next(stack: &DeployedStack, sent: &Customer, refused: &Customer, run: RunId) {
    let (ledger, stages) = (stack.ledger(), stack.stack.stages().unwrap());
    let schedules = stack.stack.schedules().unwrap();
    let inquiry = CustomerInquiry {
        ledger: &ledger,
        in_campaigns: &ledger,
        reports: &ledger,
        schedules: &schedules,
        controls: &ledger,
        memory: &ledger,
        stages: &stages,
        endpoints: &ledger,
        endpoint_controls: &ledger,
        deliveries: &ledger,
        clock: &SystemClock,
        policy: stack.stack.sweep_policy().await.expect("the tick function says its policy"),
        rules: Some(pulse_deployed::rules(&stack.stack).await.unwrap()),
    };
    let story = inquiry.story(&sent.id).await.unwrap().unwrap();
    let due = story.outlooks.iter().any(|outlook| matches!(outlook.next, NextStep::DueBySchedule { .. }));
    assert!(due, "{:?}", story.outlooks);
    let told = next_sentences(&inquiry.story(&refused.id).await.unwrap().unwrap().in_run(run).unwrap());
    assert!(told[0].contains(&format!("pulse replay why-refused --run {run} --again")), "{told:?}");
}

#[test]
fn an_entry_is_replayed_and_a_further_mail_sent_only_by_force() {
    RUNTIME.block_on(async {
        let stack = DeployedStack::build(shared(), "replayed", "stack", Duration::from_millis(50)).await;
        let again = customer("replayed-again");
        stack.enroll(std::slice::from_ref(&again)).await;
        fire(&stack, &again).await;
        let run = stack.until(&again, |entry| entry.state() == "sent").await.id().run;
        let id = EntryId::of(again.id.clone(), run);

        let (ledger, stages) = (stack.ledger(), stack.stack.stages().unwrap());
        let queues = stack.stack.queues().unwrap();
        let replay = ReplayOne {
            ledger: &ledger,
            controls: &ledger,
            stages: &stages,
            queues: &queues,
            clock: &SystemClock,
            rules: pulse_deployed::rules(&stack.stack).await.expect("the email function says what it decides by"),
        };
        assert!(matches!(replay.preview(&id).await.unwrap().preview, Preview::Sent { .. }));
        assert!(matches!(replay.again(&id, None).await, Err(ReplayError::Closed { .. })));
        let requeued = replay.again(&id, Some(&note())).await.unwrap();
        let Requeued::Repeated { run: repeat } = requeued else { panic!("{requeued:?}") };
        let repeated = EntryId { run: repeat, ..id.clone() };
        eventually("the further mail is sent", async || {
            let entry = ledger.entry(&repeated).await.unwrap()?;
            matches!(entry.progress(), Progress::Done { .. }).then_some(())
        })
        .await;
        assert_eq!(stack.mails(&again), 2, "Marketing Cloud took it under a key of its own");
        let notes = ledger.activities(&again.id).await.unwrap();
        assert!(notes[0].what.contains("asked for it by phone"), "{notes:?}");
        assert!(matches!(ledger.entry(&id).await.unwrap().unwrap().progress(), Progress::Done { .. }));
        a_paused_stage_is_told_of(&replay, &repeated).await;
    });
}

async fn a_paused_stage_is_told_of(replay: &ReplayOne<'_>, sent: &EntryId) {
    let next = replay.ledger.entries(&sent.customer).await.unwrap().remove(0);
    let control = replay.controls.control(StageName::Score).await.unwrap();
    let pause = Pause { by: "aoife".into(), note: note(), since: SystemClock.now(), until: None };
    let version = control.version + 1;
    let paused = pulse_core::control::Control { pause: Some(pause), version, ..control };
    assert!(replay.controls.save(StageName::Score, &paused).await.unwrap());
    let prospect = replay.preview(next.id()).await.unwrap();
    assert!(prospect.holder.is_some() && prospect.not_due_before.is_some(), "{prospect:?}");
}
