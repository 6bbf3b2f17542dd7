//! Campaigns in the simulator: who starts them, and what must hold of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU64,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{join, select},
};
use jiff::Timestamp;
use pulse_core::{
    campaign::{
        Audience, Campaign, CampaignEvent, CampaignLetter, CampaignRequest, CampaignStart, CampaignState, FrequencyCap,
        PartId, Priority, Question, Told,
    },
    control::Note,
    customer::{Customer, Standing},
    entry::{Addressee, Entry, Plan, Progress, TallyKey},
    ports::{Campaigns as _, LedgerError},
    run::RunId,
};

use super::{build::World, invariants::Promise, scheduled};

/// How often a campaign is held or cancelled that is being changed, and how often one is started that can't be written.
const TRIES: u32 = 20;

/// A campaign that an operator starts.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedCampaign {
    /// What it is called by.
    pub run: RunId,
    /// The stages that its entries go through.
    pub plan: Plan,
    /// Whom it is for: those of these ids, and which of their items, or whoever the question finds.
    pub audience: Result<Vec<Addressee>, Question>,
    /// Starts of the same name that are tried before it, for others.
    pub other_starts: Vec<OtherStart>,
    /// How long after its start it is waited for no longer.
    pub deadline: Option<Duration>,
    /// Which goes first.
    pub priority: Priority,
    /// How many mails of all runs a customer may have had lately.
    pub cap: Option<FrequencyCap>,
    /// How many entries it has at the most, if it is of a question.
    pub at_most: Option<u64>,
    /// How many entries are begun on each of its days at the most.
    pub a_day: Option<NonZeroU64>,
}

/// Another try to start a campaign, with another letter.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherStart {
    /// Whom it is for.
    pub audience: Result<Vec<Addressee>, Question>,
    /// After how long it is killed; if it isn't, it is made at the same time as the one that counts.
    pub killed_after: Option<Duration>,
}

/// What was seen of campaigns.
#[derive(Debug, Default)]
pub(super) struct CampaignWatch {
    /// Those that were looked at since they were closed.
    closed: Mutex<BTreeSet<RunId>>,
    /// Whom each start was for to which ids were given, by what tells its first part from another's.
    audiences: Mutex<BTreeMap<(RunId, PartId), BTreeSet<Addressee>>>,
    /// When a tick was last begun beside those of the clock.
    hurried_at: Mutex<Option<Timestamp>>,
}

impl World {
    /// Starts a campaign as `pulse run start` does, again and again until it is written down, after others of its name were tried.
    /// Says whether it is.
    pub async fn start_campaign(self: &Arc<Self>, campaign: &SimulatedCampaign) -> bool {
        let mut beside = None;
        for (number, other) in (1..).zip(&campaign.other_starts) {
            let start = self.try_to_start(campaign, &other.audience, number);
            match other.killed_after {
                Some(after) => drop(select(Box::pin(start), Box::pin(self.time.sleep(after))).await),
                None => beside = Some(start),
            }
        }
        let this = async {
            for _ in 0..TRIES {
                if self.try_to_start(campaign, &campaign.audience, 0).await.is_ok() {
                    return true;
                }
                self.time.sleep(Duration::from_mins(1)).await;
            }
            false
        };
        match beside {
            Some(other) => join(this, other).await.0,
            None => this.await,
        }
    }

    /// If another try was written down whose answer was lost, that is as good.
    async fn try_to_start(
        self: &Arc<Self>,
        campaign: &SimulatedCampaign,
        audience: &Result<Vec<Addressee>, Question>,
        letter: usize,
    ) -> Result<(), LedgerError> {
        let SimulatedCampaign { run, plan, deadline, priority, cap, at_most, a_day, .. } = *campaign;
        let (now, part) = (self.time.now(), self.settings.audience.part);
        let letter = format!("Subject: Spring\n\nSpring is here. It was written {letter} times before.");
        let letter = CampaignLetter::parse([("en", &letter)]).expect("a letter");
        let addressees: BTreeSet<_> = audience.iter().flatten().cloned().collect();
        let audience = match audience {
            Ok(_) => Audience::given(&addressees, part),
            Err(question) => Audience::Asked { question: question.clone() },
        };
        lock(&self.campaign_watch.audiences).insert((run, audience.part(0)), addressees.clone());
        let deadline = deadline.and_then(|lasts| now.checked_add(lasts).ok());
        let digest = letter.digest();
        let request = CampaignRequest {
            plan,
            audience,
            unreached_of: None,
            letter: digest,
            deadline,
            priority,
            cap,
            at_most,
            a_day,
        };
        let told = Told { by: "operator".into(), note: None, at: now };
        let start = CampaignStart { run, request, addressees, part, letter, told };
        self.product.start_campaign(&self.operator_ports(), &start).await?;
        self.hurry_tick();
        Ok(())
    }

