//! The arithmetic of lanes: how many a roster takes, how long a backlog takes with them, and a campaign.
//!
//! A lane carries 1 / latency calls a second. The plan reckons with whole days: within one, the queues hold what comes
//! faster than it is carried.

mod campaign;
mod demand;
mod stage;

use std::time::Duration;

use serde::Serialize;

use crate::stage::StageName;

pub use campaign::{Bound, Campaign, CampaignError, CampaignPlan, CampaignPoint, LONGEST_FUNCTION, StageSettings, Way};
pub use demand::{
    BATCH, CALL_TIMEOUT, Calls, CapacityRemedy, Demand, FUNCTION_TIMEOUT, PlanError, SHIPPED_IN_FLIGHT, Utilisation,
    WINDOW,
};
pub use stage::StagePlan;

/// A day.
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// What a demand takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CapacityPlan {
    /// Customers due each day.
    pub due_a_day: f64,
    /// Customers a day if each were scored and mailed before the next.
    pub in_sequence_a_day: f64,
    /// The score stage.
    pub score: StagePlan,
    /// The email stage.
    pub email: StagePlan,
    /// How long a day's customers take if they all wait.
    pub day_takes: Duration,
    /// How long the backlog takes beside those who are due. `None` without a backlog, or if it never ends.
    pub backlog_takes: Option<Duration>,
}

impl CapacityPlan {
    /// Makes the plan.
    ///
    /// # Errors
    /// When a stage can't have the lanes that it takes.
    pub fn of(demand: &Demand) -> Result<Self, PlanError> {
        let due_a_day = f64::from(demand.customers) / f64::from(demand.days.get());
        let score = StagePlan::of(StageName::Score, demand.score, demand)?;
        let email = StagePlan::of(StageName::Email, demand.email, demand)?;
        let carried = demand.utilisation.of(score.calls_a_second.min(email.calls_a_second));
        let both = demand.score.latency() + demand.email.latency();
        Ok(Self {
            due_a_day,
            in_sequence_a_day: DAY.div_duration_f64(both),
            day_takes: lasts(due_a_day / carried).unwrap_or(Duration::MAX),
            backlog_takes: match demand.backlog {
                0 => None,
                backlog => lasts(backlog as f64 / (carried - due_a_day / DAY.as_secs_f64()).max(0.0)),
            },
            score,
            email,
        })
    }

    /// Concurrent executions that the functions reserve of the account's, with two for the deliver stage, one each for tick and
    /// audit, and four for feedback.
    #[must_use]
    pub fn reserved_concurrency(&self) -> u32 {
        self.score.lanes.maximum_concurrency() + self.email.lanes.maximum_concurrency() + 2 + 2 + 4
    }
}

