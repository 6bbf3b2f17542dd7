use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use pulse_core::ports::{Intake, IntakeError};

use super::host::IntakeHandler;
use crate::{
    lambda::{Function, Mapping, MappingSettings},
    queue::MemoryQueue,
    random::Randomness,
    time::VirtualTime,
    world::{
        World, WorldSettings,
        start::{TAKEN, queue_pair},
    },
};

/// As in template.yaml: what the function may take, how many of it run at once for each queue and in all, how often a
/// message is received, and for how long it is kept.
pub(in crate::world) const TIMEOUT: Duration = Duration::from_mins(1);
const AT_ONCE: u32 = 2;
const RESERVED: u32 = 2 * AT_ONCE;
pub(super) const MAX_RECEIVES: u32 = 10;
const RETENTION: Duration = Duration::from_hours(4 * 24);

/// A queue of the intake, with its dead letters and what hands it to the function.
#[derive(Clone)]
pub struct IntakeQueueStack {
    /// What people call it.
    pub name: &'static str,
    /// The queue.
    pub queue: Arc<MemoryQueue>,
    /// Where its dead letters go.
    pub dlq: Arc<MemoryQueue>,
    settings: MappingSettings,
}

/// The intake's queues.
#[derive(Clone)]
pub struct IntakeStack {
    /// What providers tell.
    pub feedback: IntakeQueueStack,
    /// One-click unsubscriptions, which no flood of events delays.
    pub unsubscribe: IntakeQueueStack,
}

impl IntakeStack {
    pub(in crate::world) fn new(time: &VirtualTime, random: Randomness, settings: &WorldSettings) -> Self {
        let queue = |name: &'static str, batch_size, window| {
            let hidden = TIMEOUT * 6 + window;
            let [queue, dlq] = queue_pair(time, random, settings, name, hidden, MAX_RECEIVES, RETENTION);
            let settings = MappingSettings { batch_size, window, maximum_concurrency: Some(AT_ONCE) };
            IntakeQueueStack { name, queue, dlq, settings }
        };
        Self {
            feedback: queue("feedback", 50, Duration::from_secs(20)),
            unsubscribe: queue("unsubscribe", 10, Duration::from_secs(1)),
        }
    }

    /// Both queues.
    #[must_use]
    pub fn queues(&self) -> [&IntakeQueueStack; 2] {
        [&self.feedback, &self.unsubscribe]
    }
}

/// As the adapter on SQS has it: what waits counts, and what a worker has doesn't.
#[async_trait]
impl Intake for IntakeStack {
    async fn is_caught_up(&self) -> Result<bool, IntakeError> {
        Ok(self.feedback.queue.reported_depth().visible == 0)
    }
}

/// The function that reads the intake, with a mapping for each queue.
pub struct IntakeFunction {
    /// The function.
    pub function: Arc<Function>,
    /// The feedback queue's mapping, and the unsubscribe queue's.
    pub mappings: [Arc<Mapping>; 2],
}

impl IntakeFunction {
    pub(in crate::world) fn new(
        world: &Weak<World>,
        time: &VirtualTime,
        random: Randomness,
        intake: &IntakeStack,
        function: Arc<Function>,
    ) -> Self {
        function.set_reserved_concurrency(Some(RESERVED));
        let mapping = |stack: &IntakeQueueStack| {
            let handler = IntakeHandler { world: world.clone(), stack: stack.clone() };
            Mapping::new(
                time.clone(),
                Arc::clone(&stack.queue),
                Arc::clone(&function),
                Arc::new(handler),
                stack.settings.clone(),
                random.stream(&format!("{} mapping", stack.name)),
            )
            .expect(TAKEN)
        };
        let mappings = intake.queues().map(mapping);
        Self { function, mappings }
    }

    /// From now on, no more than so many run at once; as many as the template has, if nothing is said.
    pub fn set_reserved(&self, reserved: Option<u32>) {
        self.function.set_reserved_concurrency(Some(reserved.unwrap_or(RESERVED)));
    }
}

/// What a deployment does to the intake.
pub(in crate::world) fn deploy(function: &IntakeFunction, intake: &IntakeStack) {
    function.set_reserved(None);
    function.function.deploy();
    for (mapping, stack) in function.mappings.iter().zip(intake.queues()) {
        mapping.deploy(stack.settings.clone()).expect(TAKEN);
    }
}
