//! Campaigns beside the months: every one ends, adds up, and is closed once.

use std::{sync::Arc, time::Duration};

use pulse_core::{
    campaign::{CampaignOutcome, Priority},
    customer::CustomerId,
    entry::{Plan, StageName, TallyKey},
    run::RunId,
};
use pulse_sim::{
    seeds::{Act, CampaignAct, Fault, FaultPlan, Kind, run},
    world::{Production, Promise, SimulatedCampaign, SystemUnderTest},
};

use crate::seeds::broken_seeds;

/// Seeds that are lived through with campaigns in each run of the tests.
const SEEDS: u64 = 15;

const HOUR: Duration = Duration::from_hours(1);

fn plan(seed: u64) -> FaultPlan {
    FaultPlan::of_seed(seed, 100, 35).with_orders().with_campaigns()
}

fn shipped() -> Arc<dyn SystemUnderTest> {
    Arc::new(Production)
}

#[test]
fn no_seed_with_campaigns_breaks_a_promise() {
    let broken = broken_seeds(SEEDS, plan);
    assert!(broken.is_empty(), "{broken:#?}");
}
