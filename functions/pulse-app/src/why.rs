use pulse_core::{
    advice::Advice,
    customer::CustomerId,
    run::RunId,
    why::{CustomerInquiry, RunInquiry, RunReport, Timeline, TimelineError, WhyError},
};

use crate::{App, SettingsError, UnknownCustomer};

/// What is asked of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunQuestion {
    /// Of which. Without it, of the current one.
    pub run: Option<RunId>,
    /// The most entries of each kind that are read to see what went wrong with them.
    pub limit: usize,
    /// Whether it is asked why customers have no entry in the run, which takes half of the reading.
    pub in_depth: bool,
}

/// Why nothing can be told of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunWhyError {
    /// The run is none of everyone, or the ledger can't be read.
    #[error(transparent)]
    Why(#[from] WhyError),
    /// It isn't known which run is the current one.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// Why a customer's story can't be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomerWhyError {
    /// There is no such customer.
    #[error(transparent)]
    Customer(#[from] UnknownCustomer),
    /// They have no entry in that run.
    #[error("Customer {customer} has no entry in run {run}.")]
    NotInRun {
        /// Who.
        customer: CustomerId,
        /// In which run.
        run: RunId,
    },
    /// The ledger or the schedule can't be read.
    #[error(transparent)]
    Timeline(#[from] TimelineError),
    /// It can't be read what the functions go by.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl CustomerWhyError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Customer(_) => Some(Advice::EnrollSomeone),
            Self::NotInRun { customer, .. } => Some(Advice::LookAtCustomer { customer: customer.clone() }),
            Self::Timeline(_) | Self::Settings(_) => None,
        }
    }
}

impl App {
    /// Who is not done in a run, and why.
    ///
    /// # Errors
    /// When the run is one customer's repeat, or the ledger can't be read.
    pub async fn why_run(&self, question: RunQuestion) -> Result<RunReport, RunWhyError> {
        let run = match question.run {
            Some(run) => run,
            None => RunId::of(self.clock().now(), self.settings.zone()?.rules()),
        };
        let inquiry = RunInquiry {
            ledger: &*self.ports.ledger,
            reports: &*self.ports.reports,
            open: &*self.ports.open,
            feedback: &*self.ports.feedback,
            controls: &*self.ports.controls,
            stages: &*self.ports.stages,
            clock: self.clock(),
            limit: question.limit,
            in_depth: question.in_depth,
        };
        Ok(inquiry.why(run).await?)
    }

    /// A customer's whole story with what comes next, or that of one run alone.
    ///
    /// # Errors
    /// As [`CustomerWhyError`] says.
    pub async fn why_customer(&self, id: &CustomerId, run: Option<RunId>) -> Result<Timeline, CustomerWhyError> {
        let rules = self.settings.rules().await;
        // A configuration that can't be read may be what is wrong: the rest is told all the more.
        let rules = rules.inspect_err(|error| tracing::warn!(%error, "what comes then isn't told")).ok();
        let schedules = self.schedules();
        let inquiry = CustomerInquiry {
            ledger: &*self.ports.ledger,
            in_campaigns: &*self.ports.in_campaigns,
            reports: &*self.ports.reports,
            schedules: &schedules,
            controls: &*self.ports.controls,
            memory: &*self.ports.memory,
            stages: &*self.ports.stages,
            endpoints: &*self.ports.endpoints,
            endpoint_controls: &*self.ports.endpoint_controls,
            deliveries: &*self.ports.deliveries,
            clock: self.clock(),
            policy: self.settings.sweep().await?,
            rules,
        };
        let story = inquiry.story(id).await?.ok_or_else(|| UnknownCustomer(id.clone()))?;
        match run {
            None => Ok(story),
            Some(run) => story.in_run(run).ok_or_else(|| CustomerWhyError::NotInRun { customer: id.clone(), run }),
        }
    }
}
