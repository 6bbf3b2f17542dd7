//! All messages of a queue: each visible or hidden, and found by age, by turn and by receipt in no
//! more than logarithmic time.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use pulse_core::ports::Receipt;

use super::{
    counts::LaggingCounts,
    groups::{Group, Groups},
    lines::Lines,
    message::{Message, QueueCalls, QueueDepth, Received, Slab, Slot},
};

/// The most messages that may be in flight: received, and neither deleted nor visible again (Amazon
/// SQS Developer Guide, "Amazon SQS message quotas").
const MOST_IN_FLIGHT: usize = 120_000;

/// How many of a receipt's low bits are the slot; the others count receives.
const SLOT_BITS: u32 = 28;

/// The first moment of something, then its serial number.
type Moment = (Timestamp, u64);

#[derive(Debug)]
pub(super) struct Messages {
    held: Slab<Held>,
    /// How many were ever added: the next one's serial number.
    added: u64,
    /// How many were ever handed out.
    received: u64,
    /// By when they were sent.
    visible: BTreeMap<Moment, Slot>,
    lines: Lines,
    groups: Groups,
    /// By when they become visible.
    hidden: BTreeMap<Moment, Slot>,
    /// By when they were sent.
    hidden_by_age: BTreeMap<Moment, Slot>,
    retention: Option<Duration>,
    /// What is told of how many there are, unless it is exact.
    pub(super) counts: Option<LaggingCounts>,
    pub(super) expired: u64,
    pub(super) calls: QueueCalls,
    /// A message move task is under way.
    pub(super) is_moving: bool,
}

#[derive(Debug)]
struct Held {
    message: Message,
    serial: u64,
    group: Group,
    /// Of its last receive; 0 before the first.
    receive: u64,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// At this position of the line.
    Visible(u32),
    /// Until then.
    Hidden(Timestamp),
}

impl Messages {
    pub(super) fn new() -> Self {
        Self {
            held: Slab::new(),
            added: 0,
            received: 0,
            visible: BTreeMap::new(),
            lines: Lines::in_turn(),
            groups: Groups::new(),
            hidden: BTreeMap::new(),
            hidden_by_age: BTreeMap::new(),
            retention: None,
            counts: None,
            expired: 0,
            calls: QueueCalls::default(),
            is_moving: false,
        }
    }

    /// To be called before the first message.
    pub(super) fn shuffle(&mut self) {
        self.lines = Lines::Shuffled(BTreeMap::new());
    }

    /// To be called before the first message.
    pub(super) fn tell_groups_apart(&mut self) {
        self.groups.tell_apart();
    }

    pub(super) fn retain_for(&mut self, retention: Duration) {
        self.retention = Some(retention);
    }

    /// Lets those become visible whose time has come, and drops those that are too old.
    pub(super) fn settle(&mut self, now: Timestamp) {
        while let Some(first) = self.hidden.first_entry().filter(|first| first.key().0 <= now) {
            let slot = *first.get();
            self.uncover(slot);
        }
        if let Some(oldest) = self.retention.and_then(|retention| now.checked_sub(retention).ok()) {
            self.expire(oldest);
        }
        let held = &self.held;
        self.lines.close_up(self.visible.len(), |slot, serial| is_in(held, slot, serial));
        let depth = self.depth();
        if let Some(counts) = &mut self.counts {
            counts.note(now, depth);
        }
    }

    /// Drops those that were sent at `oldest` or before.
    fn expire(&mut self, oldest: Timestamp) {
        let is_old = |first: &(Timestamp, Slot)| first.0 <= oldest;
        while let Some((_, slot)) = self.oldest_visible().filter(is_old).or_else(|| self.oldest_hidden().filter(is_old))
        {
            self.remove(slot);
            self.expired += 1;
        }
    }

    /// Adds a message, visible at once.
    pub(super) fn add(&mut self, message: Message) {
        let serial = self.added;
        self.added += 1;
        let key = (message.sent_at, serial);
        let group = self.groups.number(message.group.as_ref());
        let slot = self.held.insert(Held { message, serial, group, receive: 0, place: Place::Visible(0) });
        self.visible.insert(key, slot);
        self.place(slot, group, serial);
    }

    /// A number that no message of this queue had yet.
    pub(super) fn next_serial(&self) -> u64 {
        self.added
    }

    /// Whether a message is visible, and one more may be in flight.
    pub(super) fn may_hand_out(&self) -> bool {
        !self.visible.is_empty() && self.hidden.len() < MOST_IN_FLIGHT
    }

    /// Whose turn it is, if one more may be in flight.
    pub(super) fn next(&mut self, choose: impl FnOnce(usize) -> usize) -> Option<Slot> {
        if !self.may_hand_out() {
            return None;
        }
        let held = &self.held;
        let noisy = self.groups.noisy(self.hidden.len());
        self.lines.next(&noisy, choose, |slot, serial| is_in(held, slot, serial))
    }

    pub(super) fn message(&self, slot: Slot) -> Option<&Message> {
        Some(&self.held.get(slot)?.message)
    }

