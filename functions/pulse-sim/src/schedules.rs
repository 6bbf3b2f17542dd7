//! The schedules in memory.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use pulse_core::{
    customer::CustomerId,
    ports::{MonthlySchedule, PutOutcome, ScheduleError, SchedulePage, Schedules, SchedulesError},
    slot::Slot,
};

/// Schedules that last as long as the process.
#[derive(Debug, Default)]
pub struct MemorySchedules(Mutex<BTreeMap<CustomerId, Slot>>);

impl MemorySchedules {
    fn slots(&self) -> MutexGuard<'_, BTreeMap<CustomerId, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Schedules for MemorySchedules {
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError> {
        let before = self.slots().insert(schedule.customer.clone(), schedule.slot.clone());
        Ok(match before {
            None => PutOutcome::Created,
            Some(slot) if slot == schedule.slot => PutOutcome::Unchanged,
            Some(_) => PutOutcome::Updated,
        })
    }

    async fn get(&self, customer: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError> {
        let slot = self.slots().get(customer).cloned();
        Ok(slot.map(|slot| MonthlySchedule { customer: customer.clone(), slot }))
    }

    async fn delete(&self, customer: &CustomerId) -> Result<bool, ScheduleError> {
        Ok(self.slots().remove(customer).is_some())
    }

    async fn list(&self, prefix: &str, _: Option<String>) -> Result<SchedulePage, SchedulesError> {
        let slots = self.slots();
        let customers = slots.keys().filter(|id| id.as_str().starts_with(prefix)).cloned().collect();
        Ok(SchedulePage { customers, next: None })
    }
}
