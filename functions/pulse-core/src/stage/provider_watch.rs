use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Meter, MeterReading};
use crate::{
    control::{Breaker, BreakerPolicy, Outcomes},
    entry::StageName,
    failure::Cause,
    ports::{Controls, LedgerError, OutcomeLog},
};

/// So many calls that fail one after the other end an invocation's calling: its other messages would
/// only burn their receives.
const FUSE: u32 = 5;

/// An invocation's eye on whom its stage calls.
#[async_trait]
pub trait Watch: Send + Sync {
    /// Why no further call is to be made by this invocation, if so.
    fn fuse(&self) -> Option<Cause>;

    /// Whether a message's failure is the trouble of whom it calls, and not its own. Asked when a message is about to be given
    /// up, which is rare.
    async fn is_in_trouble(&self, now: Timestamp) -> bool;

    /// How many messages are worked on side by side, of a worker that may make so many calls at once.
    fn side_by_side(&self, in_flight: usize) -> usize {
        in_flight
    }

    /// For how long such trouble is waited for; none, if for as long as it lasts: then nothing is ever given up for it.
    fn patience(&self) -> Option<Duration>;

    /// Why nothing more is to be begun though the provider is well, if so: whoever paused the stage wants its calls to end, and not only
    /// its messages to wait.
    async fn hold(&self, _now: Timestamp) -> Option<Cause> {
        None
    }

    /// Reports what came of the invocation's calls so far, while it goes on.
    async fn report_so_far(&self, _now: Timestamp) {}

    /// Reports what came of the invocation's calls, at its end, and gives it. A report that is lost costs
    /// little: there are others.
    async fn report(&self, now: Timestamp) -> MeterReading;
}

/// An invocation's eye on its stage's provider.
#[derive(Clone, Copy)]
pub struct ProviderWatch<'a> {
    /// Which stage's.
    pub stage: StageName,
    /// What counts this invocation's calls.
    pub meter: &'a Meter,
    /// Where all invocations report.
    pub log: &'a dyn OutcomeLog,
    /// The stages' control rows.
    pub controls: &'a dyn Controls,
    /// When a provider is taken to be out of order.
    pub policy: BreakerPolicy,
}

#[async_trait]
impl Watch for ProviderWatch<'_> {
    fn fuse(&self) -> Option<Cause> {
        let failed = self.meter.failed_in_a_row();
        let cause = || Cause::new(format!("The {} provider failed {failed} calls in a row: left alone.", self.stage));
        (failed >= FUSE).then(cause)
    }

    /// It is out of order, or most calls fail.
    async fn is_in_trouble(&self, now: Timestamp) -> bool {
        if self.fuse().is_some() {
            return true;
        }
        self.all_say_so(now).await.unwrap_or_else(|error| {
            tracing::warn!(stage = %self.stage, %error, "couldn't ask how the provider is doing");
            false
        })
    }

    fn patience(&self) -> Option<Duration> {
        Some(self.policy.max_defer)
    }

    /// A provider that is out of order ends its calls by the fuse; tick tries it with a few calls while it is, and these are to be made.
    async fn hold(&self, now: Timestamp) -> Option<Cause> {
        let control = self.controls.control(self.stage).await;
        let control = control.inspect_err(|error| {
            tracing::warn!(stage = %self.stage, %error, "couldn't ask whether the stage is paused");
        });
        let is_paused = control.is_ok_and(|control| control.is_paused(now));
        is_paused.then(|| Cause::new(format!("The {} stage is paused.", self.stage)))
    }

    async fn report_so_far(&self, now: Timestamp) {
        self.log_calls(&self.meter.take_outcomes(), now).await;
    }

    async fn report(&self, now: Timestamp) -> MeterReading {
        let reading = self.meter.take();
        self.log_calls(&reading.outcomes, now).await;
        reading.whole()
    }
}

impl ProviderWatch<'_> {
    async fn log_calls(&self, outcomes: &Outcomes, now: Timestamp) {
        if outcomes.calls > 0
            && let Err(error) = self.log.report(self.stage, now, outcomes).await
        {
            tracing::warn!(stage = %self.stage, %error, "couldn't report what came of the provider's calls");
        }
    }

    async fn all_say_so(&self, now: Timestamp) -> Result<bool, LedgerError> {
        if matches!(self.controls.control(self.stage).await?.breaker, Breaker::Open(_)) {
            return Ok(true);
        }
        let from = self.policy.window_start(now);
        let minutes = self.log.minutes(self.stage, from).await?;
        let recent = minutes.iter().filter(|minute| minute.starts >= from).map(|minute| &minute.outcomes);
        let own = self.meter.read().outcomes;
        Ok(self.policy.are_failing(&Outcomes::sum(recent.chain([&own]))))
    }
}
