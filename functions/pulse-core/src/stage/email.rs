use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    Stage, Task, Verdict, Wait,
    eligibility::{mailable, next_entry},
    put_off::put_off,
};
use crate::{
    customer::{Customer, EmailAddress},
    entry::{Entry, SkipReason, StageName, State},
    failure::Cause,
    message::WorkMessage,
    ports::{Activity, Clock, Fate, Ledger, LedgerError, Letter, Mail, Mailer, Renderer, SendError, StageQueue},
    quiet_hours::QuietHours,
    score::Score,
};

/// How long a provider that takes idempotency keys is trusted to know one again. Marketing Cloud says two to three
/// days (Marketing Cloud Engagement, "Transactional Messaging API": messageKey).
pub(crate) const KEYS_REMEMBERED: Duration = Duration::from_hours(46);

/// When a mail may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailPolicy {
    /// A score older than this goes back to scoring instead of into a mail.
    pub score_max_age: Duration,
    /// Hours of the customer's day in which no mail goes out.
    pub quiet_hours: Option<QuietHours>,
}

impl EmailPolicy {
    /// Until when nobody mails this customer, if it is within their quiet hours at `now`.
    #[must_use]
    pub fn quiet_until(&self, customer: &Customer, now: Timestamp) -> Option<Timestamp> {
        let left = self.quiet_hours?.left(now, customer.zone.rules())?;
        Some(now.saturating_add(left).unwrap_or(Timestamp::MAX))
    }

    /// Whether a score is too old at `now` to be mailed.
    #[must_use]
    pub fn is_stale(&self, score: &Score, now: Timestamp) -> bool {
        Duration::try_from(now.duration_since(score.as_of)).is_ok_and(|age| age > self.score_max_age)
    }
}

/// Checks once more, claims an entry, sends, and records the provider's id together with next
/// month's entry.
#[derive(Clone)]
pub struct EmailStage {
    /// Profiles and entries.
    pub ledger: Arc<dyn Ledger>,
    /// The email provider.
    pub mailer: Arc<dyn Mailer>,
    /// Writes the mails.
    pub renderer: Arc<dyn Renderer>,
    /// Where an entry goes whose score is too old.
    pub score_queue: Arc<dyn StageQueue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// When a mail may go out.
    pub policy: EmailPolicy,
}

#[async_trait]
impl Stage for EmailStage {
    async fn handle(&self, task: &Task) -> Verdict {
        self.step(task).await.unwrap_or_else(|verdict| verdict)
    }

    async fn give_up(&self, message: &WorkMessage, cause: &Cause) {
        if let Err(error) = self.record_failure(message, cause).await {
            tracing::error!(customer = %message.customer, %error, "couldn't record a failure on the ledger");
        }
    }

    async fn put_off(&self, message: &WorkMessage, cause: &Cause, patience: Duration) -> bool {
        let done = put_off((&*self.ledger, &*self.clock), StageName::Email, message, cause, patience).await;
        done.unwrap_or_else(|error| {
            tracing::error!(customer = %message.customer, %error, "couldn't put an entry off");
            false
        })
    }
}

impl EmailStage {
    async fn step(&self, task: &Task) -> Result<Verdict, Verdict> {
        let unknown = |what: &str| {
            let cause = Cause::new(format!("{what} of customer {} is unknown.", task.message.customer));
            Verdict::Fail { cause }
        };
        let Some(customer) = self.ledger.customer(&task.message.customer).await? else {
            return Ok(unknown("The profile"));
        };
        let Some(entry) = self.ledger.entry(&task.message.entry_of(&customer)).await? else {
            return Ok(unknown("The entry"));
        };
        let now = self.clock.now();
        match entry.state() {
            State::Scored { score } if entry.in_doubt_since().is_none() => {
                self.mail(task, &customer, &entry, score).await
            }
            State::Sending { lease_until, .. } if *lease_until > now => Ok(Verdict::NotNow {
                wait: Duration::try_from(lease_until.duration_since(now)).unwrap_or_default(),
                cause: Cause::new("Another worker is sending it."),
            }),
            State::Failed { stage: StageName::Email, cause, .. } if !task.first_receive => {
                // On its way to the dead-letter queue.
                Ok(Verdict::Fail { cause: cause.clone() })
            }
            State::Scored { .. }
            | State::Sending { .. }
            | State::Failed { stage: StageName::Email, score: Some(_), .. } => {
                self.settle(task, &customer, &entry).await
            }
            State::Scheduled => {
                // Its score was too old. The worker before may have died before it could queue it
                // for scoring; a second message for the same entry does no harm.
                self.score_queue.send(&WorkMessage::for_entry(entry.id()).traced(task.message.trace.clone())).await?;
                Ok(Verdict::Done)
            }
            State::Scoring { .. }
            | State::Sent { .. }
            | State::Skipped { .. }
            | State::Failed { .. }
            | State::Unknown { .. } => Ok(Verdict::Done),
        }
    }

