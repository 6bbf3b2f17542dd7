//! The queue in memory, with the ways of an SQS standard queue.
//!
//! A queue made by [`MemoryQueue::new`] behaves well: it keeps messages for good and hands each out
//! once, those first that have been visible longest. What SQS doesn't promise is added by
//! [`with_disorder`](MemoryQueue::with_disorder) and [`with_retention`](MemoryQueue::with_retention).
//!
//! Groups of messages are told apart by [`with_fair_groups`](MemoryQueue::with_fair_groups) alone.
//!
//! Every call costs at most logarithmic time, however many messages wait; a receive of an unordered queue looks at each group
//! of which some wait.

mod counts;
mod disorder;
mod groups;
mod holding;
mod lines;
mod message;
mod messages;
mod move_task;
mod moving;

use std::{
    fmt,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    message::WorkMessage,
    ports::{Clock, QueueError, Receipt, StageQueue, Undelivered, Visibility},
};

use self::{counts::LaggingCounts, disorder::Dice, holding::Holding, message::Message, messages::Messages};
pub use self::{
    disorder::Disorder,
    message::{QueueDepth, Received},
    move_task::{MoveStatus, MoveTask, MoveTaskRefused},
};
pub use crate::queue::message::QueueCalls;
use crate::queue::message::Slot;
use crate::queue::message::calls_for;
use crate::{random::Stream, time::Signal};

/// The longest that a message is hidden from one receive to the next (Amazon SQS Developer Guide,
/// "Amazon SQS visibility timeout").
const LONGEST: Duration = Duration::from_hours(12);

/// A queue that lasts as long as the process. Time is its clock's.
pub struct MemoryQueue {
    held: Arc<Holding>,
    visibility: Duration,
    redrive: Option<RedrivePolicy>,
    /// Which of the dead-letter queue's source queues this is.
    source: u16,
    dice: Option<Dice>,
}

/// What happens to a message that is received again and again.
#[derive(Debug, Clone)]
pub struct RedrivePolicy {
    /// Where it goes.
    pub dlq: Arc<MemoryQueue>,
    /// When: as its receive count would exceed this.
    pub max_receive_count: u32,
}

