use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    Decision, Facts, Resolution, Row, Rows, Stage, StageName, Task, Verdict, Wait,
    row::Written,
    step::{CallError, ChangeOf, Claim, RowOf, Step, Work},
};
use crate::{
    failure::Cause,
    message::WorkMessage,
    ports::{Clock, LedgerError, StageQueue},
    trace::TraceHeader,
};

/// Runs a stage: loads a message's row, decides, claims, calls, writes what came of it, and only then has the
/// row queued to the next stage. Failures are released, put off or given up.
#[derive(Clone)]
pub struct StageRunner<S> {
    /// What the stage does.
    pub step: S,
    /// The stage's own queue, for rows that had to wait for others.
    pub queue: Arc<dyn StageQueue>,
    /// Tells the moment of what is decided and written.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl<S: Step> Stage for StageRunner<S> {
    async fn handle(&self, task: &Task) -> Verdict {
        self.run(task).await.unwrap_or_else(|verdict| verdict)
    }

    async fn give_up(&self, message: &WorkMessage, cause: &Cause) {
        if let Err(error) = self.record_failure(message, cause).await {
            tracing::error!(of = %message.about, %error, "couldn't record a failure on the ledger");
        }
    }

    async fn put_off(&self, message: &WorkMessage, cause: &Cause, patience: Duration) -> bool {
        self.try_to_put_off(message, cause, patience).await.unwrap_or_else(|error| {
            tracing::error!(of = %message.about, %error, "couldn't put it off");
            false
        })
    }
}

impl<S: Step> StageRunner<S> {
    async fn run(&self, task: &Task) -> Result<Verdict, Verdict> {
        let Some(work) = self.step.load(&task.message).await? else { return Ok(Verdict::Done) };
        let repeats = (!task.first_receive).then_some(task.sent_at);
        let mut facts = Facts { repeats, ..Facts::default() };
        let mut now = self.clock.now();
        loop {
            match self.step.decide(&work, &facts, now) {
                Decision::Nothing => return Ok(Verdict::Done),
                Decision::HandOn(stage) => return Ok(hand_on(stage, &work.1, task)),
                Decision::InHand { lease_until } => {
                    let wait = Duration::try_from(lease_until.duration_since(now)).unwrap_or_default();
                    let cause = Cause::new(format!("Another worker is {} it.", S::STAGE.spec().activity));
                    return Ok(Verdict::NotNow { wait, cause });
                }
                Decision::GivenUp(cause) => return Ok(Verdict::Fail { cause }),
                Decision::LookUp => {
                    facts.look_up = Some(self.step.look_up(&work.1).await.map_err(Verdict::retry)?);
                    now = self.clock.now();
                }
                Decision::CheckCampaign => facts.campaign = Some(self.step.campaign_facts(&work, now).await?),
                Decision::CheckSuppression => facts.is_suppressed = Some(self.step.is_suppressed(&work, now).await?),
                Decision::Resolve(resolution) => return self.resolve(&work, resolution, now, task).await,
                Decision::Call => return self.call(work, now, task).await,
            }
        }
    }

    async fn call(&self, work: Work<S>, now: Timestamp, task: &Task) -> Result<Verdict, Verdict> {
        let request = match self.step.request(&work, trace(task)) {
            Ok(request) => request,
            Err(cause) => return Ok(Verdict::Fail { cause }),
        };
        // The reads until here may have taken long, and a call that Lambda cuts off is one of unknown fate.
        if self.clock.now() > task.start_by {
            return Ok(Verdict::no_time());
        }
        let (subject, row) = work;
        let row = match self.step.claim(&row, now, task.lease_until)? {
            Claim::Written(change) => {
                let claim = change.into();
                self.step.rows().write(&claim, now).await?;
                RowOf::<S>::into_after(claim.change)
            }
            Claim::Unwritten(row) => row,
        };
        let work = (subject, row);
        let answer = self.step.call(&request).await;
        task.lane.free();
        match answer {
            Ok(output) => {
                let now = self.clock.now();
                self.write(self.step.complete(&work, output, now)?.into(), now, task).await
            }
            Err(error) => self.failed(&work, error, task).await,
        }
    }

