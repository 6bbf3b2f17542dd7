use std::{fmt::Write as _, time::Duration};

use anyhow::Result;
use jiff::SignedDuration;
use pulse_app::{
    App, CampaignShown,
    words::{audience, campaign_event, campaign_next, campaign_places, campaign_state, local, stage_use},
};
use pulse_core::{customer::Zone, run::RunId};

use super::told;
use crate::{
    exit::Exit,
    output::{Output, Table, heading},
};

pub(super) async fn run(app: &App, run: RunId, output: Output) -> Result<Exit> {
    let shown = app.campaign(run).await.map_err(told)?;
    let zone = app.settings.zone()?;
    output.show(&shown, || text(&shown, &zone))?;
    Ok(Exit::Done)
}

fn text(shown: &CampaignShown, zone: &Zone) -> String {
    let campaign = &shown.campaign;
    let request = &campaign.request;
    let mut text = heading(&campaign.run.to_string());
    let steps: Vec<_> = request.plan.steps().map(|step| step.to_string()).collect();
    let mut table = Table::default()
        .row("state", campaign_state(campaign))
        .row("for", audience(campaign))
        .row("steps", steps.join(", "))
        .row("priority", request.priority)
        .row("asked for", format!("{} by {}", local(campaign.requested.at, zone), campaign.requested.by));
    if let Some(deadline) = request.deadline {
        table.push("deadline", local(deadline, zone));
    }
    if let Some(cap) = request.cap {
        table.push("frequency cap", format!("{cap}, over all runs"));
    }
    if let Some(a_day) = request.a_day {
        table.push("a day", format!("{a_day} at most"));
    }
    text += &table.render();
    let _ = writeln!(text);
    let sealed = campaign.sealed.map(|(seal, _)| seal.count);
    let mut table = Table::default();
    for (place, count) in campaign_places(shown) {
        table.push(place, count);
    }
    if shown.uncounted != 0 {
        table.push("moving", shown.uncounted);
    }
    table.push("in all", sealed.map_or_else(|| "not known yet: it isn't sealed".to_owned(), |count| count.to_string()));
    text += &table.render();
    if let Some((report, _)) = &campaign.finished {
        let took = |length: Duration| format!("{:#}", SignedDuration::from_secs_f64(length.as_secs_f64().round()));
        let _ = writeln!(text, "\nPlanned within {}, ran for {}.", took(report.planned_within), took(report.ran_for));
        for used in &report.stages {
            let _ = writeln!(text, "  {}", stage_use(used));
        }
        if let Some(bill) = &shown.bill {
            let _ = writeln!(
                text,
                "  About ${:.2} at public prices, reckoned without faults, beside the months' runs.",
                bill.total
            );
        }
        for (cause, count) in &report.causes {
            let _ = writeln!(text, "{count:>9}  {cause}");
        }
    }
    let _ = writeln!(text);
    for record in &shown.records {
        let _ = writeln!(text, "  {}  {}", local(record.at, zone), campaign_event(&record.event));
    }
    if let Some(next) = campaign_next(shown, zone) {
        let _ = writeln!(text, "\n{next}");
    }
    text
}
