//! What runs by the clock, as it is deployed: the tick and the audit, each with its own role.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::ToSpan as _;
use pulse_aws::{clock::SystemClock, sdk};
use pulse_core::{
    customer::{Customer, Standing},
    entry::{Entry, StageName},
    ports::{Clock as _, Ledger as _, MonthlySchedule, Schedules as _},
    score::{Band, Score, ScoreValue},
};
use pulse_tests::{
    emulator::shared,
    house::customer,
    town::{Town, eventually},
};

use super::RUNTIME;

async fn set_mapping(town: &Town, output: &str, enabled: bool, state: &str) {
    let client = sdk::lambda_client(&town.stack.aws);
    let mapping = town.stack.outputs.get(output).unwrap();
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
        let town = Town::build(shared(), "ticking", "stack", Duration::from_millis(50)).await;
        let (fallen, half_sent, behind) = (customer("c-fallen"), customer("c-half-sent"), customer("c-behind"));
        town.enroll(&[fallen.clone(), half_sent.clone(), behind.clone()]).await;

        let due = SystemClock.now() - 2.hours();
        town.open_overdue(&fallen, due).await;
        let entry = town.open_overdue(&half_sent, due).await;
        let score = Score { value: ScoreValue::parse(700).unwrap(), band: Band::parse("good").unwrap(), as_of: due };
        let scoring = entry.claim(StageName::Score, due, due + 1.minute()).unwrap().into_after();
        town.ledger().apply(&entry.claim(StageName::Score, due, due + 1.minute()).unwrap()).await.unwrap();
        let scored = scoring.record_score(score, due).unwrap();
        town.ledger().apply(&scored).await.unwrap();
        let sending = scored.after().claim(StageName::Email, due, due + 1.minute()).unwrap();
        town.ledger().apply(&sending).await.unwrap();

        let told = town.tick(StageName::Score).await;
        assert_eq!((&told["outcome"], &told["failed"]), (&"swept".into(), &0.into()), "{told}");
        for customer in [&fallen, &half_sent] {
            town.until(customer, |entry| entry.state() == "sent").await;
            assert_eq!(town.mails(customer), 1, "{}", customer.id);
        }
        assert_eq!(town.tick(StageName::Score).await["repeated"], 0);
        logged(&[r#""message":"tick""#, r#""stage":"score""#, r#""held":"flows""#, r#""outcome":"swept""#]).await;

        // Someone disables the mapping in the console: that is a pause, and the stage is left alone.
        set_mapping(&town, "ScoreMappingId", false, "Disabled").await;
        town.open_overdue(&behind, due).await;
        assert_paused(&town.tick(StageName::Score).await);
    });
}

#[test]
fn the_audit_repairs_schedules_and_entries_that_are_amiss() {
    RUNTIME.block_on(async {
        let town = Town::build(shared(), "audited", "stack", Duration::from_millis(50)).await;
        let names = ["c-sound", "c-unscheduled", "c-closed-book", "c-stray"];
        let customers = names.map(customer);
        town.enroll(&customers).await;
        let [_, unscheduled, unopened, stray] = &customers;
        let (ledger, schedules) = (town.ledger(), town.stack.schedules().unwrap());
        assert_eq!(town.invoke("AuditFunctionName").await["found"], serde_json::json!({}));

        schedules.delete(&unscheduled.id).await.unwrap();
        let open = ledger.entries(&unopened.id).await.unwrap().remove(0);
        let delete = sdk::dynamodb_client(&town.stack.aws)
            .delete_item()
            .table_name(town.stack.outputs.get("TableName").unwrap())
            .key("pk", AttributeValue::S(format!("CUST#{}", unopened.id)))
            .key("sk", AttributeValue::S(format!("RUN#{}", open.id().run)));
        delete.send().await.unwrap();
        town.enroll(&[Customer { standing: Standing::Closed, ..stray.clone() }]).await;
        let schedule = MonthlySchedule { customer: stray.id.clone(), slot: stray.slot.clone() };
        schedules.put(&schedule).await.unwrap();

        let report = town.invoke("AuditFunctionName").await;
        let found = serde_json::json!({ "no-schedule": 1, "no-open-entry": 1, "stray-schedule": 1 });
        assert_eq!((&report["found"], &report["repaired"]), (&found, &3.into()), "{report}");
        // And it is told where an operator looks.
        logged(&[r#""message":"found""#, r#""customer":"c-unscheduled""#]).await;
        logged(&[r#""message":"audited""#, r#""found":3,"repaired":3"#]).await;
        assert!(schedules.get(&unscheduled.id).await.unwrap().is_some());
        assert!(ledger.entries(&unopened.id).await.unwrap().iter().any(Entry::is_open));
        assert_eq!(schedules.get(&stray.id).await.unwrap(), None);
        assert_eq!(town.invoke("AuditFunctionName").await["found"], serde_json::json!({}));
    });
}
