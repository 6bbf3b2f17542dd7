//! What a customer's schedule consists of.

use aws_sdk_scheduler::{
    error::BuildError,
    operation::get_schedule::GetScheduleOutput,
    types::{DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState, Target},
};
use pulse_core::{customer::CustomerId, message::WorkMessage, ports::MonthlySchedule};

use super::cron;

/// A schedule may fire this much later than its slot, so that a full hour's customers don't all
/// come at once.
const WINDOW_MINUTES: i32 = 15;

/// The most that `EventBridge` Scheduler tries a delivery, and for how long (`EventBridge`
/// Scheduler API Reference, `RetryPolicy`): an outage of the queue of less than a day loses nothing.
const DELIVERY_RETRIES: i32 = 185;
const DELIVERY_SECONDS: i32 = 86_400;

/// In which group schedules live, and where they send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleTarget {
    /// The schedule group's name.
    pub group: String,
    /// ARN of the score queue.
    pub queue_arn: String,
    /// ARN of the role that may send to it.
    pub role_arn: String,
    /// ARN of the queue for what couldn't be delivered.
    pub dead_letter_arn: String,
}

/// All that `UpdateSchedule` replaces.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Definition {
    pub(super) expression: String,
    pub(super) zone: String,
    pub(super) window: FlexibleTimeWindow,
    pub(super) target: Target,
    pub(super) state: ScheduleState,
}

impl Definition {
    pub(super) fn of(schedule: &MonthlySchedule, to: &ScheduleTarget) -> Result<Self, BuildError> {
        let window = FlexibleTimeWindow::builder()
            .mode(FlexibleTimeWindowMode::Flexible)
            .maximum_window_in_minutes(WINDOW_MINUTES)
            .build()?;
        let retries = RetryPolicy::builder()
            .maximum_retry_attempts(DELIVERY_RETRIES)
            .maximum_event_age_in_seconds(DELIVERY_SECONDS)
            .build();
        let target = Target::builder()
            .arn(&to.queue_arn)
            .role_arn(&to.role_arn)
            .dead_letter_config(DeadLetterConfig::builder().arn(&to.dead_letter_arn).build())
            .retry_policy(retries)
            .input(WorkMessage::schedule_input(&schedule.customer))
            .build()?;
        Ok(Self {
            expression: cron::expression(&schedule.slot),
            zone: schedule.slot.zone().name().to_owned(),
            window,
            target,
            state: ScheduleState::Enabled,
        })
    }

    /// Whether a schedule that is there is just this one, without a beginning or an end.
    pub(super) fn is(&self, present: &GetScheduleOutput) -> bool {
        present.schedule_expression() == Some(&self.expression)
            && present.schedule_expression_timezone() == Some(&self.zone)
            && present.flexible_time_window() == Some(&self.window)
            && present.target() == Some(&self.target)
            && present.state() == Some(&self.state)
            && present.start_date().is_none()
            && present.end_date().is_none()
    }

    /// The live monthly schedule that `present` is, or `None` if it is disabled, isn't monthly, or
    /// sends something else or elsewhere.
    pub(super) fn read(
        customer: &CustomerId,
        present: &GetScheduleOutput,
        to: &ScheduleTarget,
    ) -> Option<MonthlySchedule> {
        let target = present.target()?;
        let is_live = present.state() == Some(&ScheduleState::Enabled)
            && target.arn() == to.queue_arn
            && target.input() == Some(&WorkMessage::schedule_input(customer));
        if !is_live {
            return None;
        }
        let zone = present.schedule_expression_timezone().unwrap_or("UTC");
        let slot = cron::parse(present.schedule_expression()?, zone)?;
        Some(MonthlySchedule { customer: customer.clone(), slot })
    }
}
