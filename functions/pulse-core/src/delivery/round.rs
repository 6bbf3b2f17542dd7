use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

use super::{Delivery, DeliveryId, Endpoint, EndpointControl, EndpointName, KNOWN_WITHIN, Line, UnwellEndpoint};
use crate::{
    control::{Breaker, BreakerPolicy, MinuteOutcomes, Outcomes},
    entry::{Awaited, Queueing, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::{Clock, Deliveries, EndpointControls, Endpoints, LedgerError, QueueError, StageMemory, StageQueue, Stages},
    tick::{SweepPolicy, is_held_up},
};

/// Deliveries that are looked at side by side.
const AT_ONCE: usize = 16;

/// A tick's length.
const MINUTE: Duration = Duration::from_mins(1);

/// How long a call is taken to last where none was counted lately.
const SUPPOSED_CALL: Duration = Duration::from_secs(1);

/// Of an endpoint's lanes this share is given to what was put off, in percent: the rest is for what happens meanwhile.
const SHARE_OF_BACKLOG: u128 = 80;

/// Of a held endpoint's deliveries so many are read, to tell since when it is behind.
const LOOKED_AT: usize = 8;

/// For how long whatever has to wait for the one before it in its line isn't looked at again.
const BEHIND_OTHERS: Duration = Duration::from_mins(10);

/// So many are woken in the first minute after an endpoint was out of order, and twice as many with each minute that it takes
/// them.
const FIRST_WOKEN: usize = 20;

/// What a tick does about endpoints: judges how they are, ends pauses, queues again what fell off, and wakes what was put off, no
/// faster than an endpoint's lanes carry it.
#[derive(Clone, Copy)]
pub struct EndpointRound<'a> {
    /// Who they are.
    pub endpoints: &'a dyn Endpoints,
    /// What holds word back from them.
    pub controls: &'a dyn EndpointControls,
    /// Word on its way.
    pub deliveries: &'a dyn Deliveries,
    /// The deliver stage's queue.
    pub queue: &'a dyn StageQueue,
    /// The stage from outside.
    pub stages: &'a dyn Stages,
    /// When it was held up last.
    pub memory: &'a dyn StageMemory,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// When an endpoint is taken to be out of order.
    pub breaker: BreakerPolicy,
    /// When a delivery counts as overdue.
    pub policy: SweepPolicy,
}

/// What a tick did about one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointRounds {
    /// By the name that an operator gave it.
    pub endpoint: EndpointName,
    /// `flows`, `paused`, `gone`, `broken`, `tried`, `removed`, `stage-held` if the deliver stage is, or `unknown` if that couldn't
    /// be told.
    pub held: &'static str,
    /// Messages sent for deliveries that had been put off.
    pub woken: usize,
    /// Messages sent for deliveries whose own was given up for lost.
    pub repeated: usize,
    /// Deliveries that were dropped, as the endpoint was removed.
    pub dropped: usize,
    /// Deliveries that couldn't be dealt with. The next tick finds them.
    pub failed: usize,
    /// When the oldest was written that waits, as far as that is known.
    #[serde(skip)]
    pub oldest_due: Option<Timestamp>,
}

/// Whether the deliver stage flows.
#[derive(Debug, Clone, Copy)]
enum StageSeen {
    /// It doesn't: whatever is woken would wait in its queue, and so would its repeat.
    Held,
    Flows {
        /// Whether it is behind a backlog, or was lately.
        is_held_up: bool,
    },
}

