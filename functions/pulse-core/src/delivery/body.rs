use jiff::Timestamp;
use serde::Serialize;

use super::{Bodies, Fact, FactKind, Subject};
use crate::{
    campaign::{Campaign, CampaignReport, CampaignState},
    customer::{Customer, CustomerId, Product, Standing},
    entry::{Entry, EntryId, ItemId, Progress},
    feedback::FeedbackFacts,
    run::RunId,
    score::{Band, ScoreValue},
};

/// What word of a fact says, as JSON: `type`, `timestamp` and `data`, as the Standard Webhooks specification recommends
/// ("Payload structure"). A thin one says no more than the message on the queue does.
#[derive(Serialize)]
struct Body<'f> {
    r#type: &'static str,
    timestamp: Timestamp,
    data: Data<'f>,
}

#[derive(Default, Serialize)]
struct Data<'f> {
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<&'f CustomerId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<ItemId>,
    /// Of two facts of one customer, run and item the one with the higher version is the newer.
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<EntryNow<'f>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<ProfileNow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<CampaignNow<'f>>,
}

/// How a campaign stands when word is sent, which may be past what the word is of.
#[derive(Serialize)]
struct CampaignNow<'c> {
    version: u64,
    state: CampaignState,
    /// How many entries it has, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'c CampaignReport>,
}

/// How an entry stands when word is sent, which may be past what the word is of.
#[derive(Serialize)]
struct EntryNow<'e> {
    version: u64,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<ScoreNow<'e>>,
    feedback: &'e FeedbackFacts,
}

#[derive(Serialize)]
struct ScoreNow<'e> {
    value: ScoreValue,
    band: &'e Band,
    as_of: Timestamp,
}

/// How a profile stands. The name and the address aren't in it: whoever is told has them, by the customer's id.
#[derive(Serialize)]
struct ProfileNow {
    version: u64,
    standing: Standing,
    opted_out: bool,
    forgotten: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<Product>,
}

impl FactKind {
    /// The word for it in a body, as in `mail.sent`.
    #[must_use]
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Sent => "mail.sent",
            Self::Skipped => "mail.skipped",
            Self::Failed => "mail.failed",
            Self::Indeterminate => "mail.indeterminate",
            Self::Delivered => "mail.delivered",
            Self::Bounced => "mail.bounced",
            Self::Complained => "mail.complained",
            Self::Unsubscribed => "customer.unsubscribed",
            Self::Forgotten => "customer.forgotten",
            Self::RunStarted => "run.started",
            Self::PhaseFinished => "run.phase-finished",
            Self::RunFinished => "run.finished",
        }
    }
}

impl<'e> From<&'e Entry> for EntryNow<'e> {
    fn from(entry: &'e Entry) -> Self {
        let (reason, provider_id) = match entry.progress() {
            Progress::Done { provider_id, .. } => (None, Some(provider_id.as_str())),
            Progress::Skipped { reason, .. } => (Some(reason.to_string()), None),
            // It is told as skipped: so is why.
            Progress::Cancelled { .. } => (Some("cancelled".to_owned()), None),
            _ => (None, None),
        };
        let score = entry.score().map(|score| ScoreNow { value: score.value, band: &score.band, as_of: score.as_of });
        let (version, state) = (entry.version(), entry.state());
        Self { version, state, reason, provider_id, score, feedback: entry.feedback() }
    }
}

impl From<&Customer> for ProfileNow {
    fn from(customer: &Customer) -> Self {
        let forgotten = customer.is_forgotten();
        Self {
            version: customer.mark.version,
            standing: customer.standing,
            opted_out: customer.consent.opted_out(),
            forgotten,
            product: (!forgotten).then_some(customer.product),
        }
    }
}

impl<'c> From<&'c Campaign> for CampaignNow<'c> {
    fn from(campaign: &'c Campaign) -> Self {
        Self {
            version: campaign.version,
            state: campaign.state,
            entries: campaign.sealed.map(|(seal, _)| seal.count),
            report: campaign.finished.as_ref().map(|(report, _)| report),
        }
    }
}

/// What a full body says beside a thin one: what was read of the subject just before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SubjectNow {
    /// The entry, of a fact that is of one.
    pub entry: Option<Entry>,
    /// The profile, of a fact that is of a customer.
    pub customer: Option<Customer>,
    /// The campaign, of a fact that is of one.
    pub campaign: Option<Campaign>,
}

/// The body of word of a fact.
#[must_use]
pub fn body(fact: &Fact, bodies: Bodies, now: &SubjectNow) -> String {
    let (customer, run, item) = match &fact.id.subject {
        Subject::Entry(EntryId { customer, run, item }) => (Some(customer), Some(*run), *item),
        Subject::Customer(customer) => (Some(customer), None, None),
        Subject::Run(run) => (None, Some(*run), None),
    };
    let data = Data { customer, run, item, version: fact.id.version, ..Data::default() };
    let data = match bodies {
        Bodies::Thin => data,
        Bodies::Full => {
            let (entry, profile) = (now.entry.as_ref().map(Into::into), now.customer.as_ref().map(Into::into));
            Data { entry, profile, campaign: now.campaign.as_ref().map(Into::into), ..data }
        }
    };
    let body = Body { r#type: fact.id.kind.event_type(), timestamp: fact.as_of, data };
    // Structs of numbers and strings always have a JSON form.
    serde_json::to_string(&body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::FactId,
        entry::{Plan, StageName},
    };

    #[test]
    fn a_mail_that_was_cancelled_with_its_campaign_is_told_as_skipped_with_that_as_the_reason() {
        let at: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
        let id = EntryId::parse("c-1", "spring", Some("INV-1")).unwrap();
        let held = Entry::of_campaign(id, Plan::of(&[StageName::Email]).unwrap(), at);
        let cancelled = held.close_with_campaign(None, at).unwrap();
        let [fact] = cancelled.facts() else { panic!("{:?}", cancelled.facts()) };
        assert!(matches!(fact.id, FactId { kind: FactKind::Skipped, .. }));
        let now = SubjectNow { entry: Some(cancelled.after().clone()), ..SubjectNow::default() };
        let told: serde_json::Value = serde_json::from_str(&body(fact, Bodies::Full, &now)).unwrap();
        assert_eq!((&told["data"]["run"], &told["data"]["item"]), (&"spring".into(), &"INV-1".into()));
        assert_eq!((&told["type"], &told["data"]["entry"]["reason"]), (&"mail.skipped".into(), &"cancelled".into()));
    }
}
