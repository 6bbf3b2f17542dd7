//! The campaigns: runs that operators start, beside the months.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use maud::{Markup, html};
use pulse_app::{
    CampaignListed, CampaignsReport,
    words::{audience, campaign_state, grouped},
};
use pulse_core::{
    campaign::{Campaign, CampaignOutcome, CampaignState, Told},
    run::{CampaignName, RunId},
};

use super::bar::bar;
use crate::{
    console::Of,
    failure::Failure,
    layout::{Page, Place, moment},
    tables::{Table, Tables},
};

/// Campaigns that are listed: of each one's row the ledger is asked, and of those that aren't over how many entries are closed.
const LISTED: usize = 50;

/// Where a campaign's page is. A name has only letters, digits and hyphens.
pub(super) fn path(run: RunId) -> String {
    format!("/campaigns/{run}")
}

pub(super) fn parse(name: &str) -> Result<RunId, Failure> {
    let name = CampaignName::parse(name);
    name.map(RunId::campaign).map_err(|error| Failure::wrong(format!("{error}.")).see("/campaigns", "To the campaigns"))
}

pub(super) async fn all(State(console): Of, tables: Tables) -> Result<Response, Failure> {
    let read = async { Ok::<_, Failure>(Arc::new(console.app.campaigns(LISTED).await?)) };
    let report = console.read.campaigns.get(console.now(), read).await?;
    tables.answer(
        &*report,
        || vec![sheet(&report)],
        || {
            let main = page(&report, &tables);
            console.frame.page(&Page { title: "Campaigns".into(), place: Place::Campaigns, every: None, main })
        },
    )
}

fn sheet(report: &CampaignsReport) -> Table {
    let head = ["campaign", "state", "asked_for_at", "by", "why", "deadline", "entries", "closed"];
    let rows = report.campaigns.iter().map(|CampaignListed { campaign, closed }| {
        let Told { by, note, at } = &campaign.requested;
        [
            campaign.run.to_string(),
            campaign_state(campaign),
            at.to_string(),
            by.to_string(),
            note.as_ref().map(ToString::to_string).unwrap_or_default(),
            campaign.request.deadline.map(|deadline| deadline.to_string()).unwrap_or_default(),
            campaign.sealed.map(|(seal, _)| seal.count.to_string()).unwrap_or_default(),
            closed.values().sum::<u64>().to_string(),
        ]
    });
    Table::new("campaigns", head, rows)
}

fn page(report: &CampaignsReport, tables: &Tables) -> Markup {
    html! {
        div.heading { h1 { "Campaigns" } p.asof { "As of " (moment(report.at)) } }
        p { "Letters to many customers, beside their monthly mails. Each is a run of its own, which is held and cancelled by itself." }
        @if report.campaigns.is_empty() {
            p.empty { "None was ever started: " code { "pulse run start" } " does." }
        } @else {
            table.stacked.campaigns {
                thead {
                    tr {
                        th scope="col" { "campaign" } th scope="col" { "how it stands" } th scope="col" { "how far it is" }
                        th scope="col" { "asked for" } th scope="col" { "deadline" }
                    }
                }
                tbody { @for listed in &report.campaigns { (row(listed)) } }
            }
            p.small { "The newest " (LISTED) " are shown at most: " code { "pulse run list --limit N" } " lists more." }
            (tables.link("campaigns"))
        }
    }
}

fn row(CampaignListed { campaign, closed }: &CampaignListed) -> Markup {
    let done: u64 = closed.values().sum();
    html! {
        tr {
            th scope="row" { a href=(path(campaign.run)) { (campaign.run) } br; small { (audience(campaign)) } }
            td { (state(campaign)) }
            td.far data-head="how far it is" {
                @match campaign.sealed {
                    Some((seal, _)) => { (bar(closed, seal.count.saturating_sub(done))) small { (grouped(done)) " of " (grouped(seal.count)) } },
                    None => "not known yet",
                }
            }
            td data-head="asked for" { (told(&campaign.requested)) }
            td data-head="deadline" { @match campaign.request.deadline { Some(deadline) => (moment(deadline)), None => "none" } }
        }
    }
}

/// Who did something, when and why.
pub(super) fn told(Told { by, note, at }: &Told) -> Markup {
    html! { (moment(*at)) " by " (by) @if let Some(note) = note { ": " (note) } }
}

/// How it stands.
pub(super) fn state(campaign: &Campaign) -> Markup {
    let class = match (&campaign.finished, campaign.state) {
        (Some((report, _)), _) => match report.outcome {
            CampaignOutcome::Succeeded => "badge good",
            CampaignOutcome::FinishedWithFailures => "badge bad",
            CampaignOutcome::Cancelled => "badge",
        },
        _ if campaign.paused.is_some() || campaign.cancelled.is_some() => "badge held",
        _ if campaign.abandoned_at.is_some() => "badge bad",
        (None, CampaignState::Running | CampaignState::Closing) => "badge good",
        (None, _) => "badge",
    };
    html! { span class=(class) { (campaign_state(campaign)) } }
}
