use pulse_core::{
    advice::Advice, campaign::IllegalCampaignStep, ports::LedgerError, run::RunId, stage_spec::NoSuchStage,
};

use super::{BeyondDeadline, BeyondQuota};
use crate::SettingsError;

/// Why something isn't done about a campaign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CampaignError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It can't be read what the functions go by.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A step of its plan is a stage that the stack hasn't.
    #[error(transparent)]
    NoSuchStage(#[from] NoSuchStage),
    /// There is none.
    #[error("there is no campaign {0}")]
    Unknown(RunId),
    /// A month is no campaign.
    #[error(
        "{0} is a month, and no campaign: `pulse why --run {0}` shows it, and its stages are paused by `pulse pause`"
    )]
    Month(RunId),
    /// A name is given once.
    #[error("there is a campaign {0} already, and a name is never given twice: what it has sent is told by it")]
    Taken(RunId),
    /// It would be for more than is allowed.
    #[error(
        "campaign {run} would have {entries} entries, one for each customer or item, and {at_most} are the most that you allow"
    )]
    TooMany {
        /// By its name, which is never given twice.
        run: RunId,
        /// How many it would have.
        entries: u64,
        /// How many it may have.
        at_most: u64,
    },
    /// It would send more than the account may.
    #[error(transparent)]
    BeyondQuota(#[from] BeyondQuota),
    /// It would end before it is begun to its end.
    #[error(transparent)]
    BeyondDeadline(#[from] BeyondDeadline),
    /// Nobody would be mailed.
    #[error("campaign {0} is for nobody: none of those who are asked for is on the roster")]
    Nobody(RunId),
    /// Another campaign has left nobody.
    #[error(
        "campaign {0} left nobody: whom it reached, whom it skipped, and of whom it isn't known whether they have its mail, aren't \
         mailed again"
    )]
    AllReached(RunId),
    /// It isn't known any more whom another campaign was for.
    #[error(
        "campaign {0} was cancelled before it was known whom it is for, so that whom it didn't reach can't be told: nothing of it was \
         sent, start another for the same audience"
    )]
    CutShort(RunId),
    /// What isn't closed yet would be left out.
    #[error("campaign {run} is {standing}, and whom it doesn't reach isn't known before it is over")]
    NotOver {
        /// By its name, which is never given twice.
        run: RunId,
        /// How it stands, in a word or two.
        standing: String,
    },
    /// Its partner would do it again for some.
    #[error(
        "the partner was called already for {entries} of those whom campaign {run} didn't reach, and would do it again under another \
         name: mail them by --steps email, or name those who are to be called again by --audience"
    )]
    CalledFor {
        /// Whom it didn't reach.
        run: RunId,
        /// For how many of them the partner was called, or of their items.
        entries: u64,
    },
    /// Its letter couldn't be written to some.
    #[error(
        "campaign {0} would have entries without an item, and its letter shows one: name one behind each customer, in a \
         column `item`, or write that between `{{% if item %}}` and `{{% endif %}}`"
    )]
    WithoutItem(RunId),
    /// What happens can't happen as it stands.
    #[error(transparent)]
    Illegal(#[from] IllegalCampaignStep),
    /// It is changed all the time.
    #[error("campaign {0} was changed each time: try again")]
    Busy(RunId),
}

impl CampaignError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Unknown(_) => Some(Advice::LookAtCampaigns),
            Self::Taken(run) | Self::Busy(run) | Self::NotOver { run, .. } => {
                Some(Advice::LookAtCampaign { run: *run })
            }
            Self::Illegal(step) => Some(Advice::LookAtCampaign { run: step.run }),
            _ => None,
        }
    }
}
