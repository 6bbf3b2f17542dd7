use std::time::Duration;

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    Campaign, CampaignChange, CampaignEvent, CampaignOutcome, CampaignReport, CampaignState, IllegalCampaignStep,
    Planned, Planner, StageDemand, closing, room, shares,
};
use crate::{
    control::{Actor, Breaker, Note},
    delivery::{EndpointBook, Outbox},
    entry::{Awaited, Entry, EntryId, Queueing, StageName},
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

/// How long a campaign has run before it is said to be late.
const JUDGED_AFTER: Duration = Duration::from_mins(5);

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
    /// Whether it will miss its deadline, as fast as it goes.
    pub late: bool,
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
        let (mut stepped, mut flowing) = (Vec::new(), Vec::new());
        for run in live {
            match self.advance(run, until).await {
                Ok(Some((campaign, step))) => {
                    if campaign.standing(self.clock.now()) == Standing::Flows {
                        flowing.push((campaign, stepped.len()));
                    }
                    stepped.push(step);
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(campaign = %run, %error, "a campaign isn't gone on with now"),
            }
        }
        if !flowing.is_empty() {
            Box::pin(self.dispatch_all(&flowing, &mut stepped)).await;
        }
        stepped
    }

    /// Takes a campaign as far as it gets now. None, if it is over.
    async fn advance(&self, run: RunId, until: Timestamp) -> Result<Option<(Campaign, CampaignStepped)>, RoundError> {
        let Some(mut campaign) = self.campaigns.campaign(run).await?.filter(|campaign| !campaign.state.is_over())
        else {
            return Ok(None);
        };
        let mut closed = 0;
        while let Some(event) = self.next(&campaign, until, &mut closed).await? {
            let Some(next) = self.save(&campaign, event).await? else { break };
            campaign = next;
        }
        let late = self.is_late(&campaign).await?;
        let step = CampaignStepped { run, state: campaign.state, dispatched: 0, repeated: 0, closed, late };
        Ok(Some((campaign, step)))
    }

    /// What happens to a campaign next, if something does now.
    async fn next(
        &self,
        campaign: &Campaign,
        until: Timestamp,
        closed: &mut usize,
    ) -> Result<Option<CampaignEvent>, RoundError> {
        let now = self.clock.now();
        Ok(match campaign.state {
            CampaignState::Requested | CampaignState::Planning if campaign.paused.is_some() => None,
            CampaignState::Requested => Some(CampaignEvent::PlanningStarted),
            CampaignState::Planning => self.plan(campaign, until).await?,
            CampaignState::Sealed => Some(CampaignEvent::Started),
            CampaignState::Running => match campaign.standing(now) {
                Standing::Over(_) if campaign.abandoned_at.is_none() => {
                    let is_done = closing::all_closed(self.entries, campaign).await?.is_some();
                    Some(if is_done { CampaignEvent::LastClosed } else { CampaignEvent::DeadlinePassed })
                }
                Standing::Over(_) | Standing::Cancelled => {
                    *closed += self.close_open(campaign, until).await?;
                    self.unless_open(campaign).await?
                }
                Standing::Flows | Standing::Held => self.unless_open(campaign).await?,
            },
            CampaignState::Closing => Some(self.finish(campaign).await?),
            CampaignState::Finished | CampaignState::Cancelled => None,
        })
    }

    /// Whether a campaign that runs will be through after its deadline, as fast as its entries have been closed since it began.
    async fn is_late(&self, campaign: &Campaign) -> Result<bool, LedgerError> {
        let is_running = campaign.state == CampaignState::Running && campaign.cancelled.is_none();
        let (Some(deadline), Some(started_at), Some((seal, _)), true) =
            (campaign.request.deadline, campaign.started_at, campaign.sealed, is_running)
        else {
            return Ok(false);
        };
        let open: u64 = self.entries.open_counts(campaign.run).await?.values().sum();
        Ok(will_miss(seal.count.saturating_sub(open), open, started_at, self.clock.now(), deadline))
    }

    async fn plan(&self, campaign: &Campaign, until: Timestamp) -> Result<Option<CampaignEvent>, RoundError> {
        let Self { campaigns, ledger, listing, clock, .. } = *self;
        Ok(match (Planner { campaigns, ledger, listing, clock }).work(campaign, until).await? {
            Planned::Unfinished => None,
            Planned::TooMany(seal) if campaign.cancelled.is_none() => {
                tracing::warn!(campaign = %campaign.run, entries = seal.count, "it is for more customers than were allowed");
                let note = Note::parse("It is for more customers than its limit allows.").ok();
                note.map(|note| CampaignEvent::CancelAsked { by: Actor::named("pulse"), note })
            }
            Planned::All(seal) | Planned::TooMany(seal) => Some(CampaignEvent::Sealed { seal }),
        })
    }

    async fn unless_open(&self, campaign: &Campaign) -> Result<Option<CampaignEvent>, RoundError> {
        let closed = closing::all_closed(self.entries, campaign).await?;
        Ok(closed.map(|_| CampaignEvent::LastClosed))
    }

    async fn finish(&self, campaign: &Campaign) -> Result<CampaignEvent, RoundError> {
        let counts = closing::all_closed(self.entries, campaign).await?;
        let counts = counts.ok_or_else(|| LedgerError::Unavailable(Cause::new("The index lags behind.")))?;
        let between = |from: Option<Timestamp>, to: Option<Timestamp>| {
            let took = from.zip(to).map(|(from, to)| to.duration_since(from));
            took.and_then(|took| Duration::try_from(took).ok()).unwrap_or_default()
        };
        let report = CampaignReport {
            outcome: CampaignOutcome::of(&counts, campaign.cancelled.is_some()),
            counts,
            causes: closing::causes(self.ledger, self.entries, campaign.run).await?,
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

    /// Closes what is open of a campaign that is over or was cancelled, but for what a worker has in hand.
    async fn close_open(&self, campaign: &Campaign, until: Timestamp) -> Result<usize, RoundError> {
        let mut closed = 0;
        loop {
            let open = self.entries.open_in_campaign(campaign.run, CLOSED_AT_A_TIME).await?;
            let listed = open.len();
            let of_this = stream::iter(open).map(|id| self.close(campaign, id)).buffer_unordered(AT_ONCE);
            let of_this: usize = of_this.fold(0, async |sum, is_closed| sum + usize::from(is_closed)).await;
            closed += of_this;
            // What is left is in a worker's hands, or the index doesn't know better yet.
            if of_this == 0 || listed < CLOSED_AT_A_TIME || self.clock.now() >= until {
                return Ok(closed);
            }
        }
    }

    async fn close(&self, campaign: &Campaign, id: EntryId) -> bool {
        let closed = async {
            let Some(entry) = self.ledger.entry(&id).await?.filter(Entry::is_open) else { return Ok(false) };
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

    /// Dispatches as much of all campaigns as the stages have room for, and sends again what was lost.
    async fn dispatch_all(&self, flowing: &[(Campaign, usize)], stepped: &mut [CampaignStepped]) {
        let mut left = PerStage::from_fn(|_| (0, 0));
        // What waits for a stage that the stack hasn't any more is held until it has, or the campaign is over.
        for stage in self.stages.deployed().of_entries() {
            match self.room(stage).await {
                Ok(room) => left[stage] = room,
                Err(error) => tracing::warn!(%stage, %error, "nothing is dispatched to it"),
            }
        }
        for stage in self.stages.deployed().of_entries() {
            if let Err(error) = self.dispatch_to(stage, flowing, &mut left, stepped).await {
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
    ) -> Result<(), RoundError> {
        let now = self.clock.now();
        let (free, urgent) = left[stage];
        let mut held = Vec::new();
        for (campaign, _) in flowing {
            let has = campaign.request.plan.has(stage);
            let is_urgent = campaign.request.priority == super::Priority::Urgent;
            // What comes to a later stage is to find room there, too.
            let later = campaign.request.plan.steps().skip_while(|step| *step != stage).map(|step| left[step]);
            let most = later.map(|(free, urgent)| free + if is_urgent { urgent } else { 0 }).min().unwrap_or(0);
            // What was dispatched before, and waits for its moment or for a later stage, is of an earlier day's number.
            let is_first = stage == campaign.request.plan.first();
            let today = if has && is_first { self.of_today(campaign, now).await? } else { u64::MAX };
            let is_wanted = has && most > 0;
            held.push(if is_wanted { self.ready(campaign.run, stage, now, most, today).await? } else { Vec::new() });
        }
        let wanted: Vec<_> =
            flowing.iter().zip(&held).map(|((of, _), ids)| (of.request.priority, ids.len() as u64)).collect();
        let only_urgent: Vec<_> =
            wanted.iter().map(|(of, count)| (*of, if *of == super::Priority::Urgent { *count } else { 0 })).collect();
        let given = shares(free, &wanted);
        let beyond: Vec<_> =
            only_urgent.iter().zip(&given).map(|((of, all), given)| (*of, all.saturating_sub(*given))).collect();
        let beyond = shares(urgent, &beyond);
        for ((((campaign, at), ids), given), beyond) in flowing.iter().zip(held).zip(given).zip(beyond) {
            let count = usize::try_from(given + beyond).unwrap_or(usize::MAX);
            let dispatched = stream::iter(ids.into_iter().take(count)).map(|id| self.dispatch(stage, id));
            let dispatched: usize =
                dispatched.buffer_unordered(AT_ONCE).fold(0, async |sum, done| sum + usize::from(done)).await;
            for step in campaign.request.plan.steps().skip_while(|step| *step != stage) {
                left[step].0 = left[step].0.saturating_sub(dispatched as u64);
            }
            stepped[*at].dispatched += dispatched;
            // Where nothing has room, what is lost is looked for later: messages are late for that.
            if free > 0 && campaign.request.plan.has(stage) {
                stepped[*at].repeated += self.send_lost_again(campaign.run, stage, now).await?;
            }
        }
        Ok(())
    }

    /// How many more entries a campaign may have dispatched today.
    async fn of_today(&self, campaign: &Campaign, now: Timestamp) -> Result<u64, LedgerError> {
        let Some((most, (seal, _))) = campaign.may_be_dispatched(now).zip(campaign.sealed) else { return Ok(u64::MAX) };
        let open = self.entries.open_counts(campaign.run).await?;
        let first = campaign.request.plan.first();
        let held = open.get(&(first, Awaited::Held)).copied().unwrap_or(0);
        Ok(most.saturating_sub(seal.count.saturating_sub(held)))
    }

    /// What may be dispatched to a stage: what was put off until now before what is held, of which so many may be today.
    async fn ready(
        &self,
        run: RunId,
        stage: StageName,
        now: Timestamp,
        most: u64,
        today: u64,
    ) -> Result<Vec<EntryId>, LedgerError> {
        let [most, today] = [most, today].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        let mut ready = self.entries.waiting_in_campaign(run, stage, Awaited::Deferred, now, most).await?;
        let left = (most - ready.len().min(most)).min(today);
        if left > 0 {
            ready.extend(self.entries.waiting_in_campaign(run, stage, Awaited::Held, now, left).await?);
        }
        Ok(ready)
    }

    /// Sends an entry's message, and writes down that it was sent: one that isn't written down is sent again, and one that isn't
    /// sent would be missed until the campaign's deadline.
    async fn dispatch(&self, stage: StageName, id: EntryId) -> bool {
        let sent = async {
            let Some(entry) = self.ledger.entry(&id).await?.filter(|entry| entry.waits_for() == Some(stage)) else {
                return Ok(false);
            };
            // The index may be out of date.
            let Ok(change) = entry.dispatch(self.clock.now()) else { return Ok(false) };
            self.queues[stage].send(&WorkMessage::for_entry(&id)).await?;
            match self.ledger.apply(&change).await {
                // A worker has taken it already.
                Err(LedgerError::Conflict(_)) => Ok(true),
                applied => Ok::<_, RoundError>(applied.map(|()| true)?),
            }
        };
        sent.await.unwrap_or_else(|error| {
            tracing::warn!(entry = %id, %error, "couldn't be dispatched");
            false
        })
    }

    async fn send_lost_again(&self, run: RunId, stage: StageName, now: Timestamp) -> Result<usize, RoundError> {
        let mut repeated = 0;
        for awaited in [Awaited::First, Awaited::Again] {
            let before = now.saturating_sub(LOST.wait_for(awaited, false)).unwrap_or(Timestamp::MIN);
            for id in self.entries.waiting_in_campaign(run, stage, awaited, before, LOST.at_most).await? {
                repeated += usize::from(self.send_again(stage, &id, now).await?);
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

/// Whether what is open at `now` will be after the deadline, at the pace at which the rest was closed.
fn will_miss(closed: u64, open: u64, started_at: Timestamp, now: Timestamp, deadline: Timestamp) -> bool {
    let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64();
    let ran = seconds(started_at, now);
    // It takes a few minutes until the first are closed.
    open > 0 && ran > JUDGED_AFTER.as_secs_f64() && ran * open as f64 > seconds(now, deadline).max(0.0) * closed as f64
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

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    #[test]
    fn a_campaign_is_late_if_its_pace_says_so() {
        let started_at: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
        let after = |minutes: i64| started_at + minutes.minutes();
        let late = |closed, open, now| will_miss(closed, open, started_at, after(now), after(90));
        // Of 10,000 in 90 minutes, 111 a minute have to be closed.
        assert!(!late(3_400, 6_600, 30) && late(3_300, 6_700, 30));
        assert!(!late(0, 10_000, 4) && late(0, 10_000, 6));
        assert!(!late(10_000, 0, 89) && late(9_999, 1, 90));
    }
}
