//! Campaigns: foreseeing, starting, showing, holding and cancelling them.

mod errors;
mod forecast;
mod held;
mod showing;
mod starting;

use std::num::NonZeroU64;

use jiff::Timestamp;
use pulse_core::{
    campaign::{CampaignLetter, FrequencyCap, Priority, Question},
    control::Note,
    customer::CustomerId,
    entry::Plan,
    run::RunId,
};

pub use self::{
    errors::CampaignError,
    forecast::CampaignForecast,
    showing::{CampaignListed, CampaignShown, CampaignsReport, OpenPlace},
};

/// A campaign that is to be started.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// By which run its entries are told.
    pub run: RunId,
    /// The stages that they go through.
    pub plan: Plan,
    /// Whom it is for.
    pub audience: NewAudience,
    /// What they are written.
    pub letter: CampaignLetter,
    /// When it is waited for no longer.
    pub deadline: Option<Timestamp>,
    /// Which goes first.
    pub priority: Priority,
    /// How many mails of all runs a customer may have had lately.
    pub cap: Option<FrequencyCap>,
    /// With more entries than this it isn't started.
    pub at_most: Option<u64>,
    /// So many entries are begun on each of its days at the most.
    pub a_day: Option<NonZeroU64>,
    /// Why: others will read it.
    pub note: Option<Note>,
}

/// Whom a new campaign is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewAudience {
    /// Those of these ids, each once, however often it is there.
    Ids(Vec<CustomerId>),
    /// Those whom another campaign was for and didn't reach: its entries that failed, were abandoned or cancelled. Those of which
    /// it isn't known are left out. It has to be over: what is open may reach them still.
    Unreached(RunId),
    /// Those of the roster whom a question finds.
    Asked(Question),
}
