//! A Lambda function: how many run at once, how they start, and how they end.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;

use super::{
    environments::{End, Environments, FunctionUse, Occupied},
    switch::KillSwitch,
};
use crate::{random::Stream, time::VirtualTime};

/// How unevenly long cold starts take: the standard deviation of the duration's logarithm.
const COLD_START_SIGMA: f64 = 0.4;

/// How a function is configured.
#[derive(Debug, Clone)]
pub struct FunctionSettings {
    /// When an invocation is stopped, counted from when its code starts.
    pub timeout: Duration,
    /// What its billed duration is multiplied by, in MiB.
    pub memory_mib: u32,
    /// How long a new environment takes to start, in the mean.
    pub cold_start: Duration,
    /// How long an environment that has nothing to do is kept.
    pub keep_warm: Duration,
}

/// What code gets to know of the invocation that runs it.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// When it will be stopped.
    pub deadline: Timestamp,
    /// What can kill it before.
    pub kill_switch: KillSwitch,
    /// Where it runs.
    pub environment: Environment,
}

/// An execution environment, which is frozen while it has nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environment {
    /// Which no other of its function has.
    pub number: u64,
    /// Since when it runs.
    pub thawed_at: Timestamp,
}

/// Why an invocation has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvokeError {
    /// It never ran: as many run as the function's reserved concurrency lets.
    Throttled,
    /// It was stopped at its deadline.
    TimedOut,
    /// Its process was killed.
    Died,
}

/// A function. Its code is given with each invocation.
#[derive(Debug)]
pub struct Function {
    time: VirtualTime,
    random: Stream,
    settings: FunctionSettings,
    environments: Mutex<Environments>,
}

impl Function {
    /// A function that has never run.
    #[must_use]
    pub fn new(time: VirtualTime, random: Stream, settings: FunctionSettings) -> Arc<Self> {
        Arc::new(Self { time, random, settings, environments: Mutex::default() })
    }

    /// How it is configured.
    #[must_use]
    pub fn settings(&self) -> &FunctionSettings {
        &self.settings
    }

    /// Lets at most so many run at once; none, if that is 0. What runs already goes on (AWS Lambda
    /// Developer Guide, "Configuring reserved concurrency for a function").
    pub fn set_reserved_concurrency(&self, reserved: Option<u32>) {
        self.environments().reserved = reserved;
    }

    /// How many may run at once, if that is limited.
    #[must_use]
    pub fn reserved_concurrency(&self) -> Option<u32> {
        self.environments().reserved
    }

    /// How many run now, those whose environments are still starting included.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.environments().running
    }

    /// What it was used for so far. What still runs is billed when it has ended.
    #[must_use]
    pub fn used(&self) -> FunctionUse {
        self.environments().counted
    }

    /// Replaces the code: all warm environments are gone, and what runs goes on with the old code.
    pub fn deploy(&self) {
        self.environments().deploy();
    }

    /// Runs `code` as one invocation, after the start of a new environment if none is warm. Whatever
    /// stops it drops the code at the await that it is at. So does dropping this future.
    ///
    /// # Errors
    /// As [`InvokeError`] says. `code` isn't called for an invocation that is throttled.
    pub async fn invoke<T: Send + 'static>(
        &self,
        code: impl FnOnce(Invocation) -> BoxFuture<'static, T> + Send,
    ) -> Result<T, InvokeError> {
        let occupied = self.environments().occupy(self.time.now(), self.settings.keep_warm);
        let mut stay = Stay { function: self, occupied: occupied.ok_or(InvokeError::Throttled)?, end: End::Abandoned };
        if stay.occupied.is_cold {
            self.time.sleep(self.random.lognormal(self.settings.cold_start, COLD_START_SIGMA)).await;
        }
        let thawed_at = self.time.now();
        let deadline = thawed_at.saturating_add(self.settings.timeout).unwrap_or(Timestamp::MAX);
        let kill_switch = KillSwitch::default();
        let environment = Environment { number: stay.occupied.number, thawed_at };
        let code = code(Invocation { deadline, kill_switch: kill_switch.clone(), environment });
        let ended = self.until_stopped(code, deadline, &kill_switch).await;
        stay.end = match ended {
            Ok(_) => End::Answered,
            Err(InvokeError::TimedOut) => End::TimedOut,
            Err(_) => End::Died,
        };
        ended
    }

    /// The code is gone by the time that this has ended.
    async fn until_stopped<T>(
        &self,
        mut code: BoxFuture<'static, T>,
        deadline: Timestamp,
        kill_switch: &KillSwitch,
    ) -> Result<T, InvokeError> {
        let mut timeout = pin!(self.time.sleep_until(deadline));
        poll_fn(move |context| {
            kill_switch.watch(context.waker());
            let answer = if kill_switch.has_struck() { Poll::Pending } else { code.poll_unpin(context) };
            // The kill switch first: code that had several irons in the fire may have gone on with the others.
            if kill_switch.has_struck() {
                return Poll::Ready(Err(InvokeError::Died));
            }
            if answer.is_pending() && timeout.poll_unpin(context).is_ready() {
                return Poll::Ready(Err(InvokeError::TimedOut));
            }
            answer.map(Ok)
        })
        .await
    }

    fn environments(&self) -> MutexGuard<'_, Environments> {
        self.environments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the environment back however the invocation ends.
struct Stay<'a> {
    function: &'a Function,
    occupied: Occupied,
    end: End,
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        self.function.environments().vacate(self.occupied, self.function.time.now(), self.end);
    }
}
