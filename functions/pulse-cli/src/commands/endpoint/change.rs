use std::{fmt::Write as _, num::NonZeroU32};

use anyhow::Result;
use clap::{ArgGroup, Args};
use pulse_app::{EndpointChanged, EndpointCorrection, NewPlace};
use pulse_core::delivery::{Bodies, EndpointName, Keeps, Target};

use super::{
    Desk,
    add::{Facts, facts, lanes_unused, one_of, webhook_url},
    told,
};
use crate::{exit::Exit, text::asked_for};

/// What `pulse endpoint change` takes.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("what").args(["url", "sns", "bus", "facts", "keep", "bodies", "lanes"]).required(true).multiple(true)),
    group(ArgGroup::new("target").args(["url", "sns", "bus"])),
    after_help = "What waits for it stays, and goes to the new place. A webhook is signed with the keys that it has.\n\n\
                  Example: pulse endpoint change crm --url https://hooks.example/pulse/v2"
)]
pub(super) struct Options {
    /// The endpoint's name.
    #[arg(value_name = "NAME", value_parser = EndpointName::parse)]
    name: EndpointName,

    /// Another URL of a webhook.
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,

    /// Another topic of Amazon SNS.
    #[arg(long, value_name = "TOPIC_ARN", value_parser = Target::topic)]
    sns: Option<Target>,

    /// Another event bus of Amazon EventBridge, by its name.
    #[arg(long, value_name = "BUS", value_parser = Target::bus)]
    bus: Option<Target>,

    /// Of what it is told from then on: kinds of facts with commas between them, or all.
    #[arg(long, value_name = "KINDS|all", value_parser = facts)]
    facts: Option<Facts>,

    /// What it gets of facts that are overtaken before they are told.
    #[arg(long, value_name = "WHICH", value_parser = one_of::<Keeps>(&["every", "latest"]))]
    keep: Option<Keeps>,

    /// How much it is told.
    #[arg(long, value_name = "HOW", value_parser = one_of::<Bodies>(&["thin", "full"]))]
    bodies: Option<Bodies>,

    /// The most calls to it at once. Invocations of the deliver function share them evenly.
    #[arg(long, value_name = "N")]
    lanes: Option<NonZeroU32>,
}

pub(super) async fn run(desk: &Desk, options: Options) -> Result<Exit> {
    let Options { name, url, sns, bus, facts, keep, bodies, lanes } = options;
    let place = match (sns.or(bus), url) {
        (Some(target), _) => Some(NewPlace::OfAccount(target)),
        (None, Some(url)) => Some(NewPlace::Url(webhook_url(desk, &url).await?)),
        (None, None) => None,
    };
    let facts = facts.map(|Facts(kinds)| kinds);
    let correction = EndpointCorrection { place, facts, keeps: keep, bodies, lanes };
    let changed = desk.app.change_endpoint(&name, &correction).await.map_err(told)?;
    desk.output.show(&changed, || text(&changed))?;
    Ok(Exit::Done)
}

fn text(changed: &EndpointChanged) -> String {
    let EndpointChanged { endpoint, invocations, lanes_used, known_from } = changed;
    let mut text = format!(
        "{} is changed: {} at {}, told of {}. Everyone goes by that from {known_from:.0} on at the latest; what waits for it \
         stays.\n",
        endpoint.endpoint,
        endpoint.kind,
        endpoint.place,
        asked_for(endpoint)
    );
    text += &lanes_unused(endpoint, *lanes_used, *invocations);
    let _ = writeln!(text, "`pulse endpoint test {}` sends it word of nothing.", endpoint.endpoint);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::endpoint::tests::shown;

    #[test]
    fn whoever_changes_an_endpoint_learns_from_when_on_that_holds() {
        let known_from = "2026-11-03T10:01:00Z".parse().unwrap();
        let endpoint = pulse_app::EndpointShown { lanes: 7, ..shown() };
        insta::assert_snapshot!(text(&EndpointChanged { endpoint, invocations: 5, lanes_used: 5, known_from }));
    }
}
