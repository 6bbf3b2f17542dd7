//! Who pays for a panic.

use std::{
    any::Any,
    collections::HashMap,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::FutureExt as _;
use pulse_core::{
    customer::CustomerId,
    failure::Cause,
    message::WorkMessage,
    stage::{RawMessage, Stage, Task, Verdict, Worked},
};

use super::panics::PlannedPanic;

/// Watches an invocation for panics, and for what they cost the other messages of its batch.
pub(super) struct BatchWatch {
    /// The messages that a stage can read, if it is to be told who pays: their ids and bodies.
    batch: Option<Vec<(String, String)>>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// On whom the code panicked as it was planned.
    panicked: Option<CustomerId>,
    /// What a panic carried that nobody planned.
    unplanned: Option<Box<dyn Any + Send>>,
    /// What the stage ended with, by its body.
    ended: HashMap<String, Ended>,
}

/// What came of the messages of one body: one may be there twice.
#[derive(Clone, Copy)]
struct Ended {
    messages: usize,
    /// Whether the stage was done with each.
    done: bool,
}

impl Seen {
    fn end(&mut self, body: String, done: bool) {
        let ended = self.ended.entry(body).or_insert(Ended { messages: 0, done: true });
        *ended = Ended { messages: ended.messages + 1, done: ended.done && done };
    }
}

impl BatchWatch {
    /// A watch over these messages. Nobody is told to pay in a month in which no panic is `planned`.
    pub(super) fn over(batch: &[RawMessage], planned: bool) -> Self {
        let read = |raw: &RawMessage| {
            let message = WorkMessage::parse(&raw.body, raw.sent_at).ok()?;
            Some((raw.message_id.clone(), message.body()))
        };
        Self { batch: planned.then(|| batch.iter().filter_map(read).collect()), seen: Arc::default() }
    }

    /// A stage that is watched.
    pub(super) fn stage(&self, stage: Box<dyn Stage>) -> Box<dyn Stage> {
        Box::new(Watched { stage, notes: self.batch.is_some(), seen: Arc::clone(&self.seen) })
    }

    /// Lets a worker work. Gives nothing if a panic ended all of it: the Lambda runtime catches that, and reports that
    /// the invocation failed.
    ///
    /// # Panics
    /// When the code does though nobody planned it, whoever caught that.
    pub(super) async fn follow(&self, work: impl Future<Output = Worked>) -> Option<Worked> {
        let worked = AssertUnwindSafe(work).catch_unwind().await;
        let unplanned = seen(&self.seen).unplanned.take();
        match (unplanned, worked) {
            (Some(unplanned), _) => resume_unwind(unplanned),
            (None, Ok(worked)) => Some(worked),
            (None, Err(panic)) if panic.is::<PlannedPanic>() => None,
            (None, Err(panic)) => resume_unwind(panic),
        }
    }

    /// On whom the code panicked, and how many other messages of the batch come back for that: those that the stage was
    /// done with, and those that it was not asked to handle though it `had_time`, its provider didn't fail, and nobody paused it.
    pub(super) fn cost(&self, worked: Option<&Worked>, had_time: bool) -> Option<(CustomerId, usize)> {
        let seen = seen(&self.seen);
        let panicked = seen.panicked.clone()?;
        let would_be_asked =
            had_time && worked.is_none_or(|worked| worked.calls.outcomes.failures == 0 && !worked.held);
        let batch = || self.batch.iter().flatten();
        let times = |wanted: &String| batch().filter(|(_, body)| body == wanted).count();
        let pays = |(id, body): &&(String, String)| {
            worked.is_none_or(|worked| worked.unfinished.contains(id))
                && match seen.ended.get(body) {
                    Some(ended) if ended.messages >= times(body) => ended.done,
                    _ => would_be_asked,
                }
        };
        Some((panicked, batch().filter(pays).count()))
    }
}

struct Watched {
    stage: Box<dyn Stage>,
    notes: bool,
    seen: Arc<Mutex<Seen>>,
}

impl Watched {
    /// Takes a panic down, and lets it go on.
    async fn watch<T>(&self, message: &WorkMessage, work: impl Future<Output = T>) -> T {
        AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
            let mut seen = seen(&self.seen);
            if panic.is::<PlannedPanic>() {
                seen.panicked = message.turn().ok().map(|turn| turn.customer.clone());
                seen.end(message.body(), false);
            } else {
                seen.unplanned = Some(panic);
            }
            drop(seen);
            resume_unwind(Box::new(PlannedPanic))
        })
    }
}

#[async_trait]
impl Stage for Watched {
    async fn handle(&self, task: &Task) -> Verdict {
        let verdict = self.watch(&task.message, self.stage.handle(task)).await;
        if self.notes {
            let is_done = matches!(verdict, Verdict::Done | Verdict::HandOn { .. });
            seen(&self.seen).end(task.message.body(), is_done);
        }
        verdict
    }

    async fn give_up(&self, message: &WorkMessage, cause: &Cause) {
        self.watch(message, self.stage.give_up(message, cause)).await;
    }

    async fn put_off(&self, message: &WorkMessage, cause: &Cause, patience: Duration) -> bool {
        self.watch(message, self.stage.put_off(message, cause, patience)).await
    }
}

fn seen(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
