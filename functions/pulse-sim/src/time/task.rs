//! Tasks, and the line of those that can go on.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Wake, Waker},
};

use futures::future::BoxFuture;

/// A task that was spawned. Dropping this lets the task go on.
#[derive(Debug)]
pub struct Task(Arc<Job>);

impl Task {
    /// Ends the task at the await that it is at, dropping all that it holds: at once, or as soon as it
    /// next waits if it is running right now.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Whether it has come to its end, or was killed.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.finished.load(Relaxed)
    }
}

/// All tasks, and which of them can go on.
#[derive(Debug, Default)]
pub(super) struct Executor {
    ready: Mutex<VecDeque<Arc<Job>>>,
    jobs: Mutex<Jobs>,
}

/// Those not finished. A place is used again once its job is done.
#[derive(Debug, Default)]
struct Jobs {
    places: Vec<Option<Arc<Job>>>,
    free: Vec<usize>,
}

/// One task, which is its own waker.
pub(super) struct Job {
    executor: Arc<Executor>,
    place: Option<usize>,
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    queued: AtomicBool,
    killed: AtomicBool,
    finished: AtomicBool,
}

impl Executor {
    pub(super) fn spawn(self: &Arc<Self>, future: BoxFuture<'static, ()>) -> Task {
        let mut jobs = lock(&self.jobs);
        let place = jobs.free.pop().unwrap_or(jobs.places.len());
        let job = Job::new(self, Some(place), Some(future));
        if place == jobs.places.len() {
            jobs.places.push(None);
        }
        jobs.places[place] = Some(Arc::clone(&job));
        drop(jobs);
        job.wake_by_ref();
        Task(job)
    }

    /// A job whose future is elsewhere: what polls it asks for its turn by this.
    pub(super) fn stand_in(self: &Arc<Self>) -> Arc<Job> {
        let job = Job::new(self, None, None);
        job.wake_by_ref();
        job
    }

    /// The one who has waited longest of those that can go on.
    pub(super) fn next(&self) -> Option<Arc<Job>> {
        let job = lock(&self.ready).pop_front()?;
        job.queued.store(false, Relaxed);
        Some(job)
    }

    /// Ends all tasks, in the order of their places.
    pub(super) fn end(&self) {
        let all: Vec<_> = lock(&self.jobs).places.iter().flatten().cloned().collect();
        for job in all {
            job.kill();
        }
        let ready = std::mem::take(&mut *lock(&self.ready));
        drop(ready);
    }
}

impl Job {
    fn new(executor: &Arc<Executor>, place: Option<usize>, future: Option<BoxFuture<'static, ()>>) -> Arc<Self> {
        Arc::new(Self {
            executor: Arc::clone(executor),
            place,
            future: Mutex::new(future),
            queued: AtomicBool::new(false),
            killed: AtomicBool::new(false),
            finished: AtomicBool::new(false),
        })
    }

    /// Goes on to the next await.
    pub(super) fn step(self: &Arc<Self>) {
        let mut future = lock(&self.future);
        let Some(running) = future.as_mut() else {
            return;
        };
        let waker = Waker::from(Arc::clone(self));
        let done = running.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        if done || self.killed.load(Relaxed) {
            let future_gone = future.take();
            drop(future);
            self.finish(future_gone);
        }
    }

    fn kill(&self) {
        self.killed.store(true, Relaxed);
        let gone = match self.future.try_lock() {
            Ok(mut future) => future.take(),
            Err(TryLockError::Poisoned(future)) => future.into_inner().take(),
            // It is running, and is stopped when it next waits.
            Err(TryLockError::WouldBlock) => return,
        };
        if gone.is_some() {
            self.finish(gone);
        }
    }

    /// Drops the future without any lock: what it holds may kill, spawn or wake others as it goes.
    fn finish(&self, future: Option<BoxFuture<'static, ()>>) {
        drop(future);
        self.finished.store(true, Relaxed);
        if let Some(place) = self.place {
            let mut jobs = lock(&self.executor.jobs);
            jobs.places[place] = None;
            jobs.free.push(place);
        }
    }
}

impl Wake for Job {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Relaxed) {
            let executor = Arc::clone(&self.executor);
            lock(&executor.ready).push_back(self);
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.load(Relaxed) {
            Arc::clone(self).wake();
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("place", &self.place).field("finished", &self.finished).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
