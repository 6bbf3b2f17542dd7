use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    CampaignFacts, Decision, Facts, StageName, Verdict,
    decision::before_the_mail,
    row::Entries,
    step::{CallError, Claim, Step},
};
use crate::{
    customer::{Customer, Standing},
    entry::{Change, Entry, IllegalTransition},
    failure::Cause,
    message::{Turn, WorkMessage},
    ports::{Clock, LedgerError, ScoreError, ScoreRequest, Scorer},
    score::Score,
    trace::TraceHeader,
};

/// Asks the scoring provider for a customer's score.
#[derive(Clone)]
pub struct ScoreStep {
    /// Profiles and entries.
    pub entries: Entries,
    /// The scoring provider.
    pub scorer: Arc<dyn Scorer>,
    /// Tells the moment of what is decided and written.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Step for ScoreStep {
    const STAGE: StageName = StageName::Score;
    type Rows = Entries;
    type Request = ScoreRequest;
    type Output = Score;

    fn rows(&self) -> &Entries {
        &self.entries
    }

    /// An active customer's entry that should be there and isn't is opened now; a customer who has left needs
    /// none, and no message alone makes a repeat or a campaign's entry.
    async fn load(&self, message: &WorkMessage) -> Result<Option<(Customer, Entry)>, Verdict> {
        let ledger = &self.entries.ledger;
        let turn = message.turn().map_err(|cause| Verdict::Fail { cause })?;
        let Some(customer) = ledger.customer(&turn.customer).await? else {
            let cause = Cause::new(format!("Customer {} is unknown.", turn.customer));
            return Err(Verdict::Fail { cause });
        };
        let id = turn.entry_of(&customer);
        if let Some(entry) = ledger.entry(&id).await? {
            return Ok(Some((customer, entry)));
        }
        if customer.standing == Standing::Closed || !id.run.is_monthly() {
            return Ok(None);
        }
        let scheduled_at = match turn.turn {
            Turn::Scheduled(moment) => moment,
            Turn::Run { .. } => self.clock.now(),
        };
        ledger.open(&Entry::scheduled(id.clone(), scheduled_at, None)).await?;
        Ok(ledger.entry(&id).await?.map(|entry| (customer, entry)))
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

    fn request(
        &self,
        (customer, entry): &(Customer, Entry),
        trace: Option<TraceHeader>,
    ) -> Result<ScoreRequest, Cause> {
        Ok(ScoreRequest { entry: entry.id().clone(), product: customer.product, trace })
    }

    /// Two workers come by one entry where a message was sent again for one that was slow, which is rare: then the scorer is asked twice,
    /// and the first answer counts. A claim would cost a write of every entry.
    fn claim(&self, entry: &Entry, now: Timestamp, lease_until: Timestamp) -> Result<Claim<Entry>, IllegalTransition> {
        entry.claimed_unwritten(Self::STAGE, now, lease_until).map(Claim::Unwritten)
    }

    async fn call(&self, request: &ScoreRequest) -> Result<Score, CallError> {
        self.scorer.score(request).await.map_err(|error| match error {
            ScoreError::Retry { after, cause } => CallError::Retry { after, cause },
            ScoreError::Fail { cause } => CallError::Fail { cause },
        })
    }

    fn complete(
        &self,
        (_, entry): &(Customer, Entry),
        score: Score,
        now: Timestamp,
    ) -> Result<Change, IllegalTransition> {
        entry.record_score(score, now)
    }
}
