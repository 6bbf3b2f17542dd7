use pulse_core::{
    bill::{ApiUse, Bill, Prices, Told, Viewers},
    plan::{CapacityPlan, Demand, PlanError},
};
use serde::Serialize;

/// How many lanes a roster takes, how long a backlog, and what that costs. Nobody is asked for it.
#[derive(Debug, Clone, Serialize)]
pub struct Planned {
    /// Lanes and times.
    #[serde(flatten)]
    pub plan: CapacityPlan,
    /// At AWS's public prices in us-east-1.
    pub bill: Bill,
    /// What the console behind a function URL costs beside it, if it is deployed, for two people who look at it all day.
    pub console: Bill,
    /// What an endpoint costs beside it that is told of each mail twice: that it was sent, and what became of it.
    pub endpoint: Bill,
}

impl Planned {
    /// What `demand` takes.
    ///
    /// # Errors
    /// When it can't be met.
    pub fn of(demand: &Demand) -> Result<Self, PlanError> {
        let plan = CapacityPlan::of(demand)?;
        let used = ApiUse::expected(demand.customers, demand.days.get(), demand.score, demand.email);
        let prices = Prices::default();
        let console = Bill::of_console(Viewers::TWO_ALL_DAY, &prices);
        let endpoint = Bill::of_word(Told { facts: u64::from(demand.customers) * 2, days: demand.days.get() }, &prices);
        Ok(Self { plan, bill: Bill::of(&used, &prices), console, endpoint })
    }
}
