use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    CampaignFacts, Decision, Facts, Resolution, StageName, Standing, Verdict,
    decision::{unless_campaign_flows, unless_workable},
    eligibility::{mailable, next_entry},
    row::Entries,
    step::{CallError, Step},
};
use crate::{
    customer::{Customer, EmailAddress},
    entry::{Change, Entry, IllegalTransition, SkipReason},
    failure::Cause,
    feedback::FeedbackSource,
    message::WorkMessage,
    ports::{Accepted, CampaignMail, LedgerError, Letter, Mail, MailLookup, Mailer, Recall, Renderer, SendError},
    quiet_hours::QuietHours,
    score::Score,
    suppression::{Evidence, Scope, SuppressionReason, change_suppression},
    trace::TraceHeader,
    unsubscribe::UnsubscribeLinks,
};

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

/// What the email stage decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailRules {
    /// When a mail may go out.
    pub policy: EmailPolicy,
    /// What the provider remembers of earlier mails.
    pub recall: Recall,
    /// Who it is: some addresses are suppressed for one alone.
    pub provider: FeedbackSource,
}

impl EmailRules {
    /// What the email stage does: once more it looks whether this customer may get mail, and it sends nothing
    /// of which the provider may take a second.
    pub(super) fn decide(self, customer: &Customer, entry: &Entry, facts: &Facts, now: Timestamp) -> Decision {
        unless_workable(EmailStep::STAGE, entry, facts, now)
            .or_else(|| self.unless_unsent(entry, facts, now))
            .unwrap_or_else(|| {
                let decision = unless_campaign_flows(entry, facts, now)
                    .or_else(|| unless_mailable(customer, facts))
                    .or_else(|| self.unless_now(customer, entry, now));
                match decision {
                    // Of a key that it knows the provider takes no second mail: one in doubt is simply sent again.
                    None => Decision::Call,
                    Some(check @ (Decision::CheckSuppression | Decision::CheckCampaign)) => check,
                    // Nothing else is written down of an entry whose mail may be out.
                    Some(_) if entry.in_doubt_since().is_some() && facts.look_up.is_none() => Decision::LookUp,
                    Some(decision) => decision,
                }
            })
    }

    /// What to do for an entry whose mail may have gone out before; `None`, when it may be sent. Providers want to be
    /// asked seldom, so that nothing is asked of an entry that isn't in doubt.
    fn unless_unsent(self, entry: &Entry, facts: &Facts, now: Timestamp) -> Option<Decision> {
        let in_doubt_since = entry.in_doubt_since()?;
        let lost = |cause: Cause| Some(Decision::Resolve(Resolution::Indeterminate(cause)));
        let known_for = match self.recall {
            Recall::ByKey { known_for } => known_for,
            Recall::None { advice } => return lost(Cause::new(advice)),
        };
        let is_forgotten = Duration::try_from(now.duration_since(in_doubt_since)).is_ok_and(|age| age > known_for);
        match &facts.look_up {
            None => is_forgotten.then_some(Decision::LookUp),
            Some(MailLookup::Accepted(Accepted { provider_id })) => {
                Some(Decision::Resolve(Resolution::Accepted { provider_id: provider_id.clone() }))
            }
            Some(MailLookup::CannotTell(cause)) => lost(cause.clone()),
            Some(MailLookup::SafeToSend) => {
                let cause = || Cause::new("It is too long ago for the provider to know the mail again.");
                is_forgotten.then(cause).and_then(lost)
            }
        }
    }

    /// What to do for a mail that may go out, but not now or not with its score.
    fn unless_now(self, customer: &Customer, entry: &Entry, now: Timestamp) -> Option<Decision> {
        if let Some(until) = self.policy.quiet_until(customer, now) {
            // On the ledger, not in the queue: a message that waits costs receives, and can expire.
            return Some(Decision::Resolve(Resolution::Defer { until }));
        }
        let stale = entry.score().filter(|score| self.policy.is_stale(score, now));
        stale.map(|score| Decision::Resolve(Resolution::ScoreAgain { as_of: score.as_of }))
    }
}

fn unless_mailable(customer: &Customer, facts: &Facts) -> Option<Decision> {
    let skip = |reason| Some(Decision::Resolve(Resolution::Skip(reason)));
    match (mailable(customer), facts.is_suppressed) {
        (Err(reason), _) => skip(reason),
        (Ok(_), None) => Some(Decision::CheckSuppression),
        (Ok(_), Some(true)) => skip(SkipReason::Suppressed),
        (Ok(_), Some(false)) => None,
    }
}

/// Sends a scored customer's mail.
#[derive(Clone)]
pub struct EmailStep {
    /// Profiles and entries.
    pub entries: Entries,
    /// The email provider.
    pub mailer: Arc<dyn Mailer>,
    /// Writes the mails.
    pub renderer: Arc<dyn Renderer>,
    /// When a mail may go out.
    pub policy: EmailPolicy,
    /// Makes the links by which customers unsubscribe, if the deployment hears of it.
    pub links: Option<UnsubscribeLinks>,
}

