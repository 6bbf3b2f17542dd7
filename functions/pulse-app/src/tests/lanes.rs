use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use pulse_core::{
    advice::Advice,
    delivery::{Endpoint, EndpointName, FactKind, Target},
    entry::StageName,
    lanes::{LaneChangeError, LaneSettings, Step},
    ports::{Endpoints as _, LaneControl, LaneError},
};

use super::{World, now, start};
use crate::{LaneOrder, LaneOrderError, LaneReport};

/// Stages that are all alike.
pub(super) struct MemoryLanes {
    settings: Mutex<LaneSettings>,
    /// What someone else sets at the end.
    meanwhile: Mutex<Option<u32>>,
    /// Invocations at once of the account that no function has reserved.
    unreserved: Mutex<u32>,
}

impl Default for MemoryLanes {
    fn default() -> Self {
        let settings = LaneSettings {
            maximum_concurrency: 5,
            reserved_concurrency: Some(5),
            in_flight: 4,
            rate_divisor: None,
            enabled: true,
            changed_lately: false,
        };
        Self { settings: Mutex::new(settings), meanwhile: Mutex::default(), unreserved: Mutex::new(990) }
    }
}

impl MemoryLanes {
    fn at(&self) -> MutexGuard<'_, LaneSettings> {
        self.settings.lock().unwrap()
    }
}

#[async_trait]
impl LaneControl for MemoryLanes {
    async fn settings(&self, _: StageName) -> Result<LaneSettings, LaneError> {
        Ok(*self.at())
    }

    async fn unreserved(&self, _: StageName) -> Result<u32, LaneError> {
        Ok(*self.unreserved.lock().unwrap())
    }

    async fn take(&self, _: StageName, step: Step) -> Result<(), LaneError> {
        let mut at = self.at();
        match step {
            Step::Reserve(invocations) => at.reserved_concurrency = Some(invocations),
            Step::Maximum(invocations) => {
                at.maximum_concurrency = self.meanwhile.lock().unwrap().unwrap_or(invocations);
            }
            Step::Configure { in_flight, rate_divisor } => (at.in_flight, at.rate_divisor) = (in_flight, rate_divisor),
            Step::Drain => {}
        }
        Ok(())
    }
}

fn set(world: &World, lanes: u32, dry_run: bool) -> Result<LaneReport, LaneOrderError> {
    let order = LaneOrder { stage: StageName::Score, lanes, in_flight: None, dry_run };
    now(world.app.set_lanes(order, &mut |_| {}))
}

#[test]
fn lanes_are_set_after_a_dry_run_that_changes_nothing() {
    let world = World::new();
    let dry = set(&world, 36, true).unwrap();
    assert_eq!(now(world.app.lanes(&[StageName::Score])).unwrap()[0].lanes, 20);
    let done = set(&world, 36, false).unwrap();
    assert_eq!((dry.steps, dry.lanes), (done.steps, done.lanes));
    assert_eq!(done.parameter_overrides, "ScoreMaximumConcurrency=9 ScoreInFlight=4");
    assert_eq!(now(world.app.lanes(&[StageName::Score])).unwrap()[0].lanes, 36);
}

#[test]
fn a_dry_run_looks_at_the_accounts_limit_as_the_change_does() {
    let world = World::new();
    *world.lanes.unreserved.lock().unwrap() = 103;
    for dry_run in [true, false] {
        let Err(LaneOrderError::Change(error @ LaneChangeError::Account { .. })) = set(&world, 36, dry_run) else {
            panic!("set")
        };
        assert!(error.to_string().contains("so that 8 are the most"), "{error}");
    }
    assert_eq!(now(world.app.lanes(&[StageName::Score])).unwrap()[0].lanes, 20);
}

#[test]
fn lanes_that_someone_else_changes_or_has_paused_are_told_with_what_to_do() {
    let world = World::new();
    *world.lanes.meanwhile.lock().unwrap() = Some(7);
    let error = set(&world, 36, false).unwrap_err();
    assert_eq!(error, LaneOrderError::ChangedMeanwhile(StageName::Score));
    assert_eq!(error.advice(), Some(Advice::LookAtLanes { stage: StageName::Score }));

    world.lanes.at().reserved_concurrency = Some(0);
    let error = set(&world, 36, false).unwrap_err();
    assert_eq!(error, LaneChangeError::Paused(StageName::Score).into());
    assert_eq!(error.advice(), Some(Advice::RaiseConcurrency { stage: StageName::Score }));
}

/// Each invocation has an equal part of an endpoint's lanes, and of fewer lanes than invocations that is none.
#[test]
fn no_endpoint_is_left_without_lanes() {
    let world = World::new();
    let target = Target::bus("pulse").unwrap();
    let crm = Endpoint::new(EndpointName::parse("crm").unwrap(), target, FactKind::ALL.to_vec(), "ops".into(), start());
    assert_eq!(now(world.ledger.save_endpoint(&crm)), Ok(true));
    let order = |lanes| LaneOrder { stage: StageName::Deliver, lanes, in_flight: None, dry_run: true };
    let error = now(world.app.set_lanes(order(36), &mut |_| {})).unwrap_err();
    assert!(error.to_string().contains("9 invocations") && error.to_string().ends_with("They are crm"), "{error}");
    assert_eq!(error.advice(), Some(Advice::GiveLanes { endpoint: crm.name.clone(), lanes: 9 }));
    assert!(now(world.app.set_lanes(order(16), &mut |_| {})).is_ok(), "four lanes are enough for four invocations");
}
