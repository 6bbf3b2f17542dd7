use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::HoldReason;
use crate::{
    delivery::{
        Delivery, DeliveryProgress, Endpoint, EndpointControl, EndpointName, EndpointStanding, FactKind, Keeps, Line,
        Subject,
    },
    entry::{Awaited, ItemId, StageName},
    failure::Cause,
    run::RunId,
    tick::SweepPolicy,
};

/// What an endpoint knows of a customer, and what is on its way to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointTold {
    /// By the name that an operator gave it.
    pub endpoint: EndpointName,
    /// What it was told last, as far as that is kept: for some weeks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knows: Option<KnownFact>,
    /// What it isn't told yet, the next first.
    pub coming: Vec<ComingFact>,
}

/// A fact that an endpoint was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownFact {
    /// What happened.
    pub fact: FactKind,
    /// In which run, if it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// About which item, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    /// Since when it is so.
    pub as_of: Timestamp,
    /// When it was told.
    pub told_at: Timestamp,
}

/// A fact that an endpoint isn't told yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComingFact {
    /// What happened.
    pub fact: FactKind,
    /// In which run, if it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// About which item, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    /// Since when it is on its way.
    pub since: Timestamp,
    /// Why it isn't there, and what comes next.
    #[serde(flatten)]
    pub next: NextWord,
}

/// The next thing that happens to word of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum NextWord {
    /// Nothing until someone redrives it: the endpoint refuses it.
    GivenUp {
        /// In which way.
        cause: Cause,
        /// Since when.
        at: Timestamp,
    },
    /// A worker is telling it.
    InHand {
        /// Until when at most.
        lease_until: Timestamp,
    },
    /// Nothing: the endpoint wants the newest alone, and a newer one is there.
    Overtaken,
    /// The fact before it is told first.
    WaitsFor {
        /// What happened before.
        before: FactKind,
        /// In which run, if it is of one.
        #[serde(skip_serializing_if = "Option::is_none")]
        before_in: Option<RunId>,
        /// About which item, if it is about one.
        #[serde(skip_serializing_if = "Option::is_none")]
        before_of: Option<ItemId>,
    },
    /// The deliver stage is held: it waits for that to end.
    StageHeld {
        /// By what.
        holder: HoldReason,
    },
    /// The endpoint is held: it waits for that to end.
    Held {
        /// By what.
        standing: EndpointStanding,
    },
    /// It failed, or found no lane: tick queues it again then.
    PutOff {
        /// The moment.
        until: Timestamp,
        /// What went wrong, if something did.
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
    },
    /// It was put off until now: tick queues it when its turn comes among those that wait.
    Woken,
    /// Its worker died: its message comes back.
    Abandoned {
        /// When tick queues it again at the latest.
        repeated_at: Timestamp,
    },
    /// Something went wrong: its message comes back for the next try.
    Retries {
        /// In words that are safe to print: they hold nobody's data.
        cause: Cause,
        /// Until when the endpoint asked to be left alone.
        #[serde(skip_serializing_if = "Option::is_none")]
        not_before: Option<Timestamp>,
        /// When tick queues it again if its message is lost.
        repeated_at: Timestamp,
    },
    /// It waits in the deliver queue.
    Waits {
        /// When tick queues it again if its message is lost.
        repeated_at: Timestamp,
    },
    /// Its message is given up for lost: tick queues it again within a minute.
    Repeated,
}

/// All that decides what comes next of an endpoint's word.
#[derive(Debug, Clone, Copy)]
pub struct WordContext<'a> {
    /// The endpoint.
    pub endpoint: &'a Endpoint,
    /// Its control row, which matters while word is on its way.
    pub control: &'a EndpointControl,
    /// What holds the deliver stage, and so all endpoints' word.
    pub stage_held: Option<&'a HoldReason>,
    /// When a delivery counts as overdue.
    pub policy: SweepPolicy,
    /// Now.
    pub now: Timestamp,
}