#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl EndpointRound<'_> {
    /// One tick's work. What can't be done now is done by the next.
    ///
    /// # Errors
    /// When it can't be told which endpoints there are.
    pub async fn run(&self) -> Result<Vec<EndpointRounds>, LedgerError> {
        let endpoints = self.endpoints.endpoints().await?;
        // Where nobody is told of anything, there is nothing that it costs.
        if endpoints.is_empty() {
            return Ok(Vec::new());
        }
        let stage = self.stage().await;
        let mut rounds = Vec::new();
        for endpoint in endpoints {
            let name = endpoint.name.clone();
            let round = match self.one(&endpoint, stage).await {
                Ok(round) => round,
                Err(error) => {
                    tracing::warn!(endpoint = %name, %error, "not looked after");
                    EndpointRounds { failed: 1, ..EndpointRounds::of(name, "unknown") }
                }
            };
            rounds.push(round);
        }
        Ok(rounds)
    }

    /// What can't be told is taken for held: the next tick looks again.
    async fn stage(&self) -> StageSeen {
        let stage = StageName::Deliver;
        let status = match self.stages.status(stage).await {
            Ok(status) => status,
            Err(error) => {
                tracing::warn!(%stage, %error, "no word is woken");
                return StageSeen::Held;
            }
        };
        let held_up = is_held_up(self.memory, self.policy, stage, status, self.clock.now()).await;
        match held_up {
            _ if !status.is_flowing() => StageSeen::Held,
            Ok(is_held_up) => StageSeen::Flows { is_held_up },
            Err(error) => {
                tracing::warn!(%stage, %error, "no word is woken");
                StageSeen::Held
            }
        }
    }

    async fn one(&self, endpoint: &Endpoint, stage: StageSeen) -> Result<EndpointRounds, RoundError> {
        if endpoint.removed_at.is_some() {
            return self.clear(endpoint).await;
        }
        let name = &endpoint.name;
        let control = self.kept(name).await?;
        let now = self.clock.now();
        if let Some(hold) = control.hold(now) {
            let oldest_due = self.longest_put_off(name).await?;
            return Ok(EndpointRounds { oldest_due, ..EndpointRounds::of(name.clone(), hold.word()) });
        }
        let StageSeen::Flows { is_held_up } = stage else {
            let oldest_due = self.longest_put_off(name).await?;
            return Ok(EndpointRounds { oldest_due, ..EndpointRounds::of(name.clone(), "stage-held") });
        };
        if control.is_being_tried(now) {
            let tried = self.wake(name, self.breaker.probes, &[Awaited::Deferred, Awaited::First], is_held_up).await?;
            return Ok(EndpointRounds { held: "tried", ..tried });
        }
        let minutes = self.controls.endpoint_minutes(name, self.breaker.window_start(now)).await?;
        let at_most = self.carried(endpoint, &control, &minutes, now);
        self.wake(name, at_most, &[Awaited::Deferred, Awaited::First, Awaited::Again], is_held_up).await
    }

    /// The control row, with a pause that is over taken away, and the breaker as it is to be.
    async fn kept(&self, name: &EndpointName) -> Result<EndpointControl, LedgerError> {
        let before = self.controls.endpoint_control(name).await?;
        let now = self.clock.now();
        let mut after = before.clone();
        let _ = after.pause.take_if(|pause| pause.until.is_some_and(|until| until <= now));
        after.breaker = self.judged(name, &before, now).await?;
        if after == before {
            return Ok(before);
        }
        after.version += 1;
        if self.controls.save_endpoint_control(name, &after).await? {
            return Ok(after);
        }
        // Someone else wrote it: what they wrote holds, and is judged in a minute.
        self.controls.endpoint_control(name).await
    }

    async fn judged(
        &self,
        name: &EndpointName,
        control: &EndpointControl,
        now: Timestamp,
    ) -> Result<Breaker, LedgerError> {
        match &control.breaker {
            Breaker::Closed { since } => {
                let minutes = self.controls.endpoint_minutes(name, self.breaker.window_start(now)).await?;
                let Some(judged) = self.breaker.judge(&minutes, *since, now) else {
                    return Ok(control.breaker.clone());
                };
                let Outcomes { calls, failures, .. } = judged;
                tracing::error!(endpoint = %name, calls, failures, "the endpoint is out of order: its word is held");
                Ok(Breaker::Open(self.breaker.open(&judged, now)))
            }
            Breaker::Open(open) if open.probe_at <= now => {
                let minutes = self.controls.endpoint_minutes(name, open.probe_at).await?;
                let seen = Outcomes::sum(minutes.iter().map(|minute| &minute.outcomes));
                if seen.succeeded_at.is_some_and(|at| at >= open.probe_at) {
                    tracing::warn!(endpoint = %name, "the endpoint is well again: its word flows");
                    return Ok(Breaker::Closed { since: Some(now) });
                }
                Ok(Breaker::Open(if seen.failures > 0 {
                    self.breaker.stay_open(open, &seen, now)
                } else {
                    open.clone()
                }))
            }
            Breaker::Open(open) => Ok(Breaker::Open(open.clone())),
        }
    }

    /// How many deliveries an endpoint's lanes carry until the next tick, beside what happens meanwhile.
    fn carried(
        &self,
        endpoint: &Endpoint,
        control: &EndpointControl,
        minutes: &[MinuteOutcomes],
        now: Timestamp,
    ) -> usize {
        let lately = Outcomes::sum(minutes.iter().map(|minute| &minute.outcomes));
        let call = lately.mean_latency().unwrap_or(SUPPOSED_CALL).max(Duration::from_millis(1));
        let all = u128::from(endpoint.lanes.get()) * MINUTE.as_millis() / call.as_millis().max(1);
        let carried = usize::try_from(all * SHARE_OF_BACKLOG / 100).unwrap_or(usize::MAX).max(1);
        let Breaker::Closed { since: Some(since) } = control.breaker else { return carried.min(self.policy.at_most) };
        let well_for = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        let doublings = u32::try_from(well_for.as_secs() / 60).unwrap_or(u32::MAX).min(16);
        carried.min(FIRST_WOKEN << doublings).min(self.policy.at_most)
    }

    /// When the oldest was written of those that were put off first. While an endpoint is held nobody wakes them, so that these
    /// are about the oldest of all.
    async fn longest_put_off(&self, name: &EndpointName) -> Result<Option<Timestamp>, LedgerError> {
        let first = self.deliveries.overdue_deliveries(name, Awaited::Deferred, Timestamp::MAX, LOOKED_AT).await?;
        let read: Vec<_> = stream::iter(first)
            .map(async |id| self.deliveries.delivery(&id).await)
            .buffered(LOOKED_AT)
            .try_collect()
            .await?;
        let open = read.iter().flatten().filter(|delivery| delivery.is_open());
        Ok(open.map(|delivery| delivery.fact().written_at).min())
    }

    async fn wake(
        &self,
        name: &EndpointName,
        at_most: usize,
        which: &[Awaited],
        is_held_up: bool,
    ) -> Result<EndpointRounds, RoundError> {
        let now = self.clock.now();
        let mut found = Vec::new();
        // What was put off comes first, as it is the older; but a tenth is for what has lost its message.
        for awaited in which {
            let wait = self.policy.wait_for(*awaited, is_held_up);
            let before = now.saturating_sub(wait).unwrap_or(Timestamp::MIN);
            let kept = if *awaited == Awaited::Deferred { at_most / 10 } else { 0 };
            let left = (at_most - kept).saturating_sub(found.len());
            if left > 0 {
                found.extend(self.deliveries.overdue_deliveries(name, *awaited, before, left).await?);
            }
        }
        let outcomes: Vec<_> =
            stream::iter(found).map(|id| self.queued_again(id, is_held_up)).buffer_unordered(AT_ONCE).collect().await;
        let mut round = EndpointRounds::of(name.clone(), "flows");
        for outcome in outcomes {
            match outcome {
                Ok(None) | Err(RoundError::Ledger(LedgerError::Conflict(_))) => {}
                Ok(Some(delivery)) => {
                    round.woken += usize::from(delivery.queueing() == Queueing::Deferred);
                    round.repeated += usize::from(delivery.queueing() != Queueing::Deferred);
                    round.oldest_due = [round.oldest_due, Some(delivery.fact().written_at)].into_iter().flatten().min();
                }
                Err(error) => {
                    tracing::warn!(endpoint = %name, %error, "couldn't be queued again");
                    round.failed += 1;
                }
            }
        }
        Ok(round)
    }

    /// Sends another message for a delivery, if it is the next of its line; and if it isn't, for the one that is. What has to wait
    /// is queued by who closes that one: till then it is put behind others, as it would else be found in their place each minute.
    /// Written before it is sent, as with entries.
    async fn queued_again(&self, id: DeliveryId, is_held_up: bool) -> Result<Option<Delivery>, RoundError> {
        let line = self.deliveries.line(&id.line()).await?;
        let now = self.clock.now();
        let Some(next) = Line::next(&line) else { return Ok(None) };
        if let Some(found) = line.iter().find(|one| one.id() == id && one.is_open() && *one != next) {
            let later = now.saturating_add(BEHIND_OTHERS).unwrap_or(Timestamp::MAX);
            // The list may be out of date, or a worker may have it.
            if let Ok(change) = found.put_off(later, None, now) {
                self.deliveries.apply_delivery(&change).await?;
            }
        }
        if self.policy.delivery_overdue_from(next, is_held_up).is_none_or(|from| from > now) {
            return Ok(None);
        }
        let Ok(change) = next.queue_again(now) else { return Ok(None) };
        self.deliveries.apply_delivery(&change).await?;
        self.queue.send(&WorkMessage::for_delivery(next.id())).await?;
        Ok(Some(next.clone()))
    }

    /// Drops what waits for an endpoint that was removed; and the endpoint, once nothing does, and nobody can still be writing
    /// word for it.
    async fn clear(&self, endpoint: &Endpoint) -> Result<EndpointRounds, RoundError> {
        let mut round = EndpointRounds::of(endpoint.name.clone(), "removed");
        for awaited in Awaited::SWEPT {
            let left = self.policy.at_most.saturating_sub(round.dropped);
            if left == 0 {
                break;
            }
            let found = self.deliveries.overdue_deliveries(&endpoint.name, awaited, Timestamp::MAX, left).await?;
            let dropped: Vec<_> = stream::iter(found).map(|id| self.drop(id)).buffer_unordered(AT_ONCE).collect().await;
            for dropped in dropped {
                match dropped {
                    Ok(is_dropped) => round.dropped += usize::from(is_dropped),
                    Err(LedgerError::Conflict(_)) => round.failed += 1,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        let now = self.clock.now();
        let is_known = |removed_at: Timestamp| {
            Duration::try_from(now.duration_since(removed_at)).is_ok_and(|age| age >= KNOWN_WITHIN * 2)
        };
        if round.dropped + round.failed == 0 && endpoint.removed_at.is_some_and(is_known) {
            self.endpoints.remove_endpoint(endpoint).await?;
        }
        Ok(round)
    }

    /// A worker that has it may go on: the next tick looks again.
    async fn drop(&self, id: DeliveryId) -> Result<bool, LedgerError> {
        let Some(delivery) = self.deliveries.delivery(&id).await? else { return Ok(false) };
        let now = self.clock.now();
        if delivery.lease_until().is_some_and(|until| until > now) {
            return Ok(true);
        }
        let Ok(change) = delivery.give_up(Cause::new("The endpoint was removed."), now) else { return Ok(false) };
        self.deliveries.apply_delivery(&change).await.map(|()| true)
    }
}

impl EndpointRounds {
    /// The endpoints that aren't well by what a tick saw of them.
    #[must_use]
    pub fn unwell(rounds: &[Self]) -> Vec<UnwellEndpoint> {
        rounds.iter().filter_map(|round| UnwellEndpoint::by_word(&round.endpoint, round.held)).collect()
    }

    fn of(endpoint: EndpointName, held: &'static str) -> Self {
        Self { endpoint, held, woken: 0, repeated: 0, dropped: 0, failed: 0, oldest_due: None }
    }
}
