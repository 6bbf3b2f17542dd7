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
use pulse_sim::mailer::Mishap;
use pulse_tests::house::{House, customer};

const STAGE: StageName = StageName::Score;
const MINUTE: Duration = Duration::from_mins(1);

fn keep(house: &House) -> MappingReconciler<'_> {
    let policy = pulse_core::control::BreakerPolicy::default();
    MappingReconciler {
        stages: &house.stages,
        controls: &*house.ledger,
        outcomes: &*house.ledger,
        clock: &*house.clock,
        policy,
    }
}

async fn kept(house: &House) -> Reconciled {
    keep(house).stage(STAGE).await.unwrap()
}

fn pausing(house: &House) -> Pausing<'_> {
    Pausing { keep: keep(house) }
}

async fn pause(house: &House, lasts: Option<Duration>) {
    let since = house.clock.now();
    let note = Note::parse("The campaign is wrong.").unwrap();
    let pause = Pause { by: "ops".into(), note, since, until: lasts.map(|lasts| since + lasts) };
    pausing(house).pause(STAGE, &pause).await.unwrap();
}

async fn mapping(house: &House) -> Switch {
    house.stages.status(STAGE).await.unwrap().mapping
}

async fn control(house: &House) -> Control {
    house.ledger.control(STAGE).await.unwrap()
}

#[tokio::test]
async fn a_pause_that_a_deployment_undid_is_made_again_by_the_next_tick() {
    let house = House::new();
    pause(&house, None).await;
    assert_eq!(mapping(&house).await, Switch::Off);
    house.stages.set_paused(STAGE, false);
    assert_eq!(kept(&house).await.turned, Some(false));
    assert_eq!(mapping(&house).await, Switch::Off);
    assert_eq!(pausing(&house).resume(STAGE).await, Ok(Resumed::Flows));
    assert_eq!(mapping(&house).await, Switch::On);
    assert_eq!(kept(&house).await.turned, None);
    assert_eq!(pausing(&house).resume(STAGE).await, Ok(Resumed::Already));
}

#[tokio::test]
async fn a_timed_pause_ends_by_itself_and_a_lost_signal_is_made_up_for() {
    let house = House::new();
    pause(&house, Some(6 * 60 * MINUTE)).await;
    house.clock.advance(5 * 60 * MINUTE);
    assert_eq!(kept(&house).await.turned, None);
    house.clock.advance(60 * MINUTE);
    assert_eq!(kept(&house).await.turned, Some(true));
    // The mapping never heard of it.
    house.stages.set_paused(STAGE, true);
    assert_eq!(kept(&house).await.turned, Some(true));
    assert_eq!(control(&house).await.pause, None);
}

#[tokio::test]
async fn a_mapping_that_someone_disabled_is_a_pause_until_someone_enables_it() {
    let house = House::new();
    kept(&house).await;
    assert_eq!(control(&house).await.mapping, LastSeen::On);
    house.stages.set_paused(STAGE, true);
    let found = kept(&house).await;
    assert_eq!((found.turned, found.control.console.unwrap().how), (None, Console::MappingDisabled));
    house.stages.set_paused(STAGE, false);
    let found = kept(&house).await;
    assert_eq!((found.turned, found.control.console), (None, None));
    // Once more, and ended from the command line.
    house.stages.set_paused(STAGE, true);
    kept(&house).await;
    kept(&house).await;
    assert_eq!(pausing(&house).resume(STAGE).await, Ok(Resumed::Flows));
    assert_eq!((kept(&house).await.turned, mapping(&house).await), (None, Switch::On));
}

fn down() -> ScoreError {
    ScoreError::Retry { after: None, cause: Cause::new("The provider is down.") }
}

/// Works on what there is, ticking every minute, for so long.
async fn live(house: &House, minutes: u32) {
    for _ in 0..minutes {
        house.clock.advance(MINUTE);
        if mapping(house).await.is_on() {
            while house.invoke(STAGE).await {}
        }
        kept(house).await;
        house.sweep().await;
    }
}

#[tokio::test]
async fn what_fails_for_its_providers_trouble_is_put_off_and_not_dead_lettered() {
    let house = House::new();
    let alone = customer("c-1");
    house.enroll(std::slice::from_ref(&alone)).await;
    house.scorer.fail_next(std::iter::repeat_with(down).take(5));
    house.fire(&alone);
    live(&house, 60).await;
    assert_eq!(house.score.dlq.depth().visible, 0);
    let entry = house.entry("c-1", "2026-11").await;
    assert!(matches!(control(&house).await.breaker, Breaker::Open(_)));
    assert_eq!((entry.state(), entry.queueing()), ("scheduled", Queueing::Deferred));
    assert_eq!(pausing(&house).resume(STAGE).await, Ok(Resumed::Flows));
    live(&house, 2).await;
    house.drain().await;
    assert_eq!(house.mails("c-1"), 1);
}

#[tokio::test]
async fn an_invocation_stops_calling_a_provider_that_fails_time_and_again() {
    let house = House::new();
    let customers: Vec<_> = (0..80).map(|n| customer(&format!("c-{n}"))).collect();
    house.enroll(&customers).await;
    house.scorer.fail_next(std::iter::repeat_with(down).take(80));
    for customer in &customers {
        house.fire_at(customer.id.as_str(), house.clock.now());
    }
    house.invoke(STAGE).await;
    let calls = house.scorer.calls().values().sum::<u64>();
    assert!((5..=9).contains(&calls), "{calls} calls");
}

/// That it tells what became of a mail is no reason to go on sending.
#[tokio::test]
async fn an_email_provider_that_takes_no_mail_and_tells_so_when_asked_is_out_of_order() {
    let house = House::new();
    let customers: Vec<_> = (0..80).map(|n| customer(&format!("c-{n}"))).collect();
    house.enroll(&customers).await;
    for customer in &customers {
        house.fire_at(customer.id.as_str(), house.clock.now());
    }
    while house.invoke(STAGE).await {}
    let lost = || Mishap::Refused(SendError::Lost { cause: Cause::new("The provider answered 503.") });
    house.mailer.fail_next(std::iter::repeat_with(lost).take(80));
    house.invoke(StageName::Email).await;
    let sends = house.mailer.calls().values().sum::<u64>();
    assert!((5..=9).contains(&sends), "{sends} sends");
    let kept = keep(&house).stage(StageName::Email).await.unwrap();
    assert!(matches!(kept.control.breaker, Breaker::Open(_)), "{:?}", kept.control);
}
