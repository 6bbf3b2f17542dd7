//! What holds a stage, and what it costs: pauses of any kind, and providers that are out of order.

use std::time::Duration;

use pulse_core::{
    control::{Breaker, Console, Control, LastSeen, Note, Pause},
    entry::{Queueing, StageName},
    failure::Cause,
    pausing::{Pausing, Resumed},
    ports::{Clock as _, Controls as _, ScoreError, SendError, Stages as _, Switch},
    tick::{MappingReconciler, Reconciled},
};
use pulse_sim::mailer::InjectedFailure;
use pulse_tests::in_memory_stack::{InMemoryStack, customer};

const STAGE: StageName = StageName::Score;
const MINUTE: Duration = Duration::from_mins(1);

fn reconciler(stack: &InMemoryStack) -> MappingReconciler<'_> {
    let policy = pulse_core::control::BreakerPolicy::default();
    MappingReconciler {
        stages: &stack.stages,
        controls: &*stack.ledger,
        outcomes: &*stack.ledger,
        clock: &*stack.clock,
        policy,
    }
}

async fn reconciled(stack: &InMemoryStack) -> Reconciled {
    reconciler(stack).stage(STAGE).await.unwrap()
}

fn pausing(stack: &InMemoryStack) -> Pausing<'_> {
    Pausing { reconciler: reconciler(stack) }
}

async fn pause(stack: &InMemoryStack, lasts: Option<Duration>) {
    let since = stack.clock.now();
    let note = Note::parse("The campaign is wrong.").unwrap();
    let pause = Pause { by: "ops".into(), note, since, until: lasts.map(|lasts| since + lasts) };
    pausing(stack).pause(STAGE, &pause).await.unwrap();
}

async fn mapping(stack: &InMemoryStack) -> Switch {
    stack.stages.status(STAGE).await.unwrap().mapping
}

async fn control(stack: &InMemoryStack) -> Control {
    stack.ledger.control(STAGE).await.unwrap()
}

#[tokio::test]
async fn a_pause_that_a_deployment_undid_is_made_again_by_the_next_tick() {
    let stack = InMemoryStack::new();
    pause(&stack, None).await;
    assert_eq!(mapping(&stack).await, Switch::Off);
    stack.stages.set_paused(STAGE, false);
    assert_eq!(reconciled(&stack).await.turned, Some(false));
    assert_eq!(mapping(&stack).await, Switch::Off);
    assert_eq!(pausing(&stack).resume(STAGE, None).await, Ok(Resumed::Flows));
    assert_eq!(mapping(&stack).await, Switch::On);
    assert_eq!(reconciled(&stack).await.turned, None);
    assert_eq!(pausing(&stack).resume(STAGE, None).await, Ok(Resumed::Already));
}

#[tokio::test]
async fn a_timed_pause_ends_by_itself_and_a_lost_signal_is_made_up_for() {
    let stack = InMemoryStack::new();
    pause(&stack, Some(6 * 60 * MINUTE)).await;
    stack.clock.advance(5 * 60 * MINUTE);
    assert_eq!(reconciled(&stack).await.turned, None);
    stack.clock.advance(60 * MINUTE);
    assert_eq!(reconciled(&stack).await.turned, Some(true));
    // The mapping never heard of it.
    stack.stages.set_paused(STAGE, true);
    assert_eq!(reconciled(&stack).await.turned, Some(true));
    assert_eq!(control(&stack).await.pause, None);
}

#[tokio::test]
async fn a_mapping_that_someone_disabled_is_a_pause_until_someone_enables_it() {
    let stack = InMemoryStack::new();
    reconciled(&stack).await;
    assert_eq!(control(&stack).await.mapping, LastSeen::On);
    stack.stages.set_paused(STAGE, true);
    let found = reconciled(&stack).await;
    assert_eq!((found.turned, found.control.console.unwrap().how), (None, Console::MappingDisabled));
    stack.stages.set_paused(STAGE, false);
    let found = reconciled(&stack).await;
    assert_eq!((found.turned, found.control.console), (None, None));
    // Once more, and ended from the command line.
    stack.stages.set_paused(STAGE, true);
    reconciled(&stack).await;
    reconciled(&stack).await;
    assert_eq!(pausing(&stack).resume(STAGE, None).await, Ok(Resumed::Flows));
    assert_eq!((reconciled(&stack).await.turned, mapping(&stack).await), (None, Switch::On));
}

fn down() -> ScoreError {
    ScoreError::Retry { after: None, cause: Cause::new("The provider is down.") }
}

/// Works on what there is, ticking every minute, for so long.
async fn live(stack: &InMemoryStack, minutes: u32) {
    for _ in 0..minutes {
        stack.clock.advance(MINUTE);
        if mapping(stack).await.is_on() {
            while stack.invoke(STAGE).await {}
        }
        reconciled(stack).await;
        stack.sweep().await;
    }
}

#[tokio::test]
async fn what_fails_for_its_providers_trouble_is_put_off_and_not_dead_lettered() {
    let stack = InMemoryStack::new();
    let alone = customer("c-1");
    stack.enroll(std::slice::from_ref(&alone)).await;
    stack.scorer.fail_next(std::iter::repeat_with(down).take(5));
    stack.fire(&alone);
    live(&stack, 60).await;
    assert_eq!(stack.score.dlq.depth().visible, 0);
    let entry = stack.entry("c-1", "2026-11").await;
    assert!(matches!(control(&stack).await.breaker, Breaker::Open(_)));
    assert_eq!((entry.state(), entry.queueing()), ("scheduled", Queueing::Deferred));
    assert_eq!(pausing(&stack).resume(STAGE, None).await, Ok(Resumed::Flows));
    live(&stack, 2).await;
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
}

#[tokio::test]
async fn an_invocation_stops_calling_a_provider_that_fails_time_and_again() {
    let stack = InMemoryStack::new();
    let customers: Vec<_> = (0..80).map(|n| customer(&format!("c-{n}"))).collect();
    stack.enroll(&customers).await;
    stack.scorer.fail_next(std::iter::repeat_with(down).take(80));
    for customer in &customers {
        stack.fire_at(customer.id.as_str(), stack.clock.now());
    }
    stack.invoke(STAGE).await;
    let calls = stack.scorer.calls().values().sum::<u64>();
    assert!((5..=9).contains(&calls), "{calls} calls");
}

/// That it tells what became of a mail is no reason to go on sending.
#[tokio::test]
async fn an_email_provider_that_takes_no_mail_and_tells_so_when_asked_is_out_of_order() {
    let stack = InMemoryStack::new();
    let customers: Vec<_> = (0..80).map(|n| customer(&format!("c-{n}"))).collect();
    stack.enroll(&customers).await;
    for customer in &customers {
        stack.fire_at(customer.id.as_str(), stack.clock.now());
    }
    while stack.invoke(STAGE).await {}
    let lost = || InjectedFailure::Refused(SendError::Lost { cause: Cause::new("The provider answered 503.") });
    stack.mailer.fail_next(std::iter::repeat_with(lost).take(80));
    stack.invoke(StageName::Email).await;
    let sends = stack.mailer.calls().values().sum::<u64>();
    assert!((5..=9).contains(&sends), "{sends} sends");
    let reconciled = reconciler(&stack).stage(StageName::Email).await.unwrap();
    assert!(matches!(reconciled.control.breaker, Breaker::Open(_)), "{:?}", reconciled.control);
}
