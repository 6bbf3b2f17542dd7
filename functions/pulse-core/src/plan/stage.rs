use serde::Serialize;

use super::{Calls, DAY, Demand, PlanError};
use crate::{
    entry::StageName,
    lanes::{IN_FLIGHT, Lanes, LanesError},
};

/// What one stage takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StagePlan {
    /// The stage concerned.
    pub stage: StageName,
    /// Calls that one lane carries in a day.
    pub lane_a_day: f64,
    /// Calls that one lane carries in all of the period.
    pub lane_a_period: f64,
    /// Lanes that are needed.
    pub needed: u32,
    /// What to set: the fewest lanes that there can be and are no fewer.
    pub lanes: Lanes,
    /// The share of them that those who are due keep busy, on average.
    pub busy: f64,
    /// Calls a second that the provider sees when all lanes are busy.
    pub calls_a_second: f64,
    /// Calls a day, for those who are due.
    pub calls_a_day: f64,
}

impl StagePlan {
    pub(super) fn of(stage: StageName, calls: Calls, demand: &Demand) -> Result<Self, PlanError> {
        let latency = calls.latency().as_secs_f64();
        let calls_a_day = f64::from(demand.customers) / f64::from(demand.days.get());
        let due = calls_a_day / DAY.as_secs_f64();
        let late = demand.within.map_or(0.0, |within| demand.backlog as f64 / within.as_secs_f64());
        let needed = demand.utilisation.lanes(due + late, latency);
        let lanes = Lanes::at_least(needed, calls.in_flight()).map_err(|error| match error {
            LanesError::MaximumConcurrency(invocations) => {
                let in_flight = calls.in_flight();
                PlanError::TooManyLanes { stage, needed, invocations, in_flight, enough: enough(needed) }
            }
            error => error.into(),
        })?;
        let lane_a_day = DAY.as_secs_f64() / latency;
        Ok(Self {
            stage,
            lane_a_day,
            lane_a_period: lane_a_day * f64::from(demand.days.get()),
            needed,
            lanes,
            busy: due * latency / f64::from(lanes.count()),
            calls_a_second: f64::from(lanes.count()) / latency,
            calls_a_day,
        })
    }
}

/// The fewest calls in flight with which so many lanes can be had.
fn enough(needed: u32) -> Option<u32> {
    IN_FLIGHT.into_iter().find(|calls| Lanes::at_least(needed, *calls).is_ok())
}