impl WordContext<'_> {
    /// What the endpoint knows by a customer's deliveries to it, and what is on its way.
    #[must_use]
    pub fn told(&self, line: &[Delivery]) -> EndpointTold {
        let coming = self.coming(line).into_iter().map(|(delivery, next)| {
            let fact = delivery.fact();
            ComingFact {
                fact: fact.id.kind,
                run: run_of(&fact.id.subject),
                item: item_of(&fact.id.subject),
                since: fact.written_at,
                next,
            }
        });
        EndpointTold {
            endpoint: self.endpoint.name.clone(),
            knows: line.iter().filter_map(known).max_by_key(|known| known.told_at),
            coming: coming.collect(),
        }
    }

    /// What is on its way to the endpoint of a customer's deliveries to it, the next first.
    #[must_use]
    pub fn coming<'d>(&self, line: &'d [Delivery]) -> Vec<(&'d Delivery, NextWord)> {
        let wants_newest = self.endpoint.keeps == Keeps::Latest;
        let overtaken: BTreeSet<_> = Line::superseded(line).filter(|_| wants_newest).map(Delivery::id).collect();
        let left: Vec<_> = line.iter().filter(|one| !overtaken.contains(&one.id())).cloned().collect();
        let first = Line::next(&left);
        let next = |one: &Delivery| match one.progress() {
            DeliveryProgress::Delivered { .. } | DeliveryProgress::Superseded { .. } => None,
            DeliveryProgress::GivenUp { cause, at } => Some(NextWord::GivenUp { cause: cause.clone(), at: *at }),
            DeliveryProgress::Waiting | DeliveryProgress::Claimed { .. } if overtaken.contains(&one.id()) => {
                Some(NextWord::Overtaken)
            }
            DeliveryProgress::Waiting | DeliveryProgress::Claimed { .. } => Some(self.next(first, one)),
        };
        let mut coming: Vec<_> = line.iter().filter_map(|one| Some((one, next(one)?))).collect();
        let first = first.map(|first| &first.fact().id);
        coming.sort_by_key(|(one, _)| (Some(&one.fact().id) != first, one.fact().written_at, &one.fact().id));
        coming
    }

    fn next(&self, first: Option<&Delivery>, delivery: &Delivery) -> NextWord {
        if let Some(lease_until) = delivery.lease_until().filter(|until| *until > self.now) {
            return NextWord::InHand { lease_until };
        }
        if let Some(first) = first.filter(|first| first.id() != delivery.id()) {
            let before = &first.fact().id;
            return NextWord::WaitsFor {
                before: before.kind,
                before_in: run_of(&before.subject),
                before_of: item_of(&before.subject),
            };
        }
        if let Some(holder) = self.stage_held {
            return NextWord::StageHeld { holder: holder.clone() };
        }
        match EndpointStanding::of(self.endpoint, self.control, self.now) {
            standing if standing.is_held() => NextWord::Held { standing },
            _ => self.on_the_way(delivery),
        }
    }

    /// Of the one that nothing holds and nothing comes before.
    fn on_the_way(&self, delivery: &Delivery) -> NextWord {
        let streak = delivery.failure_streak();
        if let Some((Awaited::Deferred, until)) = delivery.awaited() {
            let cause = streak.map(|streak| streak.cause.clone());
            return if until > self.now { NextWord::PutOff { until, cause } } else { NextWord::Woken };
        }
        let repeated_at = self.policy.delivery_overdue_from(delivery, false).unwrap_or(Timestamp::MAX);
        if repeated_at <= self.now {
            return NextWord::Repeated;
        }
        match streak {
            _ if delivery.lease_until().is_some() => NextWord::Abandoned { repeated_at },
            Some(streak) => NextWord::Retries {
                cause: streak.cause.clone(),
                not_before: streak.again_at.filter(|at| *at > self.now),
                repeated_at,
            },
            None => NextWord::Waits { repeated_at },
        }
    }
}

impl EndpointTold {
    /// Leaves out what is on its way of other runs.
    pub(super) fn keep_run(&mut self, run: RunId) {
        self.coming.retain(|coming| coming.run == Some(run));
    }
}

fn known(delivery: &Delivery) -> Option<KnownFact> {
    let DeliveryProgress::Delivered { at } = *delivery.progress() else { return None };
    let fact = delivery.fact();
    Some(KnownFact {
        fact: fact.id.kind,
        run: run_of(&fact.id.subject),
        item: item_of(&fact.id.subject),
        as_of: fact.as_of,
        told_at: at,
    })
}

fn run_of(subject: &Subject) -> Option<RunId> {
    match subject {
        Subject::Entry(id) => Some(id.run),
        Subject::Run(run) => Some(*run),
        Subject::Customer(_) => None,
    }
}

fn item_of(subject: &Subject) -> Option<ItemId> {
    match subject {
        Subject::Entry(id) => id.item,
        Subject::Run(_) | Subject::Customer(_) => None,
    }
}

/// The stage that tells endpoints.
pub(super) const TELLS: StageName = StageName::Deliver;

#[cfg(test)]
mod tests;
