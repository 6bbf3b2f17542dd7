use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    future::{Ready, ready},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    AudienceSizes, Campaign, CampaignChange, CampaignEvent, CampaignOutcome, CampaignPace, CampaignReport,
    CampaignState, IllegalCampaignStep, Planned, Planner, Priority, StageDemand, closing, pace::Remaining, room,
    shares,
};
use crate::{
    control::{Actor, Breaker, Note},
    delivery::{EndpointBook, Outbox},
    entry::{Awaited, Entry, EntryId, Position, Queueing, StageName, TallyKey},
    failure::Cause,
    message::WorkMessage,
    ports::{
        CampaignEntries, Campaigns, Clock, Controls, Ledger, LedgerError, LedgerListing, OutcomeLog, QueueError,
        Queues, StageError, Stages,
    },
    run::RunId,
    stage::{PerStage, Standing},
    tick::{DOUBT_ENDS_AFTER, SweepPolicy},
};

/// Entries that are looked at side by side.
const AT_ONCE: usize = 16;

/// Entries that are closed at a time, before it is looked whether there is time for more.
const CLOSED_AT_A_TIME: usize = 500;

/// How long a campaign that is over waits for calls that are under way. A call ends within 20 seconds, and what came of it is
/// written down at once: a worker that hasn't by then is dead.
const LAST_CALLS: Duration = Duration::from_mins(2);

/// When an entry's message counts as lost. Sooner than a month's, as no more is dispatched than a minute's work: one that no
/// worker has claimed within five was lost, or is a dead worker's, whose messages stay hidden for longer than that. Where a batch
/// takes as long, one too many is sent, which does no harm.
const LOST: SweepPolicy = SweepPolicy {
    grace: Duration::from_mins(5),
    again_after: Duration::from_hours(1),
    backlog: 400,
    retention: Duration::from_hours(10 * 24),
    at_most: 200,
};

/// What looks after campaigns, every minute: plans them, dispatches their entries, closes what is over, and finishes each once.
///
/// It may die anywhere, and be run twice at once: each change of a campaign is written on the version that was read, and each
/// change of an entry on its own. A message is sent before it is written down that it was, so that none is missing; one too many
/// does no harm.
#[derive(Clone, Copy)]
pub struct CampaignRound<'a> {
    /// Campaigns and their audiences.
    pub campaigns: &'a dyn Campaigns,
    /// Their entries, by the indexes.
    pub entries: &'a dyn CampaignEntries,
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// The roster as a list.
    pub listing: &'a dyn LedgerListing,
    /// The stages from outside.
    pub stages: &'a dyn Stages,
    /// What holds them.
    pub controls: &'a dyn Controls,
    /// How much they carried lately.
    pub outcomes: &'a dyn OutcomeLog,
    /// All stages' queues.
    pub queues: &'a Queues,
    /// Other systems that are told of campaigns.
    pub book: &'a EndpointBook,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// Messages that a stage gets whose breaker is open and whose queue is empty, so that its provider can be tried.
    pub probes: usize,
    /// In which steps audiences are found.
    pub sizes: AudienceSizes,
}

/// What a tick did for a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CampaignStepped {
    /// Which.
    pub run: RunId,
    /// Where it stands.
    pub state: CampaignState,
    /// Entries that were dispatched.
    pub dispatched: usize,
    /// Messages sent in the place of lost ones.
    pub repeated: usize,
    /// Entries that were closed, as it is over or was cancelled.
    pub closed: usize,
    /// Whether it will miss its deadline, as fast as it goes, if that was looked at now.
    pub late: Option<bool>,
}

/// What a campaign's way is gone on with by, from event to event.
#[derive(Default)]
struct Progressing {
    /// Entries that were closed on it.
    closed: usize,
    /// Where all of them stood as the last was found closed: that needn't be looked for twice.
    counts: Option<BTreeMap<TallyKey, u64>>,
}

/// What became of an entry that was to be dispatched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dispatched {
    /// Its message is sent.
    Sent,
    /// It may be.
    Perhaps,
    /// It isn't: the entry doesn't stand where the index said, couldn't be read, or the time was over.
    No,
}

/// Why a campaign isn't gone on with now. The next tick does it.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(transparent)]
    Illegal(#[from] IllegalCampaignStep),
}

