//! Everyone in a campaign, as text.

use std::fmt::Write as _;

use pulse_app::{
    CampaignWhy,
    words::{campaign_next, campaign_places, campaign_state, local},
};
use pulse_core::customer::Zone;

use super::run_text::{all_causes, feedback, holders};
use crate::output::{Table, heading};

/// The report as text, with times in `zone`.
pub(super) fn text(why: &CampaignWhy, zone: &Zone) -> String {
    let CampaignWhy { shown, holders: held, causes, feedback: told } = why;
    let campaign = &shown.campaign;
    let run = campaign.run;
    let mut text = heading(&format!("Campaign {run}, {}, at {}", campaign_state(campaign), local(shown.at, zone)));
    let mut table = Table::default();
    for (place, count) in campaign_places(shown) {
        table.push(place, count);
    }
    if shown.uncounted != 0 {
        table.push("moving", shown.uncounted);
    }
    let sealed = campaign.sealed.map(|(seal, _)| seal.count.to_string());
    table.push("everyone in it", sealed.unwrap_or_else(|| "not known yet: it isn't sealed".to_owned()));
    text += &table.render();
    text += &feedback(told);
    text += &holders(held, zone);
    text += &all_causes(causes, run);
    if let Some(next) = campaign_next(shown, zone) {
        let _ = writeln!(text, "\n{next}");
    }
    let _ = writeln!(text, "\n`pulse run show {run}` says what happened to it, and who did that.");
    text
}
