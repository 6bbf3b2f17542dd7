use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{OrderAction, OrderId, OrderPlace, OrderProgress};
use crate::{
    control::{Actor, Note},
    failure::Cause,
    stable_hash::stable_hash,
};

/// An order, as it is kept. Every change of it is one conditional write on its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What it is told by.
    pub id: OrderId,
    /// What is to be done.
    #[serde(flatten)]
    pub action: OrderAction,
    /// Who gave it.
    pub by: Actor,
    /// Why, for others to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// When it was given.
    pub given_at: Timestamp,
    /// What its giver saw, where it takes many steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<OrderPreview>,
    /// Where it stands.
    #[serde(flatten)]
    pub state: OrderState,
    /// What has come of it.
    #[serde(default)]
    pub progress: OrderProgress,
    /// How often it was written. The first is 1.
    pub version: u64,
    /// When it was written last.
    pub changed_at: Timestamp,
    /// Where whoever carries it out is.
    #[serde(default, skip_serializing_if = "OrderPlace::is_empty")]
    pub place: OrderPlace,
}

/// What the giver of an order saw beforehand: it binds the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPreview {
    /// When it was looked. What comes later is not meant.
    pub at: Timestamp,
    /// How many would be dealt with. More never are.
    pub expected: u64,
    /// What is meant, in words.
    pub what: String,
    /// Of what was previewed: an order of something else is refused.
    pub fingerprint: String,
}

/// Where an order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum OrderState {
    /// It waits to be begun.
    Given,
    /// It is being carried out.
    Running,
    /// It is done, as far as could be: its progress says what stays and why.
    Done,
    /// All that was previewed is done, and more match: whoever wants those too has to look again.
    AsksAgain {
        /// How many more.
        more: u64,
    },
    /// It couldn't be done.
    Failed {
        /// In words for an operator: its outcome has no other place.
        #[serde(rename = "failure")]
        cause: Cause,
    },
    /// Someone cancelled it. What was done stays done.
    Cancelled {
        /// Whom AWS named, who may be another than gave it.
        cancelled_by: Actor,
    },
}

impl OrderState {
    /// Whether it is to be carried out still.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Given | Self::Running)
    }
}

impl OrderPreview {
    /// The preview of `action`, of which this many would be dealt with.
    #[must_use]
    pub fn of(action: &OrderAction, at: Timestamp, expected: u64) -> Self {
        let what = action.to_string();
        let fingerprint = format!("{:016x}", stable_hash("preview", &format!("{what} {expected} {at}")));
        Self { at, expected, what, fingerprint }
    }

    /// Whether it is one of this action, as it was made.
    #[must_use]
    pub fn is_of(&self, action: &OrderAction) -> bool {
        *self == Self::of(action, self.at, self.expected)
    }
}

impl Order {
    /// An order that waits to be carried out.
    #[must_use]
    pub fn given(action: OrderAction, by: Actor, note: Option<Note>, preview: OrderPreview, now: Timestamp) -> Self {
        // Of a preview there is one order: who presses twice, or sends the page again, gives none more.
        let id = OrderId::new(action.kind(), preview.at, &preview.fingerprint);
        Self { id, preview: Some(preview), ..Self::new(action, by, note, OrderState::Given, now) }
    }

    /// An order that was carried out when it was given, or couldn't be.
    #[must_use]
    pub fn at_once(
        action: OrderAction,
        by: Actor,
        note: Option<Note>,
        outcome: Result<(), Cause>,
        now: Timestamp,
    ) -> Self {
        let state = outcome.map_or_else(|cause| OrderState::Failed { cause }, |()| OrderState::Done);
        Self::new(action, by, note, state, now)
    }

    fn new(action: OrderAction, by: Actor, note: Option<Note>, state: OrderState, now: Timestamp) -> Self {
        let id = OrderId::new(action.kind(), now, &format!("{action} {by}"));
        let (preview, progress, place) = (None, OrderProgress::default(), OrderPlace::default());
        Self { id, action, by, note, given_at: now, preview, state, progress, version: 1, changed_at: now, place }
    }

    /// How many may be dealt with at most.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.preview.as_ref().map_or(0, |preview| preview.expected)
    }

    /// How many of an order that is over were previewed, and not met: someone else has had them in hand.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let OrderProgress { others, newer, beyond, .. } = self.progress;
        // What isn't meant is met beside what is; where all are meant, what has another cause is a part of it.
        let met = self.progress.looked_at() - others - newer - beyond;
        if self.state.is_open() { 0 } else { self.expected().saturating_sub(met) }
    }

    /// Until when an order that goes on rests, if it does: letters that others had in hand are in sight then.
    #[must_use]
    pub fn rests_until(&self) -> Option<Timestamp> {
        let is_resting = self.state == OrderState::Running && self.place.is_let_go();
        self.place.claimed_until().filter(|_| is_resting)
    }

    /// Whether all that was asked for was done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == OrderState::Done
            && self.progress.failed == 0
            && self.progress.stuck_in_all() == 0
            && self.missing() == 0
    }

    /// The order, taken up by someone until `until`, if it is open and may be. What someone had in hand who is gone is in
    /// sight again after `in_sight_after`.
    pub(super) fn claimed(&self, now: Timestamp, until: Timestamp, in_sight_after: Duration) -> Option<Self> {
        if !self.state.is_open() || self.place.claimed_until.is_some_and(|until| until > now) {
            return None;
        }
        let mut next = Self { state: OrderState::Running, ..self.next(now) };
        next.place.take_up(until, in_sight_after);
        Some(next)
    }

    /// The order, ended so.
    pub(super) fn ended(&self, state: OrderState, now: Timestamp) -> Self {
        Self { state, place: OrderPlace::default(), ..self.next(now) }
    }

    /// The order, cancelled, if it is open.
    #[must_use]
    pub fn cancelled(&self, by: Actor, now: Timestamp) -> Option<Self> {
        self.state.is_open().then(|| self.ended(OrderState::Cancelled { cancelled_by: by }, now))
    }

    /// What is written over this.
    pub(super) fn next(&self, now: Timestamp) -> Self {
        Self { version: self.version + 1, changed_at: now, ..self.clone() }
    }
}
