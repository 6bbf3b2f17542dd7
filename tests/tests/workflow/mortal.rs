//! Whoever uses the ledger and the scheduler, killed at one call after the other.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use pulse_core::{
    customer::{Customer, CustomerId, EmailAddress},
    delivery::Delivery,
    enrollment::Enrollment,
    entry::{Change, Entry, EntryId},
    failure::Cause,
    ports::{
        Activity, CustomerNotes, Ledger, LedgerError, MonthlySchedule, PutOutcome, ScheduleError, SchedulePage,
        Schedules, SchedulesError,
    },
    suppression::Suppression,
};
use pulse_tests::in_memory_stack::InMemoryStack;

/// A zone that the scheduler doesn't know.
pub(crate) const REFUSED_ZONE: &str = "Antarctica/Troll";

/// The ledger and the scheduler, of which whoever calls them dies at a call: before it is made, or before its answer is
/// heard. The scheduler refuses one zone for good.
pub(crate) struct Mortal<'a> {
    stack: &'a InMemoryStack,
    /// Calls that are lived through, each before and after.
    left: AtomicUsize,
}

impl<'a> Mortal<'a> {
    /// Whoever calls dies after so many.
    pub(crate) fn after(stack: &'a InMemoryStack, calls: usize) -> Self {
        Self { stack, left: AtomicUsize::new(calls) }
    }

    async fn live(&self) {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn through<T>(&self, call: impl Future<Output = T>) -> T {
        self.live().await;
        let done = call.await;
        self.live().await;
        done
    }

    pub(crate) fn enrollment(&self) -> Enrollment<'_> {
        Enrollment { ledger: self, schedules: self, clock: &*self.stack.clock }
    }
}

pub(crate) fn immortal(stack: &InMemoryStack) -> Mortal<'_> {
    Mortal::after(stack, usize::MAX)
}

#[async_trait]
impl Ledger for Mortal<'_> {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        self.through(self.stack.ledger.customer(id)).await
    }

    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError> {
        self.through(self.stack.ledger.save_with_word(customer, word)).await
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        self.through(self.stack.ledger.entry(id)).await
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.through(self.stack.ledger.entries(customer)).await
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.through(self.stack.ledger.open(entry)).await
    }

    async fn write_change(&self, change: &Change) -> Result<(), LedgerError> {
        self.through(self.stack.ledger.write_change(change)).await
    }

    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        self.stack.ledger.suppression(address).await
    }

    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError> {
        self.stack.ledger.save_suppression(address, suppression).await
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        self.stack.ledger.note(activity).await
    }
}

#[async_trait]
impl Schedules for Mortal<'_> {
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError> {
        if schedule.slot.zone().name() == REFUSED_ZONE {
            let cause = Cause::new("Invalid Schedule Expression Timezone.");
            return Err(ScheduleError::Refused { customer: schedule.customer.clone(), cause });
        }
        self.through(self.stack.schedules.put(schedule)).await
    }

    async fn get(&self, customer: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError> {
        self.stack.schedules.get(customer).await
    }

    async fn delete(&self, customer: &CustomerId) -> Result<bool, ScheduleError> {
        self.through(self.stack.schedules.delete(customer)).await
    }

    async fn list(&self, prefix: &str, page: Option<String>) -> Result<SchedulePage, SchedulesError> {
        self.stack.schedules.list(prefix, page).await
    }
}

#[async_trait]
impl CustomerNotes for Mortal<'_> {
    async fn all_notes(&self, customer: &CustomerId) -> Result<Vec<Activity>, LedgerError> {
        self.stack.ledger.all_notes(customer).await
    }

    async fn erase_notes(&self, customer: &CustomerId) -> Result<u64, LedgerError> {
        self.through(self.stack.ledger.erase_notes(customer)).await
    }
}
