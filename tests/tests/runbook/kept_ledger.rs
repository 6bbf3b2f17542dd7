use std::collections::BTreeSet;

use pulse_aws::clock::SystemClock;
use pulse_core::{
    audit::{AuditCheckpoint, AuditCursor, AuditDepth, AuditName, AuditReport},
    ports::{AuditLog as _, Clock as _, Ledger as _, Schedules as _},
};
use pulse_tests::{deployed_stack::DeployedStack, emulator::packages, in_memory_stack::customer};
use serde_json::json;

use super::{
    RUNTIME, old_stack,
    operator::{pulse, pulse_json},
};

async fn scheduled(stack: &DeployedStack) -> BTreeSet<String> {
    let schedules = stack.stack.schedules().expect("a schedule group");
    let page = schedules.list("", None).await.expect("a list");
    page.customers.iter().map(|customer| customer.as_str().to_owned()).collect()
}

#[test]
fn a_kept_ledger_is_taken_up_by_a_new_stack() {
    RUNTIME.block_on(async {
        let mut stack = old_stack("walk-kept").await;
        let customers: Vec<_> = (0..5).map(|n| customer(&format!("k-{n}"))).collect();
        stack.enroll(&customers).await;
        let everyone: BTreeSet<_> = customers.iter().map(|customer| customer.id.as_str().to_owned()).collect();
        assert_eq!(scheduled(&stack).await, everyone);
        let (table, keys) = (stack.output("TableName").to_owned(), stack.output("KeysSecretName").to_owned());

        // An audit of the old stack's, that was ended before its last customers.
        let now = SystemClock.now();
        let nearly_done = AuditCheckpoint {
            version: 1,
            began_at: now,
            taken_at: now,
            saved_at: now,
            finished_at: None,
            depth: AuditDepth::Everyone,
            repair: true,
            is_at_rest: true,
            cursor: AuditCursor::Schedules { from: "z".into() },
            report: AuditReport::default(),
            schedules: 5,
        };
        assert_eq!(stack.ledger().save_checkpoint(AuditName::ByHand, &nearly_done).await, Ok(true));
        stack.delete().await;
        stack.deploy_with(packages("runbook"), &[("ExistingTable", &table), ("KeysSecret", &keys)]).await;
        assert_eq!(stack.output("KeysSecretName"), keys);
        // It starts with the keys that were left, or not at all.
        assert_eq!(
            stack.invoke_with("FeedbackFunctionName", r#"{"Records": []}"#).await["batchItemFailures"],
            json!([])
        );
        assert_eq!((stack.output("TableName"), scheduled(&stack).await), (table.as_str(), BTreeSet::new()));
        for customer in &customers {
            let kept = stack.ledger().customer(&customer.id).await.unwrap();
            assert!(kept.is_some_and(|kept| kept.is_like(customer)), "{}", customer.id);
        }

        let repaired = pulse_json(&stack, "audit --deep --repair --anew").await;
        assert_eq!((&repaired["found"]["no-schedule"], &repaired["repaired"]), (&5.into(), &5.into()), "{repaired}");
        assert_eq!(scheduled(&stack).await, everyone);
        assert_eq!(pulse(&stack, "audit --deep").await.status, 0);

        // The new stack's functions may use the table, and their queues are new.
        stack.set_due(&customers).await;
        stack.all_mailed_once(&customers).await;

        // The next deployment goes on with it.
        stack.deploy(packages("runbook")).await;
        assert_eq!(stack.output("TableName"), table);
    });
}
