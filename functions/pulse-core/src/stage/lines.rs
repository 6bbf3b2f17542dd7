use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    Resolution, StageName,
    deliver::Prospect,
    row::{Row, Rows, Written},
};
use crate::{
    delivery::{Delivery, DeliveryChange, Line},
    entry::IllegalTransition,
    failure::Cause,
    message::WorkMessage,
    ports::{Deliveries, LedgerError, RowId},
};

/// A delivery that fails again and again is tried as seldom as this, and no more seldom.
pub(super) const LONGEST_PUT_OFF: Duration = Duration::from_hours(1);

/// And no sooner than this, once its message's receives are used up.
const SHORTEST_PUT_OFF: Duration = Duration::from_mins(5);

impl Row for Delivery {
    type Change = DeliveryChange;

    fn after(change: &DeliveryChange) -> &Self {
        change.after()
    }

    fn into_after(change: DeliveryChange) -> Self {
        change.into_after()
    }

    fn waits_for(&self) -> Option<StageName> {
        self.is_open().then_some(StageName::Deliver)
    }

    /// An endpoint may come back after any time, so no failing is for too long.
    fn failing_since(&self, _now: Timestamp) -> Option<Timestamp> {
        None
    }

    fn message(&self) -> WorkMessage {
        WorkMessage::for_delivery(self.id())
    }

    fn claim(
        &self,
        _stage: StageName,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<DeliveryChange, IllegalTransition> {
        self.claim(now, lease_until)
    }

    fn release(
        &self,
        wait: Option<Duration>,
        cause: Cause,
        now: Timestamp,
    ) -> Result<DeliveryChange, IllegalTransition> {
        self.release(wait, cause, now)
    }

    /// Its endpoint tells a repeat by the fact's id, so that there is no doubt to keep.
    fn release_in_doubt(&self, cause: Cause, now: Timestamp) -> Result<DeliveryChange, IllegalTransition> {
        self.release(None, cause, now)
    }

    /// For as long as it has been failing already, so that each try comes later than the one before.
    fn put_off(&self, _stage: StageName, cause: Cause, now: Timestamp) -> Result<DeliveryChange, IllegalTransition> {
        let failing = self.failure_streak().map(|streak| now.duration_since(streak.since));
        let failing = failing.and_then(|failing| Duration::try_from(failing).ok()).unwrap_or_default();
        let wait = failing.clamp(SHORTEST_PUT_OFF, LONGEST_PUT_OFF);
        let asked = self.failure_streak().and_then(|streak| streak.again_at);
        let due = now.saturating_add(wait).unwrap_or(Timestamp::MAX).max(asked.unwrap_or(Timestamp::MIN));
        self.put_off(due, Some(cause), now)
    }
}

/// Deliveries on the ledger.
#[derive(Clone)]
pub struct Lines {
    /// Where they are.
    pub deliveries: Arc<dyn Deliveries>,
}

#[async_trait]
impl Rows for Lines {
    type Row = Delivery;
    type Subject = Prospect;

    async fn find(&self, message: &WorkMessage) -> Result<Option<(Prospect, Delivery)>, LedgerError> {
        let Ok(id) = message.delivery() else { return Ok(None) };
        Ok(self.deliveries.delivery(id).await?.map(|delivery| (Prospect::default(), delivery)))
    }

    async fn write(&self, written: &Written<DeliveryChange>, _now: Timestamp) -> Result<(), LedgerError> {
        self.deliveries.apply_delivery(&written.change).await
    }

    /// The next in its line, once it is closed: its own message may have come by, and gone, while it had to wait.
    async fn follower(&self, after: &Delivery) -> Result<Option<WorkMessage>, LedgerError> {
        if after.is_open() {
            return Ok(None);
        }
        let line = self.deliveries.line(&after.id().line()).await?;
        Ok(Line::next(&line).map(|next| WorkMessage::for_delivery(next.id())))
    }

    fn fail(
        &self,
        _stage: StageName,
        (_, delivery): &(Prospect, Delivery),
        cause: &Cause,
        now: Timestamp,
    ) -> Result<Written<DeliveryChange>, IllegalTransition> {
        Ok(delivery.give_up(cause.clone(), now)?.into())
    }

    fn resolve(
        &self,
        _stage: StageName,
        (_, delivery): &(Prospect, Delivery),
        resolution: Resolution,
        now: Timestamp,
    ) -> Result<Written<DeliveryChange>, IllegalTransition> {
        let change = match resolution {
            Resolution::Defer { until } => delivery.put_off(until, None, now),
            Resolution::GiveUp(cause) => delivery.give_up(cause, now),
            Resolution::Accepted { .. }
            | Resolution::Indeterminate(_)
            | Resolution::Skip(_)
            | Resolution::Hold
            | Resolution::CloseWithCampaign(_)
            | Resolution::ScoreAgain { .. } => Err(IllegalTransition {
                row: RowId::from(delivery.id()),
                state: "a delivery",
                step: "closed as a mail",
            }),
        };
        Ok(change?.into())
    }
}
