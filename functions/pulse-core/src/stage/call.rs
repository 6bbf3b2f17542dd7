use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{
    CampaignFacts, Decision, Facts, StageName, Verdict,
    decision::before_the_mail,
    row::Entries,
    step::{CallError, Step},
};
use crate::{
    customer::Customer,
    entry::{Called, Change, Entry, IllegalTransition},
    failure::Cause,
    message::WorkMessage,
    ports::{LedgerError, Partner, PartnerAnswer, PartnerError, PartnerRequest},
    trace::TraceHeader,
};

/// When a partner is asked again that isn't ready and doesn't say when it will be.
const ASKED_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// The longest that a partner is taken at its word for. A call each hour costs next to nothing, and a mistaken header no more than
/// an hour of a campaign's deadline.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// A partner that has it under way for longer never ends, and a campaign that waits for it has to.
const LONGEST_UNDER_WAY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Asks a campaign's partner to do what the campaign is about, such as to make an invoice.
#[derive(Clone)]
pub struct CallStep {
    /// Profiles and entries.
    pub entries: Entries,
    /// Who is asked.
    pub partner: Arc<dyn Partner>,
}

#[async_trait]
impl Step for CallStep {
    const STAGE: StageName = StageName::Call;
    /// Whom it refused, another campaign may call it for.
    const NOTES_REFUSALS: bool = true;
    type Rows = Entries;
    type Request = PartnerRequest;
    type Output = PartnerAnswer;

    fn rows(&self) -> &Entries {
        &self.entries
    }

    async fn load(&self, message: &WorkMessage) -> Result<Option<(Customer, Entry)>, Verdict> {
        self.entries.load(message).await.map(Some)
    }

    fn decide(&self, (customer, entry): &(Customer, Entry), facts: &Facts, now: Timestamp) -> Decision {
        before_the_mail(Self::STAGE, customer, entry, facts, now)
    }

    async fn campaign_facts(
        &self,
        (_, entry): &(Customer, Entry),
        now: Timestamp,
    ) -> Result<CampaignFacts, LedgerError> {
        self.entries.campaign_facts(entry, now).await
    }

    /// As of when its campaign planned it, so that each attempt asks the same.
    fn request(&self, (_, entry): &(Customer, Entry), trace: Option<TraceHeader>) -> Result<PartnerRequest, Cause> {
        Ok(PartnerRequest { entry: entry.id().clone(), asked_at: entry.scheduled_at(), trace })
    }

    async fn call(&self, request: &PartnerRequest) -> Result<PartnerAnswer, CallError> {
        self.partner.ask(request).await.map_err(|error| match error {
            PartnerError::Retry { after, cause } => CallError::Retry { after, cause },
            PartnerError::Fail { cause } => CallError::Fail { cause },
        })
    }

    /// One that isn't ready waits on the ledger, not in the queue: a message that waits costs receives, and can expire.
    fn complete(
        &self,
        (_, entry): &(Customer, Entry),
        answer: PartnerAnswer,
        now: Timestamp,
    ) -> Result<Change, IllegalTransition> {
        match answer {
            PartnerAnswer::Done { reference } => entry.record_called(Called { at: now, reference }, now),
            PartnerAnswer::NotReady { .. } if is_endless(entry, now) => {
                entry.fail(Self::STAGE, Cause::new("Its partner has had it under way for seven days."), now, None)
            }
            PartnerAnswer::NotReady { after } => {
                let wait = after.unwrap_or(ASKED_AGAIN_AFTER).min(LONGEST_WAIT);
                entry.postpone(now.saturating_add(wait).unwrap_or(Timestamp::MAX))
            }
        }
    }
}

fn is_endless(entry: &Entry, now: Timestamp) -> bool {
    entry.asked_at().is_some_and(|asked_at| now.duration_since(asked_at) > LONGEST_UNDER_WAY)
}
