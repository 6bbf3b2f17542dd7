use pulse_core::{
    bill::{ApiUse, Bill, CampaignWork, Prices, Told, Viewers},
    plan::{Campaign, CampaignError, CampaignPlan, CapacityPlan, Demand, PlanError, Way},
    stage::StageName,
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

/// How long a campaign takes with how many lanes, and what that costs. Nobody is asked for it.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedCampaign {
    /// The stage that makes the calls.
    pub stage: StageName,
    /// Lanes and times.
    #[serde(flatten)]
    pub plan: CampaignPlan,
    /// Other ways to the same end, where more has to be set than lanes.
    pub other_ways: Vec<PricedWay>,
    /// At AWS's public prices in us-east-1, beside the rest.
    pub bill: Bill,
    /// What having the stage costs in a month, whatever it does, if not every stack has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage_bill: Option<Bill>,
    /// What the same costs as a distributed map of Step Functions.
    pub distributed_map: Bill,
}

/// A way to carry a campaign out, and what it costs.
#[derive(Debug, Clone, Serialize)]
pub struct PricedWay {
    /// The way.
    #[serde(flatten)]
    pub way: Way,
    /// What it costs, in dollars.
    pub dollars: f64,
}

impl PlannedCampaign {
    /// What `campaign` takes.
    ///
    /// # Errors
    /// When it can't be carried out so.
    pub fn of(campaign: &Campaign) -> Result<Self, CampaignError> {
        let plan = campaign.plan()?;
        let prices = Prices::default();
        let work = |way: &Way| CampaignWork {
            items: campaign.items.get(),
            each: campaign.each,
            takes: way.takes,
            settings: way.settings,
        };
        let with_cost = |way: Way| PricedWay { dollars: Bill::of_campaign(work(&way), &prices).total, way };
        Ok(Self {
            stage: campaign.stage,
            other_ways: campaign.other_ways(&plan.way).into_iter().map(with_cost).collect(),
            bill: Bill::of_campaign(work(&plan.way), &prices),
            stage_bill: campaign.stage.spec().given_by.map(|_| Bill::of_given_stage(&prices)),
            distributed_map: Bill::of_distributed_map(work(&plan.way), &prices),
            plan,
        })
    }
}
