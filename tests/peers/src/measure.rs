//! One run of one function: from its start to its first poll, and batches from then on.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{sync::oneshot, time::timeout};

use crate::{
    function::{Function, Running},
    month::{BATCH, Case},
    stand_in::{Event, Invocation, StandIn},
};

/// The function's timeout in template.yaml, by which it reckons what it may still begin.
const TIMEOUT_MS: i64 = 300_000;

/// Nothing of this takes as long, even where the machine is busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// How many batches.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Those that come first, and of which the processor time isn't counted: a function lives for hours, and what it does
    /// once is no part of what a message costs.
    pub warm_up: usize,
    /// Those that are counted.
    pub counted: usize,
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// From the start of the program to its first poll.
    pub start: Duration,
    /// Processor time of a message.
    pub per_message: Duration,
    /// The most memory that was resident, in KiB.
    pub peak_memory: u64,
    /// How often each kind of call was made.
    pub calls: BTreeMap<String, u64>,
}

/// Starts a function, and says how long it takes to its first poll.
///
/// # Errors
/// When it doesn't poll, with what it wrote.
pub async fn start(function: &Function, log: &Path) -> Result<Duration> {
    let mut run = Run::start(function, log).await.with_context(|| told(function, log))?;
    let start = run.poll().await.map(|(_, at)| at).with_context(|| told(function, log))?;
    run.running.end().await?;
    Ok(start)
}

/// Has a function work on batches, and holds what it called against what it has to call.
///
/// # Errors
/// When it fails, leaves a message, or calls otherwise, with what it wrote.
pub async fn work(function: &Function, load: Load, log: &Path) -> Result<Measured> {
    batches(function, load, log).await.with_context(|| told(function, log))
}

async fn batches(function: &Function, load: Load, log: &Path) -> Result<Measured> {
    let mut run = Run::start(function, log).await?;
    let (mut waiting, start) = run.poll().await?;
    let mut before = Duration::ZERO;
    for number in 0..load.warm_up + load.counted {
        if number == load.warm_up {
            before = run.running.processor_time()?;
        }
        waiting = run.invoke(waiting, number).await?;
    }
    let counted = u32::try_from(load.counted * BATCH)?;
    let per_message = run.running.processor_time()?.saturating_sub(before) / counted;
    let peak_memory = run.running.peak_memory()?;
    run.running.end().await?;
    let tally = run.stand_in.tally();
    tally.check((load.warm_up + load.counted) * BATCH)?;
    Ok(Measured { start, per_message, peak_memory, calls: tally.calls().clone() })
}

fn told(function: &Function, log: &Path) -> String {
    let said = std::fs::read_to_string(log).unwrap_or_default();
    format!("{} failed. It wrote:\n{}", function.name, said.trim())
}

struct Run {
    stand_in: StandIn,
    running: Running,
    begun: Instant,
}

type Waiting = oneshot::Sender<Invocation>;

impl Run {
    #[expect(clippy::disallowed_methods, reason = "it is how long something takes that is asked for")]
    async fn start(function: &Function, log: &Path) -> Result<Self> {
        let stand_in = StandIn::start().await?;
        let begun = Instant::now();
        Ok(Self { running: function.start(stand_in.address(), log)?, stand_in, begun })
    }

    async fn poll(&mut self) -> Result<(Waiting, Duration)> {
        match self.event().await? {
            Event::Polled(waiting) => Ok((waiting, self.begun.elapsed())),
            Event::Answered(answer) => bail!("it answers {answer} without being asked"),
            Event::Failed(error) => bail!("it says {error}"),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "deadlines are moments on the wall's clock")]
    async fn invoke(&mut self, waiting: Waiting, number: usize) -> Result<Waiting> {
        let records: Vec<Value> = (number * BATCH..(number + 1) * BATCH).map(|case| Case::new(case).record()).collect();
        let event = Arc::from(json!({ "Records": records }).to_string());
        let deadline = Timestamp::now().as_millisecond() + TIMEOUT_MS;
        ensure!(waiting.send(Invocation { event, deadline }).is_ok(), "it waits no longer");
        match self.event().await? {
            Event::Answered(answer) => ensure!(answer == json!({ "batchItemFailures": [] }), "it answers {answer}"),
            Event::Polled(_) => bail!("it polls instead of answering"),
            Event::Failed(error) => bail!("it says {error}"),
        }
        Ok(self.poll().await?.0)
    }

    async fn event(&mut self) -> Result<Event> {
        tokio::select! {
            event = timeout(PATIENCE, self.stand_in.event()) => event?.context("the stand-in has ended"),
            ended = self.running.child.wait() => bail!("it has ended: {}", ended?),
        }
    }
}
