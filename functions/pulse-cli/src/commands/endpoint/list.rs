use std::fmt::Write as _;

use anyhow::Result;
use pulse_app::{EndpointListed, EndpointsReport, Waiting};
use pulse_core::customer::Zone;

use super::{Desk, told};
use crate::{
    exit::Exit,
    output::{Table, heading},
    text::{self, asked_for, called_lately, endpoint_lanes, endpoint_now, local, waiting_count, waiting_since},
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
            .row("to", format!("{} at {}, {}", endpoint.kind, endpoint.place, endpoint_lanes(endpoint, *lanes_used)))
            .row("told of", asked_for(endpoint))
            .row("now", endpoint_now(standing, name, zone))
            .row("waiting", waiting_since(waits, zone))
            .row("last half hour", called_lately(last_half_hour))
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

/// How many deliveries wait, in words that begin a sentence, with moments in UTC.
pub(super) fn waiting(waiting: &Waiting) -> String {
    match waiting {
        Waiting { deliveries: 0, .. } => "No delivery waits".to_owned(),
        Waiting { deliveries: 1, is_more: false, .. } => format!("1 delivery waits{}", since(waiting)),
        _ => format!("{} deliveries wait{}", waiting_count(waiting), since(waiting)),
    }
}

fn since(waiting: &Waiting) -> String {
    waiting.oldest_since.map_or_else(String::new, |since| format!(", the oldest since {since:.0}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pulse_app::{EndpointShown, LatelyCalled};
    use pulse_core::{
        control::Note,
        delivery::{Bodies, EndpointName, EndpointStanding, FactKind, Keeps},
        why::HoldReason,
    };

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
