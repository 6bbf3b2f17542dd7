use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::progress::Fate;
use crate::{customer::CustomerId, stable_hash::stable_hash};

/// Where whoever carries an order out is, so that another goes on from there.
///
/// What a letter is to come to is counted and written down before anything is done to it, and it is among those in hand then.
/// Of an order that is found with letters in hand and nobody at it, it isn't known which of them were dealt with: they are in
/// doubt. Those that are there still are met again, taken back from the count, and counted anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderPlace {
    /// Until when nobody else is to take it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) claimed_until: Option<Timestamp>,
    /// When letters that stay are in sight again: each is seen once before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) round_ends: Option<Timestamp>,
    /// Rounds that were begun.
    pub(super) rounds: u32,
    /// How often in a row nothing could be done.
    pub(super) failures: u32,
    /// Letters that are being dealt with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) in_hand: Vec<Mark>,
    /// Letters that someone had in hand who is gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) in_doubt: Vec<Mark>,
    /// When the last of those is in sight again, if it is there still.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) in_sight_at: Option<Timestamp>,
    /// The customer whose entry was dealt with last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<CustomerId>,
}

/// A letter, and as what it was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Mark(String);

/// Digits of a letter's hash in its mark.
const DIGITS: usize = 16;

impl Mark {
    pub(super) fn new(id: &str, counted: &str) -> Self {
        Self(format!("{:016x}{counted}", stable_hash("letter", id)))
    }

    pub(super) fn is_of(&self, id: &str) -> bool {
        self.0.get(..DIGITS) == Some(&format!("{:016x}", stable_hash("letter", id)))
    }

    /// As what it was counted.
    pub(super) fn counted(&self) -> &str {
        self.0.get(DIGITS..).unwrap_or_default()
    }
}

impl OrderPlace {
    /// Whether it has nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What was in hand is in doubt: whoever had it is gone.
    pub(super) fn doubt_what_is_in_hand(&mut self, in_sight_at: Timestamp) {
        let in_hand = std::mem::take(&mut self.in_hand);
        if !in_hand.is_empty() {
            self.in_doubt.extend(in_hand);
            self.in_sight_at = self.in_sight_at.max(Some(in_sight_at));
        }
    }

    /// Takes a letter out of doubt, and tells as what it was counted.
    pub(super) fn resolve(&mut self, id: &str) -> Option<Mark> {
        let at = self.in_doubt.iter().position(|mark| mark.is_of(id))?;
        Some(self.in_doubt.swap_remove(at))
    }

    /// Begins a round, in which what stays is counted anew.
    pub(super) fn begin_round(&mut self, now: Timestamp, lasts: Duration) {
        self.rounds += 1;
        self.round_ends = Some(now.saturating_add(lasts).unwrap_or(Timestamp::MAX));
        self.in_doubt.retain(|mark| Fate::goes_as(mark.counted()));
    }
}
