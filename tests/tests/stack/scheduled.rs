//! What runs by the clock, as it is deployed: the tick and the audit, each with its own role.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::ToSpan as _;
use pulse_aws::{clock::SystemClock, sdk};
use pulse_core::{
    customer::{Customer, Standing},
    entry::{Entry, EntryId, StageName, TallyKey},
    ports::{
        Clock as _, Gauges as _, Ledger as _, MonthlySchedule, OutcomeLog as _, ReadUnits, RunReports as _,
        Schedules as _, Snapshots as _, StageLanes,
    },
    run::RunId,
    score::{Band, Score, ScoreValue},
    snapshot::Snapshot,
};
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    emulator::shared,
    in_memory_stack::customer,
};

use super::RUNTIME;

async fn set_mapping(stack: &DeployedStack, output: &str, enabled: bool, state: &str) {
    let client = sdk::lambda_client(&stack.stack.aws);
    let mapping = stack.stack.outputs.get(output).unwrap();
    client.update_event_source_mapping().uuid(mapping).enabled(enabled).send().await.unwrap();
    eventually("the mapping has changed", async || {
        let found = client.get_event_source_mapping().uuid(mapping).send().await.unwrap();
        (found.state() == Some(state)).then_some(())
    })
    .await;
}

/// Waits for a line with these parts among what the functions logged.
async fn logged(parts: &[&str]) {
    let log = shared().log_path().expect("an emulator of our own");
    let has_it = async || {
        let log = std::fs::read_to_string(log).expect("the emulator's log");
        log.lines().any(|line| parts.iter().all(|part| line.contains(part))).then_some(())
    };
    eventually(&format!("a line with {parts:?} is in the log"), has_it).await;
}

fn assert_paused(told: &serde_json::Value) {
    assert_eq!((&told["outcome"], &told["repeated"]), (&"paused".into(), &0.into()), "{told}");
}

