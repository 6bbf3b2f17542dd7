use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    Decision, Facts, Resolution, StageName, Verdict,
    lines::{LONGEST_PUT_OFF, Lines},
    step::{CallError, Step},
};
use crate::{
    delivery::{
        Bodies, Counter, Delivery, DeliveryChange, DeliveryId, DeliveryProgress, EndpointDesk, Keeps, Lane, Line,
        Subject, SubjectNow, body,
    },
    entry::IllegalTransition,
    failure::Cause,
    message::WorkMessage,
    ports::{Campaigns, Clock, Courier, CourierError, Ledger, LedgerError, Word},
    trace::TraceHeader,
};

/// So often a line is looked at whose superseded deliveries others are closing too.
const LOOKS: u32 = 3;

/// Tells an endpoint of a fact, when its line's turn has come.
#[derive(Clone)]
pub struct DeliverStep {
    /// Deliveries.
    pub lines: Lines,
    /// How endpoints are doing.
    pub desk: Arc<EndpointDesk>,
    /// Brings word to them.
    pub courier: Arc<dyn Courier>,
    /// Profiles and entries, which full bodies are read from.
    pub ledger: Arc<dyn Ledger>,
    /// Campaigns, for the same.
    pub campaigns: Arc<dyn Campaigns>,
    /// Tells the moment of what is decided and written.
    pub clock: Arc<dyn Clock>,
}

/// What a delivery hangs on.
#[derive(Default)]
pub struct Prospect {
    /// Its endpoint; none, if that is none any more.
    counter: Option<Arc<Counter>>,
    /// A lane to it, if one was free, and is wanted.
    lane: Option<Lane>,
    /// Until when at least word is held back from it, if it is.
    withheld: Option<Timestamp>,
    /// Whether nothing of its line comes before it.
    is_next: bool,
    /// Whether its endpoint keeps the latest alone, and it was given up before a newer one came up.
    is_overtaken: bool,
    /// Whether this isn't the delivery of the message, which is done, but the one that its worker may have died before
    /// queueing.
    is_left_behind: bool,
}

/// What word is to be brought, and to whom.
pub struct Errand {
    counter: Arc<Counter>,
    delivery: Delivery,
    trace: Option<TraceHeader>,
}

/// What the deliver stage does.
fn decide(prospect: &Prospect, delivery: &Delivery, facts: &Facts, now: Timestamp) -> Decision {
    let is_brought_back = match delivery.progress() {
        // Its own worker queues what follows it.
        DeliveryProgress::Claimed { lease_until } if *lease_until > now && prospect.is_left_behind => {
            return Decision::Nothing;
        }
        DeliveryProgress::Claimed { lease_until } if *lease_until > now => {
            return Decision::InHand { lease_until: *lease_until };
        }
        DeliveryProgress::Delivered { .. } | DeliveryProgress::Superseded { .. } => return Decision::Nothing,
        DeliveryProgress::GivenUp { cause, at } if facts.repeats.is_some_and(|sent_at| sent_at <= *at) => {
            return Decision::GivenUp(cause.clone());
        }
        DeliveryProgress::GivenUp { .. } => true,
        DeliveryProgress::Waiting | DeliveryProgress::Claimed { .. } => false,
    };
    let defer = |until| Decision::Resolve(Resolution::Defer { until });
    if prospect.counter.is_none() {
        let removed = || Resolution::GiveUp(Cause::new("The endpoint was removed."));
        return if is_brought_back { Decision::Nothing } else { Decision::Resolve(removed()) };
    }
    if prospect.is_overtaken {
        return Decision::Nothing;
    }
    match &prospect.withheld {
        Some(until) => defer(*until),
        None if is_brought_back && !prospect.is_next => defer(now),
        // Whoever isn't next in line needs no message: the one before sends it another.
        None if !prospect.is_next => Decision::Nothing,
        None if prospect.is_left_behind => Decision::HandOn(DeliverStep::STAGE),
        None if prospect.lane.is_none() => defer(now),
        None => Decision::Call,
    }
}

