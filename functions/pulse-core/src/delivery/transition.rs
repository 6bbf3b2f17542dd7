//! The one place that lists what may follow what.
//!
//! ```text
//! Waiting <-> Claimed           (claim; release, put off)
//!     |          |-----> Delivered
//!     |----------'-----> GivenUp -> Claimed | Waiting (redriven)
//!     '----------------> Superseded          [an endpoint that keeps the latest alone]
//! any open -> itself, queued again
//! ```

use std::time::Duration;

use jiff::Timestamp;

use super::{Delivery, DeliveryProgress};
use crate::{
    entry::{FailureStreak, IllegalTransition, Queueing},
    failure::Cause,
    ports::RowId,
};

type Transition = Result<DeliveryChange, IllegalTransition>;

/// A legal step from one version of a delivery to the next, to be written as one conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryChange(Delivery);

impl DeliveryChange {
    /// The version that the ledger must still hold for the change to be written.
    #[must_use]
    pub fn expected_version(&self) -> u64 {
        self.0.version - 1
    }

    /// The delivery as it is to be.
    #[must_use]
    pub fn after(&self) -> &Delivery {
        &self.0
    }

    /// The same, without the rest of the change.
    #[must_use]
    pub fn into_after(self) -> Delivery {
        self.0
    }
}

impl Delivery {
    /// Claims it until `lease_until`. A claim whose lease is over, and one that was given up and is brought back, may be
    /// claimed again: the endpoint tells a repeat by the fact's id.
    ///
    /// # Errors
    /// When another worker holds it, or it is done.
    pub fn claim(&self, now: Timestamp, lease_until: Timestamp) -> Transition {
        let (may_be, is_redriven) = match &self.progress {
            DeliveryProgress::Waiting => (true, false),
            DeliveryProgress::Claimed { lease_until } => (*lease_until <= now, false),
            DeliveryProgress::GivenUp { .. } => (true, true),
            DeliveryProgress::Delivered { .. } | DeliveryProgress::Superseded { .. } => (false, false),
        };
        if !may_be {
            return Err(self.illegal("claimed"));
        }
        let mut after = self.moved(DeliveryProgress::Claimed { lease_until });
        after.calls += 1;
        if is_redriven {
            after.failure_streak = None;
        }
        if after.queueing == Queueing::Deferred {
            // A message came by before its time: it is the one now.
            after.queueing = Queueing::Pending;
        }
        Ok(DeliveryChange(after))
    }

    /// Records that the endpoint has it.
    ///
    /// # Errors
    /// When no call was under way.
    pub fn record_delivered(&self, now: Timestamp) -> Transition {
        if self.lease_until().is_none() {
            return Err(self.illegal("delivered"));
        }
        let mut after = self.moved(DeliveryProgress::Delivered { at: now });
        after.failure_streak = None;
        Ok(DeliveryChange(after))
    }

    /// Gives a claim back after a call that failed, whose endpoint may have asked to be left alone for so long.
    ///
    /// # Errors
    /// When no call was under way.
    pub fn release(&self, wait: Option<Duration>, cause: Cause, now: Timestamp) -> Transition {
        if self.lease_until().is_none() {
            return Err(self.illegal("released"));
        }
        let mut after = self.moved(DeliveryProgress::Waiting);
        let again_at = wait.map(|wait| now.saturating_add(wait).unwrap_or(Timestamp::MAX));
        after.failure_streak = Some(FailureStreak { again_at, ..self.extended_streak(cause, now) });
        Ok(DeliveryChange(after))
    }

    /// Puts it off until `due`, for as long as its endpoint is held: its message may go, and another is sent then. There is
    /// no end to that: an endpoint may come back after any time. One that was given up, and is brought back, is open again.
    ///
    /// # Errors
    /// When the endpoint has it or needn't, or a worker holds it.
    pub fn put_off(&self, due: Timestamp, cause: Option<Cause>, now: Timestamp) -> Transition {
        let is_brought_back = matches!(self.progress, DeliveryProgress::GivenUp { .. });
        if !(self.is_open() || is_brought_back) || self.lease_until().is_some_and(|until| until > now) {
            return Err(self.illegal("put off"));
        }
        let mut after = self.moved(DeliveryProgress::Waiting);
        if let Some(cause) = cause {
            after.failure_streak = Some(self.extended_streak(cause, now));
        }
        after.due = due;
        after.queueing = Queueing::Deferred;
        Ok(DeliveryChange(after))
    }

    /// Records that another message is sent for it: its first, if it was put off until now.
    ///
    /// # Errors
    /// When it is closed, or a worker holds it.
    pub fn queue_again(&self, now: Timestamp) -> Transition {
        if !self.is_open() || self.lease_until().is_some_and(|until| until > now) {
            return Err(self.illegal("queued again"));
        }
        let mut after = self.moved(self.progress.clone());
        if self.queueing == Queueing::Deferred {
            (after.queueing, after.due) = (Queueing::Pending, now);
        } else {
            after.queueing = Queueing::Requeued { at: now };
        }
        Ok(DeliveryChange(after))
    }

    /// Records that its endpoint needn't have it, as a newer one is there.
    ///
    /// # Errors
    /// When it is closed, or was claimed: the endpoint may have it.
    pub fn supersede(&self, now: Timestamp) -> Transition {
        if self.progress != DeliveryProgress::Waiting {
            return Err(self.illegal("superseded"));
        }
        Ok(DeliveryChange(self.moved(DeliveryProgress::Superseded { at: now })))
    }

    /// Records that the endpoint refuses it, and would again.
    ///
    /// # Errors
    /// When it is closed.
    pub fn give_up(&self, cause: Cause, now: Timestamp) -> Transition {
        if !self.is_open() {
            return Err(self.illegal("given up"));
        }
        Ok(DeliveryChange(self.moved(DeliveryProgress::GivenUp { cause, at: now })))
    }

    fn extended_streak(&self, cause: Cause, now: Timestamp) -> FailureStreak {
        let since = self.failure_streak.as_ref().map_or(now, |streak| streak.since);
        FailureStreak { cause, at: now, since, again_at: None }
    }

    fn moved(&self, progress: DeliveryProgress) -> Self {
        Self { version: self.version + 1, progress, ..self.clone() }
    }

    fn illegal(&self, step: &'static str) -> IllegalTransition {
        let state = match self.progress {
            DeliveryProgress::Waiting => "waiting",
            DeliveryProgress::Claimed { .. } => "claimed",
            DeliveryProgress::Delivered { .. } => "delivered",
            DeliveryProgress::Superseded { .. } => "superseded",
            DeliveryProgress::GivenUp { .. } => "given up",
        };
        IllegalTransition { row: RowId::from(self.id()), state, step }
    }
}
