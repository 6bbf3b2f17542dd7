//! `pulse deliveries`.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use pulse_app::{DeliveriesReport, DeliveryListed, DeliveryQuestion};
use pulse_core::{customer::Zone, delivery::EndpointName};

use crate::{
    exit::Exit,
    interruption::Asked,
    output::{Output, Table, heading},
    target::Target,
    text::{grouped, local, tried, whose_word},
};

/// What `pulse deliveries` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "What holds an endpoint is in `pulse endpoint list`, and what comes next of one customer's facts in `pulse why \
                  CUSTOMER`. What was given up is among the dead letters, of which a thousand are looked at and put back: \
                  `pulse redrive deliver --endpoint NAME` brings it back."
)]
pub struct Options {
    /// To this endpoint. Without it, to all.
    #[arg(value_name = "ENDPOINT", value_parser = EndpointName::parse)]
    endpoint: Option<EndpointName>,

    /// What was given up, instead of what waits.
    #[arg(long)]
    failed: bool,

    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = limit)]
    limit: usize,
}

fn limit(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(limit @ 1..=10_000) => Ok(limit),
        _ => Err("is not a whole number from 1 to 10000"),
    }
}

/// Carries `pulse deliveries` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or read, or there is no such endpoint.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let app = target.app().await?;
    let asked = Asked::listen()?;
    let Options { endpoint, failed, limit } = options;
    let question = DeliveryQuestion { endpoint, failed, limit };
    let report = app.deliveries(&question, &|| asked.to_end()).await?;
    let zone = app.settings.zone()?;
    output.show(&report, || text(&question, &report, &zone))?;
    Ok(if asked.to_end() { Exit::Interrupted } else { Exit::Done })
}

fn text(question: &DeliveryQuestion, report: &DeliveriesReport, zone: &Zone) -> String {
    let to = question.endpoint.as_ref().map(|name| format!(" to {name}")).unwrap_or_default();
    let what = if question.failed { "was given up" } else { "waits" };
    if report.deliveries.is_empty() {
        let unless = if report.is_more { ", of what was looked at" } else { "" };
        return format!("Nothing{to} {what}{unless}.\n");
    }
    let mut text = heading(&format!("What {what}{to}, the longest first"));
    let mut table = Table::default();
    for listed in &report.deliveries {
        table.push(whose_word(listed), line(listed, question.endpoint.is_none(), zone));
    }
    text += &table.render();
    if report.is_more {
        let _ = writeln!(text, "\nThere are more: {} are shown, see --limit.", grouped(report.deliveries.len() as u64));
    }
    if question.failed {
        let which = question.endpoint.as_ref().map_or_else(|| "NAME".to_owned(), ToString::to_string);
        let _ = writeln!(text, "\nWhen the cause is mended: pulse redrive deliver --endpoint {which}");
    }
    text
}

fn line(listed: &DeliveryListed, names_endpoint: bool, zone: &Zone) -> String {
    let DeliveryListed { endpoint, fact, since, calls, cause, .. } = listed;
    let to = if names_endpoint { format!(" to {endpoint}") } else { String::new() };
    let cause = cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{fact}{to}, since {}, {}{cause}", local(*since, zone), tried(*calls))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pulse_core::{
        customer::CustomerId,
        delivery::{FactKind, Owner},
        failure::Cause,
        run::RunId,
    };

    use super::*;

    fn report(is_more: bool) -> DeliveriesReport {
        let since: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
        let owner = Owner::Customer(CustomerId::parse("c-1").unwrap());
        let listed = DeliveryListed {
            endpoint: EndpointName::parse("crm").unwrap(),
            id: "c-1/2026-11/7/sent".parse().unwrap(),
            owner,
            run: RunId::parse("2026-11").ok(),
            item: None,
            fact: FactKind::Sent,
            since,
            calls: 3,
            cause: Some(Cause::new("https://hooks.example answered 503.")),
            given_up: false,
        };
        let waits = DeliveryListed { run: None, fact: FactKind::Forgotten, calls: 0, cause: None, ..listed.clone() };
        DeliveriesReport { deliveries: vec![listed, waits], is_more, at: since }
    }

    fn told(question: &DeliveryQuestion, report: &DeliveriesReport) -> String {
        console::strip_ansi_codes(&text(question, report, &Zone::UTC)).into_owned()
    }

    #[test]
    fn what_waits_is_told_with_whose_it_is_how_often_it_was_tried_and_why_it_failed() {
        assert_eq!(
            told(&DeliveryQuestion { limit: 2, ..DeliveryQuestion::default() }, &report(true)),
            "What waits, the longest first\n  \
             c-1 in 2026-11  sent to crm, since 2026-11-03 10:00 UTC, tried 3 times: https://hooks.example answered 503.\n  \
             c-1             forgotten to crm, since 2026-11-03 10:00 UTC, not tried yet\n\nThere are more: 2 are shown, see \
             --limit.\n"
        );
    }

    #[test]
    fn what_was_given_up_says_what_brings_it_back() {
        let question = DeliveryQuestion { endpoint: EndpointName::parse("crm").ok(), failed: true, limit: 50 };
        let told = told(&question, &report(false));
        assert!(told.starts_with("What was given up to crm, the longest first\n"), "{told}");
        assert!(told.ends_with("When the cause is mended: pulse redrive deliver --endpoint crm\n"), "{told}");
    }

    #[test]
    fn where_nothing_waits_it_says_so() {
        let none = DeliveriesReport { deliveries: vec![], ..report(false) };
        assert_eq!(told(&DeliveryQuestion::default(), &none), "Nothing waits.\n");
        for bad in ["0", "10001", "many"] {
            assert!(limit(bad).is_err(), "{bad}");
        }
    }
}
