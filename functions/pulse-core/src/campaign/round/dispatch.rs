//! Dispatching entries of campaigns to the stages' queues, and sending again what was lost there.

use std::{
    future::{Ready, ready},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{
    super::{Priority, StageDemand, room, shares},
    AT_ONCE, Campaign, CampaignPace, CampaignRound, CampaignStepped, RoundError, part_of,
};
use crate::{
    control::Breaker,
    entry::{Awaited, Entry, EntryId, Position, Queueing, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::LedgerError,
    run::RunId,
    stage::PerStage,
    tick::SweepPolicy,
};

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

/// What became of an entry that was to be dispatched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dispatched {
    /// Its message is sent.
    Sent,
    /// It isn't known: the answer was lost.
    Perhaps,
    /// It isn't: the entry doesn't stand where the index said, couldn't be read, or the time was over.
    No,
}

impl CampaignRound<'_> {
    /// Dispatches as much of all campaigns as the stages have room for, and sends again what was lost, until then at the latest.
    pub(super) async fn dispatch_all(
        &self,
        flowing: &[(Campaign, usize)],
        stepped: &mut [CampaignStepped],
        until: Timestamp,
    ) {
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

/// Whether entries that a stage holds count as begun once they are dispatched to it.
fn is_counted(campaign: &Campaign, stage: StageName) -> bool {
    campaign.request.a_day.is_some() && stage == campaign.request.plan.first()
}

/// Whether there is time for another.
fn ready_until(now: Timestamp, until: Timestamp) -> Ready<bool> {
    ready(now < until)
}
