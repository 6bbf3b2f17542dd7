//! The task that fires all schedules.

use std::{sync::Arc, time::Duration};

use futures::future::select;
use jiff::Timestamp;
use pulse_core::{
    customer::CustomerId,
    message::{Turn, WorkMessage},
};

use super::{
    MemoryScheduler,
    agenda::{PlannedInvocation, Quota, ScheduledInvocation, next_at},
    book::{Book, TargetFailure},
};
use crate::{
    queue::MemoryQueue,
    time::{Task, VirtualTime},
};

/// Within how long a firing is repeated that is delivered twice.
const REPEATED_WITHIN: Duration = Duration::from_mins(1);

impl MemoryScheduler {
    /// Starts to fire: each schedule sends its customer's message to `target`; what is refused, or can't be delivered
    /// for a day, goes to `dlq`, as the schedules' dead-letter queue. What came up before now and hasn't
    /// been fired is fired at once.
    pub fn start(self: &Arc<Self>, time: &VirtualTime, target: Arc<MemoryQueue>, dlq: Arc<MemoryQueue>) -> Task {
        let quota = Quota::new(self.settings.quota_per_second);
        let firing = Firing { scheduler: Arc::clone(self), target, dlq, quota };
        time.spawn(firing.run(time.clone()))
    }
}

/// The work of firing.
struct Firing {
    scheduler: Arc<MemoryScheduler>,
    target: Arc<MemoryQueue>,
    dlq: Arc<MemoryQueue>,
    quota: Quota,
}

impl Firing {
    async fn run(mut self, time: VirtualTime) {
        loop {
            let changed = self.scheduler.changed.wait();
            match self.fire(time.now()) {
                Some(next) => drop(select(time.sleep_until(next), changed).await),
                None => changed.await,
            }
        }
    }

    /// Does all that is due now, and says when there is something to do again.
    fn fire(&mut self, now: Timestamp) -> Option<Timestamp> {
        let scheduler = Arc::clone(&self.scheduler);
        loop {
            let mut book = scheduler.book();
            let first = book.agenda.first()?;
            if first.at > now {
                return Some(first.at);
            }
            if !book.is_on(first) {
                book.agenda.take_first();
                continue;
            }
            if let Err(more_at) = self.quota.take(now) {
                return Some(more_at);
            }
            let PlannedInvocation { invocation, .. } = book.agenda.take_first()?;
            if invocation.failures.is_none() {
                self.go_on(&mut book, &invocation, now);
            }
            let dead_or_alive = self.invoke(&mut book, invocation, now);
            drop(book);
            if let Some((queue, message)) = dead_or_alive {
                queue.send_body(&message.body());
            }
        }
    }

    /// Plans what follows a firing: the next month's, and now and then this one once more.
    fn go_on(&self, book: &mut Book, invocation: &ScheduledInvocation, now: Timestamp) {
        let dice = &self.scheduler.dice;
        book.plan_next(&invocation.customer, invocation.due, dice);
        if dice.random.chance(self.scheduler.settings.duplicate) {
            let again_at = now.saturating_add(dice.random.between(Duration::ZERO, REPEATED_WITHIN));
            book.counts.duplicates += 1;
            let again = ScheduledInvocation { failures: Some(0), ..invocation.clone() };
            book.agenda.plan(again_at.unwrap_or(Timestamp::MAX), again);
        }
    }

    /// Says what to send where: nothing while it is going to be tried again.
    fn invoke(
        &self,
        book: &mut Book,
        invocation: ScheduledInvocation,
        now: Timestamp,
    ) -> Option<(&MemoryQueue, WorkMessage)> {
        book.counts.invocations += 1;
        let ScheduledInvocation { customer, due, failures } = invocation;
        let message = |customer: CustomerId| WorkMessage::of_turn(customer, Turn::Scheduled(due));
        let Some((how, _)) = book.failing.filter(|(_, until)| *until > now) else {
            return Some((&self.target, message(customer)));
        };
        book.counts.failures += 1;
        if how == TargetFailure::RoleBroken {
            book.counts.lost += 1;
            return None;
        }
        let failures = failures.unwrap_or(0) + 1;
        let is_tried_again = how == TargetFailure::Unreachable;
        let again_at = is_tried_again.then(|| next_at(due, now, failures, &self.scheduler.dice.random)).flatten();
        let Some(again_at) = again_at else {
            book.counts.dead_lettered += 1;
            return Some((&self.dlq, message(customer)));
        };
        book.agenda.plan(again_at, ScheduledInvocation { customer, due, failures: Some(failures) });
        None
    }
}
