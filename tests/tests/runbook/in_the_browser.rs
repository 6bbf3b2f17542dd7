//! The walks once more, by somebody who has nothing but Pulse's console, with the operator's policy and no more; and by
//! somebody who may only look.

use jiff::ToSpan as _;
use pulse_aws::clock::SystemClock;
use pulse_core::{
    customer::{Customer, Standing},
    entry::{Plan, Progress, SkipReason, StageName},
    message::WorkMessage,
    ports::{Clock as _, Ledger as _},
};
use pulse_local::standins::StandInFault;
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    emulator::packages,
    in_memory_stack::customer,
};
use serde_json::json;

use super::{
    RUNTIME, assert_lanes_held,
    bad_deploy::{shorten_visibility, that_crashes},
    catch_up::undelivered,
    old_stack,
    operator::{Keys, console},
    policies::Office,
    provider_down::out_of_order,
    tab::{Shown, Tab},
    weekend::reserve,
};

/// A tab of an operator.
async fn operator(stack: &DeployedStack) -> Tab {
    let name = format!("{}-operator", stack.stack.outputs.stack());
    Tab::open(&Keys::of_someone_with(&name, stack.output("OperatorPolicyArn"), None).await, stack).await
}

async fn pause(tab: &Tab, stage: StageName, note: &str, lasts: &str) -> Shown {
    let shown = tab.go(&format!("/stages/{stage}")).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let (note_field, lasts_field) = ("form[action$=pause] [name=note]", "form[action$=pause] [name=lasts]");
    let fill = json!({ note_field: note, lasts_field: lasts });
    tab.fill(fill, "form[action$=pause] button").await
}

async fn resume(tab: &Tab, stage: StageName) -> Shown {
    tab.go(&format!("/stages/{stage}")).await;
    tab.fill(json!({}), "form[action$=resume] button").await
}

async fn set_lanes(tab: &Tab, stage: StageName, lanes: u32) -> Shown {
    tab.go(&format!("/stages/{stage}")).await;
    tab.fill(json!({ "form[action$=lanes] [name=lanes]": lanes.to_string() }), "form[action$=lanes] button").await
}

/// Looks at dead letters until so many are seen, and leaves the tab there.
async fn until_dead(tab: &Tab, queue: &str, letters: usize) -> Shown {
    eventually("the letters are dead", async || {
        tab.go(&format!("/dead-letters/{queue}")).await;
        let shown = tab.press("Look at the letters").await;
        shown.text.contains(&format!("{letters} were looked at")).then_some(shown)
    })
    .await
}

/// Orders what a button of the letters' page asks for, once it is shown that it would move so many, and sees it done.
async fn redrive(tab: &Tab, button: &str, letters: u64, note: &str) -> Shown {
    let shown = tab.press(button).await;
    assert!(shown.text.contains(&format!("{letters} letters are dealt with")), "{shown:?}");
    let confirm = format!("main button::-p-text(Redrive {letters})");
    let given = tab.fill(json!({ "main form [name=note]": note }), &confirm).await;
    assert!(given.path.starts_with("/orders/") && given.text.contains(note), "{given:?}");
    tab.until(&given.path, "done: ", async || {}).await
}

#[test]
fn provider_down() {
    RUNTIME.block_on(async {
        let stack = old_stack("page-down").await;
        let tab = operator(&stack).await;
        let name = |n| if n % 10 == 9 { format!("w-unsaid-{n}") } else { format!("w-{n}") };
        let customers: Vec<_> = (0..30).map(|n| customer(&name(n))).collect();
        stack.mail.faults().set_rule(|key| Some(out_of_order(key)));
        stack.set_due(&customers).await;

        // What one sees, and that nothing is given up.
        let overview = eventually("the overview says that a stage is broken", async || {
            stack.tick(StageName::Email).await;
            tab.go("/").await;
            let shown = tab.press("Count now").await;
            shown.text.contains("broken").then_some(shown)
        })
        .await;
        for words in ["Stage email broken", "Stage score running", "calls to the provider failed", "tried next"] {
            assert!(overview.text.contains(words), "{words}: {}", overview.text);
        }
        assert!(tab.go("/customers/w-0").await.text.contains("held"));

        // It asks for more rest than the breaker gives it; and once it is well, nobody wants to wait.
        let shown = pause(&tab, StageName::Email, "Provider asked us to wait, ticket 4711", "").await;
        assert!(shown.text.contains("paus") && shown.text.contains("ticket 4711"), "{shown:?}");
        stack.mail.faults().set_rule(|_| None);
        resume(&tab, StageName::Email).await;
        tab.until("/stages/email", "running", async || drop(stack.tick(StageName::Email).await)).await;
        stack.all_mailed_once(&customers).await;
        assert!(tab.go("/customers/w-unsaid-9").await.text.contains("sent"));
        let orders = tab.go("/orders").await.text;
        assert!(
            orders.contains("pause the email stage")
                && orders.contains("resume the email stage")
                && orders.contains("page-down-operator"),
            "{orders}"
        );
        assert_lanes_held(&stack);
    });
}