/// A length of time, unless it is endless.
fn lasts(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;

    const MONTH: NonZeroU32 = NonZeroU32::new(30).unwrap();

    fn calls(millis: u64) -> Calls {
        Calls::new(Duration::from_millis(millis), 4).unwrap()
    }

    /// The roster that this project began with: 600,000 customers, 2.4 s to score, 3.3 s to mail.
    fn seeds() -> Demand {
        Demand {
            customers: 600_000,
            days: MONTH,
            score: calls(2_400),
            email: calls(3_300),
            backlog: 0,
            within: None,
            utilisation: Utilisation::default(),
        }
    }

    fn whole(number: f64) -> u64 {
        format!("{number:.0}").parse().unwrap()
    }

    #[test]
    fn the_figures_of_the_talk_come_out() {
        let plan = CapacityPlan::of(&seeds()).unwrap();
        assert_eq!([whole(plan.due_a_day), whole(plan.in_sequence_a_day)], [20_000, 15_158]);
        assert_eq!([whole(plan.score.lane_a_day), whole(plan.email.lane_a_day)], [36_000, 26_182]);
        assert_eq!(whole(plan.score.lane_a_period), 1_080_000);
    }

    #[test]
    fn the_least_that_lambda_takes_is_enough_for_600_000() {
        let plan = CapacityPlan::of(&seeds()).unwrap();
        // 20,000 x 2.4 s / 86,400 s are 0.56 lanes, and 0.69 if they are to be busy for 0.8 of the time.
        assert_eq!((plan.score.needed, plan.score.lanes.count()), (1, 8));
        // 0.76 and 0.95.
        assert_eq!((plan.email.needed, plan.email.lanes.count()), (1, 8));
        assert!((plan.email.busy - 20_000.0 * 3.3 / 86_400.0 / 8.0).abs() < 1e-9);
        // 20,000 x 3.3 s / 8 lanes / 0.8.
        assert_eq!(plan.day_takes.as_secs(), 10_312);
        assert_eq!((plan.backlog_takes, plan.reserved_concurrency()), (None, 12));
    }

    #[test]
    fn three_lost_days_are_caught_up_within_one() {
        let demand = Demand { backlog: 60_000, within: Some(DAY), ..seeds() };
        let plan = CapacityPlan::of(&demand).unwrap();
        // 80,000 calls in a day, x 2.4 s / 86,400 s / 0.8 are 2.8 lanes; x 3.3 s 3.8.
        assert_eq!((plan.score.needed, plan.email.needed), (3, 4));
        // The fewest that can be set are more: 8 lanes / 3.3 s x 0.8 less what is due.
        let spare = 8.0 / 3.3 * 0.8 - 20_000.0 / 86_400.0;
        assert_eq!(plan.backlog_takes.unwrap().as_secs(), whole((60_000.0_f64 / spare).floor()));
        assert!(plan.backlog_takes.unwrap() < DAY);

        let hurry = CapacityPlan::of(&Demand { within: Some(Duration::from_hours(2)), ..demand }).unwrap();
        assert_eq!((hurry.email.needed, hurry.email.lanes.count()), (36, 36));
        assert_eq!(whole(hurry.email.calls_a_second), 11);
    }

    #[test]
    fn without_headroom_a_backlog_never_ends() {
        let full = Demand { utilisation: Utilisation::parse(1.0).unwrap(), ..seeds() };
        // 8 lanes carry 288,000 a day.
        let demand = Demand { customers: 288_000 * 30, email: calls(2_400), backlog: 1, ..full };
        let plan = CapacityPlan::of(&demand).unwrap();
        assert_eq!((plan.score.lanes.count(), plan.backlog_takes), (8, None));
    }

    #[test]
    fn a_plan_that_lambda_cannot_carry_says_what_would() {
        let demand = Demand { backlog: 600_000, within: Some(Duration::from_mins(5)), ..seeds() };
        let error = CapacityPlan::of(&demand).unwrap_err().to_string();
        // 2,000 a second x 2.4 s / 0.8.
        assert!(error.contains("6001 lanes") && error.contains("1501 invocations of 4 calls"), "{error}");
        assert!(error.contains("keep 7 or more calls in flight"), "{error}");

        let demand = Demand { within: Some(Duration::from_secs(10)), ..demand };
        let error = CapacityPlan::of(&demand).unwrap_err().to_string();
        assert!(error.contains("allow it more time") && !error.contains("keep"), "{error}");
    }

    #[test]
    fn calls_that_a_full_batch_has_no_time_for_are_refused() {
        let error = Calls::new(Duration::from_secs(6), 4).unwrap_err().to_string();
        assert!(error.contains("keep 6 or more"), "{error}");
        assert!(Calls::new(Duration::from_secs(6), 6).is_ok());
        assert!(Calls::new(Duration::ZERO, 4).is_err() && Calls::new(Duration::from_secs(21), 4).is_err());
        assert!(Calls::new(Duration::from_secs(2), 2).is_err());
        assert!([0.0, 1.1, f64::NAN].iter().all(|bad| Utilisation::parse(*bad).is_err()));
    }

    proptest! {
        #[test]
        fn a_backlog_is_done_within_the_time_that_it_was_given(
            customers in 1u32..5_000_000, backlog in 1u64..500_000, hours in 1u64..100,
            score in 100u64..4_000, email in 100u64..4_000, utilisation in 0.1f64..=1.0,
        ) {
            let within = Duration::from_hours(hours);
            let utilisation = Utilisation::parse(utilisation).unwrap();
            let demand = Demand {
                customers, days: MONTH, score: calls(score), email: calls(email), backlog, within: Some(within), utilisation,
            };
            if let Ok(plan) = CapacityPlan::of(&demand) {
                let takes = plan.backlog_takes.unwrap();
                prop_assert!(takes <= within + Duration::from_secs(1), "{takes:?}");
                prop_assert!(plan.score.needed <= plan.score.lanes.count());
            }
        }
    }
}
