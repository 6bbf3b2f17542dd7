use std::{fmt, num::NonZeroU64, str::FromStr, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use super::Audience;
use crate::{entry::Plan, parse::ParseError, run::RunId};

/// What is asked for when a campaign is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignRequest {
    /// The stages that its entries go through, in order.
    pub plan: Plan,
    /// Whom it is for.
    pub audience: Audience,
    /// Of which other campaign they were left over, if they were asked for so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreached_of: Option<RunId>,
    /// The digest of its letter.
    pub letter: String,
    /// When it is waited for no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// Which goes first.
    pub priority: Priority,
    /// How many mails of all runs a customer may have had lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<FrequencyCap>,
    /// With more entries than this it isn't started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
    /// So many entries are begun at the most on each of its days of 24 hours, counted from its start. One that was put off since,
    /// as in quiet hours, isn't counted again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a_day: Option<NonZeroU64>,
}

/// In which order campaigns are dispatched, and what share of a stage's room is theirs.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Priority {
    /// Before all others.
    Urgent,
    /// Before what can wait.
    #[default]
    Normal,
    /// After all others.
    Bulk,
}

impl Priority {
    /// All of them, the first first.
    pub const ALL: &'static [Self] = Self::VARIANTS;
}

/// How many mails of all runs a customer may have had within a time, so that a campaign's is sent. The month's are always sent,
/// and count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FrequencyCap {
    mails: u32,
    days: u32,
}

impl FrequencyCap {
    /// Within how long mails are counted.
    #[must_use]
    pub fn within(self) -> Duration {
        Duration::from_hours(24 * u64::from(self.days))
    }

    /// Whether another mail at `now` is one too many, after those of these moments.
    #[must_use]
    pub fn is_reached(self, mailed: impl IntoIterator<Item = Timestamp>, now: Timestamp) -> bool {
        let from = now.saturating_sub(SignedDuration::from_hours(24 * i64::from(self.days))).unwrap_or(Timestamp::MIN);
        mailed.into_iter().filter(|at| *at > from).count() >= self.mails as usize
    }
}

/// `2/7d`: at most two mails in seven days.
impl FromStr for FrequencyCap {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let bad = || ParseError::new("frequency cap", "is not as in 2/7d: mails in days");
        let (mails, days) = text.strip_suffix('d').and_then(|text| text.split_once('/')).ok_or_else(bad)?;
        let (mails, days) = (mails.parse().map_err(|_| bad())?, days.parse().map_err(|_| bad())?);
        if mails == 0 || !(1..=366).contains(&days) { Err(bad()) } else { Ok(Self { mails, days }) }
    }
}

impl fmt::Display for FrequencyCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}d", self.mails, self.days)
    }
}

impl TryFrom<String> for FrequencyCap {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<FrequencyCap> for String {
    fn from(cap: FrequencyCap) -> Self {
        cap.to_string()
    }
}
