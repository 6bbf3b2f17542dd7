use std::fmt::Write as _;

use anyhow::Result;
use pulse_app::{EndpointListed, EndpointShown, EndpointsReport, LatelyCalled, Waiting};
use pulse_core::{
    customer::Zone,
    delivery::{Bodies, EndpointName, EndpointStanding, Keeps},
};

use super::{Desk, told};
use crate::{
    exit::Exit,
    output::{Table, heading},
    text::{self, endpoint_standing, grouped, local},
};

pub(super) async fn run(desk: &Desk) -> Result<Exit> {
    let report = desk.app.endpoints().await.map_err(told)?;
    let zone = desk.app.settings.zone()?;
    desk.output.show(&report, || text(&report, &zone))?;
    Ok(Exit::Done)
}

fn text(report: &EndpointsReport, zone: &Zone) -> String {
    if report.endpoints.is_empty() {
        return "No other system is told of anything: `pulse endpoint add` adds one.\n".to_owned();
    }
    let mut text = String::new();
    for listed in &report.endpoints {
        let EndpointListed { endpoint, lanes_used, standing, waiting: waits, last_half_hour } = listed;
        let name = &endpoint.endpoint;
        text += &heading(name.as_str());
        let table = Table::default()
            .row("to", format!("{} at {}, {}", endpoint.kind, endpoint.place, lanes(endpoint, *lanes_used)))
            .row("told of", asked_for(endpoint))
            .row("now", if *lanes_used == 0 { without_lanes(name, report) } else { now(standing, name, zone) })
            .row("waiting", waiting_in(waits, zone))
            .row("last half hour", called(last_half_hour))
            .row("added", format!("{} by {}", local(endpoint.added_at, zone), endpoint.by));
        text += &table.render();
        text.push('\n');
    }
    if let Some(holder) = &report.stage_held {
        let _ = writeln!(text, "Nobody is told anything: the deliver stage {}.", text::holder(holder, zone));
    }
    if report.endpoints.iter().any(|listed| listed.lanes_used < listed.endpoint.lanes) {
        let _ = writeln!(
            text,
            "Up to {} invocations share an endpoint's lanes, each as many as any other, and for no endpoint more than half of \
             the calls that it makes at once: what doesn't go up is not used.",
            report.invocations
        );
    }
    text
}

fn without_lanes(name: &EndpointName, report: &EndpointsReport) -> String {
    let invocations = report.invocations;
    format!(
        "told nothing: it has fewer lanes than the {invocations} invocations that share them, until `pulse endpoint change \
         {name} --lanes {invocations}`"
    )
}

fn now(standing: &EndpointStanding, name: &EndpointName, zone: &Zone) -> String {
    match standing {
        EndpointStanding::Flows => standing.word().to_owned(),
        standing => format!("{}: it {}", standing.word(), endpoint_standing(standing, name, zone)),
    }
}

/// Of what an endpoint is told, and how.
pub(super) fn asked_for(endpoint: &EndpointShown) -> String {
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

fn lanes(endpoint: &EndpointShown, used: u32) -> String {
    match (endpoint.lanes, used) {
        (lanes, used) if lanes == used => format!("{lanes} lanes"),
        (lanes, 0) => format!("{lanes} lanes, of which none is used: nothing is sent"),
        (lanes, used) => format!("{lanes} lanes, of which {used} are used"),
    }
}

/// How many deliveries wait, in words that begin a sentence, with moments in UTC.
pub(super) fn waiting(waiting: &Waiting) -> String {
    match waiting {
        Waiting { deliveries: 0, .. } => "No delivery waits".to_owned(),
        Waiting { deliveries: 1, is_more: false, .. } => format!("1 delivery waits{}", since(waiting)),
        _ => format!("{} deliveries wait{}", count(waiting), since(waiting)),
    }
}

fn since(waiting: &Waiting) -> String {
    waiting.oldest_since.map_or_else(String::new, |since| format!(", the oldest since {since:.0}"))
}

fn count(waiting: &Waiting) -> String {
    format!("{}{}", grouped(waiting.deliveries), if waiting.is_more { "+" } else { "" })
}

fn waiting_in(waiting: &Waiting, zone: &Zone) -> String {
    match waiting.oldest_since {
        _ if waiting.deliveries == 0 => "nothing".to_owned(),
        Some(since) => format!("{}, the oldest since {}", count(waiting), local(since, zone)),
        None => count(waiting),
    }
}

fn called(lately: &LatelyCalled) -> String {
    let LatelyCalled { calls, failures, mean_latency_ms } = lately;
    if *calls == 0 {
        return "no call".to_owned();
    }
    let mean = mean_latency_ms.map(|mean| format!(", {} ms each on average", grouped(mean))).unwrap_or_default();
    format!("{} calls, of which {} failed{mean}", grouped(*calls), grouped(*failures))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pulse_core::{control::Note, delivery::FactKind, why::HoldReason};

    use super::*;
    use crate::commands::endpoint::tests::{at, shown};

    fn listed(endpoint: EndpointShown, standing: EndpointStanding) -> EndpointListed {
        let waiting = Waiting { deliveries: 1_000, is_more: true, oldest_since: Some(at()) };
        let last_half_hour = LatelyCalled { calls: 1_340, failures: 2, mean_latency_ms: Some(120) };
        EndpointListed { lanes_used: endpoint.lanes, endpoint, standing, waiting, last_half_hour }
    }

    #[test]
    fn the_list_says_who_is_told_of_what_what_holds_them_and_what_waits() {
        let paused = EndpointStanding::Paused {
            by: "aoife".into(),
            note: Note::parse("moving house").unwrap(),
            since: at(),
            until: None,
        };
        let facts = BTreeSet::from([FactKind::Bounced]);
        let warehouse = EndpointShown {
            endpoint: EndpointName::parse("warehouse").unwrap(),
            kind: "sns",
            place: "pulse-facts".to_owned(),
            facts,
            keeps: Keeps::Latest,
            bodies: Bodies::Full,
            lanes: 7,
            ..shown()
        };
        let waiting = Waiting::default();
        let quiet = EndpointListed {
            lanes_used: 5,
            waiting,
            last_half_hour: LatelyCalled::default(),
            ..listed(warehouse, EndpointStanding::Flows)
        };
        let report = EndpointsReport {
            endpoints: vec![listed(shown(), paused), quiet],
            invocations: 5,
            stage_held: Some(HoldReason::Unexplained),
            at: at(),
        };
        let told = console::strip_ansi_codes(&text(&report, &Zone::UTC)).into_owned();
        assert!(!told.contains("t0ken"), "{told}");
        insta::assert_snapshot!(told);
    }

    #[test]
    fn where_nobody_is_told_it_says_how_to_add_someone() {
        let report = EndpointsReport { endpoints: vec![], invocations: 5, stage_held: None, at: at() };
        assert!(text(&report, &Zone::UTC).contains("`pulse endpoint add`"));
    }
}