    async fn failed(&self, work: &Work<S>, error: CallError, task: &Task) -> Result<Verdict, Verdict> {
        match error {
            CallError::Retry { after, cause } => self.release(work, after, cause, task).await,
            CallError::Fail { cause } => {
                if S::NOTES_REFUSALS {
                    // So that giving up finds a row of which it is known that nothing was done.
                    let now = self.clock.now();
                    self.write(work.1.release_refused(cause.clone(), now)?.into(), now, task).await?;
                }
                Ok(Verdict::Fail { cause })
            }
            CallError::Refused { cause } => {
                let now = self.clock.now();
                let Some(resolution) = self.step.refused(work, &cause, now).await? else {
                    return Ok(Verdict::Fail { cause });
                };
                self.resolve(work, resolution, now, task).await
            }
            CallError::Lost { cause } => self.lost(work, cause, task).await,
        }
    }

    /// The provider may have done it. Where it does nothing twice, the next attempt makes the call again, by the same
    /// key; or else nobody does.
    async fn lost(&self, work: &Work<S>, cause: Cause, task: &Task) -> Result<Verdict, Verdict> {
        let now = self.clock.now();
        if !self.step.may_repeat() {
            return self.resolve(work, Resolution::Indeterminate(cause), now, task).await;
        }
        self.write(work.1.release_in_doubt(cause.clone(), now)?.into(), now, task).await?;
        Ok(Verdict::retry(cause))
    }

    async fn release(
        &self,
        work: &Work<S>,
        after: Option<Duration>,
        cause: Cause,
        task: &Task,
    ) -> Result<Verdict, Verdict> {
        let now = self.clock.now();
        self.write(work.1.release(after, cause.clone(), now)?.into(), now, task).await?;
        Ok(Verdict::Retry { wait: Wait::Backoff(after), cause })
    }

    async fn resolve(
        &self,
        work: &Work<S>,
        resolution: Resolution,
        now: Timestamp,
        task: &Task,
    ) -> Result<Verdict, Verdict> {
        let written = self.step.rows().resolve(S::STAGE, work, resolution, now)?;
        self.write(written, now, task).await
    }

    /// Writes a change, and queues what had to wait for it. The row is handed on to the stage that has it now, if that is another.
    async fn write(&self, written: Written<ChangeOf<S>>, now: Timestamp, task: &Task) -> Result<Verdict, Verdict> {
        self.step.rows().write(&written, now).await?;
        let after = <RowOf<S> as Row>::after(&written.change);
        self.queue_follower(after).await?;
        Ok(match after.waits_for().filter(|next| *next != S::STAGE) {
            Some(next) => hand_on(next, after, task),
            None => Verdict::Done,
        })
    }

    async fn queue_follower(&self, after: &RowOf<S>) -> Result<(), Verdict> {
        let Some(message) = self.step.rows().follower(after).await? else { return Ok(()) };
        Ok(self.queue.send(&message).await?)
    }

    async fn record_failure(&self, message: &WorkMessage, cause: &Cause) -> Result<(), LedgerError> {
        let Some(work) = self.step.rows().find(message).await? else { return Ok(()) };
        let now = self.clock.now();
        // Failed already, or not this stage's: nothing to record.
        let Ok(written) = self.step.rows().fail(S::STAGE, &work, cause, now) else { return Ok(()) };
        self.step.rows().write(&written, now).await?;
        if self.queue_follower(<RowOf<S> as Row>::after(&written.change)).await.is_err() {
            tracing::warn!(of = %message.about, "what had to wait for it isn't queued: the sweep finds it");
        }
        Ok(())
    }

    async fn try_to_put_off(
        &self,
        message: &WorkMessage,
        cause: &Cause,
        patience: Duration,
    ) -> Result<bool, LedgerError> {
        let Some((_, row)) = self.step.rows().find(message).await? else { return Ok(false) };
        let now = self.clock.now();
        let for_long = row
            .failing_since(now)
            .is_some_and(|since| Duration::try_from(now.duration_since(since)).is_ok_and(|failing| failing > patience));
        if for_long {
            return Ok(false);
        }
        let Ok(change) = row.put_off(S::STAGE, cause.clone(), now) else { return Ok(false) };
        self.step.rows().write(&change.into(), now).await?;
        Ok(true)
    }
}

fn hand_on<R: Row>(stage: StageName, row: &R, task: &Task) -> Verdict {
    Verdict::HandOn { stage, message: row.message().traced(trace(task)) }
}

fn trace(task: &Task) -> Option<TraceHeader> {
    task.message.trace.clone()
}

#[cfg(test)]
mod tests;