#[test]
fn bad_deploy() {
    RUNTIME.block_on(async {
        let stack = old_stack("page-deploy").await;
        let tab = operator(&stack).await;
        let before: Vec<_> = (0..6).map(|n| customer(&format!("w-before-{n}"))).collect();
        let after: Vec<_> = (0..6).map(|n| customer(&format!("w-after-{n}"))).collect();
        stack.deploy(&that_crashes()).await;
        shorten_visibility(&stack).await;
        stack.enroll(&before).await;
        for customer in &before {
            let entry = stack.open_overdue(customer, SystemClock.now()).await;
            stack.send("ScoreQueueUrl", &WorkMessage::for_entry(entry.id()).body()).await;
        }
        let shown = until_dead(&tab, "score", 6).await;
        assert!(shown.text.contains("No worker said why"), "{shown:?}");
        let shown = pause(&tab, StageName::Score, "The new version crashes.", "").await;
        assert!(shown.text.contains("paus"), "{shown:?}");
        stack.set_due(&after).await;

        stack.deploy(packages("runbook")).await;
        stack.until_held(StageName::Score, "paused").await;
        stack.until_mapping("ScoreMappingId", "Disabled").await;
        let shown = tab.go("/stages/score").await;
        assert!(shown.text.contains("(night-shift): The new version crashes."), "{shown:?}");
        resume(&tab, StageName::Score).await;
        until_dead(&tab, "score", 6).await;
        redrive(&tab, "Redrive all of them", 6, "Rolled back.").await;
        stack.all_mailed_once(&[before, after].concat()).await;
        assert_lanes_held(&stack);
    });
}

#[test]
fn dlq_full() {
    RUNTIME.block_on(async {
        let stack = old_stack("page-dlq").await;
        let tab = operator(&stack).await;
        let customers: Vec<_> = (0..40).map(|n| customer(&format!("w-{n}"))).collect();
        stack.score.faults().set_rule(|_| Some(StandInFault::status(422)));
        stack.set_due(&customers).await;
        let shown = until_dead(&tab, "score", 40).await;
        assert!(shown.text.contains("answered 422") && shown.text.contains("w-"), "{shown:?}");
        let gone = &customers[0];
        assert!(tab.go("/customers/w-0").await.text.contains("answered 422"));
        stack.score.faults().set_rule(|_| None);
        stack.enroll(&[Customer { standing: Standing::Closed, ..gone.clone() }]).await;

        until_dead(&tab, "score", 40).await;
        let done = redrive(&tab, "Redrive these", 40, "They have scores now, ticket 4712").await;
        assert!(done.text.contains("39") && done.text.contains("ticket 4712"), "{done:?}");
        stack.all_mailed_once(&customers[1..]).await;
        let skipped = Progress::Skipped { reason: SkipReason::Closed, at: SystemClock.now() };
        let is_skipped = |progress: &Progress| std::mem::discriminant(progress) == std::mem::discriminant(&skipped);
        stack.until(gone, |entry| is_skipped(entry.progress())).await;
        assert_eq!(stack.mails(gone), 0);
        until_none(&tab, "score").await;
        assert_lanes_held(&stack);
    });
}

async fn until_none(tab: &Tab, queue: &str) {
    tab.go(&format!("/dead-letters/{queue}")).await;
    let shown = tab.press("Look at the letters").await;
    assert!(shown.text.contains("There are none."), "{shown:?}");
}

#[test]
fn pause_over_a_weekend() {
    RUNTIME.block_on(async {
        let stack = old_stack("page-weekend").await;
        let tab = operator(&stack).await;
        let mut customers: Vec<_> = (0..10).map(|n| customer(&format!("w-{n}"))).collect();
        let shown = pause(&tab, StageName::Email, "The text is being looked at.", "1m").await;
        assert!(shown.text.contains("until\tin "), "{shown:?}");
        reserve(&stack, "0").await;
        stack.until_held(StageName::Score, "paused").await;
        stack.until_mapping("ScoreMappingId", "Disabled").await;
        stack.set_due(&customers).await;
        let late = customer("w-late");
        stack.enroll(std::slice::from_ref(&late)).await;
        let entry = stack.open_overdue(&late, SystemClock.now() - (8 * 24).hours()).await;
        stack.send("ScoreQueueUrl", &WorkMessage::for_entry(entry.id()).body()).await;
        customers.push(late);

        let shown = tab.until("/stages/score", "11 waiting", async || {}).await;
        assert!(shown.text.contains("reserved concurrency is 0"), "{shown:?}");
        assert!(shown.text.contains("resume the stage"), "{shown:?}");
        let unmoved = resume(&tab, StageName::Score).await;
        assert!(unmoved.text.contains("raise it to resume"), "{unmoved:?}");
        assert_eq!(stack.score.meter().calls(), 0);
        reserve(&stack, "5").await;
        stack.until_held(StageName::Score, "flows").await;
        stack.until_held(StageName::Email, "flows").await;
        assert!(tab.go("/stages/score").await.text.contains("running"));
        stack.all_mailed_once(&customers).await;
        assert_lanes_held(&stack);
    });
}

