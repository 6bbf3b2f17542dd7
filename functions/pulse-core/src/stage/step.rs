use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{CampaignFacts, Decision, Facts, Resolution, Row, Rows, StageName, Verdict};
use crate::{
    entry::IllegalTransition,
    failure::Cause,
    message::WorkMessage,
    ports::{LedgerError, MailLookup},
    stage_spec::Effect,
    trace::TraceHeader,
};

/// A row with what it hangs on, as a step works on it.
pub type Work<S> = (<<S as Step>::Rows as Rows>::Subject, RowOf<S>);

/// The rows that a step moves.
pub type RowOf<S> = <<S as Step>::Rows as Rows>::Row;

/// The changes of those rows.
pub type ChangeOf<S> = <RowOf<S> as Row>::Change;

/// Why a call to a provider didn't do what it was to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// It wasn't done; try again, no sooner than `after` if the provider said so.
    Retry {
        /// The provider's Retry-After.
        after: Option<Duration>,
        /// What happened.
        cause: Cause,
    },
    /// It wasn't done, and trying again won't help.
    Fail {
        /// What happened.
        cause: Cause,
    },
    /// It wasn't done: the provider refuses this one for good, and rightly.
    Refused {
        /// What happened.
        cause: Cause,
    },
    /// It may have been done: the answer was lost.
    Lost {
        /// What happened.
        cause: Cause,
    },
}

/// A row that its provider is called for.
pub enum Claim<R: Row> {
    /// It is claimed by this change.
    Written(R::Change),
    /// It is as if it were, and others may call for it as well: what comes of that is written by the first.
    Unwritten(R),
}

/// What one stage does. Everything else, from claiming a row to handing it on, is the
/// [runner](super::StageRunner)'s.
#[async_trait]
pub trait Step: Send + Sync + Sized {
    /// Whose step it is.
    const STAGE: StageName;

    /// Whether it is written down that the provider refused a call, before the row is given up for it.
    const NOTES_REFUSALS: bool = matches!(Self::STAGE.spec().effect, Effect::AtMostOnce);

    /// The rows that it moves.
    type Rows: Rows;

    /// What the provider is asked.
    type Request: Send + Sync;

    /// What the provider answers.
    type Output: Send;

    /// The rows that it moves.
    fn rows(&self) -> &Self::Rows;

    /// The row that a message is about; none, where nothing is to be done.
    ///
    /// # Errors
    /// What is to be said of the message, where the row can't be read, or should be there and isn't.
    async fn load(&self, message: &WorkMessage) -> Result<Option<Work<Self>>, Verdict>;

    /// What is to be done at `now`, by what is known. It reads and writes nothing, so that a preview, the
    /// diagnosis of a dead letter and an explanation are given by the same code.
    fn decide(&self, work: &Work<Self>, facts: &Facts, now: Timestamp) -> Decision;

    /// Whether the address must not be mailed at `now`. Asked where [`decide`](Self::decide) wants to know.
    ///
    /// # Errors
    /// When the ledger can't be read.
    async fn is_suppressed(&self, _work: &Work<Self>, _now: Timestamp) -> Result<bool, LedgerError> {
        Ok(false)
    }

    /// How the row's campaign stands at `now`. Asked where [`decide`](Self::decide) wants to know.
    ///
    /// # Errors
    /// When the ledger can't be read.
    async fn campaign_facts(&self, _work: &Work<Self>, _now: Timestamp) -> Result<CampaignFacts, LedgerError> {
        Ok(CampaignFacts::default())
    }

    /// Whether a call whose answer was lost may be made again soon, as its provider does nothing twice of a key that it
    /// knows. Only a step whose effect is one at most is asked.
    fn may_repeat(&self) -> bool {
        false
    }

    /// What came of an earlier call for the row. Only a step whose effect is one at most is asked.
    ///
    /// # Errors
    /// When the provider can't be asked right now.
    async fn look_up(&self, _row: &RowOf<Self>) -> Result<MailLookup, Cause> {
        Ok(MailLookup::SafeToSend)
    }

    /// What the provider is to be asked, made before the row is claimed.
    ///
    /// # Errors
    /// Why it can't be asked at all, which no further try would change.
    fn request(&self, work: &Work<Self>, trace: Option<TraceHeader>) -> Result<Self::Request, Cause>;

    /// Claims a row until `lease_until`, before the provider is called for it. A step that does no harm if two workers call may write
    /// nothing.
    ///
    /// # Errors
    /// When someone else holds it, or it isn't the stage's.
    fn claim(
        &self,
        row: &RowOf<Self>,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Claim<RowOf<Self>>, IllegalTransition> {
        row.claim(Self::STAGE, now, lease_until).map(Claim::Written)
    }

    /// Calls the provider. Ends within the step's timeout.
    async fn call(&self, request: &Self::Request) -> Result<Self::Output, CallError>;

    /// The change that an answer makes to the row that was claimed for it.
    ///
    /// # Errors
    /// When the row isn't claimed.
    fn complete(
        &self,
        work: &Work<Self>,
        output: Self::Output,
        now: Timestamp,
    ) -> Result<ChangeOf<Self>, IllegalTransition>;

    /// What is written down when the provider refuses this one for good, if that is not the stage's failure.
    ///
    /// # Errors
    /// When what is to be remembered of it can't be written.
    async fn refused(
        &self,
        _work: &Work<Self>,
        _cause: &Cause,
        _now: Timestamp,
    ) -> Result<Option<Resolution>, LedgerError> {
        Ok(None)
    }
}
