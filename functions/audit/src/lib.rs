//! The audit function: every day, holds the roster against the schedules and the ledger.

use std::sync::Arc;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use pulse_aws::{
    clock::SystemClock,
    config::{AuditConfig, Environment, process_variable},
    dynamodb::DynamoDbLedger,
    outbox::outbox,
    scheduler::EventBridgeSchedules,
    sdk,
    sqs::SqsQueue,
    telemetry,
};
use pulse_core::{
    audit::{
        AUDIT_OVERDUE_AFTER, Audit, AuditDepth, AuditEnd, AuditError, AuditName, AuditReport, AuditRequest, AuditStart,
    },
    delivery::OutboxLedger,
    entry::StageName,
    ports::{Clock as _, Sleeper as _},
};
use serde::Serialize;

/// Over so many audits, each customer's schedule is read in whole once.
const SLICES: u64 = 28;

/// Time left for the last checkpoint and the answer. It is tried for 9 s at most, and an invocation that is killed all the
/// same loses no more than what came after the checkpoint before.
const CLOSING_TIME: SignedDuration = SignedDuration::from_secs(30);

/// What came of an invocation.
#[derive(Debug, Serialize)]
pub struct Audited {
    /// What was found, since the audit began.
    #[serde(flatten)]
    pub report: AuditReport,
    /// Whether everyone was looked at.
    pub finished: bool,
}

/// The function, with its clients built once.
pub struct Function {
    ledger: DynamoDbLedger,
    /// The same, with word of what a repair closes.
    entries: OutboxLedger,
    schedules: EventBridgeSchedules,
    repair: bool,
}

impl Function {
    /// Reads the configuration and builds the clients.
    ///
    /// # Errors
    /// When a variable is missing or wrong.
    pub async fn start() -> Result<Self> {
        let env = Environment::new(&process_variable);
        telemetry::start(env.optional("LOG_LEVEL").as_deref());
        let config = AuditConfig::read(env)?;
        let aws = sdk::load().await?;
        let ledger = DynamoDbLedger::new(sdk::dynamodb_client(&sdk::for_worker(&aws)), config.table);
        let queue = SqsQueue::new(sdk::sqs_client(&aws), StageName::Deliver, config.deliver_queue_url);
        Ok(Self {
            entries: outbox(&ledger, Arc::new(queue)),
            ledger,
            schedules: EventBridgeSchedules::new(sdk::scheduler_client(&aws), config.target).without_retries(),
            repair: config.repair,
        })
    }

    /// One audit, or as much of one as there is time for until the invocation's deadline, in milliseconds since 1970.
    /// What is left the next invocation goes on with.
    ///
    /// # Errors
    /// When the ledger or the schedules can't be listed, there was no finished audit for more than a day, or one passed
    /// customers over.
    pub async fn handle(&self, request: AuditRequest, deadline: u64) -> Result<Option<Audited>, AuditError> {
        let today = TimeZone::UTC.to_datetime(SystemClock.now()).date();
        let audit = Audit {
            ledger: &self.entries,
            listing: &self.ledger,
            schedules: &self.schedules,
            log: &self.ledger,
            sleeper: &SystemClock,
            name: AuditName::Daily,
            depth: AuditDepth::Slice { number: u64::from(today.day_of_year().unsigned_abs()) % SLICES, of: SLICES },
            repair: self.repair,
        };
        let deadline = i64::try_from(deadline).ok().and_then(|deadline| Timestamp::from_millisecond(deadline).ok());
        let stop = deadline.and_then(|deadline| deadline.checked_sub(CLOSING_TIME).ok()).unwrap_or(Timestamp::MAX);
        let start = if request.resume { AuditStart::Resume } else { AuditStart::ResumeOrBegin };
        let (report, finished) = match audit.run(start, SystemClock.sleep_until(stop), &|_| {}).await? {
            AuditEnd::Finished(report) => (report, true),
            AuditEnd::Stopped(report) => (report, false),
            AuditEnd::NoneUnfinished => {
                audit.was_finished_within(AUDIT_OVERDUE_AFTER).await?;
                return Ok(None);
            }
        };
        if !finished {
            audit.was_finished_within(AUDIT_OVERDUE_AFTER).await?;
        }
        let AuditReport { customers, read_in_whole, repaired, failed, .. } = report;
        let found: u64 = report.found.values().sum();
        let message = if finished { "audited" } else { "audited in part" };
        tracing::info!(customers, read_in_whole, found, repaired, failed, message);
        if finished {
            for finding in &report.examples {
                tracing::warn!(customer = %finding.customer, problem = ?finding.problem, repaired = finding.repaired, "found");
            }
        }
        if finished && failed > 0 {
            return Err(AuditError::NotAll(failed));
        }
        Ok(Some(Audited { report, finished }))
    }
}
