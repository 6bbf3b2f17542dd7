use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::Watch;
use crate::{failure::Cause, ports::Clock};

/// How often an invocation asks whether its stage is paused: so soon, and the time of a call later, a pause has ended all calls. Most
/// invocations have ended by then, and ask nothing.
const ASKED_EVERY: Duration = Duration::from_secs(10);

/// How often an invocation reports what came of its calls, beside its end: breaker, plots and campaigns go by minutes.
const REPORTED_EVERY: Duration = Duration::from_mins(1);

/// For how long messages are hidden that are handed back because of a pause: it takes a mapping so long to be turned off.
pub(super) const HIDDEN_WHILE_HELD: Duration = Duration::from_mins(2);

/// What a worker sees to between messages, as an invocation lasts for minutes.
pub(super) struct Chores(Mutex<Seen>);

struct Seen {
    asked_at: Timestamp,
    reported_at: Timestamp,
    hold: Option<Cause>,
}

impl Chores {
    /// Of an invocation that has begun now.
    pub(super) fn since(now: Timestamp) -> Self {
        Self(Mutex::new(Seen { asked_at: now, reported_at: now, hold: None }))
    }

    /// Does what is due. Whoever comes meanwhile goes on.
    pub(super) async fn see_to(&self, provider: &dyn Watch, clock: &dyn Clock) {
        let now = clock.now();
        let is_asked = due(&mut self.seen().asked_at, ASKED_EVERY, now);
        let is_reported = due(&mut self.seen().reported_at, REPORTED_EVERY, now);
        if is_asked {
            self.ask(provider, clock).await;
        }
        if is_reported {
            provider.report_so_far(now).await;
        }
    }

    /// Asks whether the stage is paused.
    pub(super) async fn ask(&self, provider: &dyn Watch, clock: &dyn Clock) {
        let hold = provider.hold(clock.now()).await;
        self.seen().hold = hold;
    }

    /// Why nothing more is to be begun, if so.
    pub(super) fn hold(&self) -> Option<Cause> {
        self.seen().hold.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether something is due again, which counts as done then.
fn due(last: &mut Timestamp, every: Duration, now: Timestamp) -> bool {
    let is_due = Duration::try_from(now.duration_since(*last)).is_ok_and(|since| since >= every);
    if is_due {
        *last = now;
    }
    is_due
}
