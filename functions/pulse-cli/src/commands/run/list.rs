use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use pulse_app::{
    App, CampaignListed, CampaignsReport,
    words::{campaign_state, local},
};
use pulse_core::customer::Zone;

use super::told;
use crate::{exit::Exit, output::Output};

/// What `pulse run list` takes.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

pub(super) async fn run(app: &App, options: &Options, output: Output) -> Result<Exit> {
    let report = app.campaigns(options.limit).await.map_err(told)?;
    let zone = app.settings.zone()?;
    output.show(&report, || text(&report, &zone))?;
    Ok(Exit::Done)
}

fn text(report: &CampaignsReport, zone: &Zone) -> String {
    if report.campaigns.is_empty() {
        return "No campaign was ever started: `pulse run start` does.\n".to_owned();
    }
    let mut text = String::new();
    for CampaignListed { campaign, closed } in &report.campaigns {
        let closed: u64 = closed.values().sum();
        let of = campaign.sealed.map_or_else(|| "?".to_owned(), |(seal, _)| seal.count.to_string());
        let asked = local(campaign.requested.at, zone);
        let (run, state) = (campaign.run, campaign_state(campaign));
        let _ = writeln!(
            text,
            "{run:24}  {state:22}  {closed:>7} of {of:>7}  asked for {asked} by {}",
            campaign.requested.by
        );
    }
    text
}
