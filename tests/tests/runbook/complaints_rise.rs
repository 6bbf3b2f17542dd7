use jiff::ToSpan as _;
use pulse_aws::clock::SystemClock;
use pulse_core::{
    entry::StageName,
    feedback::{FeedbackCount, FeedbackCounts, Reputation, ReputationBreaker, ReputationPolicy},
    ports::{Clock as _, FeedbackLog as _},
    run::RunId,
};
use pulse_tests::in_memory_stack::customer;

use super::{
    RUNTIME, old_stack,
    operator::{pulse, pulse_json, pulse_with, status_of},
};

#[test]
fn complaints_rise() {
    RUNTIME.block_on(async {
        let stack = old_stack("walk-complaints").await;
        let now = SystemClock.now();
        let run = RunId::of(now, &jiff::tz::TimeZone::UTC);
        // As the intake counted it: 2,000 mails told of, and nine of them called spam.
        let counts = FeedbackCounts::from_fn(|count| match count {
            FeedbackCount::Heard => 2_000,
            FeedbackCount::Delivered => 1_960,
            FeedbackCount::HardBounced => 31,
            FeedbackCount::Complained => 9,
            _ => 0,
        });
        stack.ledger().count_feedback(run, now - 2.hours(), &counts).await.unwrap();

        // The tick looks every few minutes; this is what it runs.
        let ledger = stack.ledger();
        let (log, campaigns, controls, policy) = (&ledger, &ledger, &ledger, ReputationPolicy::default());
        let breaker = ReputationBreaker { log, campaigns, controls, clock: &SystemClock, policy };
        assert_eq!(breaker.run().await, Ok(Reputation::Bad));

        // What one sees: the stage is held by itself, and the rates that did it.
        stack.until_held(StageName::Email, "paused").await;
        stack.until_mapping("EmailMappingId", "Disabled").await;
        let text = pulse(&stack, "status").await.text;
        for told in ["recipients take its mails badly", "9 of 2,000 mails (0.45 %)", "31 of 2,000 mails (1.55 %)"] {
            assert!(text.contains(told), "{told}: {text}");
        }
        let status = pulse_json(&stack, "status").await;
        assert_eq!(
            (&status["reputation"]["standing"], &status["reputation"]["complaints"]),
            (&"bad".into(), &9.into())
        );
        let why = pulse(&stack, &format!("why --run {run} --quick")).await.text;
        assert!(why.contains("called spam") && why.contains("alone ends it"), "{why}");

        // Who pauses it beside takes nothing away: each hold has its own note and figures.
        let paused = ["pause", "email", "--note", "the partner looks into it", "--for", "1h", "--by", "aoife"];
        let said = pulse_with(&stack, &paused).await;
        assert!(said.status == 0 && said.text.contains("which ends both"), "{}", said.text);
        let text = pulse(&stack, "status").await.text;
        for told in ["of 2000 mails, 9 were called spam", "(aoife): the partner looks into it", "is held since"] {
            assert!(text.to_lowercase().contains(told), "{told}: {text}");
        }

        // Mails wait, and none goes out.
        let waiting = customer("w-waits");
        stack.set_due(std::slice::from_ref(&waiting)).await;
        stack.until(&waiting, |entry| entry.state() == "scored").await;
        let said = pulse(&stack, "resume email").await;
        assert_eq!(said.status, 1, "{}", said.text);
        assert!(said.text.contains("pulse resume email --note"), "{}", said.text);
        assert_eq!(stack.mails(&waiting), 0);

        // Someone found out why, and says so. What was counted before counts no more.
        let said = pulse_with(&stack, &["resume", "email", "--note", "the roster of a partner, taken off"]).await;
        assert_eq!(said.status, 0, "{}", said.text);
        stack.until(&waiting, |entry| entry.state() == "sent").await;
        stack.tick(StageName::Email).await;
        assert_eq!(status_of(&stack, StageName::Email).await["condition"], "running");
    });
}
