//! A queue, its dead-letter queue, a function and the mapping between them, for these tests.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;
use pulse_core::stage::RawMessage;

use super::super::{Answer, Function, FunctionSettings, Handler, Invocation, Mapping, MappingSettings};
use crate::{
    clock::VirtualClock,
    queue::{MemoryQueue, RedrivePolicy},
    random::Randomness,
    time::VirtualTime,
};

pub(super) const VISIBILITY: Duration = Duration::from_mins(3);
pub(super) const MAX_RECEIVES: u32 = 5;
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
pub(super) const COLD_START: Duration = Duration::from_millis(50);

/// A batch that the handler was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) at: Timestamp,
    pub(super) messages: Vec<(String, u32)>,
}

type Reply = Box<dyn Fn(Vec<RawMessage>, Invocation) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Notes what it is given, and does as it is told.
pub(super) struct Script {
    time: VirtualTime,
    seen: Mutex<Vec<Seen>>,
    /// Batches that don't reach it.
    lost: AtomicU32,
    reply: Reply,
}

impl Handler for Script {
    fn handle(&self, batch: Vec<RawMessage>, invocation: Invocation) -> BoxFuture<'static, Answer> {
        let messages = batch.iter().map(|raw| (raw.body.clone(), raw.receive_count)).collect();
        self.seen.lock().unwrap().push(Seen { at: self.time.now(), messages });
        (self.reply)(batch, invocation)
    }

    fn is_reached(&self) -> bool {
        self.lost.fetch_update(Relaxed, Relaxed, |lost| lost.checked_sub(1)).is_err()
    }
}

pub(super) struct StageStack {
    pub(super) time: VirtualTime,
    pub(super) queue: Arc<MemoryQueue>,
    pub(super) dlq: Arc<MemoryQueue>,
    pub(super) function: Arc<Function>,
    pub(super) mapping: Arc<Mapping>,
    script: Arc<Script>,
}

pub(super) fn start() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

pub(super) fn time() -> VirtualTime {
    VirtualTime::of(Arc::new(VirtualClock::starting_at(start())))
}

pub(super) fn function(time: &VirtualTime, seed: u64) -> Arc<Function> {
    let keep_warm = Duration::from_mins(10);
    let settings = FunctionSettings { timeout: TIMEOUT, memory_mib: 128, cold_start: COLD_START, keep_warm };
    Function::new(time.clone(), Randomness::of_seed(seed).stream("function"), settings)
}

pub(super) fn settings(batch_size: usize, window: u64, maximum_concurrency: Option<u32>) -> MappingSettings {
    MappingSettings { batch_size, window: Duration::from_secs(window), maximum_concurrency }
}

impl StageStack {
    /// A stack where every batch takes so long, and succeeds.
    pub(super) fn working(settings: MappingSettings, takes: Duration) -> Self {
        let time = time();
        let inner = time.clone();
        Self::replying(time, settings, 1, move |_, _| {
            let slept = inner.sleep(takes);
            async move {
                slept.await;
                Answer::failures([])
            }
            .boxed()
        })
    }

    pub(super) fn replying(
        time: VirtualTime,
        settings: MappingSettings,
        seed: u64,
        reply: impl Fn(Vec<RawMessage>, Invocation) -> BoxFuture<'static, Answer> + Send + Sync + 'static,
    ) -> Self {
        let clock = time.clock().clone();
        let dlq = Arc::new(MemoryQueue::new(clock.clone(), VISIBILITY, None));
        let redrive = RedrivePolicy { dlq: dlq.clone(), max_receive_count: MAX_RECEIVES };
        let queue = Arc::new(MemoryQueue::new(clock, VISIBILITY, Some(redrive)));
        let function = function(&time, seed);
        let script = Arc::new(Script {
            time: time.clone(),
            seen: Mutex::default(),
            lost: AtomicU32::new(0),
            reply: Box::new(reply),
        });
        let random = Randomness::of_seed(seed).stream("mapping");
        let mapping =
            Mapping::new(time.clone(), queue.clone(), function.clone(), script.clone(), settings, random).unwrap();
        mapping.start();
        Self { time, queue, dlq, function, mapping, script }
    }

    /// The next so many batches don't reach the handler.
    pub(super) fn lose_batches(&self, batches: u32) {
        self.script.lost.store(batches, Relaxed);
    }

    pub(super) fn send(&self, messages: u32) {
        for message in 0..messages {
            self.queue.send_body(&message.to_string());
        }
    }

    /// Goes on by so many seconds.
    pub(super) fn pass(&self, seconds: u64) {
        self.time.run_until(self.time.now() + Duration::from_secs(seconds));
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }

    /// The messages that the handler was ever given.
    pub(super) fn handled(&self) -> BTreeSet<String> {
        self.seen().into_iter().flat_map(|seen| seen.messages).map(|(body, _)| body).collect()
    }

    /// The messages in the dead-letter queue.
    pub(super) fn dead(&self) -> BTreeSet<String> {
        self.dlq.receive(usize::MAX).into_iter().map(|message| message.body).collect()
    }
}

impl Drop for StageStack {
    fn drop(&mut self) {
        self.time.end();
    }
}
