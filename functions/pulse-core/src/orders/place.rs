use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::progress::Fate;
use crate::{entry::Addressee, stable_hash::stable_hash};

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
    /// Whether whoever had it last let it go, and so has nothing in hand.
    pub(super) is_let_go: bool,
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
    /// When the last letter is in sight again that someone had in hand who is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) in_sight_at: Option<Timestamp>,
    /// Whose entry was dealt with last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Addressee>,
}

/// A letter, and as what it was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Mark(String);

/// Digits of a letter's hash in its mark.
const DIGITS: usize = 16;

impl Mark {
    pub(super) fn new(id: &str, counted: &str) -> Self {
        Self(hash(id) + counted)
    }

    fn is_of(&self, hash: &str) -> bool {
        self.0.get(..DIGITS) == Some(hash)
    }

    /// As what it was counted.
    pub(super) fn counted(&self) -> &str {
        self.0.get(DIGITS..).unwrap_or_default()
    }
}

fn hash(id: &str) -> String {
    format!("{:016x}", stable_hash("letter", id))
}

impl OrderPlace {
    /// Whether it has nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether whoever had it last let it go.
    pub(super) fn is_let_go(&self) -> bool {
        self.is_let_go
    }

    /// Until when nobody else is to take it up.
    pub(super) fn claimed_until(&self) -> Option<Timestamp> {
        self.claimed_until
    }

    /// Someone else takes it up until then. If whoever had it is gone, what they had in hand is in doubt, and they may have had
    /// letters in hand that they hadn't written down.
    pub(super) fn take_up(&mut self, until: Timestamp, in_sight_after: Duration) {
        let held_until = self.claimed_until.replace(until);
        let was_let_go = std::mem::take(&mut self.is_let_go);
        if let Some(held_until) = held_until.filter(|_| !was_let_go) {
            self.in_sight_at = Some(held_until.saturating_add(in_sight_after).unwrap_or(Timestamp::MAX));
        }
        self.in_doubt.append(&mut self.in_hand);
    }

    /// What a letter that is in doubt came to, if it may have been dealt with.
    pub(super) fn may_have_come_to(&self, id: &str) -> Option<Fate> {
        let hash = hash(id);
        Fate::going(self.in_doubt.iter().find(|mark| mark.is_of(&hash))?.counted())
    }

    /// Takes a letter out of doubt, and tells as what it was counted.
    pub(super) fn resolve(&mut self, id: &str) -> Option<Mark> {
        let hash = hash(id);
        let at = self.in_doubt.iter().position(|mark| mark.is_of(&hash))?;
        Some(self.in_doubt.swap_remove(at))
    }

    /// Begins a round, in which what stays is counted anew.
    pub(super) fn begin_round(&mut self, now: Timestamp, lasts: Duration) {
        self.rounds += 1;
        self.round_ends = Some(now.saturating_add(lasts).unwrap_or(Timestamp::MAX));
        self.in_doubt.retain(|mark| Fate::going(mark.counted()).is_some());
    }
}
