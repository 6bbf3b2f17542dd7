//! Campaigns in a seed's month.

use std::{num::NonZeroU64, time::Duration};

use pulse_core::{
    campaign::{Priority, Question},
    customer::Product,
    entry::{Addressee, ItemId, Plan, StageName},
    run::RunId,
};

use super::{
    fault::{Act, Fault, Kind},
    people,
    plan::FaultPlan,
};
use crate::{
    random::{Randomness, Stream},
    world::{OtherStart, SimulatedCampaign},
};

/// The most items of a customer.
const THREE: NonZeroU64 = NonZeroU64::MIN.saturating_add(2);

const HOUR: Duration = Duration::from_hours(1);

/// About as long as it takes to write a campaign down before it is asked for, and to plan it.
const WHILE_WRITTEN: Duration = Duration::from_millis(100);
const WHILE_PLANNED: Duration = Duration::from_secs(2);

/// What an operator does about a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignAct {
    /// What is started.
    pub campaign: SimulatedCampaign,
    /// After how long it is held, and for how long.
    pub held: Option<(Duration, Duration)>,
    /// After how long it is cancelled.
    pub cancelled_after: Option<Duration>,
}

/// The campaigns of a month of so many customers, that all may end in.
pub(super) fn campaigns(random: &Stream, plan: &FaultPlan) -> Vec<Fault> {
    let all = 1 + random.below(5);
    // Of a stream of its own, so that all else is as it was before campaigns called anyone.
    let calling = Randomness::of_seed(plan.seed).stream("calls of campaigns");
    // So are what some are about, of which customers have several.
    let about = Randomness::of_seed(plan.seed).stream("items of campaigns");
    let act = |number| {
        let at = random.between(Duration::ZERO, plan.calm_from());
        let mut act = one(random, plan, number);
        if calling.chance(0.4) {
            act.campaign.plan = with_call(act.campaign.plan);
        }
        if about.chance(0.4) {
            about_items(&mut act.campaign, &about);
        }
        Fault { at, lasts: Duration::ZERO, kind: Kind::Once(Act::Campaign(Box::new(act))) }
    };
    let mut faults: Vec<_> = (0..all).map(act).collect();
    faults.sort_by_key(|fault| fault.at);
    faults
}

/// The same steps, and a partner that is called before the mail.
fn with_call(plan: Plan) -> Plan {
    let is_step = |step: &StageName| *step == StageName::Call || plan.has(*step);
    Plan::of_campaign(&StageName::OF_ENTRIES.into_iter().filter(is_step).collect::<Vec<_>>()).expect("a plan")
}

/// The same for up to three items of each customer whose id is given, and for some customers without one. Other starts of its name
/// are for other items of the same customers.
fn about_items(campaign: &mut SimulatedCampaign, random: &Stream) {
    let several = |addressees: &mut Vec<Addressee>| {
        let customers = std::mem::take(addressees).into_iter().map(|addressee| addressee.customer);
        addressees.extend(customers.flat_map(|customer| {
            let first = random.below(3);
            let items = (first..first + 1 + random.below(3)).map(|number| ItemId::parse(&format!("I-{number}")).ok());
            let items: Vec<_> = if random.chance(0.1) { vec![None] } else { items.collect() };
            items.into_iter().map(move |item| Addressee { customer: customer.clone(), item })
        }));
    };
    let starts = campaign.other_starts.iter_mut().map(|start| &mut start.audience);
    starts.chain([&mut campaign.audience]).flatten().for_each(several);
    if let Some(a_day) = campaign.a_day {
        // Of three times as many entries as many are begun on a day, so that it is over before the month is.
        campaign.a_day = a_day.checked_mul(THREE);
    }
}

fn one(random: &Stream, plan: &FaultPlan, number: u64) -> CampaignAct {
    let steps: &[StageName] =
        if random.chance(0.5) { &[StageName::Email] } else { &[StageName::Score, StageName::Email] };
    let audience = audience(random, plan);
    let at_most = audience.is_err() && random.chance(0.2);
    let campaign = SimulatedCampaign {
        run: RunId::parse(&format!("campaign-{number}")).expect("a name"),
        plan: Plan::of(steps).expect("a plan"),
        audience,
        other_starts: (0..random.below(3)).map(|_| other_start(random, plan)).collect(),
        deadline: random.chance(0.6).then(|| random.between(Duration::from_mins(10), 4 * 24 * HOUR)),
        priority: random.pick(Priority::ALL).copied().unwrap_or_default(),
        cap: random.chance(0.3).then(|| "2/7d".parse().expect("a cap")),
        at_most: at_most.then(|| random.below(u64::from(plan.customers))),
        // Four days for all of them at the most, so that it is over before the month is.
        a_day: random
            .chance(0.4)
            .then(|| random.below(u64::from(plan.customers)))
            .and_then(|more| NonZeroU64::new(u64::from(plan.customers.div_ceil(4)) + more * 3 / 4)),
    };
    CampaignAct {
        campaign,
        held: random.chance(0.3).then(|| (random.between(Duration::ZERO, HOUR), random.between(HOUR, 30 * HOUR))),
        // Some while it is planned.
        cancelled_after: random.chance(0.3).then(|| {
            let most = if random.chance(0.5) { WHILE_PLANNED } else { 2 * HOUR };
            random.between(Duration::ZERO, most)
        }),
    }
}

/// Those of some ids, or of a question.
fn audience(random: &Stream, plan: &FaultPlan) -> Result<Vec<Addressee>, Question> {
    if random.chance(0.4) {
        return Err(Question {
            product: random.chance(0.6).then(|| random.pick(&[Product::Card, Product::Loan]).copied()).flatten(),
            region: random.chance(0.3).then(|| random.pick(&["IE", "JP"]).map(ToString::to_string)).flatten(),
            ..Question::default()
        });
    }
    let share = random.unit();
    // Some who join later aren't customers yet, and an operator has only the ids of those who are.
    let there = (0..plan.customers).filter(|number| !people::joins_later(*number));
    Ok(there.filter(|_| random.chance(share)).map(people::id).map(Addressee::from).collect())
}

fn other_start(random: &Stream, plan: &FaultPlan) -> OtherStart {
    let killed_after = random.chance(0.8).then(|| random.between(Duration::ZERO, WHILE_WRITTEN));
    OtherStart { audience: audience(random, plan), killed_after }
}
