use std::{
    collections::BTreeMap,
    fmt,
    ops::{Add, Range, Sub},
};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{LedgerError, LedgerListing, LedgerReports, RosterCount};
use crate::{
    customer::CustomerId,
    entry::{Awaited, Plan, StageName, TallyKey},
    run::RunId,
};

/// Where one run's entries stand, as far as the indexes tell, and how many customers there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// The roster.
    pub roster: RosterCount,
    /// Open entries.
    pub open: BTreeMap<OpenKey, u64>,
    /// Closed entries, by the keys that are for those.
    pub closed: BTreeMap<TallyKey, u64>,
}

/// What an open entry waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenKey {
    /// The stage that has to move it.
    pub stage: StageName,
    /// For which message.
    pub awaited: Awaited,
    /// Whether that has been [awaited](crate::entry::Entry::awaited_since) already.
    pub is_due: bool,
}

/// Parts in which a run's entries can be counted.
pub const COUNTED_PARTS: u64 = 8;

impl RunCounts {
    /// How many entries stand where.
    #[must_use]
    pub fn places(&self) -> BTreeMap<TallyKey, u64> {
        let mut places = self.closed.clone();
        for (OpenKey { stage, is_due, .. }, count) in &self.open {
            // Whatever waits for the first stage of the month does so for its own first.
            let key = TallyKey::of_open(*stage, *stage == Plan::MONTHLY.first(), *is_due);
            *places.entry(key).or_default() += count;
        }
        places
    }

    /// How many entries the run has.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.open.values().chain(self.closed.values()).sum()
    }
}

/// What reading the ledger has cost, in `DynamoDB`'s read request units. Half a unit is the least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadUnits {
    halves: u64,
}

impl ReadUnits {
    /// So many halves of a unit.
    #[must_use]
    pub const fn of_halves(halves: u64) -> Self {
        Self { halves }
    }

    /// Halves of units.
    #[must_use]
    pub const fn halves(self) -> u64 {
        self.halves
    }

    /// Units.
    #[must_use]
    pub fn units(self) -> f64 {
        self.halves as f64 / 2.0
    }
}

impl Add for ReadUnits {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { halves: self.halves + other.halves }
    }
}

impl Sub for ReadUnits {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { halves: self.halves.saturating_sub(before.halves) }
    }
}

impl fmt::Display for ReadUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.halves / 2)?;
        if self.halves.is_multiple_of(2) { Ok(()) } else { f.write_str(".5") }
    }
}

impl Serialize for ReadUnits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.units())
    }
}

impl<'de> Deserialize<'de> for ReadUnits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of read units")]
        f64::deserialize(deserializer).map(|units| Self { halves: (units * 2.0) as u64 })
    }
}

/// What operators ask about one run. Answers may be some seconds old: entries that move meanwhile may be
/// counted twice or not at all.
#[async_trait]
pub trait RunReports: LedgerReports + LedgerListing {
    /// Counts the run's entries at `now`, and the roster.
    async fn run_counts(&self, run: RunId, now: Timestamp) -> Result<RunCounts, LedgerError> {
        self.run_counts_in(0..COUNTED_PARTS, run, now).await
    }

    /// The same of the customers in some parts of [`COUNTED_PARTS`], of much the same size. Each customer is in one of them for
    /// good.
    async fn run_counts_in(&self, parts: Range<u64>, run: RunId, now: Timestamp) -> Result<RunCounts, LedgerError>;

    /// The customers of a [part](LedgerListing::parts) who have left.
    async fn closed_customers(&self, part: u64) -> Result<Vec<CustomerId>, LedgerError>;

    /// The customers of a part whose entry in the run is closed.
    async fn closed_in_run(&self, part: u64, run: RunId) -> Result<Vec<CustomerId>, LedgerError>;

    /// What reading has cost so far, of this ledger and its clones; nothing where it isn't measured.
    fn read_units(&self) -> ReadUnits;
}