#[test]
fn catch_up_after_three_lost_days() {
    RUNTIME.block_on(async {
        let stack = old_stack("page-lost").await;
        let tab = operator(&stack).await;
        stack.shorten_invocations().await;
        let now = SystemClock.now();
        let days_ago = |n: usize| now - (24 * (1 + i64::try_from(n % 3).expect("few"))).hours();
        console(&["reserve", stack.output("TickFunctionName"), "0"]).await;
        let customers: Vec<_> = (0..60).map(|n| customer(&format!("w-{n}"))).collect();
        for (n, customer) in customers.iter().enumerate() {
            stack.enroll(std::slice::from_ref(customer)).await;
            if n % 2 == 0 {
                undelivered(&stack, customer, days_ago(n)).await;
            } else {
                stack.open_overdue(customer, days_ago(n)).await;
            }
        }
        let plan = tab.go("/plan?customers=600000&backlog=60000&within=2").await.text;
        for stage in Plan::MONTHLY.steps() {
            let command = format!("pulse lanes {stage} ");
            let lanes = plan.split(&command).nth(1).and_then(|rest| rest.split_whitespace().next());
            let lanes: u32 = lanes.and_then(|lanes| lanes.parse().ok()).unwrap_or_else(|| panic!("{command}: {plan}"));
            let shown = set_lanes(&tab, stage, lanes).await;
            assert!(shown.text.contains(&format!("at once: {lanes} = ")), "{shown:?}");
        }
        // Orders are the tick's: it runs again first.
        console(&["reserve", stack.output("TickFunctionName"), "1"]).await;
        until_dead(&tab, "schedules", 30).await;
        redrive(&tab, "Redrive all of them", 30, "The role may send again.").await;
        stack.until_held(StageName::Score, "flows").await;
        stack.all_mailed_once(&customers).await;
        assert_eq!(stack.take("ScheduleDlqUrl", |_| false).await, Vec::<String>::new());
    });
}

/// Everything that the console can be asked to change, as its forms send it.
fn changes() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("/stages/score/pause", json!({ "note": "mine", "lasts": "" })),
        ("/stages/score/resume", json!({ "note": "mine" })),
        ("/stages/score/lanes", json!({ "lanes": "24" })),
        ("/customers/c-1/replay", json!({ "run": "2020-01", "again": "yes" })),
        ("/customers/c-3/settle", json!({ "run": "2020-01", "outcome": "not-sent", "sent": "", "note": "mine" })),
    ]
}

#[test]
fn who_may_only_look_sees_every_page_and_changes_nothing() {
    RUNTIME.block_on(async {
        let office = Office::open("page-viewer").await;
        let stack = &office.stack;
        let keys = Keys::of_someone_with("page-viewer", stack.output("ReadOnlyPolicyArn"), None).await;
        let tab = Tab::open(&keys, stack).await;
        let [late, doubted] = ["c-1", "c-3"].map(customer);
        stack.open_overdue(&late, SystemClock.now() - 24.hours()).await;
        for path in
            ["/", "/runs", "/customers/c-1", "/dead-letters", "/stages/score", "/orders", "/suppressions", "/plan"]
        {
            let shown = tab.go(path).await;
            assert_eq!(shown.status, 200, "{shown:?}");
        }
        tab.go("/").await;
        assert!(tab.press("Count now").await.text.contains("Stage score"));

        let entries = async || {
            let ledger = stack.ledger();
            [ledger.entries(&late.id).await.unwrap(), ledger.entries(&doubted.id).await.unwrap()]
        };
        let before = entries().await;
        for (path, form) in changes() {
            let (status, words) = tab.post(path, &form).await;
            assert!(status == 502 && words.contains("of OperatorPolicy in template.yaml"), "{path}: {status} {words}");
        }
        until_dead(&tab, "score", 1).await;
        tab.press("Redrive all of them").await;
        let refused = tab.press("Redrive 1").await;
        assert_eq!(refused.status, 502, "{refused:?}");
        assert!(refused.text.contains("WriteTheLedger of OperatorPolicy"), "{refused:?}");
        assert_eq!(entries().await, before);
        assert_eq!(tab.go("/orders").await.text.matches("page-viewer").count(), 0, "no order was given");
        assert!(tab.go("/stages/score").await.text.contains("running"));
        until_dead(&tab, "score", 1).await;
    });
}
