//! Campaigns in the simulator: who starts them, and what must hold of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{
    campaign::{
        AUDIENCE_PART, Audience, AudiencePart, Campaign, CampaignChange, CampaignEvent, CampaignLetter,
        CampaignRequest, CampaignState, FrequencyCap, Priority, Question,
    },
    control::Note,
    customer::CustomerId,
    entry::{Entry, Plan, Progress, TallyKey},
    ports::{Campaigns as _, LedgerError},
    run::RunId,
};

use super::{build::World, invariants::Promise};

/// How often a campaign is held or cancelled that is being changed, and how often one is started that can't be written.
const TRIES: u32 = 20;

/// A campaign that an operator starts.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedCampaign {
    /// What it is called by.
    pub run: RunId,
    /// The stages that its entries go through.
    pub plan: Plan,
    /// Whom it is for: those of these ids, or whoever the question finds.
    pub audience: Result<Vec<CustomerId>, Question>,
    /// How long after its start it is waited for no longer.
    pub deadline: Option<Duration>,
    /// Which goes first.
    pub priority: Priority,
    /// How many mails of all runs a customer may have had lately.
    pub cap: Option<FrequencyCap>,
    /// How many entries are dispatched in a day at the most.
    pub a_day: Option<u64>,
}

/// What was seen of campaigns.
#[derive(Debug, Default)]
pub(super) struct CampaignWatch(Mutex<BTreeMap<RunId, Watched>>);

#[derive(Debug, Default)]
struct Watched {
    /// Whether it was looked at since it was closed.
    is_closed: bool,
    /// Whether all of its entries were closed when a tick began to look after it.
    has_nothing_open: bool,
}

impl World {
    /// Starts a campaign as `pulse run start` does, again and again until it is written down. Says whether it is.
    pub async fn start_campaign(&self, campaign: &SimulatedCampaign) -> bool {
        for _ in 0..TRIES {
            if self.try_to_start(campaign).await.is_ok() {
                return true;
            }
            self.time.sleep(Duration::from_mins(1)).await;
        }
        false
    }

    async fn try_to_start(&self, campaign: &SimulatedCampaign) -> Result<(), LedgerError> {
        let campaigns = self.operator_ports().campaigns;
        let (run, now) = (campaign.run, self.time.now());
        let letter = CampaignLetter::parse([("en", "Subject: Spring\n\nSpring is here.")]).expect("a letter");
        campaigns.put_campaign_letter(run, &letter).await?;
        let audience = match &campaign.audience {
            Ok(ids) => {
                let distinct: Vec<_> = ids.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
                let mut parts = 0;
                for ids in distinct.chunks(AUDIENCE_PART) {
                    let part = AudiencePart { customers: ids.to_vec(), next: None };
                    campaigns.put_audience_part(run, parts, &part).await?;
                    parts += 1;
                }
                Audience::Given { parts, customers: distinct.len() as u64 }
            }
            Err(question) => Audience::Asked { question: question.clone() },
        };
        let request = CampaignRequest {
            plan: campaign.plan,
            audience,
            letter: letter.digest(),
            deadline: campaign.deadline.and_then(|lasts| now.checked_add(lasts).ok()),
            priority: campaign.priority,
            cap: campaign.cap,
            at_most: None,
            a_day: campaign.a_day,
        };
        let change = CampaignChange::requested(run, request, "operator".into(), None, now);
        // If another try was written down whose answer was lost, that is as good.
        campaigns.save_campaign(&change).await.map(drop)
    }

    /// Has a campaign held, go on, or end before its time.
    pub async fn change_campaign(&self, run: RunId, event: CampaignEvent) {
        let ports = self.operator_ports();
        for _ in 0..TRIES {
            if let Ok(Some(campaign)) = ports.campaigns.campaign(run).await {
                let Ok(change) = campaign.change(event.clone(), self.time.now()) else { return };
                if ports.campaigns.save_campaign(&change).await == Ok(true) {
                    return;
                }
            }
            self.time.sleep(Duration::from_secs(30)).await;
        }
    }