impl CampaignRound<'_> {
    /// One tick's work, until then at the latest. What can't be done now is done by the next.
    pub async fn run(&self, until: Timestamp) -> Vec<CampaignStepped> {
        let since = self.clock.now().saturating_sub(DOUBT_ENDS_AFTER).unwrap_or(Timestamp::MIN);
        let live = match self.campaigns.live_campaigns(since).await {
            Ok(live) => live,
            Err(error) => {
                tracing::warn!(%error, "campaigns aren't looked at");
                return Vec::new();
            }
        };
        let now = self.clock.now();
        // Campaigns that are planned or closed may take all the time that there is. They share half of it alike, and what one
        // leaves goes to the next; what flows has the other half.
        let half = part_of(now, until, 2);
        let (mut stepped, mut flowing, mut unfinished) = (Vec::new(), Vec::new(), Vec::new());
        let shares = (1..=live.len()).rev();
        for (run, left) in live.into_iter().zip(shares) {
            match self.advance(run, part_of(self.clock.now(), half, left)).await {
                Ok(Some((campaign, step))) => {
                    if campaign.standing(self.clock.now()) == Standing::Flows {
                        flowing.push((campaign, stepped.len()));
                    } else if step.closed > 0 || campaign.state == CampaignState::Planning {
                        unfinished.push((run, stepped.len()));
                    }
                    stepped.push(step);
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(campaign = %run, %error, "a campaign isn't gone on with now"),
            }
        }
        if !flowing.is_empty() {
            // Where there isn't time for all, another is the first in the next minute.
            let first = minute(now) % flowing.len() as u64;
            flowing.rotate_left(usize::try_from(first).unwrap_or(0));
            Box::pin(self.dispatch_all(&flowing, &mut stepped, until)).await;
        }
        self.go_on(unfinished, &mut stepped, until).await;
        stepped
    }

    /// Goes on with what couldn't be planned or closed in its half of the time, in what is left of the other.
    async fn go_on(&self, unfinished: Vec<(RunId, usize)>, stepped: &mut [CampaignStepped], until: Timestamp) {
        let shares = (1..=unfinished.len()).rev();
        for ((run, at), left) in unfinished.into_iter().zip(shares) {
            let now = self.clock.now();
            if now >= until {
                return;
            }
            match self.advance(run, part_of(now, until, left)).await {
                Ok(Some((campaign, step))) => {
                    stepped[at].state = campaign.state;
                    stepped[at].closed += step.closed;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(campaign = %run, %error, "a campaign isn't gone on with now"),
            }
        }
    }

    /// Takes a campaign as far as it gets now. None, if it is over.
    async fn advance(&self, run: RunId, until: Timestamp) -> Result<Option<(Campaign, CampaignStepped)>, RoundError> {
        let Some(mut campaign) = self.campaigns.campaign(run).await?.filter(|campaign| !campaign.state.is_over())
        else {
            return Ok(None);
        };
        let mut on_its_way = Progressing::default();
        while let Some(event) = self.next(&campaign, until, &mut on_its_way).await? {
            let Some(next) = self.save(&campaign, event).await? else { break };
            campaign = next;
        }
        let late = self.is_late(&campaign).await.unwrap_or_else(|error| {
            tracing::warn!(campaign = %run, %error, "it isn't looked whether a campaign is late");
            None
        });
        let closed = on_its_way.closed;
        let step = CampaignStepped { run, state: campaign.state, dispatched: 0, repeated: 0, closed, late };
        Ok(Some((campaign, step)))
    }

    /// What happens to a campaign next, if something does now.
    async fn next(
        &self,
        campaign: &Campaign,
        until: Timestamp,
        on_its_way: &mut Progressing,
    ) -> Result<Option<CampaignEvent>, RoundError> {
        let now = self.clock.now();
        Ok(match campaign.state {
            CampaignState::Requested | CampaignState::Planning
                if campaign.cancelled.is_none() && campaign.is_past_deadline(now) =>
            {
                call_off(campaign, "Its deadline was over before all of its entries were written.")
            }
            CampaignState::Requested | CampaignState::Planning if campaign.paused.is_some() => None,
            CampaignState::Requested => Some(CampaignEvent::PlanningStarted),
            CampaignState::Planning => self.plan(campaign, until).await?,
            CampaignState::Sealed => Some(CampaignEvent::Started),
            CampaignState::Running => match campaign.standing(now) {
                Standing::Over(_) if campaign.abandoned_at.is_none() => {
                    let closed = self.unless_open(campaign, on_its_way).await?;
                    Some(closed.unwrap_or(CampaignEvent::DeadlinePassed))
                }
                Standing::Over(_) | Standing::Cancelled => {
                    on_its_way.closed += self.close_open(campaign, until).await?;
                    self.unless_open(campaign, on_its_way).await?
                }
                Standing::Flows | Standing::Held => self.unless_open(campaign, on_its_way).await?,
            },
            CampaignState::Closing => Some(self.finish(campaign, on_its_way.counts.take()).await?),
            CampaignState::Finished | CampaignState::Cancelled => None,
        })
    }

    /// Whether a campaign that flows will have entries open at its deadline, as fast as it goes. None, if that isn't looked at now.
    async fn is_late(&self, campaign: &Campaign) -> Result<Option<bool>, LedgerError> {
        let now = self.clock.now();
        let judged = campaign.request.deadline.filter(|_| campaign.standing(now) == Standing::Flows);
        let Some((deadline, (seal, _))) = judged.zip(campaign.sealed) else { return Ok(None) };
        let pace = self.campaigns.pace(campaign.run).await?;
        if !pace.is_judged_at(now) {
            return Ok(None);
        }
        let open = self.entries.open_counts(campaign.run).await?;
        let remaining = Remaining {
            all: seal.count,
            open: open.values().sum(),
            put_off: self.entries.put_off_in_campaign(campaign.run, now).await?,
            too_late: self.entries.put_off_in_campaign(campaign.run, deadline).await?,
            held: open.get(&(campaign.request.plan.first(), Awaited::Held)).copied().unwrap_or(0),
        };
        let (pace, is_late) = pace.judge(campaign, remaining, now);
        // If another tick has looked meanwhile, its count is as good.
        self.campaigns.save_pace(campaign.run, &pace).await?;
        Ok(Some(is_late))
    }

    async fn plan(&self, campaign: &Campaign, until: Timestamp) -> Result<Option<CampaignEvent>, RoundError> {
        let Self { campaigns, ledger, listing, clock, sizes, .. } = *self;
        Ok(match (Planner { campaigns, ledger, listing, clock, sizes }).work(campaign, until).await? {
            Planned::Unfinished => None,
            Planned::Refused(why) => call_off(campaign, why),
            Planned::All(seal) => Some(CampaignEvent::Sealed { seal }),
        })
    }

    async fn unless_open(
        &self,
        campaign: &Campaign,
        on_its_way: &mut Progressing,
    ) -> Result<Option<CampaignEvent>, RoundError> {
        on_its_way.counts = closing::all_closed(self.entries, campaign).await?;
        Ok(on_its_way.counts.is_some().then_some(CampaignEvent::LastClosed))
    }

    async fn finish(
        &self,
        campaign: &Campaign,
        counts: Option<BTreeMap<TallyKey, u64>>,
    ) -> Result<CampaignEvent, RoundError> {
        let counts = match counts {
            Some(counts) => Some(counts),
            None => closing::all_closed(self.entries, campaign).await?,
        };
        let counts = counts.ok_or_else(|| LedgerError::Unavailable(Cause::new("The index lags behind.")))?;
        let between = |from: Option<Timestamp>, to: Option<Timestamp>| {
            let took = from.zip(to).map(|(from, to)| to.duration_since(from));
            took.and_then(|took| Duration::try_from(took).ok()).unwrap_or_default()
        };
        let report = CampaignReport {
            outcome: CampaignOutcome::of(&counts, campaign.cancelled.is_some()),
            causes: closing::causes(self.ledger, self.listing, campaign.run, &counts).await?,
            counts,
            planned_within: between(Some(campaign.requested.at), campaign.sealed.map(|(_, at)| at)),
            ran_for: between(campaign.started_at, campaign.closed_at),
        };
        Ok(CampaignEvent::Finished { report })
    }

    /// Writes an event down, with its word. None, if somebody else has changed the campaign meanwhile.
    async fn save(&self, campaign: &Campaign, event: CampaignEvent) -> Result<Option<Campaign>, RoundError> {
        let change = campaign.change(event, self.clock.now())?;
        let endpoints = self.book.endpoints().await?;
        let change: CampaignChange = change.with_word(Outbox { endpoints: &endpoints });
        if !self.campaigns.save_campaign(&change).await? {
            return Ok(None);
        }
        tracing::info!(campaign = %campaign.run, state = %change.after().state, version = change.after().version, "a campaign goes on");
        for delivery in change.deliveries() {
            if let Err(error) = self.queues[StageName::Deliver].send(&WorkMessage::for_delivery(delivery.id())).await {
                tracing::warn!(delivery = %delivery.id(), %error, "not queued: the sweep finds it");
            }
        }
        Ok(Some(change.after().clone()))
    }

    /// Closes what is open of a campaign that is over or was cancelled, but for what a worker has in hand: that is passed over,
    /// however much of it the index names first. Its parts take turns, so that the index bears the writes, and another is the
    /// first each minute.
    async fn close_open(&self, campaign: &Campaign, until: Timestamp) -> Result<usize, RoundError> {
        let (parts, first) = (self.entries.parts_of_campaign(), minute(self.clock.now()));
        let in_turn = (0..parts).map(|part| ((first + part) % parts, HashSet::new()));
        let (mut closed, mut in_turn): (_, VecDeque<_>) = (0, in_turn.collect());
        while let Some((part, mut left)) = in_turn.pop_front() {
            let limit = CLOSED_AT_A_TIME + left.len();
            let open = self.entries.open_in_part(campaign.run, part, limit).await?;
            let is_all = open.len() < limit;
            let new: Vec<_> = open.into_iter().filter(|id| !left.contains(id)).collect();
            let tried = stream::iter(new).map(async |id| (self.close(campaign, &id).await, id));
            let mut tried = tried.buffer_unordered(AT_ONCE);
            while let Some((is_closed, id)) = tried.next().await {
                closed += usize::from(is_closed);
                if !is_closed {
                    // A worker has it, or the index doesn't know better yet.
                    left.insert(id);
                }
            }
            if self.clock.now() >= until {
                break;
            }
            if !is_all {
                in_turn.push_back((part, left));
            }
        }
        Ok(closed)
    }

    async fn close(&self, campaign: &Campaign, id: &EntryId) -> bool {
        let closed = async {
            let Some(entry) = self.ledger.entry(id).await?.filter(Entry::is_open) else { return Ok(false) };
            let now = self.clock.now();
            let over_since = match &campaign.cancelled {
                Some(cancelled) => Some(cancelled.at),
                None => campaign.request.deadline,
            };
            let waited =
                over_since.is_none_or(|since| now >= since.saturating_add(LAST_CALLS).unwrap_or(Timestamp::MAX));
            if entry.lease_until().is_some_and(|until| until > now) && !waited {
                return Ok(false);
            }
            let cause = campaign.cancelled.is_none().then(|| evidence(&entry, now));
            let Ok(change) = entry.close_with_campaign(cause, now) else { return Ok(false) };
            self.ledger.apply(&change).await?;
            Ok::<_, LedgerError>(true)
        };
        match closed.await {
            Ok(is_closed) => is_closed,
            // A worker was faster.
            Err(LedgerError::Conflict(_)) => false,
            Err(error) => {
                tracing::warn!(entry = %id, %error, "couldn't be closed");
                false
            }
        }
    }

    /// Dispatches as much of all campaigns as the stages have room for, and sends again what was lost, until then at the latest.
    async fn dispatch_all(&self, flowing: &[(Campaign, usize)], stepped: &mut [CampaignStepped], until: Timestamp) {
        let mut left = PerStage::from_fn(|_| (0, 0));
        // What waits for a stage that the stack hasn't any more is held until it has, or the campaign is over.
        for stage in self.stages.deployed().of_entries() {
            match self.room(stage).await {
                Ok(room) => left[stage] = room,
                Err(error) => tracing::warn!(%stage, %error, "nothing is dispatched to it"),
            }
        }
        let stages: Vec<_> = self.stages.deployed().of_entries().collect();
        let shares = (1..=stages.len()).rev();
        for (stage, shares) in stages.into_iter().zip(shares) {
            let until = part_of(self.clock.now(), until, shares);
            if let Err(error) = self.dispatch_to(stage, flowing, &mut left, stepped, until).await {
                tracing::warn!(%stage, %error, "not all is dispatched to it");
            }
        }
    }

    /// How many messages a stage has room for, and how many more for what is urgent.
    async fn room(&self, stage: StageName) -> Result<(u64, u64), RoundError> {
        let status = self.stages.status(stage).await?;
        if !status.is_flowing() {
            let is_broken = matches!(self.controls.control(stage).await?.breaker, Breaker::Open(_));
            let probes = if is_broken && status.waiting == 0 { self.probes as u64 } else { 0 };
            return Ok((probes, 0));
        }
        let now = self.clock.now();
        let from = now.saturating_sub(Duration::from_mins(1)).unwrap_or(Timestamp::MIN);
        let minutes = self.outcomes.minutes(stage, from).await?;
        // Of the minute that isn't over yet little is told.
        let carried = minutes.iter().map(|minute| minute.outcomes.calls).max().unwrap_or(0);
        Ok(room(StageDemand { waiting: status.waiting, carried }))
    }

    async fn dispatch_to(
        &self,
        stage: StageName,
        flowing: &[(Campaign, usize)],
        left: &mut PerStage<(u64, u64)>,
        stepped: &mut [CampaignStepped],
        until: Timestamp,
    ) -> Result<(), RoundError> {
        let now = self.clock.now();
        let (free, urgent) = left[stage];
        let mut ready = Vec::new();
        for (campaign, _) in flowing {
            let is_urgent = campaign.request.priority == Priority::Urgent;
            // What comes to a later stage is to find room there, too.
            let later = campaign.request.plan.steps().skip_while(|step| *step != stage).map(|step| left[step]);
            let most = later.map(|(free, urgent)| free + if is_urgent { urgent } else { 0 }).min().unwrap_or(0);
            ready.push(if most == 0 { Vec::new() } else { self.ready(campaign, stage, now, most).await? });
        }
        let wanted: Vec<_> =
            flowing.iter().zip(&ready).map(|((of, _), ids)| (of.request.priority, ids.len() as u64)).collect();
        let only_urgent: Vec<_> =
            wanted.iter().map(|(of, count)| (*of, if *of == Priority::Urgent { *count } else { 0 })).collect();
        let given = shares(free, &wanted);
        let beyond: Vec<_> =
            only_urgent.iter().zip(&given).map(|((of, all), given)| (*of, all.saturating_sub(*given))).collect();
        let beyond = shares(urgent, &beyond);
        for ((((campaign, at), mut ready), given), beyond) in flowing.iter().zip(ready).zip(given).zip(beyond) {
            ready.truncate(usize::try_from(given + beyond).unwrap_or(usize::MAX));
            let dispatched = self.dispatch_some(campaign, stage, ready, until).await;
            for step in campaign.request.plan.steps().skip_while(|step| *step != stage) {
                let beyond = (dispatched as u64).saturating_sub(left[step].0);
                left[step].0 = left[step].0.saturating_sub(dispatched as u64);
                if campaign.request.priority == Priority::Urgent {
                    left[step].1 = left[step].1.saturating_sub(beyond);
                }
            }
            stepped[*at].dispatched += dispatched;
            // Where nothing has room, what is lost is looked for later: messages are late for that.
            if free > 0 && campaign.request.plan.has(stage) && self.clock.now() < until {
                stepped[*at].repeated += self.send_lost_again(campaign.run, stage, now, until).await?;
            }
        }
        Ok(())
    }

    /// What may be dispatched to a stage: what was put off until now before what is held. Of what the first stage holds, no more
    /// than the campaign may begin today.
    async fn ready(
        &self,
        campaign: &Campaign,
        stage: StageName,
        now: Timestamp,
        most: u64,
    ) -> Result<Vec<(Awaited, EntryId)>, LedgerError> {
        let run = campaign.run;
        if !campaign.request.plan.has(stage) {
            return Ok(Vec::new());
        }
        let limit = usize::try_from(most).unwrap_or(usize::MAX);
        let put_off = self.entries.waiting_in_campaign(run, stage, Awaited::Deferred, now, limit).await?;
        let mut of_held = most.saturating_sub(put_off.len() as u64);
        if is_counted(campaign, stage) && of_held > 0 {
            let left = self.campaigns.pace(run).await?.left(campaign, now);
            of_held = of_held.min(left.unwrap_or(u64::MAX));
        }
        let limit = usize::try_from(of_held).unwrap_or(usize::MAX);
        let held = match limit {
            0 => Vec::new(),
            limit => self.entries.waiting_in_campaign(run, stage, Awaited::Held, now, limit).await?,
        };
        let put_off = put_off.into_iter().map(|id| (Awaited::Deferred, id));
        Ok(put_off.chain(held.into_iter().map(|id| (Awaited::Held, id))).collect())
    }

    /// Dispatches entries that are ready, and says how many it did. Those that a day has only so many of are counted first: a
    /// tick that dies has begun fewer than it counted, and never more.
    async fn dispatch_some(
        &self,
        campaign: &Campaign,
        stage: StageName,
        mut ready: Vec<(Awaited, EntryId)>,
        until: Timestamp,
    ) -> usize {
        let is_held = |(awaited, _): &(Awaited, EntryId)| *awaited == Awaited::Held;
        let mut until = until;
        let mut counted = None;
        if is_counted(campaign, stage) && ready.iter().any(is_held) {
            let held = ready.iter().filter(|ready| is_held(ready)).count() as u64;
            counted = self.count_begun(campaign, held).await.unwrap_or_else(|error| {
                tracing::warn!(campaign = %campaign.run, %error, "it begins on nobody now");
                None
            });
            match &counted {
                Some(pace) => until = until.min(campaign.day_ends(pace.day)),
                None => ready.retain(|ready| !is_held(ready)),
            }
        }
        let (mut sent, mut begun, held) = (0, 0, ready.iter().filter(|ready| is_held(ready)).count() as u64);
        let dispatched = stream::iter(ready)
            .take_while(|_| ready_until(self.clock.now(), until))
            .map(async |(awaited, id)| (awaited, self.dispatch(stage, awaited, &id, until).await));
        let mut dispatched = dispatched.buffer_unordered(AT_ONCE);
        while let Some((awaited, what)) = dispatched.next().await {
            sent += usize::from(what == Dispatched::Sent);
            begun += u64::from(awaited == Awaited::Held && what != Dispatched::No);
        }
        if let Some(pace) = counted.filter(|_| begun < held) {
            // If that fails, the day has so many fewer.
            let given_back = self.campaigns.save_pace(campaign.run, &pace.give_back(held - begun)).await;
            if let Err(error) = given_back {
                tracing::warn!(campaign = %campaign.run, %error, "what wasn't begun counts as if it were");
            }
        }
        sent
    }

    /// Counts entries as begun today. None, if there aren't so many left of the day, or another tick counts at the same time.
    async fn count_begun(&self, campaign: &Campaign, entries: u64) -> Result<Option<CampaignPace>, LedgerError> {
        let now = self.clock.now();
        let pace = self.campaigns.pace(campaign.run).await?;
        if pace.left(campaign, now).is_some_and(|left| left < entries) {
            return Ok(None);
        }
        let next = pace.begin(campaign, now, entries);
        Ok(self.campaigns.save_pace(campaign.run, &next).await?.then_some(next))
    }

    /// Sends an entry's message, and writes down that it was sent: one that isn't written down is sent again, and one that isn't
    /// sent would be missed until the campaign's deadline.
    async fn dispatch(&self, stage: StageName, awaited: Awaited, id: &EntryId, until: Timestamp) -> Dispatched {
        let read = self.ledger.entry(id).await.unwrap_or_else(|error| {
            tracing::warn!(entry = %id, %error, "couldn't be dispatched");
            None
        });
        let now = self.clock.now();
        // The index may be out of date.
        let stands = |entry: &Entry| matches!(entry.position(), Position::Open { stage: at, awaited: of, .. } if at == stage && of == awaited);
        let change = read.filter(|entry| stands(entry) && now < until).and_then(|entry| entry.dispatch(now).ok());
        let Some(change) = change else { return Dispatched::No };
        let sent = async {
            self.queues[stage].send(&WorkMessage::for_entry(id)).await?;
            match self.ledger.apply(&change).await {
                // A worker has taken it already.
                Err(LedgerError::Conflict(_)) => Ok(()),
                applied => Ok::<_, RoundError>(applied?),
            }
        };
        match sent.await {
            Ok(()) => Dispatched::Sent,
            Err(error) => {
                tracing::warn!(entry = %id, %error, "couldn't be dispatched");
                Dispatched::Perhaps
            }
        }
    }

    async fn send_lost_again(
        &self,
        run: RunId,
        stage: StageName,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<usize, RoundError> {
        let mut repeated = 0;
        for awaited in [Awaited::First, Awaited::Again] {
            let before = now.saturating_sub(LOST.wait_for(awaited, false)).unwrap_or(Timestamp::MIN);
            let lost = self.entries.waiting_in_campaign(run, stage, awaited, before, LOST.at_most).await?;
            let again = stream::iter(lost)
                .take_while(|_| ready_until(self.clock.now(), until))
                .map(async |id| (self.send_again(stage, &id, now).await, id));
            let mut again = again.buffer_unordered(AT_ONCE);
            while let Some((sent, id)) = again.next().await {
                // One that fails doesn't stop those beside it, which may be written down and not yet sent.
                repeated += usize::from(sent.unwrap_or_else(|error| {
                    tracing::warn!(entry = %id, %error, "what was lost couldn't be sent again");
                    false
                }));
            }
        }
        Ok(repeated)
    }

    async fn send_again(&self, stage: StageName, id: &EntryId, now: Timestamp) -> Result<bool, RoundError> {
        let Some(entry) = self.ledger.entry(id).await?.filter(|entry| entry.waits_for() == Some(stage)) else {
            return Ok(false);
        };
        if entry.queueing() == Queueing::Deferred || !LOST.is_overdue(&entry, now) {
            return Ok(false);
        }
        if self.ledger.customer(&id.customer).await?.is_none() {
            // No worker can do anything for it, or even write down why.
            let cause = Some(Cause::new("Nobody on the roster has this id."));
            if let Ok(change) = entry.close_with_campaign(cause, now) {
                self.ledger.apply(&change).await?;
            }
            return Ok(false);
        }
        let Ok(change) = entry.queue_again(now) else { return Ok(false) };
        match self.ledger.apply(&change).await {
            Err(LedgerError::Conflict(_)) => return Ok(false),
            applied => applied?,
        }
        self.queues[stage].send(&WorkMessage::for_entry(id)).await?;
        Ok(true)
    }
}

/// Has a campaign end before any of its entries was dispatched.
fn call_off(campaign: &Campaign, why: &str) -> Option<CampaignEvent> {
    tracing::warn!(campaign = %campaign.run, why, "a campaign is cancelled");
    let note = Note::parse(why).ok();
    note.map(|note| CampaignEvent::CancelAsked { by: Actor::named("pulse"), note })
}

/// Whether entries that a stage holds count as begun once they are dispatched to it.
fn is_counted(campaign: &Campaign, stage: StageName) -> bool {
    campaign.request.a_day.is_some() && stage == campaign.request.plan.first()
}

/// Whether there is time for another.
fn ready_until(now: Timestamp, until: Timestamp) -> Ready<bool> {
    ready(now < until)
}

/// When the first of so many equal parts of the time until then is over.
fn part_of(now: Timestamp, until: Timestamp, parts: usize) -> Timestamp {
    let all = until.duration_since(now).max(SignedDuration::ZERO);
    now.saturating_add(all / i32::try_from(parts).unwrap_or(i32::MAX)).unwrap_or(until)
}

/// The clock's minute, counted from long ago.
fn minute(now: Timestamp) -> u64 {
    now.as_second().div_euclid(60).unsigned_abs()
}

/// How far an entry had got that is abandoned.
fn evidence(entry: &Entry, now: Timestamp) -> Cause {
    let stage = entry.at();
    let claims = entry.claims();
    Cause::new(match (entry.queueing(), entry.failure_streak(), entry.lease_until()) {
        (_, _, Some(until)) if until > now => {
            format!("A worker of the {stage} stage took it and didn't say what came of it.")
        }
        (_, _, Some(_)) => {
            format!("It was claimed {claims} times, and the last worker of the {stage} stage died with it.")
        }
        (_, Some(streak), None) => format!("It was tried {claims} times. {}", streak.cause),
        (Queueing::Held, None, None) => format!("It wasn't dispatched to the {stage} stage before the deadline."),
        (Queueing::Deferred, None, None) => format!("It was put off in the {stage} stage until after the deadline."),
        (Queueing::Pending | Queueing::Requeued { .. }, None, None) => {
            format!("It waited in the {stage} stage's queue, and no worker took it before the deadline.")
        }
    })
}
