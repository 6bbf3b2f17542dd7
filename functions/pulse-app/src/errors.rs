use pulse_core::{
    advice::Advice,
    customer::CustomerId,
    overview::OverviewError,
    ports::{GaugeError, LedgerError, ScheduleError, StageError},
    snapshot::SnapshotError,
};

use crate::SettingsError;

/// Nobody on the roster has this id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Customer {0} is not on the roster")]
pub struct UnknownCustomer(pub CustomerId);

/// Why something couldn't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A stage.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A figure.
    #[error(transparent)]
    Gauge(#[from] GaugeError),
    /// What the functions go by.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is no such customer.
    #[error(transparent)]
    Customer(#[from] UnknownCustomer),
}

impl ReadError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        matches!(self, Self::Customer(_)).then_some(Advice::EnrollSomeone)
    }
}

impl From<SnapshotError> for ReadError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Ledger(error) => Self::Ledger(error),
            SnapshotError::Stage(error) => Self::Stage(error),
            SnapshotError::Gauge(error) => Self::Gauge(error),
        }
    }
}

impl From<OverviewError> for ReadError {
    fn from(error: OverviewError) -> Self {
        match error {
            OverviewError::Ledger(error) => Self::Ledger(error),
            OverviewError::Stage(error) => Self::Stage(error),
        }
    }
}
