use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pulse_core::{
    ports::StageLanes,
    stage::{StageName, StageSet},
};

use super::{
    figures::{Entries, Figures},
    prompt::{Order, Prompt},
};
use crate::text::lasting;

/// How often the lanes are read. They seldom change, and Lambda takes only 15 requests a second of this kind in all
/// (AWS Lambda Developer Guide, quotas: control plane API requests).
const LANES_EVERY: Duration = Duration::from_mins(1);

/// How long a notice stays.
const NOTICE_STAYS: SignedDuration = SignedDuration::from_secs(30);

/// All that is shown.
#[derive(Debug)]
pub(super) struct State {
    /// The moment at which all this is looked at.
    pub now: Timestamp,
    /// The stack's name.
    pub stack: String,
    /// Stages and queues.
    pub figures: Reading<Box<Figures>>,
    /// Lanes.
    pub lanes: Reading<Vec<StageLanes>>,
    /// The entries' count.
    pub entries: Reading<Entries>,
    /// What is being asked.
    pub prompt: Option<Prompt>,
    /// Whether the keys are shown.
    pub help: bool,
    /// What is being paused or resumed.
    pub switching: Option<Order>,
    /// What was said last, and when.
    pub notice: Option<Notice>,
    /// Whether to end as soon as nothing is being switched.
    pub leaving: bool,
}

/// What came of something that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    /// In words.
    pub text: String,
    /// Whether it went wrong.
    pub is_bad: bool,
    /// Until when it stays.
    pub until: Timestamp,
}

impl State {
    /// Nothing is known yet.
    pub(super) fn new(now: Timestamp, stack: &str, every: Duration, count_every: Duration) -> Self {
        Self {
            now,
            stack: stack.to_owned(),
            figures: Reading::every(every),
            lanes: Reading::every(LANES_EVERY),
            entries: Reading::every(count_every),
            prompt: None,
            help: false,
            switching: None,
            notice: None,
            leaving: false,
        }
    }

    /// The stages that the stack has; those that every stack has, until that is known.
    pub(super) fn stages(&self) -> Vec<StageName> {
        match self.figures.value() {
            Some(figures) => figures.stages.iter().map(|stage| stage.stage).collect(),
            None => StageSet::of_every_stack().iter().collect(),
        }
    }

    /// Says something for a while.
    pub(super) fn say(&mut self, text: impl Into<String>, is_bad: bool) {
        let until = self.now.saturating_add(NOTICE_STAYS).unwrap_or(Timestamp::MAX);
        self.notice = Some(Notice { text: text.into(), is_bad, until });
    }

    /// What couldn't be read the last time, in words, if anything.
    pub(super) fn trouble(&self) -> Option<String> {
        let (figures, lanes, entries) = (&self.figures, &self.lanes, &self.entries);
        let trouble = |what, error: &Option<String>, every: Duration| {
            let error = error.as_deref()?;
            Some(format!("The {what} can't be read, and are tried again every {}: {error}", lasting(every)))
        };
        trouble("figures", &figures.error, figures.every)
            .or_else(|| trouble("lanes", &lanes.error, lanes.every))
            .or_else(|| trouble("entries", &entries.error, entries.every))
    }
}

/// Something that is read again and again.
#[derive(Debug)]
pub(super) struct Reading<T> {
    /// What was read last, however long ago.
    pub last: Option<Read<T>>,
    /// Why the last try failed, if it did.
    pub error: Option<String>,
    /// How often it is read.
    pub every: Duration,
    /// When it was last asked for.
    asked: Option<Timestamp>,
    /// Whether an answer is awaited.
    pub is_awaited: bool,
}

/// What was read, and when.
#[derive(Debug)]
pub(super) struct Read<T> {
    /// The value as it was last read.
    pub value: T,
    /// The moment at which it was written down.
    pub at: Timestamp,
}

impl<T> Reading<T> {
    fn every(every: Duration) -> Self {
        Self { last: None, error: None, every, asked: None, is_awaited: false }
    }

    /// Whether it is time to read it. A clock that was set back counts as time gone by.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let waited = |asked: Timestamp| now.duration_since(asked).unsigned_abs() >= self.every;
        !self.is_awaited && self.asked.is_none_or(waited)
    }

    /// It is to be read. Says whether it is being read already.
    pub(super) fn begin(&mut self, now: Timestamp) -> bool {
        if !self.is_awaited {
            self.asked = Some(now);
        }
        std::mem::replace(&mut self.is_awaited, true)
    }

    /// It was read, or couldn't be. What was read before stays.
    pub(super) fn end(&mut self, now: Timestamp, result: Result<T, String>) {
        self.is_awaited = false;
        match result {
            Ok(value) => (self.last, self.error) = (Some(Read { value, at: now }), None),
            Err(error) => self.error = Some(error),
        }
    }

    /// What was read last.
    pub(super) fn value(&self) -> Option<&T> {
        self.last.as_ref().map(|last| &last.value)
    }
}
