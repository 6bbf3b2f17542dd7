//! How an endpoint is doing, and what is to do about it.

use pulse_core::{
    customer::Zone,
    delivery::{Bodies, EndpointName, EndpointStanding, Keeps, Owner, UnwellEndpoint},
    entry::RunAndItem,
};

use super::{endpoint_standing, grouped, local};
use crate::{DeliveryListed, EndpointListed, EndpointShown, LatelyCalled, Waiting};

/// How an endpoint stands, by the word for it and in words.
#[must_use]
pub fn endpoint_now(standing: &EndpointStanding, name: &EndpointName, zone: &Zone) -> String {
    match standing {
        EndpointStanding::Flows => standing.word().to_owned(),
        standing => format!("{}: it {}", standing.word(), endpoint_standing(standing, name, zone)),
    }
}

/// How an endpoint isn't well, in words that follow its name.
#[must_use]
pub fn endpoint_unwell(unwell: &UnwellEndpoint) -> &'static str {
    match &*unwell.held {
        "paused" => "is paused",
        "gone" => "asked never to be called again",
        "broken" => "is out of order",
        "tried" => "was out of order, and is being tried",
        _ => "couldn't be looked at",
    }
}

/// Of what an endpoint is told, and how.
#[must_use]
pub fn asked_for(endpoint: &EndpointShown) -> String {
    let facts: Vec<_> = endpoint.facts.iter().map(ToString::to_string).collect();
    let keeps = match endpoint.keeps {
        Keeps::Every => "each of them in order",
        Keeps::Latest => "the latest alone",
    };
    let bodies = match endpoint.bodies {
        Bodies::Thin => "thin",
        Bodies::Full => "full",
    };
    format!("{}: {keeps}, with {bodies} bodies", facts.join(", "))
}

/// How many lanes an endpoint has, and how many of them are used.
#[must_use]
pub fn endpoint_lanes(endpoint: &EndpointShown, used: u32) -> String {
    match (endpoint.lanes, used) {
        (lanes, used) if lanes == used => format!("{lanes} lanes"),
        (lanes, 0) => format!("{lanes} lanes, of which none is used: nothing is sent"),
        (lanes, used) => format!("{lanes} lanes, of which {used} are used"),
    }
}

/// How many deliveries wait: `1,000+`, where no more are counted.
#[must_use]
pub fn waiting_count(waiting: &Waiting) -> String {
    format!("{}{}", grouped(waiting.deliveries), if waiting.is_more { "+" } else { "" })
}

/// The same with the oldest of them.
#[must_use]
pub fn waiting_since(waiting: &Waiting, zone: &Zone) -> String {
    match waiting.oldest_since {
        _ if waiting.deliveries == 0 => "nothing".to_owned(),
        Some(since) => format!("{}, the oldest since {}", waiting_count(waiting), local(since, zone)),
        None => waiting_count(waiting),
    }
}

/// What came of an endpoint's calls of the last half hour.
#[must_use]
pub fn called_lately(lately: &LatelyCalled) -> String {
    let LatelyCalled { calls, failures, mean_latency_ms } = lately;
    if *calls == 0 {
        return "no call".to_owned();
    }
    let mean = mean_latency_ms.map(|mean| format!(", {} ms each on average", grouped(mean))).unwrap_or_default();
    format!("{} calls, of which {} failed{mean}", grouped(*calls), grouped(*failures))
}

/// Whose word it is: a customer's, of one of their entries, or a run's own.
#[must_use]
pub fn whose_word(listed: &DeliveryListed) -> String {
    match (&listed.owner, listed.run) {
        (Owner::Customer(id), Some(run)) => format!("{id} in {}", RunAndItem { run, item: listed.item }),
        (Owner::Customer(id), None) => id.to_string(),
        (Owner::Run(run), _) => format!("run {run}"),
    }
}