#[test]
fn the_tick_queues_what_fell_off_and_leaves_a_paused_stage_alone() {
    RUNTIME.block_on(async {
        let stack = DeployedStack::build(shared(), "ticking", "stack", Duration::from_millis(50)).await;
        let (fallen, half_sent, behind) = (customer("c-fallen"), customer("c-half-sent"), customer("c-behind"));
        stack.enroll(&[fallen.clone(), half_sent.clone(), behind.clone()]).await;

        let due = SystemClock.now() - 2.hours();
        stack.open_overdue(&fallen, due).await;
        let entry = stack.open_overdue(&half_sent, due).await;
        let score = Score { value: ScoreValue::parse(700).unwrap(), band: Band::parse("good").unwrap(), as_of: due };
        let scoring = entry.claim(StageName::Score, due, due + 1.minute()).unwrap().into_after();
        stack.ledger().apply(&entry.claim(StageName::Score, due, due + 1.minute()).unwrap()).await.unwrap();
        let scored = scoring.record_score(score, due).unwrap();
        stack.ledger().apply(&scored).await.unwrap();
        let sending = scored.after().claim(StageName::Email, due, due + 1.minute()).unwrap();
        stack.ledger().apply(&sending).await.unwrap();

        let told = stack.tick(StageName::Score).await;
        assert_eq!((&told["outcome"], &told["failed"]), (&"swept".into(), &0.into()), "{told}");
        for customer in [&fallen, &half_sent] {
            stack.until(customer, |entry| entry.state() == "sent").await;
            assert_eq!(stack.mails(customer), 1, "{}", customer.id);
        }
        assert_eq!(stack.tick(StageName::Score).await["repeated"], 0);
        logged(&[r#""message":"tick""#, r#""stage":"score""#, r#""held":"flows""#, r#""outcome":"swept""#]).await;

        stack.send("ScheduleDlqUrl", "a letter").await;
        stack.tick(StageName::Score).await;
        logged(&[r#""Stack":"ticking""#, r#""Queue":"schedules""#, r#""DeadLetters":1"#]).await;
        logged(&[
            r#""Stack":"ticking""#,
            r#""OldestDue":"#,
            r#""BreakerOpen":0"#,
            r#""DeadLetters":1"#,
            r#""Troubles":"#,
        ])
        .await;
        logged(&[r#""message":"trouble""#, r#""trouble":"dead-letters""#, r#""of":"schedules""#, "pulse redrive"])
            .await;

        // Someone disables the mapping in the console: that is a pause, and the stage is left alone.
        set_mapping(&stack, "ScoreMappingId", false, "Disabled").await;
        stack.open_overdue(&behind, due).await;
        assert_paused(&stack.tick(StageName::Score).await);
    });
}

#[test]
fn the_tick_counts_for_everyone_who_looks_under_its_own_role() {
    RUNTIME.block_on(async {
        let stack = DeployedStack::build(shared(), "counted", "stack", Duration::from_millis(50)).await;
        let customers = ["c-one", "c-two"].map(customer);
        stack.enroll(&customers).await;
        let ledger = stack.ledger();
        let counted_since = async |wanted| {
            // A wish is for a look, and a count is for when there is none yet.
            let key = |text: &str| AttributeValue::S(text.to_owned());
            let table = stack.stack.outputs.get("TableName").unwrap();
            let delete = sdk::dynamodb_client(&stack.stack.aws).delete_item().table_name(table);
            delete.key("pk", key("SNAPSHOT")).key("sk", key("LAST")).send().await.unwrap();
            ledger.want_snapshot(wanted).await.unwrap();
            stack.invoke("TickFunctionName").await;
            let counted = |snapshot: &Snapshot| snapshot.run.as_ref().is_some_and(|run| run.counted_at >= wanted);
            eventually("it is counted", async || ledger.snapshot().await.unwrap().filter(counted)).await
        };
        let first = counted_since(SystemClock.now()).await;
        let run = first.run.as_ref().expect("it is counted");
        assert_eq!((run.roster.active, run.sent(), first.counting_since), (2, 0, None));
        assert!(run.read_units > ReadUnits::default(), "the tick's ledger is metered");
        let names: Vec<_> = first.queues.iter().map(|queue| queue.queue.as_str()).collect();
        assert_eq!(first.queues, stack.stack.depths().await.unwrap(), "{names:?}");
        assert_eq!(first.lanes.iter().map(StageLanes::count).collect::<Vec<_>>(), [20, 20, 32]);
        assert_eq!(first.stages.len(), 3);

        // Someone of this month's run, whom nobody has scheduled.
        let (mailed, due) = (customer("c-mailed"), SystemClock.now() - 2.hours());
        ledger.save_customer(&mailed).await.unwrap();
        let id = EntryId::of(mailed.id.clone(), RunId::current(SystemClock.now()));
        assert!(ledger.open(&Entry::scheduled(id, due, None)).await.unwrap());
        stack.tick(StageName::Score).await;
        stack.until(&mailed, |entry| entry.state() == "sent").await;
        eventually("the batch is reported", async || {
            let minutes = ledger.minutes(StageName::Email, due).await.unwrap();
            (minutes.iter().map(|minute| minute.outcomes.sent).sum::<u64>() == 1).then_some(())
        })
        .await;
        let second = counted_since(SystemClock.now()).await;
        let counts = ledger.run_counts(RunId::current(second.at), second.at).await.unwrap();
        let run = second.run.as_ref().expect("it is counted");
        assert_eq!((&run.places, run.places[&TallyKey::Sent], run.sent_since), (&counts.places(), 1, 0));
        assert!(ledger.points(first.at).await.unwrap().last().is_some_and(|point| *point == second.point()));
    });
}

#[test]
fn the_audit_repairs_schedules_and_entries_that_are_amiss() {
    RUNTIME.block_on(async {
        let stack = DeployedStack::build(shared(), "audited", "stack", Duration::from_millis(50)).await;
        let names = ["c-sound", "c-unscheduled", "c-closed-book", "c-stray"];
        let customers = names.map(customer);
        stack.enroll(&customers).await;
        let [_, unscheduled, unopened, stray] = &customers;
        let (ledger, schedules) = (stack.ledger(), stack.stack.schedules().unwrap());
        assert_eq!(stack.invoke("AuditFunctionName").await["found"], serde_json::json!({}));

        schedules.delete(&unscheduled.id).await.unwrap();
        let open = ledger.entries(&unopened.id).await.unwrap().remove(0);
        let delete = sdk::dynamodb_client(&stack.stack.aws)
            .delete_item()
            .table_name(stack.stack.outputs.get("TableName").unwrap())
            .key("pk", AttributeValue::S(format!("CUST#{}", unopened.id)))
            .key("sk", AttributeValue::S(format!("RUN#{}", open.id().run)));
        delete.send().await.unwrap();
        stack.enroll(&[Customer { standing: Standing::Closed, ..stray.clone() }]).await;
        let schedule = MonthlySchedule { customer: stray.id.clone(), slot: stray.slot.clone() };
        schedules.put(&schedule).await.unwrap();

        let report = stack.invoke("AuditFunctionName").await;
        let found = serde_json::json!({ "no-schedule": 1, "no-open-entry": 1, "stray-schedule": 1 });
        assert_eq!((&report["found"], &report["repaired"]), (&found, &3.into()), "{report}");
        // And it is told where an operator looks.
        logged(&[r#""message":"found""#, r#""customer":"c-unscheduled""#]).await;
        logged(&[r#""message":"audited""#, r#""found":3,"repaired":3"#]).await;
        assert!(schedules.get(&unscheduled.id).await.unwrap().is_some());
        assert!(ledger.entries(&unopened.id).await.unwrap().iter().any(Entry::is_open));
        assert_eq!(schedules.get(&stray.id).await.unwrap(), None);
        assert_eq!(stack.invoke("AuditFunctionName").await["found"], serde_json::json!({}));
    });
}
