use std::{ops::RangeInclusive, time::Duration};

use serde::Serialize;

use super::CampaignError;
use crate::{
    backoff::{FIRST_WAIT, LONGEST_WAIT},
    lanes::IN_FLIGHT,
    plan::{BATCH, CALL_TIMEOUT, FUNCTION_TIMEOUT, SHIPPED_IN_FLIGHT, WINDOW},
    stage::{CLOSING_TIME, HOLD_GRACE, StageName},
};

/// The longest that Lambda lets a function run (AWS Lambda Developer Guide, "Lambda quotas").
pub const LONGEST_FUNCTION: Duration = Duration::from_mins(15);

/// How late a schedule may fire, as `template.yaml` has it.
const SCHEDULE_WINDOW: Duration = Duration::from_mins(15);

/// Timeouts are proposed in whole steps.
const STEP: Duration = Duration::from_secs(10);

/// What a stage is set to, as far as a batch of long calls depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StageSettings {
    /// For how long the provider is waited for.
    pub call_timeout: Duration,
    /// For how long the function may run.
    pub function_timeout: Duration,
    /// Messages of a full batch.
    pub batch: u32,
    /// Calls that an invocation keeps in flight.
    pub in_flight: u32,
}

impl StageSettings {
    /// As in `template.yaml`.
    pub const SHIPPED: Self = Self {
        call_timeout: CALL_TIMEOUT,
        function_timeout: FUNCTION_TIMEOUT,
        batch: BATCH,
        in_flight: SHIPPED_IN_FLIGHT,
    };

    /// The nearest to what is shipped with which a full batch of such calls ends before its function does: more calls in
    /// flight, unless they are given; else a longer function as well; and a smaller batch only where neither is enough.
    ///
    /// # Errors
    /// When no function can run for so long, or a call would be given up before its mean time is over.
    pub fn for_calls(
        each: Duration,
        call_timeout: Option<Duration>,
        in_flight: Option<u32>,
    ) -> Result<Self, CampaignError> {
        let call_timeout = patience(each, call_timeout)?;
        let with = |in_flight| Self { call_timeout, in_flight, ..Self::SHIPPED };
        let calls = || choice(in_flight, SHIPPED_IN_FLIGHT);
        let as_shipped = calls().map(with).find(|settings| settings.fit(each));
        as_shipped
            .or_else(|| calls().find_map(|in_flight| with(in_flight).with_longer_function(each)))
            .or_else(|| with(*calls().start()).with_smaller_batch(each))
            .ok_or(CampaignError::TooLong { each, call_timeout })
    }

    /// How long it takes to make the calls of so many messages, which are a batch or a part of it.
    #[must_use]
    pub fn batch_takes(self, each: Duration, messages: u32) -> Duration {
        each * messages.min(self.batch).div_ceil(self.in_flight)
    }

    /// For how long a function has to run at least, if one call of a full batch takes as long as it is waited for, and
    /// the worker has to end after it.
    #[must_use]
    pub fn function_needs(self, each: Duration) -> Duration {
        self.batch_takes(each, self.batch) + self.call_timeout + CLOSING_TIME
    }

    /// Whether a full batch ends before the function does.
    #[must_use]
    pub fn fit(self, each: Duration) -> bool {
        self.function_needs(each) < self.function_timeout
    }

    /// For how long the queue has to hide what was received: six times the function's timeout and the batching window
    /// (AWS Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping").
    #[must_use]
    pub fn visibility_timeout(self) -> Duration {
        self.function_timeout * 6 + WINDOW
    }

    /// After how long, at most, the messages of a worker that was killed come back.
    #[must_use]
    pub fn back_after(self) -> Duration {
        self.function_timeout + HOLD_GRACE
    }

    /// How long the tick has to wait for a message that is tried as often as it may be, before it sends another.
    #[must_use]
    pub fn sweep_grace(self) -> Duration {
        let tries = StageName::Email.spec().max_receives;
        let waits: Duration = (1..tries).map(|attempt| (FIRST_WAIT * 4u32.pow(attempt - 1)).min(LONGEST_WAIT)).sum();
        SCHEDULE_WINDOW + waits + self.function_timeout * tries
    }

    fn with_longer_function(self, each: Duration) -> Option<Self> {
        let steps = self.function_needs(each).as_secs() / STEP.as_secs() + 1;
        let function_timeout = Duration::from_secs(steps * STEP.as_secs()).min(LONGEST_FUNCTION);
        Some(Self { function_timeout, ..self }).filter(|longer| longer.fit(each))
    }

    fn with_smaller_batch(self, each: Duration) -> Option<Self> {
        let left = LONGEST_FUNCTION.checked_sub(self.call_timeout + CLOSING_TIME)?;
        let rounds = left.as_nanos().saturating_sub(1) / each.as_nanos();
        let batch = u32::try_from(rounds).unwrap_or(u32::MAX).saturating_mul(self.in_flight).min(self.batch);
        Self { batch, ..self }.with_longer_function(each).filter(|_| batch > 0)
    }
}

/// The calls in flight that may be chosen: those that are given, or as many as `least` or more.
pub(super) fn choice(in_flight: Option<u32>, least: u32) -> RangeInclusive<u32> {
    in_flight.map_or(least..=*IN_FLIGHT.end(), |given| given..=given)
}

/// For how long a call is to be waited for: twice its mean where that is longer than today, and a function has the time.
fn patience(each: Duration, given: Option<Duration>) -> Result<Duration, CampaignError> {
    if each < Duration::from_millis(1) || each >= LONGEST_FUNCTION {
        return Err(CampaignError::Each(each));
    }
    match given {
        Some(call_timeout) if call_timeout < each => Err(CampaignError::Impatient { each, call_timeout }),
        Some(call_timeout) => Ok(call_timeout),
        None if each <= CALL_TIMEOUT => Ok(CALL_TIMEOUT),
        None => {
            let twice = Duration::from_secs((each * 2).as_secs().next_multiple_of(STEP.as_secs()));
            let most = LONGEST_FUNCTION.saturating_sub(each + CLOSING_TIME + Duration::from_secs(1));
            let call_timeout = twice.min(Duration::from_secs(most.as_secs()));
            if call_timeout < each {
                Err(CampaignError::TooLong { each, call_timeout: each })
            } else {
                Ok(call_timeout)
            }
        }
    }
}