    /// Hides a visible message until then, and hands it out.
    pub(super) fn hand_out(&mut self, slot: Slot, until: Timestamp) -> Option<Received> {
        self.leave_visible(slot);
        self.received += 1;
        let held = self.held.get_mut(slot)?;
        held.receive = self.received;
        held.message.receive_count += 1;
        let message = &held.message;
        let received = Received {
            id: message.id.to_string(),
            body: message.body.to_string(),
            receipt: receipt(slot, held.receive),
            receive_count: message.receive_count,
            sent_at: message.sent_at,
            group: message.group.clone(),
            undelivered: message.undelivered.clone(),
        };
        self.hidden_by_age.insert((message.sent_at, held.serial), slot);
        self.groups.add_in_flight(held.group);
        self.hide(slot, until);
        Some(received)
    }

    /// Which message a receipt is of, unless it has been received again since or has gone.
    pub(super) fn find(&self, receipt: &Receipt) -> Option<Slot> {
        let number: u64 = receipt.0.parse().ok()?;
        let slot = Slot::try_from(number & ((1 << SLOT_BITS) - 1)).ok()?;
        let receive = number >> SLOT_BITS;
        self.held.get(slot).filter(|held| receive > 0 && held.receive == receive).map(|_| slot)
    }

    /// Hides a message that is hidden still until another moment. Says whether it is the first now that
    /// becomes visible.
    pub(super) fn hide_until(&mut self, slot: Slot, until: Timestamp) -> bool {
        let Some(Held { serial, place: Place::Hidden(before), .. }) = self.held.get(slot) else {
            return false;
        };
        let (before, serial) = (*before, *serial);
        self.hidden.remove(&(before, serial));
        self.hide(slot, until);
        until < before && self.hidden.first_key_value().is_some_and(|(first, _)| *first == (until, serial))
    }

    /// Takes a message out, wherever it is.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Message> {
        match self.held.get(slot)?.place {
            Place::Visible(_) => self.leave_visible(slot),
            Place::Hidden(until) => self.leave_hidden(slot, until),
        }
        self.held.remove(slot).map(|held| held.message)
    }

    /// Takes all messages out, and says how many there were.
    pub(super) fn clear(&mut self) -> usize {
        let count = self.held.len();
        self.held = Slab::new();
        self.lines.clear();
        self.groups.clear();
        self.visible.clear();
        self.hidden.clear();
        self.hidden_by_age.clear();
        count
    }

    pub(super) fn visible(&self) -> usize {
        self.visible.len()
    }

    /// How many there are.
    pub(super) fn depth(&self) -> QueueDepth {
        QueueDepth { visible: self.visible.len(), in_flight: self.hidden.len() }
    }

    /// When the visible message that was sent first was sent, and where it is.
    pub(super) fn oldest_visible(&self) -> Option<(Timestamp, Slot)> {
        self.visible.first_key_value().map(|((sent_at, _), slot)| (*sent_at, *slot))
    }

    /// The first visible message, from the oldest on, that was sent after `from`.
    pub(super) fn visible_after(&self, from: Option<Moment>) -> Option<(Moment, Slot)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = from.map_or(Unbounded, Excluded);
        self.visible.range((from, Unbounded)).next().map(|(moment, slot)| (*moment, *slot))
    }

    /// When the next hidden message becomes visible.
    pub(super) fn next_uncovered(&self) -> Option<Timestamp> {
        self.hidden.first_key_value().map(|((until, _), _)| *until)
    }

    fn oldest_hidden(&self) -> Option<(Timestamp, Slot)> {
        self.hidden_by_age.first_key_value().map(|((sent_at, _), slot)| (*sent_at, *slot))
    }

    fn hide(&mut self, slot: Slot, until: Timestamp) {
        if let Some(held) = self.held.get_mut(slot) {
            held.place = Place::Hidden(until);
            self.hidden.insert((until, held.serial), slot);
        }
    }

    fn uncover(&mut self, slot: Slot) {
        let Some(held) = self.held.get(slot) else { return };
        let (serial, group, sent_at) = (held.serial, held.group, held.message.sent_at);
        if let Place::Hidden(until) = held.place {
            self.leave_hidden(slot, until);
        }
        self.visible.insert((sent_at, serial), slot);
        self.place(slot, group, serial);
    }

    fn place(&mut self, slot: Slot, group: Group, serial: u64) {
        let position = self.lines.join(group, slot, serial);
        if let Some(held) = self.held.get_mut(slot) {
            held.place = Place::Visible(position);
        }
    }

    fn leave_hidden(&mut self, slot: Slot, until: Timestamp) {
        if let Some(held) = self.held.get(slot) {
            self.hidden.remove(&(until, held.serial));
            self.hidden_by_age.remove(&(held.message.sent_at, held.serial));
            self.groups.remove_in_flight(held.group);
        }
    }

    fn leave_visible(&mut self, slot: Slot) {
        let Some(held) = self.held.get(slot) else { return };
        self.visible.remove(&(held.message.sent_at, held.serial));
        if let Place::Visible(position) = held.place
            && let Some(other) = self.lines.leave(held.group, slot, position)
            && let Some(other) = self.held.get_mut(other)
        {
            other.place = Place::Visible(position);
        }
    }
}

/// Whether that message stands in that slot and is visible.
fn is_in(held: &Slab<Held>, slot: Slot, serial: u64) -> bool {
    held.get(slot).is_some_and(|held| held.serial == serial && matches!(held.place, Place::Visible(_)))
}

fn receipt(slot: Slot, receive: u64) -> Receipt {
    Receipt((receive << SLOT_BITS | u64::from(slot)).to_string())
}
