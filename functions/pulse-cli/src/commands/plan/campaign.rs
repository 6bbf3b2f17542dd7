//! What `pulse plan` takes for a campaign.

use std::{num::NonZeroU32, time::Duration};

use anyhow::Result;
use clap::Args;
use pulse_core::{
    entry::StageName,
    plan::{Bound, Campaign, Utilisation},
};

use crate::{exit::Usage, names, text::length};

/// Of what a plan of months has, a campaign has nothing but a share of the lanes.
const OF_MONTHS: [&str; 7] =
    ["customers", "days", "score_latency", "email_latency", "score_in_flight", "email_in_flight", "backlog"];

#[derive(Debug, Args)]
#[command(next_help_heading = "A campaign")]
pub(super) struct CampaignOptions {
    /// Plan a campaign of so many items, each of which takes one call.
    #[arg(long, value_name = "N", requires = "each", requires = "bound", conflicts_with_all = OF_MONTHS)]
    items: Option<NonZeroU32>,

    /// Mean time of an item's call: as in 60s, 2m or 20ms.
    #[arg(long, value_name = "TIME", requires = "items", value_parser = length)]
    each: Option<Duration>,

    /// The most lanes that the partner bears. Without --within, how long it takes with them.
    #[arg(long, value_name = "N", requires = "items")]
    lanes: Option<u32>,

    /// Calls that an invocation keeps in flight. Without it, the fewest that are enough.
    #[arg(long, value_name = "N", requires = "items")]
    in_flight: Option<u32>,

    /// For how long a call is waited for. Without it, 20 s, or twice the mean of a longer one.
    #[arg(long, value_name = "TIME", requires = "items", value_parser = length)]
    call_timeout: Option<Duration>,

    /// The stage that makes the calls.
    #[arg(long, value_name = "STAGE", requires = "items", default_value = "email", value_parser = names::stage())]
    stage: StageName,
}

impl CampaignOptions {
    /// The campaign that is wished for, if one is.
    pub(super) fn campaign(&self, within: Option<Duration>, utilisation: Utilisation) -> Result<Option<Campaign>> {
        let (Some(items), Some(each)) = (self.items, self.each) else { return Ok(None) };
        let bound = match (within, self.lanes) {
            (Some(within), allowed) => Bound::Within { within, allowed },
            (None, Some(lanes)) => Bound::Lanes(lanes),
            (None, None) => return Ok(None),
        };
        if !StageName::OF_ENTRIES.contains(&self.stage) {
            let stage = self.stage;
            return Err(Usage(format!(
                "The {stage} stage has no part in a campaign: say --stage email, score or call."
            ))
            .into());
        }
        let Self { stage, in_flight, call_timeout, .. } = *self;
        Ok(Some(Campaign { stage, items, each, bound, in_flight, call_timeout, utilisation }))
    }
}
