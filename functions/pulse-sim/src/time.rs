//! Virtual time: futures that sleep, tasks that run one at a time, and a clock that jumps to the next
//! one that wakes.

mod signal;
mod task;
mod timers;

#[cfg(test)]
mod tests;

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::ports::{Clock, Sleeper};

pub use self::{signal::Signal, task::Task};
use self::{
    task::{Executor, Job},
    timers::Timers,
};
use crate::clock::{self, VirtualClock};

/// Time that passes only while everyone waits for it. A month of waiting takes no longer than what
/// is done in it.
///
/// One thread runs everything, in an order that depends on nothing but what is run: who became able
/// to go on first goes on first. Clones are the same time.
#[derive(Debug, Clone)]
pub struct VirtualTime {
    timers: Arc<Timers>,
    executor: Arc<Executor>,
}

impl VirtualTime {
    /// Time that `clock` shows.
    #[must_use]
    pub fn of(clock: Arc<VirtualClock>) -> Self {
        Self { timers: Arc::new(Timers::of(clock)), executor: Arc::default() }
    }

    /// What its clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<VirtualClock> {
        &self.timers.clock
    }

    /// Sleeps for `duration` from now, which is when this is called.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + Unpin + use<> {
        self.timers.sleep_until(clock::later(self.clock().nanoseconds(), duration))
    }

    /// Sleeps until `moment`. What is past is no sleep at all.
    pub fn sleep_until(&self, moment: Timestamp) -> impl Future<Output = ()> + Send + Unpin + use<> {
        self.timers.sleep_until(clock::nanoseconds(moment))
    }

    /// Starts a task. It goes on while [`Self::run`] or [`Self::run_until`] does, for the first time
    /// after those that can go on already.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Task {
        self.executor.spawn(Box::pin(task))
    }

    /// Runs `work` to its end, and the tasks beside it, moving the clock on to the next sleeper
    /// whenever nothing else can go on. The tasks stay as they are when the work ends.
    ///
    /// # Panics
    /// When `work` waits for something that is neither this time nor done by a task.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let turn = self.executor.stand_in();
        let waker = Waker::from(Arc::clone(&turn));
        let mut context = Context::from_waker(&waker);
        loop {
            while let Some(job) = self.executor.next() {
                if !Arc::ptr_eq(&job, &turn) {
                    Job::step(&job);
                } else if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
                    return done;
                }
            }
            assert!(self.timers.wake_next(i64::MAX), "the work waits, and nobody sleeps");
        }
    }

    /// Runs the tasks until the clock would pass `moment`, and leaves it exactly there. What is due at
    /// `moment` is done. A moment that is past is now.
    pub fn run_until(&self, moment: Timestamp) {
        let limit = clock::nanoseconds(moment).max(self.clock().nanoseconds());
        loop {
            while let Some(job) = self.executor.next() {
                Job::step(&job);
            }
            if !self.timers.wake_next(limit) {
                break;
            }
        }
        self.clock().set_nanoseconds(limit.max(self.clock().nanoseconds()));
    }

    /// Kills all tasks. Tasks hold the time that they sleep in, so that neither would ever be freed
    /// without this.
    pub fn end(&self) {
        self.executor.end();
    }
}

impl Clock for VirtualTime {
    fn now(&self) -> Timestamp {
        self.clock().now()
    }
}

#[async_trait]
impl Sleeper for VirtualTime {
    async fn sleep_until(&self, moment: Timestamp) {
        Self::sleep_until(self, moment).await;
    }
}