impl EmailStep {
    fn address(customer: &Customer) -> Result<&EmailAddress, Cause> {
        mailable(customer).map_err(|reason| Cause::new(format!("There is no address to mail: {reason}.")))
    }
}

#[async_trait]
impl Step for EmailStep {
    const STAGE: StageName = StageName::Email;
    type Rows = Entries;
    type Request = Mail;
    type Output = Accepted;

    fn rows(&self) -> &Entries {
        &self.entries
    }

    async fn load(&self, message: &WorkMessage) -> Result<Option<(Customer, Entry)>, Verdict> {
        self.entries.load(message).await.map(Some)
    }

    fn decide(&self, (customer, entry): &(Customer, Entry), facts: &Facts, now: Timestamp) -> Decision {
        let rules = EmailRules { policy: self.policy, recall: self.mailer.recall(), provider: self.mailer.source() };
        rules.decide(customer, entry, facts, now)
    }

    async fn campaign_facts(
        &self,
        (_, entry): &(Customer, Entry),
        now: Timestamp,
    ) -> Result<CampaignFacts, LedgerError> {
        let facts = self.entries.campaign_facts(entry, now).await?;
        if facts.standing == Standing::Flows
            && let Some(campaign) = self.entries.campaigns.campaign(entry.id().run).await?
        {
            self.entries.campaigns.read_letter(&campaign).await?;
        }
        Ok(facts)
    }

    async fn is_suppressed(&self, (customer, _): &(Customer, Entry), now: Timestamp) -> Result<bool, LedgerError> {
        let Ok(address) = mailable(customer) else { return Ok(false) };
        let known = self.entries.ledger.suppression(address).await?;
        Ok(known.is_some_and(|known| known.holds(self.mailer.source(), now).is_some()))
    }

    fn may_repeat(&self) -> bool {
        matches!(self.mailer.recall(), Recall::ByKey { .. })
    }

    async fn look_up(&self, entry: &Entry) -> Result<MailLookup, Cause> {
        self.mailer.look_up(entry.id()).await.map_err(|error| Cause::new(error.to_string()))
    }

    fn request(&self, (customer, entry): &(Customer, Entry), trace: Option<TraceHeader>) -> Result<Mail, Cause> {
        let unsubscribe = self.links.as_ref().map(|links| links.of(&customer.id));
        let (run, unsubscribed_by) = (entry.id().run, unsubscribe.as_ref());
        let content = if run.is_campaign() {
            let letter = self.entries.campaigns.letter(run).ok_or_else(|| Cause::new("The campaign has no letter."))?;
            let reference = entry.called().and_then(|called| called.reference.as_ref());
            let (letter, score, item) = (&*letter, entry.score(), entry.id().item);
            let mail = CampaignMail { customer, letter, score, reference, item, unsubscribe: unsubscribed_by };
            self.renderer.render_campaign(&mail)
        } else {
            let score = entry.score().ok_or_else(|| Cause::new("There is no score to write of."))?;
            let previous = entry.previous();
            self.renderer.render(&Letter { customer, run, score, previous, unsubscribe: unsubscribed_by })
        };
        let content = content.map_err(|error| Cause::new(error.to_string()))?;
        let to = Self::address(customer)?.clone();
        Ok(Mail { entry: entry.id().clone(), to, name: customer.name.clone(), content, unsubscribe, trace })
    }

    async fn call(&self, mail: &Mail) -> Result<Accepted, CallError> {
        self.mailer.send(mail).await.map_err(|error| match error {
            SendError::Retry { after, cause } => CallError::Retry { after, cause },
            SendError::Fail { cause } => CallError::Fail { cause },
            SendError::AddressRefused { cause } => CallError::Refused { cause },
            SendError::Lost { cause } => CallError::Lost { cause },
        })
    }

    fn complete(
        &self,
        (customer, entry): &(Customer, Entry),
        accepted: Accepted,
        now: Timestamp,
    ) -> Result<Change, IllegalTransition> {
        entry.record_sent(accepted.provider_id, now, next_entry(customer, entry))
    }

    async fn refused(
        &self,
        (customer, _): &(Customer, Entry),
        cause: &Cause,
        now: Timestamp,
    ) -> Result<Option<Resolution>, LedgerError> {
        if let Ok(address) = mailable(customer) {
            let (at, scope) = (now, Scope::Provider(self.mailer.source()));
            let evidence = Evidence { at, scope, cause: Some(cause.clone()) };
            change_suppression(&*self.entries.ledger, address, |known| {
                known.with(SuppressionReason::Refused, evidence.clone())
            })
            .await?;
        }
        Ok(Some(Resolution::Skip(SkipReason::AddressRefused)))
    }
}