/// How often word was tried.
#[must_use]
pub fn tried(calls: u32) -> String {
    match calls {
        0 => "not tried yet".to_owned(),
        1 => "tried once".to_owned(),
        calls => format!("tried {calls} times"),
    }
}

/// What is next to do about an endpoint, if anything is.
#[must_use]
pub fn endpoint_next(listed: &EndpointListed) -> String {
    let name = &listed.endpoint.endpoint;
    match listed.standing {
        EndpointStanding::Flows | EndpointStanding::Tried { .. } if listed.lanes_used == 0 => {
            "Nothing is sent: of so few lanes no invocation has one. `pulse lanes deliver` says how many invocations share them."
                .to_owned()
        }
        EndpointStanding::Flows if listed.waiting.deliveries == 0 => "Nothing.".to_owned(),
        EndpointStanding::Flows => "Nothing: what waits goes out as fast as its lanes carry it.".to_owned(),
        EndpointStanding::Tried { .. } => "Nothing: if it takes these few facts, all of its word flows.".to_owned(),
        EndpointStanding::Paused { until: Some(_), .. } => {
            format!("Nothing: the pause ends by itself, or by `pulse endpoint resume {name}`.")
        }
        EndpointStanding::Paused { until: None, .. } => {
            format!("`pulse endpoint resume {name}`, once what it is paused for is over.")
        }
        EndpointStanding::Gone { .. } => format!(
            "Ask its operators whether that was meant. If not, `pulse endpoint resume {name}`; if so, `pulse endpoint remove \
             {name}`."
        ),
        EndpointStanding::Broken { .. } => format!(
            "Ask its operators: `pulse endpoint test {name}` tells what it answers. Once it is well, its word flows by itself."
        ),
        EndpointStanding::Removed { .. } => "Nothing: it is gone within minutes.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;
    use pulse_core::{control::Note, delivery::FactKind, failure::Cause};

    use super::*;

    fn at() -> Timestamp {
        "2026-11-03T10:00:00Z".parse().unwrap()
    }

    fn listed(standing: EndpointStanding, lanes_used: u32, deliveries: u64) -> EndpointListed {
        let endpoint = EndpointShown {
            endpoint: EndpointName::parse("crm").unwrap(),
            kind: "webhook",
            place: "hooks.example".to_owned(),
            secret: None,
            facts: BTreeSet::from([FactKind::Sent]),
            keeps: Keeps::Every,
            bodies: Bodies::Thin,
            lanes: 4,
            by: "aoife".into(),
            added_at: at(),
        };
        let waiting = Waiting { deliveries, is_more: false, oldest_since: None };
        EndpointListed { endpoint, lanes_used, standing, waiting, last_half_hour: LatelyCalled::default() }
    }

    #[test]
    fn there_is_a_next_step_for_each_way_to_stand_and_none_where_all_is_well() {
        let next = |standing, lanes, waiting| endpoint_next(&listed(standing, lanes, waiting));
        let paused = |until| EndpointStanding::Paused {
            by: "aoife".into(),
            note: Note::parse("moving house").unwrap(),
            since: at(),
            until,
        };
        assert_eq!(next(EndpointStanding::Flows, 4, 0), "Nothing.");
        assert!(next(EndpointStanding::Flows, 4, 7).contains("as its lanes carry it"));
        assert!(next(EndpointStanding::Flows, 0, 7).starts_with("Nothing is sent"));
        assert!(next(paused(None), 4, 7).starts_with("`pulse endpoint resume crm`, once"));
        assert!(next(paused(Some(at())), 4, 7).starts_with("Nothing: the pause ends by itself"));
        let gone = EndpointStanding::Gone { since: at(), cause: Cause::new("It answered 410.") };
        assert!(next(gone, 4, 7).contains("`pulse endpoint remove crm`"));
        assert!(
            next(EndpointStanding::Broken { since: at(), probe_at: at() }, 4, 7).contains("`pulse endpoint test crm`")
        );
        assert!(next(EndpointStanding::Removed { since: at() }, 4, 7).contains("within minutes"));
    }
}