    /// An entry whose mail may have gone out before: ask the provider, and never send blindly.
    async fn settle(&self, task: &Task, customer: &Customer, entry: &Entry) -> Result<Verdict, Verdict> {
        let in_doubt = entry.in_doubt_since().is_some();
        match self.mailer.fate(entry.id()).await {
            Ok(Fate::Accepted(accepted)) => self.record_sent(customer, entry, accepted.provider_id).await,
            Ok(Fate::CannotTell(cause)) if in_doubt => self.lose_track(customer, entry, cause).await,
            Ok(Fate::SafeToSend) if self.is_too_late_to_repeat(entry) => {
                let cause = Cause::new("It is too long ago for the provider to know the mail again.");
                self.lose_track(customer, entry, cause).await
            }
            Ok(Fate::SafeToSend | Fate::CannotTell(_)) => match entry.state().score() {
                Some(score) => self.mail(task, customer, entry, score).await,
                None => Ok(Verdict::Done),
            },
            Err(error) => Ok(Verdict::retry(Cause::new(error.to_string()))),
        }
    }

    fn is_too_late_to_repeat(&self, entry: &Entry) -> bool {
        let since = entry.in_doubt_since().map(|since| Duration::try_from(self.clock.now().duration_since(since)));
        since.is_some_and(|since| since.is_ok_and(|since| since > KEYS_REMEMBERED))
    }

    async fn mail(&self, task: &Task, customer: &Customer, entry: &Entry, score: &Score) -> Result<Verdict, Verdict> {
        let now = self.clock.now();
        let address = match self.address(customer).await? {
            Ok(address) => address,
            Err(reason) => return self.skip(customer, entry, reason).await,
        };
        if let Some(due) = self.policy.quiet_until(customer, now) {
            // On the ledger, not in the queue: a message that waits costs receives, and can expire.
            self.ledger.apply(&entry.defer(due, now)?).await?;
            return Ok(Verdict::Done);
        }
        if self.policy.is_stale(score, now) {
            self.ledger.apply(&entry.forget_stale_score(now)?).await?;
            self.score_queue.send(&WorkMessage::for_entry(entry.id()).traced(task.message.trace.clone())).await?;
            return Ok(Verdict::Done);
        }
        let letter = Letter { customer, run: entry.id().run, score, previous: entry.previous() };
        let content = match self.renderer.render(&letter) {
            Ok(content) => content,
            Err(error) => return Ok(Verdict::Fail { cause: Cause::new(error.to_string()) }),
        };
        let claim = entry.claim_send(now, task.lease_until)?;
        self.ledger.apply(&claim).await?;
        let claimed = claim.into_after();
        let mail = Mail {
            entry: claimed.id().clone(),
            to: address.clone(),
            name: customer.name.clone(),
            content,
            trace: task.message.trace.clone(),
        };
        match self.mailer.send(&mail).await {
            Ok(accepted) => self.record_sent(customer, &claimed, accepted.provider_id).await,
            Err(error) => self.unsent(customer, &claimed, address, error).await,
        }
    }

