//! Campaigns, in words that the command line and pages share.

use std::fmt::Write as _;

use pulse_core::{
    campaign::{Audience, Campaign, CampaignEvent, CampaignOutcome, CampaignState, Question, StageUse},
    customer::Zone,
};

use super::{decimal, grouped, local, place};
use crate::{CampaignShown, OpenPlace};

/// How a campaign stands, in a word or two.
#[must_use]
pub fn campaign_state(campaign: &Campaign) -> String {
    match (&campaign.finished, campaign.state) {
        (Some((report, _)), _) => match report.outcome {
            CampaignOutcome::Succeeded => "finished".into(),
            CampaignOutcome::FinishedWithFailures => "finished with failures".into(),
            CampaignOutcome::Cancelled => "cancelled".into(),
        },
        (None, _) if campaign.cancelled.is_some() => "being cancelled".into(),
        (None, CampaignState::Running) if campaign.abandoned_at.is_some() => "past its deadline".into(),
        (None, state) if campaign.paused.is_some() => format!("{state}, paused"),
        (None, state) => state.to_string(),
    }
}

/// Whom it is for.
#[must_use]
pub fn audience(campaign: &Campaign) -> String {
    match &campaign.request.audience {
        Audience::Given { entries, items, .. } => format!("{} by their ids", customers_or_items(*entries, *items)),
        Audience::Asked { question } => asked(question),
    }
}

/// So many entries, of which so many are about items.
#[must_use]
pub fn customers_or_items(entries: u64, items: u64) -> String {
    let counted = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let customers = counted(entries - items, "customer", "customers");
    match (entries - items, counted(items, "item of a customer", "items of customers")) {
        _ if items == 0 => customers,
        (0, items) => items,
        (_, items) => format!("{items}, and {customers} without one"),
    }
}

fn asked(Question { product, band, region }: &Question) -> String {
    let mut words = "everyone on the roster".to_owned();
    if let Some(product) = product {
        let _ = write!(words, " with a {}", product.as_str());
    }
    if let Some(band) = band {
        let _ = write!(words, ", last scored {band}");
    }
    if let Some(region) = region {
        let _ = write!(words, ", in {region}");
    }
    words
}

/// What it waits for, or what is to be done about it, as a sentence; none, once it is over.
#[must_use]
pub fn campaign_next(shown: &CampaignShown, zone: &Zone) -> Option<String> {
    let campaign = &shown.campaign;
    let run = campaign.run;
    if campaign.state.is_over() {
        return None;
    }
    if let Some(told) = &campaign.paused {
        let why = told.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        return Some(format!(
            "Paused by {}{why} since {}: `pulse run resume {run}` has it go on where it is.",
            told.by,
            local(told.at, zone)
        ));
    }
    Some(match campaign.state {
        CampaignState::Requested | CampaignState::Planning | CampaignState::Sealed if campaign.cancelled.is_some() => {
            "Nothing of it is sent: tick closes it within a minute or two.".to_owned()
        }
        CampaignState::Requested => "Tick begins to plan it within a minute.".to_owned(),
        CampaignState::Planning => "Its entries are being written. Nothing is sent before all of them are.".to_owned(),
        CampaignState::Sealed => "It is begun by the next tick.".to_owned(),
        CampaignState::Running if campaign.cancelled.is_some() => {
            "What no worker has in hand is being closed as cancelled.".to_owned()
        }
        CampaignState::Running if campaign.abandoned_at.is_some() => {
            "Its deadline is over: what no worker has in hand is being closed as abandoned.".to_owned()
        }
        _ => match (shown.through_at, campaign.request.deadline) {
            (Some(at), Some(deadline)) if at > deadline => format!(
                "As fast as it goes, it is through at {}, after its deadline: what is open then is abandoned. More lanes, or a \
                 higher priority, have it go faster.",
                local(at, zone)
            ),
            (Some(at), _) => format!("As fast as it goes, it is through at {}.", local(at, zone)),
            (None, _) => match campaign.request.a_day {
                Some(a_day) => format!("{a_day} at most are begun in each 24 hours from its start."),
                None => "It is dispatched a minute's work at a time.".to_owned(),
            },
        },
    })
}

/// Where open entries are.
#[must_use]
pub fn open_place(OpenPlace { stage, waits, .. }: &OpenPlace) -> String {
    match *waits {
        "held" => format!("to be dispatched: {stage}"),
        "put-off" => format!("put off: {stage}"),
        _ => format!("dispatched: {stage}"),
    }
}

/// How a stage was used while a campaign ran.
#[must_use]
pub fn stage_use(used: &StageUse) -> String {
    let Some(latency) = used.mean_latency() else { return format!("{}: no calls", used.stage) };
    let (calls, seconds, lanes) = (grouped(used.calls), decimal(latency.as_secs_f64()), decimal(used.lanes()));
    let failed = match used.failures {
        0 => String::new(),
        failures => format!(", {} of them in vain", grouped(failures)),
    };
    format!("{}: {calls} calls of all runs{failed}, {seconds} s each, {lanes} lanes in use on average", used.stage)
}

/// Where a campaign's entries are, each place with how many: what is done first, and then what is open.
#[must_use]
pub fn campaign_places(shown: &CampaignShown) -> Vec<(String, u64)> {
    let closed = shown.closed.iter().map(|(key, count)| (place(*key), *count));
    let mut places: Vec<(String, u64)> = closed.collect();
    for open in &shown.open {
        let words = open_place(open);
        match places.iter_mut().find(|(known, _)| *known == words) {
            Some((_, count)) => *count += open.entries,
            None => places.push((words, open.entries)),
        }
    }
    places
}

/// What happened to a campaign.
#[must_use]
pub fn campaign_event(event: &CampaignEvent) -> String {
    let because = |note: Option<&pulse_core::control::Note>| note.map(|note| format!(": {note}")).unwrap_or_default();
    match event {
        CampaignEvent::Requested { by, note, .. } => format!("asked for by {by}{}", because(note.as_ref())),
        CampaignEvent::PlanningStarted => "planning began".into(),
        CampaignEvent::Sealed { seal } => format!("sealed with {} entries", seal.count),
        CampaignEvent::Started => "begun".into(),
        CampaignEvent::Paused { by, note } => format!("paused by {by}: {note}"),
        CampaignEvent::Resumed { by, note } => format!("resumed by {by}{}", because(note.as_ref())),
        CampaignEvent::CancelAsked { by, note } => format!("cancelled by {by}: {note}"),
        CampaignEvent::DeadlinePassed => "past its deadline, with entries open".into(),
        CampaignEvent::LastClosed => "its last entry was closed".into(),
        CampaignEvent::Finished { report } => match report.outcome {
            CampaignOutcome::Succeeded => "finished".into(),
            CampaignOutcome::FinishedWithFailures => "finished, with failures".into(),
            CampaignOutcome::Cancelled => "over, as it was cancelled".into(),
        },
    }
}