impl DeliverStep {
    /// A delivery's line. Of an endpoint that keeps the latest alone, what it needn't have is closed first.
    async fn line(&self, id: &DeliveryId, keeps: Option<Keeps>) -> Result<Vec<Delivery>, LedgerError> {
        let deliveries = &self.lines.deliveries;
        for _ in 0..LOOKS {
            let mut line = deliveries.line(&id.line()).await?;
            if keeps != Some(Keeps::Latest) {
                return Ok(line);
            }
            match self.close_superseded(&mut line).await {
                // Another message of the line does the same, or a worker has just taken one: it is looked at anew.
                Err(LedgerError::Conflict(_)) => {}
                closed => return closed.map(|()| line),
            }
        }
        deliveries.line(&id.line()).await
    }

    async fn close_superseded(&self, line: &mut [Delivery]) -> Result<(), LedgerError> {
        let older: Vec<_> = Line::superseded(line).map(Delivery::id).collect();
        let now = self.clock.now();
        for delivery in line.iter_mut().filter(|one| older.contains(&one.id())) {
            let Ok(change) = delivery.supersede(now) else { continue };
            self.lines.deliveries.apply_delivery(&change).await?;
            *delivery = change.into_after();
        }
        Ok(())
    }

    async fn subject_now(&self, delivery: &Delivery) -> Result<SubjectNow, LedgerError> {
        Ok(match &delivery.fact().id.subject {
            Subject::Entry(id) => SubjectNow { entry: self.ledger.entry(id).await?, ..SubjectNow::default() },
            Subject::Customer(id) => SubjectNow { customer: self.ledger.customer(id).await?, ..SubjectNow::default() },
            Subject::Run(run) => SubjectNow { campaign: self.campaigns.campaign(*run).await?, ..SubjectNow::default() },
        })
    }

    async fn word(&self, Errand { counter, delivery, trace }: &Errand) -> Result<Word, LedgerError> {
        let bodies = counter.endpoint.bodies;
        let now = match bodies {
            Bodies::Thin => SubjectNow::default(),
            Bodies::Full => self.subject_now(delivery).await?,
        };
        let fact = delivery.fact();
        let body = body(fact, bodies, &now);
        Ok(Word {
            id: fact.id.to_string(),
            event_type: fact.id.kind.event_type(),
            as_of: fact.as_of,
            written_at: fact.written_at,
            body,
            trace: trace.clone(),
        })
    }

    /// Whether it is for what it is told that an endpoint refuses it: it has failed to take it for a while, and took other word
    /// meanwhile. One that refuses everything may have another key, of those that answer 400 then, and that can be mended.
    async fn is_at_fault(&self, Errand { counter, delivery, .. }: &Errand) -> bool {
        match delivery.failure_streak() {
            Some(streak) => self.desk.has_taken_since(counter, streak.since).await,
            None => false,
        }
    }

    /// The delivery of a line that a message is about, or the one that is to be queued in its place.
    fn found(line: &[Delivery], own: Delivery, now: Timestamp) -> Found {
        let is_in_hand = |one: &Delivery| one.lease_until().is_some_and(|until| until > now);
        let next = Line::next(line);
        match own.progress() {
            DeliveryProgress::GivenUp { .. } => {
                Found { is_next: !line.iter().any(is_in_hand), is_left_behind: false, delivery: own }
            }
            DeliveryProgress::Delivered { .. } | DeliveryProgress::Superseded { .. } => match next {
                Some(next) => Found { is_next: true, is_left_behind: true, delivery: next.clone() },
                None => Found { is_next: false, is_left_behind: false, delivery: own },
            },
            DeliveryProgress::Waiting | DeliveryProgress::Claimed { .. } => {
                let is_next = next.is_some_and(|next| next.id() == own.id());
                Found { is_next, is_left_behind: false, delivery: own }
            }
        }
    }
}

/// An endpoint may be told what can't be read today, once that is mended: it is never given up for it.
fn unread(error: LedgerError) -> Verdict {
    match error.into() {
        Verdict::Fail { cause } => Verdict::retry(cause),
        verdict => verdict,
    }
}

struct Found {
    delivery: Delivery,
    is_next: bool,
    is_left_behind: bool,
}