    /// Has a campaign held for so long.
    ///
    /// # Panics
    /// Never: the note is one.
    pub async fn hold_campaign(&self, run: RunId, lasts: Duration) {
        let note = || Note::parse("The letter is looked at once more.").expect("a note");
        self.change_campaign(run, CampaignEvent::Paused { by: "operator".into(), note: note() }).await;
        self.time.sleep(lasts).await;
        self.change_campaign(run, CampaignEvent::Resumed { by: "operator".into(), note: None }).await;
    }

    /// Has it end before its time.
    ///
    /// # Panics
    /// Never: the note is one.
    pub async fn cancel_campaign(&self, run: RunId) {
        let note = Note::parse("It was the wrong letter.").expect("a note");
        self.change_campaign(run, CampaignEvent::CancelAsked { by: "operator".into(), note }).await;
    }

    fn watched_campaigns(&self) -> MutexGuard<'_, BTreeMap<RunId, Watched>> {
        self.campaign_watch.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn saw_of(&self, promise: Promise, run: RunId, what: &str) {
        self.checker.saw(promise, None, self.time.now(), format!("campaign {run} {what}"));
    }

    /// Looks at all campaigns before a tick looks after them: what is closed by then, it has to see.
    pub(super) fn look_at_campaigns_before(&self) {
        let campaigns = self.unseen_campaigns();
        let open = self.open_by_campaign(&campaigns);
        let mut watched = self.watched_campaigns();
        for campaign in campaigns {
            let is_running = campaign.state == CampaignState::Running;
            watched.entry(campaign.run).or_default().has_nothing_open = is_running && !open.contains_key(&campaign.run);
        }
    }

    /// Looks at them once a tick has: whether each that has been closed has nothing open, and each that could be is.
    pub(super) fn look_at_campaigns_after(&self, is_undisturbed: bool) {
        let campaigns = self.unseen_campaigns();
        let open = self.open_by_campaign(&campaigns);
        let mut watched = self.watched_campaigns();
        for campaign in campaigns {
            let seen = watched.entry(campaign.run).or_default();
            if campaign.closed_at.is_some() && !seen.is_closed {
                seen.is_closed = true;
                if let Some(count) = open.get(&campaign.run) {
                    self.saw_of(
                        Promise::CampaignsCloseOnce,
                        campaign.run,
                        &format!("is closed with {count} open entries"),
                    );
                }
                self.check_seal(&campaign);
            }
            if seen.has_nothing_open && campaign.closed_at.is_none() && is_undisturbed {
                self.saw_of(Promise::CampaignsCloseOnce, campaign.run, "has nothing open, and a tick didn't close it");
            }
        }
    }

    /// Those that weren't looked at since they were closed.
    fn unseen_campaigns(&self) -> Vec<Campaign> {
        let watched = self.watched_campaigns();
        let is_seen = |campaign: &Campaign| watched.get(&campaign.run).is_some_and(|seen| seen.is_closed);
        self.ledger.peek_campaigns().into_iter().filter(|campaign| !is_seen(campaign)).collect()
    }

    fn open_by_campaign(&self, campaigns: &[Campaign]) -> BTreeMap<RunId, u64> {
        let mut open = BTreeMap::new();
        if campaigns.is_empty() {
            return open;
        }
        self.ledger.for_each_entry(|entry| {
            if entry.id().run.is_campaign() && entry.is_open() {
                *open.entry(entry.id().run).or_default() += 1;
            }
        });
        open
    }

    /// Whether the entries that it has are those that it was sealed with.
    fn check_seal(&self, campaign: &Campaign) {
        let mut count = 0;
        self.ledger.for_each_entry(|entry| count += u64::from(entry.id().run == campaign.run));
        let sealed = campaign.sealed.map_or(0, |(seal, _)| seal.count);
        if count != sealed {
            let what = format!("has {count} entries, and was sealed with {sealed}");
            self.saw_of(Promise::CampaignsAddUp, campaign.run, &what);
        }
    }

