use pulse_core::{
    advice::Advice,
    customer::CustomerId,
    entry::StageName,
    feedback::{FeedbackCounts, sum_of},
    ports::LedgerError,
    run::RunId,
    why::{
        CampaignInquiry, CampaignTroubles, CauseSample, CustomerInquiry, HoldReason, RunInquiry, RunReport, Timeline,
        TimelineError, WhyError,
    },
};
use serde::Serialize;

use crate::{App, CampaignError, CampaignShown, SettingsError, UnknownCustomer};

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

/// Where a campaign's entries stand, and why they aren't done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignWhy {
    /// It, counted: each of its entries once.
    #[serde(flatten)]
    pub shown: CampaignShown,
    /// What holds its stages.
    pub holders: Vec<(StageName, HoldReason)>,
    /// What went wrong, grouped.
    pub causes: Vec<CauseSample>,
    /// What became of its mails, as far as their providers told.
    pub feedback: FeedbackCounts,
}

/// Why nothing can be told of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunWhyError {
    /// The run is none of everyone, or the ledger can't be read.
    #[error(transparent)]
    Why(#[from] WhyError),
    /// There is no such campaign. Any word in lower case may be the name of one.
    #[error("there is no campaign {0}; months are written 2026-11; `pulse run list` lists campaigns")]
    NoCampaign(RunId),
    /// The campaign can't be counted.
    #[error(transparent)]
    Campaign(CampaignError),
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
        /// By the id that the roster has.
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
    /// When the run is one customer's repeat or a campaign, or the ledger can't be read.
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

    /// Where a campaign's entries stand, and why they aren't done: at most `limit` of each kind are read to see what went wrong.
    ///
    /// # Errors
    /// When there is none, or the ledger can't be read.
    pub async fn why_campaign(&self, run: RunId, limit: usize) -> Result<CampaignWhy, RunWhyError> {
        let (shown, open) = self.campaign_counted(run).await.map_err(|error| match error {
            CampaignError::Unknown(run) => RunWhyError::NoCampaign(run),
            error => RunWhyError::Campaign(error),
        })?;
        let inquiry = CampaignInquiry {
            ledger: &*self.ports.ledger,
            listing: &*self.ports.reports,
            in_campaigns: &*self.ports.in_campaigns,
            controls: &*self.ports.controls,
            stages: &*self.ports.stages,
            clock: self.clock(),
            limit,
        };
        let told = |error: LedgerError| RunWhyError::Why(error.into());
        let troubles = inquiry.troubles(run, shown.campaign.request.plan, &shown.closed, &open).await;
        let CampaignTroubles { holders, causes } = troubles.map_err(told)?;
        let hours = self.ports.feedback.feedback_counts(run, jiff::Timestamp::UNIX_EPOCH).await.map_err(told)?;
        let feedback = sum_of(hours.iter().map(|(_, counts)| counts));
        Ok(CampaignWhy { shown, holders, causes, feedback })
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
