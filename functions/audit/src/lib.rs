//! The audit function: every day, holds the roster against the schedules and the ledger.

use std::sync::Arc;

use anyhow::Result;
use jiff::tz::TimeZone;
use pulse_aws::{
    clock::SystemClock,
    config::{AuditConfig, Environment, process_variable},
    dynamodb::DynamoDbLedger,
    scheduler::EventBridgeSchedules,
    sdk, telemetry,
};
use pulse_core::{
    audit::{Audit, AuditDepth, AuditError, AuditReport},
    pacing::PacedSchedules,
    ports::Clock as _,
};

/// How often a call to the scheduler is made, if it is throttled: for a few seconds, of which there are few.
const TRIES: u32 = 4;

/// Over so many audits, each customer's schedule is read in whole once.
const SLICES: u64 = 28;

/// The function, with its clients built once.
pub struct Function {
    ledger: DynamoDbLedger,
    schedules: PacedSchedules,
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
        Ok(Self {
            ledger: DynamoDbLedger::new(sdk::dynamodb_client(&aws), config.table),
            schedules: PacedSchedules::new(
                Arc::new(EventBridgeSchedules::new(sdk::scheduler_client(&aws), config.target).without_retries()),
                Arc::new(SystemClock),
                TRIES,
            ),
            repair: config.repair,
        })
    }

    /// One audit.
    ///
    /// # Errors
    /// When the ledger or the schedules can't be listed.
    pub async fn handle(&self) -> Result<AuditReport, AuditError> {
        let today = TimeZone::UTC.to_datetime(SystemClock.now()).date();
        let audit = Audit {
            ledger: &self.ledger,
            listing: &self.ledger,
            schedules: &self.schedules,
            clock: &SystemClock,
            depth: AuditDepth::Slice { number: u64::from(today.day_of_year().unsigned_abs()) % SLICES, of: SLICES },
            repair: self.repair,
        };
        let report = audit.run(&mut |_| {}).await?;
        let AuditReport { customers, read_in_whole, repaired, failed, .. } = report;
        let found: u64 = report.found.values().sum();
        tracing::info!(customers, read_in_whole, found, repaired, failed, "audited");
        for finding in &report.examples {
            tracing::warn!(customer = %finding.customer, problem = ?finding.problem, repaired = finding.repaired, "found");
        }
        Ok(report)
    }
}
