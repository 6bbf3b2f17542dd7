mod close;
mod dispatch;

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    AudienceSizes, Campaign, CampaignChange, CampaignEvent, CampaignOutcome, CampaignPace, CampaignReport,
    CampaignState, IllegalCampaignStep, Planned, Planner, StageUse, closing, pace::Remaining,
};
use crate::{
    control::{Actor, Note},
    delivery::{EndpointBook, Outbox},
    entry::{Awaited, StageName, TallyKey},
    failure::Cause,
    message::WorkMessage,
    ports::{
        CampaignEntries, Campaigns, Clock, Controls, Ledger, LedgerError, LedgerListing, MINUTES_KEPT, OutcomeLog,
        QueueError, Queues, StageError, Stages,
    },
    run::RunId,
    stage::Standing,
    tick::DOUBT_ENDS_AFTER,
};

/// Entries that are looked at side by side.
const AT_ONCE: usize = 16;

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
    /// By its name, which is never given twice.
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
                    stepped[at].late = step.late.or(stepped[at].late);
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
        // Nights hold mails. What a stage before puts off, as for a partner that isn't ready, may well take longer than it says.
        let mailing = campaign.request.plan.last();
        let remaining = Remaining {
            all: seal.count,
            open: open.values().sum(),
            put_off: self.entries.put_off_in_campaign(campaign.run, mailing, now).await?,
            too_late: self.entries.put_off_in_campaign(campaign.run, mailing, deadline).await?,
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
            Planned::Refused(why) => call_off(campaign, &why),
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
            // A figure holds no end up.
            stages: self.stages_used(campaign).await.unwrap_or_else(|error| {
                tracing::warn!(campaign = %campaign.run, %error, "it isn't told how the stages were used");
                Vec::new()
            }),
        };
        Ok(CampaignEvent::Finished { report })
    }

    async fn stages_used(&self, campaign: &Campaign) -> Result<Vec<StageUse>, LedgerError> {
        // One that was cancelled before it started has used none, nor has one of nobody.
        let ran = campaign.started_at.zip(campaign.closed_at);
        let has_entries = campaign.sealed.is_some_and(|(seal, _)| seal.count > 0);
        let Some((started, closed)) = ran.filter(|_| has_entries) else { return Ok(Vec::new()) };
        let from = closed.saturating_sub(MINUTES_KEPT).unwrap_or(Timestamp::MIN).max(started);
        let steps = stream::iter(campaign.request.plan.steps());
        let used = steps.then(async |stage| {
            let minutes = self.outcomes.minutes(stage, from).await?;
            Ok(StageUse::of(stage, &minutes, from, closed))
        });
        used.try_collect().await
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
}

/// Has a campaign end before any of its entries was dispatched.
fn call_off(campaign: &Campaign, why: &str) -> Option<CampaignEvent> {
    tracing::warn!(campaign = %campaign.run, why, "a campaign is cancelled");
    let note = Note::parse(why).ok();
    note.map(|note| CampaignEvent::CancelAsked { by: Actor::named("pulse"), note })
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
