use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pulse_core::{
    failure::Cause,
    ports::{ScoreError, ScoreRequest, Scorer},
    score::Score,
    stage::StageName,
};

use super::{
    faults::{ActiveFaults, Down},
    lanes::{LaneUse, ProviderLanes},
    settings::Latency,
    trace::Trace,
};
use crate::{random::Stream, scorer::score_of, time::VirtualTime};

/// How long a provider takes to refuse.
pub(super) const REFUSAL: Duration = Duration::from_millis(50);

/// The scoring provider, slow, and at times out of order.
#[derive(Clone)]
pub struct SimScorer {
    pub(super) time: VirtualTime,
    pub(super) random: Arc<Stream>,
    pub(super) faults: Arc<ActiveFaults>,
    pub(super) latency: Latency,
    /// After how long the client gives up.
    pub(super) timeout: Duration,
    pub(super) lanes: ProviderLanes,
    pub(super) trace: Trace,
}

#[async_trait]
impl Scorer for SimScorer {
    async fn score(&self, request: &ScoreRequest) -> Result<Score, ScoreError> {
        let _lane = self.lanes.enter();
        let answer = self.answer(request).await;
        let outcome = match &answer {
            Ok(_) => "answered",
            Err(ScoreError::Retry { .. }) => "retry",
            Err(ScoreError::Fail { .. }) => "fail",
        };
        self.trace.event(self.time.now(), format_args!("{} score {outcome}", request.entry));
        self.trace.line(self.time.now(), || match &answer {
            Ok(_) => format!("{} has a score", request.entry),
            Err(error) => format!("{} has no score: {error}", request.entry),
        });
        answer
    }
}

impl SimScorer {
    /// How its lanes were used so far.
    #[must_use]
    pub fn lanes(&self) -> LaneUse {
        self.lanes.used()
    }

    async fn answer(&self, request: &ScoreRequest) -> Result<Score, ScoreError> {
        let faults = self.faults.now().providers[StageName::Score];
        let retry = |after, cause: &str| Err(ScoreError::Retry { after, cause: Cause::new(cause) });
        match faults.down {
            Some(Down::Refusing | Down::Failing) => {
                self.time.sleep(REFUSAL).await;
                return retry(None, "The provider is down.");
            }
            Some(Down::Limiting(after)) => {
                self.time.sleep(REFUSAL).await;
                return retry(Some(after), "The provider asks to be left alone.");
            }
            Some(Down::Hanging) => {
                self.time.sleep(self.timeout).await;
                return retry(None, "The provider doesn't answer.");
            }
            None => {}
        }
        let takes = faults.stretched(self.random.lognormal(self.latency.mean, self.latency.sigma));
        if takes > self.timeout || self.random.chance(faults.answer_lost + faults.late) {
            self.time.sleep(self.timeout).await;
            return retry(None, "The provider doesn't answer.");
        }
        self.time.sleep(takes).await;
        if self.random.chance(faults.retry) {
            return retry(None, "The provider is busy.");
        }
        if self.random.chance(faults.fail) {
            return Err(ScoreError::Fail { cause: Cause::new("The provider knows no such customer.") });
        }
        Ok(score_of(&request.entry, self.time.now()))
    }
}
