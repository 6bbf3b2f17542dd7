//! Campaigns of the world that has seen a day: one of each state.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU64,
    time::Duration,
};

use pulse_core::{
    campaign::{
        Audience, AudienceSizes, Campaign, CampaignChange, CampaignEvent, CampaignOutcome, CampaignReport,
        CampaignRequest, Priority, Question, Seal, StageUse,
    },
    control::Note,
    entry::{Addressee, Entry, EntryId, Plan, SkipReason, StageName, TallyKey},
    failure::Cause,
    ports::{CampaignEntries as _, Campaigns as _, Clock as _, Ledger as _},
    run::RunId,
};

use crate::in_memory_app::{Fate, InMemoryApp};

/// Why mails of campaigns fail.
const CAUSE: &str = "The provider answered 400: the address can't be used.";

/// What has happened to a campaign so far, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// The planner began.
    Planned,
    /// All its entries are written.
    Sealed,
    /// They are dispatched.
    Started,
    /// Somebody holds it.
    Paused,
    /// Somebody cancelled it.
    Cancelled,
    /// Its deadline is over.
    PastDeadline,
    /// All of its entries are closed.
    Closed,
    /// It is finished.
    Finished,
}

/// What entries have come to: those of so many customers, one after the other. Those that have come to nothing are held.
pub type Fates = &'static [(usize, Option<Fate>)];

/// A campaign of each state, with what has happened to it and to its entries.
pub const CAMPAIGNS: [(&str, &[Happened], Fates); 10] = {
    use Happened::{Cancelled, Closed, Finished, PastDeadline, Paused, Planned, Sealed, Started};
    const SENT: Option<Fate> = Some(Fate::Sent);
    const FAILED: Option<Fate> = Some(Fate::Failed(StageName::Email));
    const OPTED_OUT: Option<Fate> = Some(Fate::Skipped(SkipReason::OptedOut));
    [
        ("newcomers", &[], &[]),
        ("survey", &[Planned], &[(7, None)]),
        ("jubilee", &[Planned, Sealed], &[(20, None)]),
        (
            "spring-sale",
            &[Planned, Sealed, Started],
            &[(70, SENT), (9, OPTED_OUT), (3, FAILED), (2, Some(Fate::InDoubt)), (6, Some(Fate::Scored)), (30, None)],
        ),
        ("price-change", &[Planned, Sealed, Started, Paused], &[(15, SENT), (25, None)]),
        ("wrong-letter", &[Planned, Sealed, Started, Cancelled], &[(5, SENT), (2, Some(Fate::Scored))]),
        ("last-call", &[Planned, Sealed, Started, PastDeadline], &[(12, SENT), (1, Some(Fate::Scored))]),
        ("thanks", &[Planned, Sealed, Started, Closed], &[(8, SENT)]),
        ("autumn", &[Planned, Sealed, Started, Closed, Finished], &[(40, SENT), (4, OPTED_OUT), (3, FAILED)]),
        ("winter", &[Planned, Sealed, Started, Cancelled, Closed, Finished], &[(10, SENT), (1, Some(Fate::InDoubt))]),
    ]
};

/// The run of a campaign.
///
/// # Panics
/// When that is no name.
#[must_use]
pub fn campaign_run(name: &str) -> RunId {
    RunId::parse(name).expect("a name")
}

fn note(words: &str) -> Note {
    Note::parse(words).expect("a note")
}

fn request(name: &str, addressees: &BTreeSet<Addressee>, world: &InMemoryApp) -> CampaignRequest {
    let soon = world.clock.now() + Duration::from_mins(40);
    CampaignRequest {
        plan: Plan::of(&[StageName::Score, StageName::Email]).expect("a plan"),
        audience: match name {
            "newcomers" => Audience::Asked { question: Question { region: Some("IE".into()), ..Question::default() } },
            _ => Audience::given(addressees, AudienceSizes::default().part),
        },
        unreached_of: None,
        letter: "0123".into(),
        deadline: match name {
            "spring-sale" => Some(soon),
            "last-call" => Some(world.clock.now() - Duration::from_mins(1)),
            _ => None,
        },
        priority: if name == "last-call" { Priority::Urgent } else { Priority::Normal },
        cap: "2/7d".parse().ok(),
        at_most: None,
        a_day: (name == "price-change").then(|| NonZeroU64::new(500)).flatten(),
    }
}

