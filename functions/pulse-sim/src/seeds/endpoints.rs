//! Other systems in a seed's month, what goes wrong with them, and what must hold of what they were told.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    time::Duration,
};

use jiff::Timestamp;
use pulse_core::{
    delivery::{Delivery, DeliveryProgress, Endpoint, EndpointName, FactId, FactKind, Keeps, Subject, Target},
    entry::{Entry, Progress},
};

use super::{
    fault::{Fault, Kind},
    plan::FaultPlan,
};
use crate::{
    random::Stream,
    world::{Down, EndpointFaults, Latency, Promise, SimulatedEndpoint, World},
};

const HOUR: Duration = Duration::from_hours(1);

/// How many there are in a seed's month.
const COUNT: usize = 3;

/// One that wants everything, a slow one that wants the latest alone, and one that wants little.
pub(super) fn all(now: Timestamp) -> Vec<SimulatedEndpoint> {
    // Two invocations share them: of five, each has two.
    let endpoint = |name: &str, kinds: &[FactKind], mean_ms, lanes: u32| {
        let target = Target::EventBridge { bus: name.to_owned() };
        let name = EndpointName::parse(name).expect("a name");
        let endpoint = Endpoint::new(name, target, kinds.iter().copied(), "operator".into(), now);
        let endpoint = Endpoint { lanes: NonZeroU32::MIN.saturating_add(lanes - 1), ..endpoint };
        SimulatedEndpoint { endpoint, latency: Latency { mean: Duration::from_millis(mean_ms), sigma: 0.5 } }
    };
    let mut all = vec![
        endpoint("crm", FactKind::ALL, 200, 10),
        endpoint("dashboard", FactKind::ALL, 3_000, 5),
        endpoint("warehouse", &[FactKind::Sent, FactKind::Bounced], 500, 5),
    ];
    all[1].endpoint.keeps = Keeps::Latest;
    all
}

/// What goes wrong with them.
pub(super) fn faults(random: &Stream, calm_from: Duration) -> Vec<Fault> {
    let mut faults = Vec::new();
    for which in 0..COUNT {
        for _ in 0..random.below(4) {
            let lasts = HOUR.mul_f64(1.0 + random.unit() * random.unit() * 240.0);
            let at = calm_from.saturating_sub(lasts).mul_f64(random.unit());
            faults.push(Fault {
                at,
                lasts: lasts.min(calm_from.saturating_sub(at)),
                kind: Kind::Endpoint(which, fault(random)),
            });
        }
    }
    faults
}

fn fault(random: &Stream) -> EndpointFaults {
    let calm = EndpointFaults::default();
    match random.below(8) {
        0 => EndpointFaults { down: Some(Down::Refusing), ..calm },
        1 => EndpointFaults { down: Some(Down::Hanging), ..calm },
        2 => EndpointFaults { down: Some(Down::Limiting(Duration::from_mins(1 + random.below(90)))), ..calm },
        3 => EndpointFaults { is_gone: true, ..calm },
        4 => EndpointFaults { rejected: random.unit() * 0.2, ..calm },
        5 => EndpointFaults { answer_lost: random.unit() * 0.3, ..calm },
        6 => EndpointFaults { retry: random.unit() * 0.9, ..calm },
        _ => EndpointFaults { retry: random.unit() * 0.2, answer_lost: random.unit() * 0.1, ..calm },
    }
}

/// What must hold of them once all is calm again.
pub(super) fn check(world: &World, plan: &FaultPlan, due_by: Timestamp) {
    for SimulatedEndpoint { endpoint, .. } in &world.settings.endpoints {
        Check { world, endpoint, due_by, is_exact: !plan.has_late_mail() }.run();
    }
}

struct Check<'a> {
    world: &'a World,
    endpoint: &'a Endpoint,
    due_by: Timestamp,
    is_exact: bool,
}

impl Check<'_> {
    fn run(&self) {
        let (has, refused) =
            (self.world.endpoints.received(&self.endpoint.name), self.world.endpoints.refused(&self.endpoint.name));
        let mut known = BTreeSet::new();
        self.world.ledger.for_each_delivery(|delivery| {
            if *delivery.endpoint() != self.endpoint.name {
                return;
            }
            let fact = &delivery.fact().id;
            known.insert(fact.clone());
            let is_there = has.contains_key(fact);
            let is_right = match delivery.progress() {
                DeliveryProgress::Delivered { .. } => is_there,
                DeliveryProgress::Superseded { .. } => self.endpoint.keeps == Keeps::Latest,
                DeliveryProgress::GivenUp { .. } => refused.contains(fact),
                // What has just happened is on its way.
                DeliveryProgress::Waiting | DeliveryProgress::Claimed { .. } => {
                    self.is_late(delivery) || refused.contains(fact) && self.may_be_out_of_order(delivery, &has)
                }
            };
            if !is_right {
                self.saw(format!("{} is {:?}, and has it: {is_there}", delivery.id(), delivery.progress()));
            }
        });
        for fact in has.keys().filter(|fact| !known.contains(*fact)) {
            self.saw(format!("{} has {fact}, which nobody wrote down", self.endpoint.name));
        }
        self.world.ledger.for_each_entry(|entry| self.entry(entry, &known));
    }

    fn is_late(&self, delivery: &Delivery) -> bool {
        delivery.fact().written_at > self.due_by
    }

    /// It refuses this, and has taken nothing else since: for all that can be told, it refuses everything, and may be mended. An
    /// operator who brings back what it refused, when nothing else happens any more, leaves it so.
    fn may_be_out_of_order(&self, delivery: &Delivery, has: &BTreeMap<FactId, Timestamp>) -> bool {
        let streak = delivery.failure_streak();
        streak.is_none_or(|streak| !has.values().any(|at| (streak.since..=self.due_by).contains(at)))
    }

    /// What the entry itself says must have been told, whatever the deliveries say.
    fn entry(&self, entry: &Entry, known: &BTreeSet<FactId>) {
        let feedback = entry.feedback();
        let closed = match entry.progress() {
            Progress::Done { .. } => Some(FactKind::Sent),
            Progress::Skipped { .. } | Progress::Cancelled { .. } => Some(FactKind::Skipped),
            Progress::Failed { .. } | Progress::Abandoned { .. } => Some(FactKind::Failed),
            Progress::Indeterminate { .. } | Progress::Unconfirmed { .. } => Some(FactKind::Indeterminate),
            Progress::Waiting | Progress::Claimed { .. } => None,
        };
        let heard = [
            closed,
            feedback.delivered_at.map(|_| FactKind::Delivered),
            feedback.bounced.as_ref().map(|_| FactKind::Bounced),
            feedback.complained_at.map(|_| FactKind::Complained),
        ];
        let subject = Subject::Entry(entry.id().clone());
        let of_it = |kind| known.iter().filter(|fact| fact.subject == subject && fact.kind == kind).count();
        for kind in heard.into_iter().flatten().filter(|kind| self.endpoint.asks_for.contains(kind)) {
            if of_it(kind) == 0 {
                self.saw(format!("{} is {kind}, and {} isn't told", entry.id(), self.endpoint.name));
            }
        }
        // A mail that goes out twice is another promise's.
        if self.is_exact && of_it(FactKind::Delivered) > 1 {
            self.saw(format!("{} is told more than once that {} is delivered", self.endpoint.name, entry.id()));
        }
    }

    fn saw(&self, what: String) {
        self.world.checker.saw(Promise::FactsArrive, None, self.world.time.now(), what);
    }
}