impl MemoryQueue {
    /// A queue whose received messages stay invisible for `visibility`, at most 12 hours.
    ///
    /// # Panics
    /// When it is the dead-letter queue's 65,537th source queue.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, visibility: Duration, redrive: Option<RedrivePolicy>) -> Self {
        let source = redrive.as_ref().map(|redrive| redrive.dlq.held.sources().len());
        let source = source.map(|known| u16::try_from(known).expect("a queue has few source queues"));
        let held = Arc::new(Holding::new(clock, source));
        if let Some(redrive) = &redrive {
            redrive.dlq.held.sources().push(Arc::downgrade(&held));
        }
        Self { held, visibility: visibility.min(LONGEST), redrive, source: source.unwrap_or(0), dice: None }
    }

    /// Lets the queue hand out and keep messages as badly as SQS may. To be called before the first
    /// message is sent.
    #[must_use]
    pub fn with_disorder(mut self, random: Stream, disorder: Disorder) -> Self {
        if disorder.unordered {
            self.held.messages().shuffle();
        }
        self.dice = Some(Dice::new(random, disorder));
        self
    }

    /// From now on, a queue that was made [with some disorder](Self::with_disorder) has this, but for its order.
    pub fn set_disorder(&self, disorder: Disorder) {
        if let Some(dice) = &self.dice {
            dice.set(disorder);
        }
    }

    /// Lets [`reported_depth`](Self::reported_depth) be of any moment since so long ago. To be called before the first
    /// message is sent.
    #[must_use]
    pub fn with_lagging_counts(self, random: Stream, longest: Duration) -> Self {
        self.held.messages().counts = Some(LaggingCounts::new(random, longest));
        self
    }

    /// Drops each message this long after it was sent first, wherever it is then. A dead-letter queue
    /// goes by when the message was sent to the source queue, so it has to retain for longer (Amazon
    /// SQS Developer Guide, "Using dead-letter queues in Amazon SQS": message retention periods).
    #[must_use]
    pub fn with_retention(self, retention: Duration) -> Self {
        self.held.messages().retain_for(retention);
        self
    }

    /// How long a received message stays invisible.
    #[must_use]
    pub fn visibility(&self) -> Duration {
        self.visibility
    }

    /// Makes it a fair queue: who sends much keeps others' messages waiting no longer. The module `groups` says what the
    /// guide promises of that, and what is modelled. A queue that isn't fair hands out as if no message had a group, and so
    /// does a fair one of which none has. To be called before the first message is sent.
    #[must_use]
    pub fn with_fair_groups(self) -> Self {
        self.held.messages().tell_groups_apart();
        self
    }

    /// Queues any text, as a schedule, an operator or a stranger may.
    pub fn send_body(&self, body: &str) {
        self.send_in_group(body, None);
    }

    /// Queues any text with a `MessageGroupId`.
    pub fn send_in_group(&self, body: &str, group: Option<&str>) {
        self.held.messages().calls.sends += 1;
        self.held.send(body.into(), group.map(Arc::from));
    }

    /// Queues what the scheduler couldn't deliver, with what it says of it.
    pub fn send_undelivered(&self, body: &str, undelivered: Undelivered) {
        self.held.messages().calls.sends += 1;
        self.held.send_with(body.into(), None, Some(Arc::new(undelivered)));
    }

    /// Receives at most `most` messages, as so many calls of ten as it takes; fewer than there are, or none, where the
    /// queue isn't orderly. What has been received too often goes to the dead-letter queue instead, with the time it was
    /// first sent. Nothing more is received while 120,000 messages are in flight.
    pub fn receive(&self, most: usize) -> Vec<Received> {
        let now = self.held.clock.now();
        let until = later(now, self.visibility);
        let most = self.dice.as_ref().map_or(most, |dice| dice.sample(most));
        let (mut received, mut dead, mut copies) = (Vec::new(), Vec::new(), Vec::new());
        let mut messages = self.settled(now);
        while received.len() < most {
            let Some(slot) = self.next(&mut messages) else { break };
            if self.is_dead(&messages, slot) {
                dead.extend(messages.remove(slot));
                continue;
            }
            if self.dice.as_ref().is_some_and(Dice::duplicates) {
                copies.extend(messages.message(slot).cloned());
            }
            received.extend(messages.hand_out(slot, until));
        }
        messages.calls.receives += calls_for(received.len()).max(1);
        drop(messages);
        self.held.add_all(copies);
        self.bury(dead);
        received
    }

    /// Deletes a message, in a call of its own. False if it has been received again since, or is gone.
    pub fn delete(&self, receipt: &Receipt) -> bool {
        self.delete_all([receipt]) == 1
    }

    /// Deletes messages, ten a call, and says how many of them were still there. A delete that SQS
    /// forgets counts.
    pub fn delete_all<'a>(&self, receipts: impl IntoIterator<Item = &'a Receipt>) -> usize {
        let mut messages = self.settled(self.held.clock.now());
        let (mut asked, mut deleted) = (0, 0);
        for receipt in receipts {
            asked += 1;
            let Some(slot) = messages.find(receipt) else { continue };
            deleted += 1;
            if !self.dice.as_ref().is_some_and(Dice::forgets) {
                messages.remove(slot);
            }
        }
        messages.calls.deletes += calls_for(asked);
        deleted
    }

    /// Deletes all messages, those in flight too, and says how many there were (Amazon SQS API
    /// Reference, `PurgeQueue`).
    pub fn purge(&self) -> usize {
        self.settled(self.held.clock.now()).clear()
    }

    /// Moves all messages that are visible to another queue at once: they are new there. Says how many.
    pub fn move_to(&self, other: &Self) -> usize {
        let mut messages = self.settled(self.held.clock.now());
        let mut moving = Vec::with_capacity(messages.visible());
        while let Some((_, slot)) = messages.oldest_visible() {
            moving.extend(messages.remove(slot));
        }
        drop(messages);
        let moved = moving.len();
        for Message { body, group, .. } in moving {
            other.held.send(body, group);
        }
        moved
    }

    /// How many messages there are.
    #[must_use]
    pub fn depth(&self) -> QueueDepth {
        self.settled(self.held.clock.now()).depth()
    }

    /// How many messages SQS says there are.
    #[must_use]
    pub fn reported_depth(&self) -> QueueDepth {
        let now = self.held.clock.now();
        let messages = self.settled(now);
        messages.counts.as_ref().and_then(|counts| counts.tell(now)).unwrap_or_else(|| messages.depth())
    }

    /// How long ago, as of `now`, the visible message was sent that was sent first.
    #[must_use]
    pub fn oldest_visible(&self, now: Timestamp) -> Option<Duration> {
        let (sent_at, _) = self.settled(now).oldest_visible()?;
        Some(Duration::try_from(now.duration_since(sent_at)).unwrap_or_default())
    }

    /// When the next message may be received, if there is one: now, if one is visible and not too many
    /// are in flight.
    #[must_use]
    pub fn next_visible_at(&self) -> Option<Timestamp> {
        let now = self.held.clock.now();
        let messages = self.settled(now);
        if messages.may_hand_out() { Some(now) } else { messages.next_uncovered() }
    }

    /// Tells when a message comes that wasn't here, or when a hidden one becomes the first that will be
    /// visible: whenever [`next_visible_at`](Self::next_visible_at) has become sooner.
    #[must_use]
    pub fn arrivals(&self) -> &Signal {
        &self.held.arrivals
    }

    /// How many messages were dropped because they were too old.
    #[must_use]
    pub fn expired(&self) -> u64 {
        self.settled(self.held.clock.now()).expired
    }

    /// How often each API was called.
    #[must_use]
    pub fn calls(&self) -> QueueCalls {
        self.held.messages().calls
    }

    fn settled(&self, now: Timestamp) -> MutexGuard<'_, Messages> {
        let mut messages = self.held.messages();
        messages.settle(now);
        messages
    }

    fn next(&self, messages: &mut Messages) -> Option<Slot> {
        messages.next(|count| self.dice.as_ref().map_or(0, |dice| dice.choose(count)))
    }

    fn is_dead(&self, messages: &Messages, slot: Slot) -> bool {
        let most = self.redrive.as_ref().map_or(u32::MAX, |redrive| redrive.max_receive_count);
        messages.message(slot).is_some_and(|message| message.receive_count >= most)
    }

    /// Moves dead letters to the dead-letter queue, where they are what they were: their receive counts go on.
    fn bury(&self, dead: Vec<Message>) {
        if let Some(redrive) = &self.redrive {
            let source = Some(self.source);
            let dead = dead.into_iter().map(|dead| Message { source, ..dead });
            redrive.dlq.held.add_all(dead.collect());
        }
    }
}

#[async_trait]
impl StageQueue for MemoryQueue {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        self.send_in_group(&message.body(), message.group());
        Ok(())
    }

    async fn send_all(&self, messages: &[WorkMessage]) -> Vec<Result<(), QueueError>> {
        self.held.messages().calls.sends += calls_for(messages.len());
        for message in messages {
            self.held.send(message.body().into(), message.group().map(Arc::from));
        }
        vec![Ok(()); messages.len()]
    }

    async fn hide(&self, changes: &[Visibility]) -> Result<(), QueueError> {
        let now = self.held.clock.now();
        let mut messages = self.settled(now);
        let mut is_sooner = false;
        for change in changes {
            let seconds = change.hidden_for.min(LONGEST).as_nanos().div_ceil(1_000_000_000);
            let hidden_for = Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX));
            if let Some(slot) = messages.find(&change.receipt) {
                is_sooner |= messages.hide_until(slot, later(now, hidden_for));
            }
        }
        messages.calls.changes += calls_for(changes.len());
        drop(messages);
        if is_sooner {
            self.held.arrivals.notify_all();
        }
        Ok(())
    }
}

impl fmt::Debug for MemoryQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryQueue").field("depth", &self.depth()).finish_non_exhaustive()
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