    /// What must hold of all campaigns once all has been calm for days: each has ended, adds up, and was finished once.
    pub(crate) fn check_campaigns(&self) {
        for campaign in self.ledger.peek_campaigns() {
            let run = campaign.run;
            let records = self.ledger.campaign_records(run).now_or_never().and_then(Result::ok).unwrap_or_default();
            if Campaign::of_records(run, &records).as_ref() != Some(&campaign) {
                self.saw_of(Promise::CampaignsAddUp, run, "isn't what its events make");
            }
            let Some((report, _)) = &campaign.finished else {
                self.saw_of(Promise::CampaignsEnd, run, &format!("is {} at the end", campaign.state));
                continue;
            };
            let finished =
                records.iter().filter(|record| matches!(record.event, CampaignEvent::Finished { .. })).count();
            if finished != 1 {
                self.saw_of(Promise::CampaignsCloseOnce, run, &format!("was finished {finished} times"));
            }
            let sealed = campaign.sealed.map_or(0, |(seal, _)| seal.count);
            if report.entries() != sealed {
                let what = format!("tells of {} entries, and was sealed with {sealed}", report.entries());
                self.saw_of(Promise::CampaignsAddUp, run, &what);
            }
            self.check_seal(&campaign);
            self.check_audience(&campaign);
        }
    }

    /// Whether everyone whom it is for has an entry, unless it was cancelled before they had.
    fn check_audience(&self, campaign: &Campaign) {
        let Audience::Given { customers, .. } = campaign.request.audience else { return };
        let sealed = campaign.sealed.map_or(0, |(seal, _)| seal.count);
        if campaign.cancelled.is_none() && sealed != customers {
            let what = format!("is for {customers} customers, and was sealed with {sealed}");
            self.saw_of(Promise::CampaignsAddUp, campaign.run, &what);
        }
    }

    /// What must hold of an entry in a campaign once all has been calm for days. `late` says whether mails may come late.
    pub(crate) fn check_entry_in_campaign(&self, entry: &Entry, late: bool) {
        let (id, mails) = (entry.id(), self.mailer.mails_of(entry.id()));
        let saw = |what: &str| {
            let what = format!("{id} is {} {what}", entry.state());
            self.checker.saw(Promise::NobodyLost, Some(&id.customer), self.time.now(), what);
        };
        match entry.progress() {
            Progress::Waiting | Progress::Claimed { .. } => {
                let what = format!("{id} is {} at the end", entry.state());
                self.checker.saw(Promise::CampaignsEnd, Some(&id.customer), self.time.now(), what);
            }
            Progress::Abandoned { at, .. } if self.is_too_early(id.run, *at) => saw("before the campaign's deadline"),
            Progress::Done { .. } if mails == 0 && !self.mailer.dropped_all(id) => saw("and the provider has no mail"),
            Progress::Skipped { .. } | Progress::Abandoned { .. } | Progress::Cancelled { .. }
                if mails > 0 && !late =>
            {
                saw("and has a mail");
            }
            _ => {}
        }
    }

    fn is_too_early(&self, run: RunId, at: Timestamp) -> bool {
        let deadline = self.ledger.peek_campaign(run).and_then(|campaign| campaign.request.deadline);
        deadline.is_none_or(|deadline| at < deadline)
    }

    /// Whether a mail of a campaign, or a call to its partner, may be begun now, for what it has been for a while.
    pub(super) fn may_begin_in(
        campaign: Option<&Campaign>,
        now: Timestamp,
        grace: Duration,
    ) -> Result<(), &'static str> {
        let Some(campaign) = campaign else { return Err("of no campaign") };
        let long_ago = |at: Timestamp| Duration::try_from(now.duration_since(at)).is_ok_and(|age| age > grace);
        if campaign.started_at.is_none() {
            return Err("before it is sealed");
        }
        if campaign.paused.as_ref().is_some_and(|told| long_ago(told.at)) {
            return Err("while it is held");
        }
        if campaign.cancelled.as_ref().is_some_and(|told| long_ago(told.at)) {
            return Err("after it was cancelled");
        }
        if campaign.request.deadline.is_some_and(long_ago) {
            return Err("after its deadline");
        }
        Ok(())
    }

    /// Where a campaign's entries stand.
    #[must_use]
    pub fn campaign_places(&self, run: RunId) -> BTreeMap<TallyKey, u64> {
        let (mut places, now) = (BTreeMap::new(), self.time.now());
        self.ledger.for_each_entry(|entry| {
            if entry.id().run == run {
                *places.entry(entry.tally_key(now)).or_default() += 1;
            }
        });
        places
    }

    /// All campaigns, as they stand.
    #[must_use]
    pub fn campaigns(self: &Arc<Self>) -> Vec<Campaign> {
        self.ledger.peek_campaigns()
    }
}