    /// Begins a tick beside those of the clock, as whoever starts or cancels a campaign does.
    fn hurry_tick(self: &Arc<Self>) {
        if self.faults.now().nothing_scheduled {
            return;
        }
        *lock(&self.campaign_watch.hurried_at) = Some(self.time.now());
        let ticking = Arc::clone(self);
        let _ = self.time.spawn(async move { scheduled::tick(&ticking).await });
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
    pub async fn cancel_campaign(self: &Arc<Self>, run: RunId) {
        let note = Note::parse("It was the wrong letter.").expect("a note");
        self.change_campaign(run, CampaignEvent::CancelAsked { by: "operator".into(), note }).await;
        self.hurry_tick();
    }

    fn saw_of(&self, promise: Promise, run: RunId, what: &str) {
        self.checker.saw(promise, None, self.time.now(), format!("campaign {run} {what}"));
    }

    /// Those that have nothing open before a tick looks after them, and of which the index shows it: that it has to see.
    pub(super) fn look_at_campaigns_before(&self) -> BTreeSet<RunId> {
        let campaigns = self.unseen_campaigns();
        let open = self.open_by_campaign(&campaigns);
        let has_nothing_open =
            |campaign: &Campaign| campaign.state == CampaignState::Running && !open.contains_key(&campaign.run);
        let is_shown = |campaign: &Campaign| has_nothing_open(campaign) && self.ledger.peek_shown(campaign.run);
        campaigns.iter().filter(|campaign| is_shown(campaign)).map(|campaign| campaign.run).collect()
    }

    /// Looks at them once a tick has: whether each that has been closed has nothing open, and each that could be is.
    pub(super) fn look_at_campaigns_after(&self, is_undisturbed: bool, had_nothing_open: &BTreeSet<RunId>) {
        let campaigns = self.unseen_campaigns();
        let open = self.open_by_campaign(&campaigns);
        // Of two ticks at once, one is in the other's way.
        let hurried_at = *lock(&self.campaign_watch.hurried_at);
        let is_alone = hurried_at.is_none_or(|at| at + Duration::from_mins(2) < self.time.now());
        for campaign in campaigns {
            if campaign.closed_at.is_some() {
                lock(&self.campaign_watch.closed).insert(campaign.run);
                if let Some(count) = open.get(&campaign.run) {
                    self.saw_of(
                        Promise::CampaignsCloseOnce,
                        campaign.run,
                        &format!("is closed with {count} open entries"),
                    );
                }
                self.check_seal(&campaign);
            } else if had_nothing_open.contains(&campaign.run) && is_undisturbed && is_alone {
                self.saw_of(Promise::CampaignsCloseOnce, campaign.run, "has nothing open, and a tick didn't close it");
            }
        }
    }

    /// Those that weren't looked at since they were closed.
    fn unseen_campaigns(&self) -> Vec<Campaign> {
        let closed = lock(&self.campaign_watch.closed);
        self.ledger.peek_campaigns().into_iter().filter(|campaign| !closed.contains(&campaign.run)).collect()
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

    /// Whether everyone whom it is for has an entry, unless it was cancelled before they had, and nobody else has one.
    fn check_audience(&self, campaign: &Campaign) {
        let audiences = lock(&self.campaign_watch.audiences);
        let Some(given) = audiences.get(&(campaign.run, campaign.request.audience.part(0))) else {
            return self.saw_of(Promise::CampaignsKeepToTheirAudience, campaign.run, "is for nobody whom it was for");
        };
        let mut inside = BTreeSet::new();
        self.ledger.for_each_entry(|entry| {
            if entry.id().run == campaign.run {
                inside.insert(entry.id().addressee());
            }
        });
        let outside = match &campaign.request.audience {
            Audience::Given { .. } => inside.difference(given).count(),
            Audience::Asked { question } => inside.difference(&self.of(question)).count(),
        };
        if outside > 0 {
            let what = format!("has {outside} entries of those whom it isn't for");
            self.saw_of(Promise::CampaignsKeepToTheirAudience, campaign.run, &what);
        }
        if campaign.cancelled.is_some() {
            return;
        }
        let missing = match &campaign.request.audience {
            Audience::Given { .. } => given.difference(&inside).count(),
            Audience::Asked { question } => self.always_meant(question).difference(&inside).count(),
        };
        if missing > 0 {
            let what = format!("has no entries of {missing} of those whom it is for");
            self.saw_of(Promise::CampaignsAddUp, campaign.run, &what);
        }
    }

    /// Those whom a question may mean, by what doesn't change of them.
    fn of(&self, question: &Question) -> BTreeSet<Addressee> {
        let mut of = BTreeSet::new();
        self.ledger.for_each_customer(|customer| {
            if is_of(question, customer) {
                of.insert(customer.id.clone().into());
            }
        });
        of
    }

    /// Those whom a question has meant all the time.
    fn always_meant(&self, question: &Question) -> BTreeSet<Addressee> {
        let mut meant = BTreeSet::new();
        self.ledger.for_each_customer(|customer| {
            let stays = customer.standing == Standing::Active && !self.presence.has_changed(&customer.id);
            if stays && question.band.is_none() && is_of(question, customer) {
                meant.insert(customer.id.clone().into());
            }
        });
        meant
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

/// Whether a question may mean a customer, by what doesn't change of them.
fn is_of(question: &Question, customer: &Customer) -> bool {
    question.product.is_none_or(|product| customer.product == product)
        && question.region.as_deref().is_none_or(|region| customer.locale.region() == Some(region))
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
