use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    Stage, Task, Verdict, Wait,
    eligibility::{mailable, next_entry},
    put_off::put_off,
};
use crate::{
    customer::{Customer, Standing},
    entry::{Entry, EntryId, StageName, State},
    failure::Cause,
    message::{Turn, WorkMessage},
    ports::{Activity, Clock, Ledger, LedgerError, ScoreError, ScoreRequest, Scorer, StageQueue},
};

/// Claims an entry, asks the scoring provider, writes the score, and only then queues the email.
#[derive(Clone)]
pub struct ScoreStage {
    /// Profiles and entries.
    pub ledger: Arc<dyn Ledger>,
    /// The scoring provider.
    pub scorer: Arc<dyn Scorer>,
    /// Where an entry goes once it has a score.
    pub email_queue: Arc<dyn StageQueue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Stage for ScoreStage {
    async fn handle(&self, task: &Task) -> Verdict {
        self.step(task).await.unwrap_or_else(|verdict| verdict)
    }

    async fn give_up(&self, message: &WorkMessage, cause: &Cause) {
        if let Err(error) = self.record_failure(message, cause).await {
            tracing::error!(customer = %message.customer, %error, "couldn't record a failure on the ledger");
        }
    }

    async fn put_off(&self, message: &WorkMessage, cause: &Cause, patience: Duration) -> bool {
        let done = put_off((&*self.ledger, &*self.clock), StageName::Score, message, cause, patience).await;
        done.unwrap_or_else(|error| {
            tracing::error!(customer = %message.customer, %error, "couldn't put an entry off");
            false
        })
    }
}

impl ScoreStage {
    async fn step(&self, task: &Task) -> Result<Verdict, Verdict> {
        let Some(customer) = self.ledger.customer(&task.message.customer).await? else {
            let cause = Cause::new(format!("Customer {} is unknown.", task.message.customer));
            return Ok(Verdict::Fail { cause });
        };
        let Some(entry) = self.entry(task, &customer).await? else {
            return Ok(Verdict::Done);
        };
        let now = self.clock.now();
        match entry.state() {
            State::Scored { .. } => {
                // The worker before may have died between writing the score and queueing the
                // email. A second message for the same entry does no harm.
                self.email_queue.send(&WorkMessage::for_entry(entry.id()).traced(task.message.trace.clone())).await?;
                Ok(Verdict::Done)
            }
            State::Scoring { lease_until } if *lease_until > now => Ok(Verdict::NotNow {
                wait: Duration::try_from(lease_until.duration_since(now)).unwrap_or_default(),
                cause: Cause::new("Another worker is scoring it."),
            }),
            State::Failed { stage: StageName::Score, cause, .. } if !task.first_receive => {
                // On its way to the dead-letter queue.
                Ok(Verdict::Fail { cause: cause.clone() })
            }
            State::Scheduled | State::Scoring { .. } | State::Failed { stage: StageName::Score, .. } => {
                self.score(task, &customer, &entry).await
            }
            State::Sending { .. }
            | State::Sent { .. }
            | State::Skipped { .. }
            | State::Failed { .. }
            | State::Unknown { .. } => Ok(Verdict::Done),
        }
    }

    /// The entry that the message is about. An active customer's entry that should be there and
    /// isn't is opened now; a customer who has left needs none, and no message alone makes a repeat.
    async fn entry(&self, task: &Task, customer: &Customer) -> Result<Option<Entry>, LedgerError> {
        let id = task.message.entry_of(customer);
        if let Some(entry) = self.ledger.entry(&id).await? {
            return Ok(Some(entry));
        }
        if customer.standing == Standing::Closed || id.run.is_repeat() {
            return Ok(None);
        }
        let scheduled_at = match task.message.turn {
            Turn::Scheduled(moment) => moment,
            Turn::Run(_) => self.clock.now(),
        };
        self.ledger.open(&Entry::scheduled(id.clone(), scheduled_at, None)).await?;
        self.ledger.entry(&id).await
    }

    async fn score(&self, task: &Task, customer: &Customer, entry: &Entry) -> Result<Verdict, Verdict> {
        let now = self.clock.now();
        if let Err(reason) = mailable(customer) {
            let next = next_entry(customer, entry, None);
            self.ledger.apply(&entry.skip(reason, now, next)?).await?;
            return Ok(Verdict::Done);
        }
        let claim = entry.claim_score(now, task.lease_until)?;
        self.ledger.apply(&claim).await?;
        let claimed = claim.into_after();
        let request =
            ScoreRequest { entry: claimed.id().clone(), product: customer.product, trace: task.message.trace.clone() };
        match self.scorer.score(&request).await {
            Ok(score) => {
                let scored = claimed.record_score(score, self.clock.now())?;
                self.ledger.apply(&scored).await?;
                self.email_queue.send(&WorkMessage::for_entry(claimed.id()).traced(task.message.trace.clone())).await?;
                Ok(Verdict::Done)
            }
            Err(ScoreError::Retry { after, cause }) => {
                let released = claimed.release_for(after, cause.clone(), self.clock.now())?;
                self.ledger.apply(&released).await?;
                Ok(Verdict::Retry { wait: Wait::Backoff(after), cause })
            }
            Err(ScoreError::Fail { cause }) => Ok(Verdict::Fail { cause }),
        }
    }

    async fn record_failure(&self, message: &WorkMessage, cause: &Cause) -> Result<(), LedgerError> {
        let Some(customer) = self.ledger.customer(&message.customer).await? else {
            return Ok(());
        };
        let id: EntryId = message.entry_of(&customer);
        let Some(entry) = self.ledger.entry(&id).await? else {
            return Ok(());
        };
        let now = self.clock.now();
        // Failed already, or past this stage: nothing to record.
        let next = next_entry(&customer, &entry, None);
        let Ok(change) = entry.fail(StageName::Score, cause.clone(), now, next) else {
            return Ok(());
        };
        self.ledger.apply(&change).await?;
        let what = format!("Run {}: scoring was given up. {cause}", id.run);
        self.ledger.note(&Activity { customer: customer.id, at: now, what }).await
    }
}