    async fn address<'c>(&self, customer: &'c Customer) -> Result<Result<&'c EmailAddress, SkipReason>, LedgerError> {
        let address = match mailable(customer) {
            Ok(address) => address,
            Err(reason) => return Ok(Err(reason)),
        };
        if self.ledger.is_suppressed(address).await? {
            return Ok(Err(SkipReason::Suppressed));
        }
        Ok(Ok(address))
    }

    async fn unsent(
        &self,
        customer: &Customer,
        claimed: &Entry,
        address: &EmailAddress,
        error: SendError,
    ) -> Result<Verdict, Verdict> {
        match error {
            SendError::Retry { after, cause } => self.release(claimed, after, cause).await,
            SendError::Fail { cause } => {
                // Give the claim back, so that giving up finds an entry that wasn't accepted.
                self.release(claimed, None, cause.clone()).await?;
                Ok(Verdict::Fail { cause })
            }
            SendError::AddressRefused { cause } => {
                self.ledger.suppress(address, &cause).await?;
                self.skip(customer, claimed, SkipReason::AddressRefused).await
            }
            SendError::Lost { cause } => match self.mailer.fate(claimed.id()).await {
                Ok(Fate::Accepted(accepted)) => self.record_sent(customer, claimed, accepted.provider_id).await,
                Ok(Fate::SafeToSend) => self.release_in_doubt(claimed, cause).await,
                Ok(Fate::CannotTell(_)) => self.lose_track(customer, claimed, cause).await,
                // Not even that can be asked now. The claim stays, and is settled after its lease.
                Err(_) => Ok(Verdict::Retry { wait: Wait::Backoff(None), cause }),
            },
        }
    }

    async fn release(&self, claimed: &Entry, after: Option<Duration>, cause: Cause) -> Result<Verdict, Verdict> {
        let released = claimed.release_for(after, cause.clone(), self.clock.now())?;
        self.ledger.apply(&released).await?;
        Ok(Verdict::Retry { wait: Wait::Backoff(after), cause })
    }

    /// The provider hasn't got the mail, but its answer was lost on the way: it may take it yet.
    async fn release_in_doubt(&self, claimed: &Entry, cause: Cause) -> Result<Verdict, Verdict> {
        let released = claimed.release_in_doubt(cause.clone(), self.clock.now())?;
        self.ledger.apply(&released).await?;
        Ok(Verdict::retry(cause))
    }

    async fn record_sent(&self, customer: &Customer, entry: &Entry, provider_id: String) -> Result<Verdict, Verdict> {
        let next = next_entry(customer, entry, entry.state().score());
        let sent = entry.record_sent(provider_id, self.clock.now(), next)?;
        self.ledger.apply(&sent).await?;
        Ok(Verdict::Done)
    }

    async fn skip(&self, customer: &Customer, entry: &Entry, reason: SkipReason) -> Result<Verdict, Verdict> {
        let next = next_entry(customer, entry, entry.state().score());
        self.ledger.apply(&entry.skip(reason, self.clock.now(), next)?).await?;
        Ok(Verdict::Done)
    }

    async fn lose_track(&self, customer: &Customer, entry: &Entry, cause: Cause) -> Result<Verdict, Verdict> {
        let now = self.clock.now();
        let what = format!("Run {}: it isn't known whether the mail was accepted. {cause}", entry.id().run);
        let next = next_entry(customer, entry, entry.state().score());
        self.ledger.apply(&entry.lose_track(cause, now, next)?).await?;
        tracing::error!(entry = %entry.id(), "a mail's fate is unknown: look it up at the provider and settle it");
        let customer = entry.id().customer.clone();
        self.ledger.note(&Activity { customer, at: now, what }).await?;
        Ok(Verdict::Done)
    }

    async fn record_failure(&self, message: &WorkMessage, cause: &Cause) -> Result<(), LedgerError> {
        let Some(customer) = self.ledger.customer(&message.customer).await? else {
            return Ok(());
        };
        let Some(entry) = self.ledger.entry(&message.entry_of(&customer)).await? else {
            return Ok(());
        };
        let now = self.clock.now();
        let next = next_entry(&customer, &entry, entry.state().score());
        let change = entry.fail(StageName::Email, cause.clone(), now, next);
        // Failed already, or not this stage's: nothing to record.
        let Ok(change) = change else { return Ok(()) };
        self.ledger.apply(&change).await?;
        let what = format!("Run {}: mailing was given up. {cause}", entry.id().run);
        self.ledger.note(&Activity { customer: customer.id, at: now, what }).await
    }
}
