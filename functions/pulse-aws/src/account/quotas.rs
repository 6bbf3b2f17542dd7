//! What `EventBridge` Scheduler lets an account do.

use aws_sdk_servicequotas::{Client, types::ServiceQuota};
use pulse_core::ports::{AccountError, SchedulerQuotas};

use super::unanswered;

const SERVICE: &str = "scheduler";

/// By their names in Service Quotas (Amazon `EventBridge` Scheduler User Guide, "Quotas").
const SCHEDULES: &str = "Number of schedules";
const CREATED: &str = "CreateSchedule request rate";

const WHAT: &str = "Service Quotas can't be asked for EventBridge Scheduler's";

/// What was raised for the account goes before what every account has; only the former isn't told for every quota
/// (Service Quotas API Reference, `ListServiceQuotas`).
pub(super) async fn ask(client: &Client) -> Result<SchedulerQuotas, AccountError> {
    let applied = client.list_service_quotas().service_code(SERVICE).into_paginator().items().send();
    let applied = applied.try_collect().await.map_err(unanswered(WHAT))?;
    let mut defaults = Vec::new();
    if [SCHEDULES, CREATED].iter().any(|name| value(&applied, name).is_none()) {
        let pages = client.list_aws_default_service_quotas().service_code(SERVICE).into_paginator().items().send();
        defaults = pages.try_collect().await.map_err(unanswered(WHAT))?;
    }
    let quota = |name| {
        let value = value(&applied, name).or_else(|| value(&defaults, name));
        value.ok_or_else(|| AccountError(format!("{WHAT} \"{name}\": it isn't among them")))
    };
    Ok(SchedulerQuotas { schedules: quota(SCHEDULES)?, created_per_second: quota(CREATED)? })
}

fn value(quotas: &[ServiceQuota], name: &str) -> Option<f64> {
    quotas.iter().find(|quota| quota.quota_name() == Some(name)).and_then(ServiceQuota::value)
}
