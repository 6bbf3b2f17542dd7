//! Schedules on `EventBridge` Scheduler: one per customer, all in one group.

mod cron;
mod definition;

use async_trait::async_trait;
use aws_sdk_scheduler::{
    Client,
    config::retry::RetryConfig,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        create_schedule::CreateScheduleError,
        delete_schedule::DeleteScheduleError,
        get_schedule::{GetScheduleError, GetScheduleOutput},
        update_schedule::UpdateScheduleError,
    },
    types::{ScheduleState, ScheduleSummary},
};
use pulse_core::{
    customer::CustomerId,
    failure::Cause,
    ports::{MonthlySchedule, PutOutcome, ScheduleError, SchedulePage, Schedules, SchedulesError},
};

use crate::sdk::failure::{self, CallFailure, SCHEDULER};
use definition::Definition;
pub use definition::ScheduleTarget;

/// Customers' schedules in one schedule group.
///
/// Needs `scheduler:CreateSchedule`, `GetSchedule`, `UpdateSchedule` and `DeleteSchedule` on the
/// group's schedules, and `iam:PassRole` on their role. [`list`](Schedules::list) needs `ListSchedules`, which
/// AWS allows on all resources or none.
#[derive(Debug)]
pub struct EventBridgeSchedules {
    client: Client,
    target: ScheduleTarget,
}

impl EventBridgeSchedules {
    /// The schedules that send to `target`.
    #[must_use]
    pub fn new(client: Client, target: ScheduleTarget) -> Self {
        Self { client, target }
    }

    /// The same, where each call is made once. Who has a [pace](pulse_core::pacing) hears of throttling
    /// only if the SDK doesn't wait and ask again by itself.
    #[must_use]
    pub fn without_retries(self) -> Self {
        let config = self.client.config().to_builder().retry_config(RetryConfig::disabled()).build();
        Self { client: Client::from_conf(config), ..self }
    }
}

#[async_trait]
impl Schedules for EventBridgeSchedules {
    /// Creating is tried first: enrolling a roster creates nearly all of its schedules. A schedule
    /// that is there is compared in whole, because updating replaces it in whole (`EventBridge`
    /// Scheduler API Reference, `UpdateSchedule`).
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError> {
        let customer = &schedule.customer;
        let definition =
            Definition::of(schedule, &self.target).map_err(|error| refused(customer, Cause::new(error.to_string())))?;
        if self.create(customer, &definition).await? {
            return Ok(PutOutcome::Created);
        }
        match self.read(customer).await? {
            Some(present) if definition.is(&present) => Ok(PutOutcome::Unchanged),
            Some(_) => self.update(customer, definition).await,
            None => Err(ScheduleError::Unavailable {
                customer: customer.clone(),
                cause: Cause::new("Someone else is deleting it."),
            }),
        }
    }

    async fn get(&self, customer: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError> {
        let present = self.read(customer).await?;
        Ok(present.and_then(|present| Definition::read(customer, &present, &self.target)))
    }

    async fn delete(&self, customer: &CustomerId) -> Result<bool, ScheduleError> {
        let call = self.client.delete_schedule().group_name(&self.target.group).name(customer.as_str());
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(DeleteScheduleError::is_resource_not_found_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed(customer, &error)),
        }
    }

    /// A hundred at a time, the most that there are on a page (`EventBridge` Scheduler API Reference,
    /// `ListSchedules`). Names that are no customer's are passed over.
    async fn list(&self, prefix: &str, page: Option<String>) -> Result<SchedulePage, SchedulesError> {
        let call = self
            .client
            .list_schedules()
            .group_name(&self.target.group)
            .state(ScheduleState::Enabled)
            // It takes no prefix of no letters.
            .set_name_prefix((!prefix.is_empty()).then(|| prefix.to_owned()))
            .max_results(100)
            .set_next_token(page);
        let answer = call.send().await;
        let answer = answer.map_err(|error| match failure::read(SCHEDULER, &error) {
            CallFailure::Again(cause) => SchedulesError::Unavailable(cause),
            CallFailure::Refused(cause) | CallFailure::Denied(cause) => SchedulesError::Denied(cause),
        })?;
        let name = |schedule: &ScheduleSummary| CustomerId::parse(schedule.name()?).ok();
        Ok(SchedulePage {
            customers: answer.schedules().iter().filter_map(name).collect(),
            next: answer.next_token().map(str::to_owned),
        })
    }
}

impl EventBridgeSchedules {
    /// False if there is a schedule of that name.
    async fn create(&self, customer: &CustomerId, definition: &Definition) -> Result<bool, ScheduleError> {
        let Definition { expression, zone, window, target, state } = definition.clone();
        let call = self
            .client
            .create_schedule()
            .group_name(&self.target.group)
            .name(customer.as_str())
            .schedule_expression(expression)
            .schedule_expression_timezone(zone)
            .flexible_time_window(window)
            .target(target)
            .state(state);
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(CreateScheduleError::is_conflict_exception) => Ok(false),
            Err(error) => Err(failed(customer, &error)),
        }
    }

    async fn update(&self, customer: &CustomerId, definition: Definition) -> Result<PutOutcome, ScheduleError> {
        let Definition { expression, zone, window, target, state } = definition;
        let call = self
            .client
            .update_schedule()
            .group_name(&self.target.group)
            .name(customer.as_str())
            .schedule_expression(expression)
            .schedule_expression_timezone(zone)
            .flexible_time_window(window)
            .target(target)
            .state(state);
        match call.send().await {
            Ok(_) => Ok(PutOutcome::Updated),
            Err(error)
                if error.as_service_error().is_some_and(UpdateScheduleError::is_resource_not_found_exception) =>
            {
                let cause = Cause::new("The schedule was deleted since it was read.");
                Err(ScheduleError::Unavailable { customer: customer.clone(), cause })
            }
            Err(error) => Err(failed(customer, &error)),
        }
    }

    async fn read(&self, customer: &CustomerId) -> Result<Option<GetScheduleOutput>, ScheduleError> {
        let call = self.client.get_schedule().group_name(&self.target.group).name(customer.as_str());
        match call.send().await {
            Ok(present) => Ok(Some(present)),
            Err(error) if error.as_service_error().is_some_and(GetScheduleError::is_resource_not_found_exception) => {
                Ok(None)
            }
            Err(error) => Err(failed(customer, &error)),
        }
    }
}

fn failed<E>(customer: &CustomerId, error: &SdkError<E>) -> ScheduleError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let customer = customer.clone();
    match (failure::read(SCHEDULER, error), error.as_service_error().and_then(ProvideErrorMetadata::code)) {
        // A conflict is with another change of the same schedule. The quota on the rate of calls has the code of the one
        // on the number of schedules, too (EventBridge Scheduler User Guide, "Troubleshooting quotas"): patience ends
        // either.
        (CallFailure::Again(cause), _)
        | (CallFailure::Refused(cause), Some("ConflictException" | "ServiceQuotaExceededException")) => {
            ScheduleError::Unavailable { customer, cause }
        }
        (CallFailure::Refused(cause), Some("ValidationException")) => ScheduleError::Refused { customer, cause },
        (CallFailure::Refused(cause) | CallFailure::Denied(cause), _) => ScheduleError::Denied { customer, cause },
    }
}

fn refused(customer: &CustomerId, cause: Cause) -> ScheduleError {
    ScheduleError::Refused { customer: customer.clone(), cause }
}