impl InMemoryApp {
    /// Starts a campaign of each state, a day's half ago and later.
    pub(crate) async fn campaigns(&self) {
        for (number, (name, happened, fates)) in (0..).zip(CAMPAIGNS) {
            let at = self.clock.now() - Duration::from_mins(90 + 15 * number);
            self.campaign(name, at, happened, fates).await;
        }
    }

    /// Starts a campaign at a moment, to which all this has happened since, five minutes after one another.
    ///
    /// # Panics
    /// Never: the ledger in memory can always be written.
    pub async fn campaign(
        &self,
        name: &str,
        at: jiff::Timestamp,
        happened: &[Happened],
        fates: &[(usize, Option<Fate>)],
    ) -> Campaign {
        let fates: Vec<_> = fates.iter().flat_map(|(count, fate)| std::iter::repeat_n(*fate, *count)).collect();
        let addressee = |number: usize| format!("c-{number:04}").try_into().expect("an id");
        let (run, addressees) = (campaign_run(name), (0..fates.len()).map(addressee).collect());
        let request = request(name, &addressees, self);
        let plan = request.plan;
        let change = CampaignChange::requested(run, request, "aoife".into(), Some(note("For the season.")), at);
        assert!(self.ledger.save_campaign(&change).await.expect("written"));
        for (addressee, fate) in addressees.iter().zip(fates) {
            self.enter(EntryId::for_addressee(addressee.clone(), run), plan, fate, at).await;
        }
        let mut campaign = change.after().clone();
        for (number, happened) in (1..).zip(happened) {
            let event = self.event(*happened, run, Seal::of(&addressees)).await;
            let change = campaign.change(event, at + Duration::from_mins(5 * number)).expect("it can happen");
            assert!(self.ledger.save_campaign(&change).await.expect("written"));
            campaign = change.after().clone();
        }
        campaign
    }

    async fn enter(&self, id: EntryId, plan: Plan, fate: Option<Fate>, at: jiff::Timestamp) {
        let entry = Entry::of_campaign(id, plan, at);
        self.ledger.open(&entry).await.expect("opened");
        for change in fate.iter().flat_map(|fate| fate.way(&entry, &Cause::new(CAUSE), at)) {
            self.ledger.apply(&change).await.expect("applied");
        }
    }

    async fn event(&self, happened: Happened, run: RunId, seal: Seal) -> CampaignEvent {
        match happened {
            Happened::Planned => CampaignEvent::PlanningStarted,
            Happened::Sealed => CampaignEvent::Sealed { seal },
            Happened::Started => CampaignEvent::Started,
            Happened::Paused => CampaignEvent::Paused { by: "max".into(), note: note("Wrong price in the letter.") },
            Happened::Cancelled => {
                CampaignEvent::CancelAsked { by: "max".into(), note: note("It was the wrong letter.") }
            }
            Happened::PastDeadline => CampaignEvent::DeadlinePassed,
            Happened::Closed => CampaignEvent::LastClosed,
            Happened::Finished => CampaignEvent::Finished { report: self.report(run).await },
        }
    }

    async fn report(&self, run: RunId) -> CampaignReport {
        let counts = self.ledger.closed_counts(run).await.expect("counted");
        let campaign = self.ledger.campaign(run).await.expect("read").expect("a campaign");
        let failed = |counts: &BTreeMap<TallyKey, u64>| {
            counts.iter().filter(|(key, _)| matches!(key, TallyKey::Failed(_))).map(|(_, count)| count).sum::<u64>()
        };
        CampaignReport {
            outcome: CampaignOutcome::of(&counts, campaign.cancelled.is_some()),
            causes: Some((Cause::new(CAUSE), failed(&counts))).filter(|(_, count)| *count > 0).into_iter().collect(),
            counts,
            planned_within: Duration::from_mins(10),
            ran_for: Duration::from_mins(5),
            stages: campaign.request.plan.steps().map(used).collect(),
        }
    }
}

/// Calls of 3.3 s for five minutes on twenty lanes, some of which were in vain.
fn used(stage: StageName) -> StageUse {
    let over = Duration::from_mins(5);
    StageUse { stage, calls: 1_818, failures: 18, took: over * 20, over }
}