#[async_trait]
impl Step for DeliverStep {
    const STAGE: StageName = StageName::Deliver;
    type Rows = Lines;
    type Request = Errand;
    type Output = ();

    fn rows(&self) -> &Lines {
        &self.lines
    }

    async fn load(&self, message: &WorkMessage) -> Result<Option<(Prospect, Delivery)>, Verdict> {
        let id = message.delivery().map_err(|cause| Verdict::Fail { cause })?;
        let counter = self.desk.counter(&id.endpoint).await.map_err(unread)?;
        let keeps = counter.as_ref().map(|counter| counter.endpoint.keeps);
        let all = self.line(id, keeps).await.map_err(unread)?;
        let now = self.clock.now();
        // It was closed weeks ago: nobody knows of it any more.
        let Some(own) = all.iter().find(|one| one.id() == *id).cloned() else { return Ok(None) };
        // What was written for another of the same name, which was removed, isn't this one's to have.
        let counter = counter.filter(|counter| own.fact().written_at >= counter.endpoint.added_at);
        let is_overtaken = keeps == Some(Keeps::Latest)
            && matches!(own.progress(), DeliveryProgress::GivenUp { .. })
            && Line::is_overtaken(&all, &own);
        let Found { delivery, is_next, is_left_behind } = Self::found(&all, own, now);
        let withheld = |now| counter.as_ref().and_then(|counter| counter.withheld(&delivery, now));
        let wants_lane = is_next && !is_left_behind && withheld(now).is_none();
        let lane = match counter.as_ref().filter(|_| wants_lane) {
            Some(counter) => self.desk.lane(counter).await,
            None => None,
        };
        // While it waited for a lane, the calls before it may have shown that the endpoint is to be left alone.
        let withheld = withheld(self.clock.now());
        Ok(Some((Prospect { counter, lane, withheld, is_next, is_overtaken, is_left_behind }, delivery)))
    }

    /// What a repeat left behind is for repeats alone: a message that comes once has a worker that lives.
    fn decide(&self, (prospect, delivery): &(Prospect, Delivery), facts: &Facts, now: Timestamp) -> Decision {
        if prospect.is_left_behind && facts.repeats.is_none() {
            return Decision::Nothing;
        }
        decide(prospect, delivery, facts, now)
    }

    fn request(
        &self,
        (prospect, delivery): &(Prospect, Delivery),
        trace: Option<TraceHeader>,
    ) -> Result<Errand, Cause> {
        let counter = prospect.counter.clone().ok_or_else(|| Cause::new("There is no such endpoint."))?;
        Ok(Errand { counter, delivery: delivery.clone(), trace })
    }

    async fn call(&self, errand: &Errand) -> Result<(), CallError> {
        let unread = |error: LedgerError| CallError::Retry { after: None, cause: Cause::new(error.to_string()) };
        let word = self.word(errand).await.map_err(unread)?;
        let Errand { counter, .. } = errand;
        let bring = async {
            match self.courier.bring(&word, &counter.endpoint).await {
                Err(CourierError::Rejected { cause }) if !self.is_at_fault(errand).await => {
                    Err(CourierError::Retry { after: None, cause })
                }
                brought => brought,
            }
        };
        match counter.meter.of_word(&*self.clock, bring).await {
            Ok(()) => Ok(()),
            Err(CourierError::Retry { after, cause }) => {
                Err(CallError::Retry { after: after.map(|after| after.min(LONGEST_PUT_OFF)), cause })
            }
            Err(CourierError::Rejected { cause }) => Err(CallError::Fail { cause }),
            // Whoever operates the endpoint may take it back, or its URL may be corrected: till then it is held, and its
            // word with it, in order.
            Err(CourierError::Gone { cause }) => {
                self.desk.is_gone(counter, &cause).await.map_err(unread)?;
                Err(CallError::Retry { after: None, cause })
            }
        }
    }

    fn complete(
        &self,
        (_, delivery): &(Prospect, Delivery),
        (): (),
        now: Timestamp,
    ) -> Result<DeliveryChange, IllegalTransition> {
        delivery.record_delivered(now)
    }
}
