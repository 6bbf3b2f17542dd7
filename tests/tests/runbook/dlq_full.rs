use std::collections::BTreeSet;

use pulse_core::{
    customer::{Customer, Standing},
    entry::{Progress, SkipReason},
};
use pulse_local::standins::StandInFault;
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    in_memory_stack::customer,
};
use serde_json::Value;

use super::{
    RUNTIME, assert_lanes_held, old_stack,
    operator::{console, pulse, pulse_json, pulse_with},
};

const LETTERS: usize = 40;

/// Has someone at the console take letters, and gives their customers, once they are mailed.
async fn at_the_console(stack: &DeployedStack, customers: &[Customer], what: &str, most: &str) -> BTreeSet<String> {
    let line = [what, stack.output("ScoreDlqUrl"), stack.output("ScoreQueueUrl"), most];
    let taken: BTreeSet<String> = console(&line).await.lines().map(str::to_owned).collect();
    for customer in customers.iter().filter(|customer| taken.contains(customer.id.as_str())) {
        stack.until(customer, |entry| entry.state() == "sent").await;
    }
    taken
}

async fn redrive(stack: &DeployedStack, more: &[&str]) -> Value {
    let line = [&["redrive", "score", "--json"], more].concat();
    let said = pulse_with(stack, &line).await;
    assert_eq!(said.status, 0, "{line:?}: {}", said.text);
    serde_json::from_str(&said.text).expect("JSON")
}

#[test]
fn dlq_full() {
    RUNTIME.block_on(async {
        let stack = old_stack("walk-dlq").await;
        let customers: Vec<_> = (0..LETTERS).map(|n| customer(&format!("w-{n}"))).collect();
        stack.score.faults().set_rule(|_| Some(StandInFault::status(422)));
        stack.set_due(&customers).await;
        eventually("the letters are dead", async || {
            (pulse_json(&stack, "dlq score").await[0]["looked_at"] == LETTERS).then_some(())
        })
        .await;
        let dlq = pulse(&stack, "dlq").await.text;
        assert!(dlq.contains("score dead letters: 40") && dlq.contains("answered 422"), "{dlq}");
        stack.score.faults().set_rule(|_| None);

        // By hand, and once by someone who is called away before the delete: those letters are in both queues.
        let moved = at_the_console(&stack, &customers, "redrive", "5").await;
        let copied = at_the_console(&stack, &customers, "copy", "5").await;
        assert!(moved.len() == 5 && copied.len() == 5 && moved.is_disjoint(&copied), "{moved:?} {copied:?}");
        let taken = |customer: &Customer| moved.contains(customer.id.as_str()) || copied.contains(customer.id.as_str());
        let gone = customers.iter().find(|customer| !taken(customer)).expect("someone is left").clone();
        stack.enroll(&[Customer { standing: Standing::Closed, ..gone.clone() }]).await;

        let refused = ["--cause", "answered 422", "--rate", "50/s"];
        let would_be = eventually("the copied letters are back in sight", async || {
            let would_be = redrive(&stack, &[&refused[..], &["--dry-run"]].concat()).await;
            (would_be["others"] == 5).then_some(would_be)
        })
        .await;
        assert_eq!((&would_be["redriven"], &would_be["closed"]), (&29.into(), &1.into()), "{would_be}");
        let done = redrive(&stack, &refused).await;
        assert_eq!((&done["state"], &done["version"].is_u64()), (&"done".into(), &true), "{done}");
        let came_to = &done["progress"];
        let counts = (&came_to["moved"], &came_to["closed"], &came_to["others"]);
        assert_eq!(counts, (&29.into(), &1.into(), &5.into()), "{done}");
        let listed = pulse(&stack, "orders").await.text;
        assert!(listed.contains(done["id"].as_str().expect("an id")) && listed.contains("by root: done"), "{listed}");
        // The copies have nothing left to do.
        let rest = redrive(&stack, &[]).await;
        assert_eq!((&rest["progress"]["moved"], &rest["progress"]["done"]), (&0.into(), &5.into()), "{rest}");

        let others: Vec<_> = customers.into_iter().filter(|customer| customer.id != gone.id).collect();
        stack.all_mailed_once(&others).await;
        stack
            .until(&gone, |entry| matches!(entry.progress(), Progress::Skipped { reason: SkipReason::Closed, .. }))
            .await;
        assert_eq!(stack.mails(&gone), 0);
        assert_lanes_held(&stack);
    });
}
