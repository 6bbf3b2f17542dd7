//! Bugs in what other systems are told.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    control::{MinuteOutcomes, Outcomes},
    delivery::{Bodies, Delivery, Endpoint, EndpointControl, EndpointDesk, EndpointName, SubjectNow, body},
    failure::Cause,
    message::WorkMessage,
    ports::{Courier, CourierError, EndpointControls, LedgerError, Word},
    stage::{EmailPolicy, Stage, Task, Verdict},
    tick::SweepPolicy,
};
use pulse_sim::world::{Production, SystemUnderTest, WorldPorts};

/// Writes what came of a mail without word of it.
pub(crate) struct TellsNobody;

impl SystemUnderTest for TellsNobody {
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        let ledger = Arc::clone(&ports.bare_ledger);
        Production.email(&WorldPorts { ledger, ..ports.clone() }, policy)
    }
}

/// Takes no answer for a good one.
pub(crate) struct TakesFailuresForAnswers;

impl SystemUnderTest for TakesFailuresForAnswers {
    fn deliver(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        let courier = Arc::new(Careless(Arc::clone(&ports.courier)));
        Production.deliver(&WorldPorts { courier, ..ports.clone() })
    }
}

struct Careless(Arc<dyn Courier>);

#[async_trait]
impl Courier for Careless {
    async fn bring(&self, word: &Word, to: &Endpoint) -> Result<(), CourierError> {
        match self.0.bring(word, to).await {
            Err(CourierError::Retry { .. }) => Ok(()),
            answer => answer,
        }
    }
}

/// Takes each refusal for the fault of what is told.
pub(crate) struct BelievesRefusals;

impl SystemUnderTest for BelievesRefusals {
    fn deliver(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        let known = &ports.endpoint_desk;
        let outcomes = Outcomes { succeeded_at: Some(Timestamp::MAX), ..Outcomes::default() };
        let minute = MinuteOutcomes { starts: Timestamp::UNIX_EPOCH, outcomes };
        let controls = Arc::new(SameMinutes(Arc::clone(&known.controls), vec![minute]));
        let (book, clock, invocations) = (Arc::clone(&known.book), Arc::clone(&known.clock), known.invocations);
        let endpoint_desk = Arc::new(EndpointDesk::new(book, controls, clock, invocations, 16));
        Production.deliver(&WorldPorts { endpoint_desk, ..ports.clone() })
    }
}

/// Tells the same of each endpoint's minutes, whatever came of the calls.
struct SameMinutes(Arc<dyn EndpointControls>, Vec<MinuteOutcomes>);

#[async_trait]
impl EndpointControls for SameMinutes {
    async fn endpoint_control(&self, name: &EndpointName) -> Result<EndpointControl, LedgerError> {
        self.0.endpoint_control(name).await
    }

    async fn save_endpoint_control(&self, name: &EndpointName, control: &EndpointControl) -> Result<bool, LedgerError> {
        self.0.save_endpoint_control(name, control).await
    }

    async fn report_endpoint(
        &self,
        name: &EndpointName,
        at: Timestamp,
        outcomes: &Outcomes,
    ) -> Result<(), LedgerError> {
        self.0.report_endpoint(name, at, outcomes).await
    }

    async fn endpoint_minutes(&self, _: &EndpointName, _: Timestamp) -> Result<Vec<MinuteOutcomes>, LedgerError> {
        Ok(self.1.clone())
    }
}

/// Neither judges endpoints nor wakes what was put off.
pub(crate) struct NeverLooksAfterEndpoints;

#[async_trait]
impl SystemUnderTest for NeverLooksAfterEndpoints {
    async fn look_after_endpoints(&self, _: &WorldPorts, _: SweepPolicy) {}
}

/// Neither holds an endpoint back nor calls one beside another.
pub(crate) struct HoldsNobody;

#[async_trait]
impl SystemUnderTest for HoldsNobody {
    fn deliver(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        Production.deliver(&WorldPorts { endpoint_desk: desk_of_one(ports, 1), ..ports.clone() })
    }

    async fn look_after_endpoints(&self, ports: &WorldPorts, policy: SweepPolicy) {
        let endpoint_controls = Arc::new(SameMinutes(Arc::clone(&ports.endpoint_controls), Vec::new()));
        Production.look_after_endpoints(&WorldPorts { endpoint_controls, ..ports.clone() }, policy).await;
    }
}

/// Has each invocation take all of an endpoint's lanes.
pub(crate) struct SharesNoLanes;

impl SystemUnderTest for SharesNoLanes {
    fn deliver(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        Production.deliver(&WorldPorts { endpoint_desk: desk_of_one(ports, 32), ..ports.clone() })
    }
}

/// As an invocation would have it that is the only one, and makes so many calls at once.
fn desk_of_one(ports: &WorldPorts, in_flight: usize) -> Arc<EndpointDesk> {
    let known = &ports.endpoint_desk;
    let (book, controls, clock) = (Arc::clone(&known.book), Arc::clone(&known.controls), Arc::clone(&known.clock));
    Arc::new(EndpointDesk::new(book, controls, clock, NonZeroU32::MIN, in_flight))
}

/// Sends what its message is about, whatever comes before it.
pub(crate) struct SendsOutOfOrder;

impl SystemUnderTest for SendsOutOfOrder {
    fn deliver(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        Box::new(Hasty(ports.clone()))
    }
}

struct Hasty(WorldPorts);

impl Hasty {
    async fn send(&self, task: &Task) -> Result<Verdict, Verdict> {
        let ports = &self.0;
        let id = task.message.delivery().map_err(|cause| Verdict::Fail { cause })?;
        let Some(delivery) = ports.deliveries.delivery(id).await?.filter(Delivery::is_open) else {
            return Ok(Verdict::Done);
        };
        let now = ports.clock.now();
        let Some(counter) = ports.endpoint_desk.counter(&id.endpoint).await? else { return Ok(Verdict::Done) };
        let defer = counter.withheld(&delivery, now).is_some();
        let lane = if defer { None } else { ports.endpoint_desk.lane(&counter).await };
        if lane.is_none() {
            ports.deliveries.apply_delivery(&delivery.put_off(now, None, now)?).await?;
            return Ok(Verdict::Done);
        }
        let claim = delivery.claim(now, task.lease_until)?;
        ports.deliveries.apply_delivery(&claim).await?;
        let fact = delivery.fact();
        let word = Word {
            id: fact.id.to_string(),
            event_type: fact.id.kind.event_type(),
            as_of: fact.as_of,
            written_at: fact.written_at,
            body: body(fact, Bodies::Thin, &SubjectNow::default()),
            trace: None,
        };
        let brought = ports.courier.bring(&word, &counter.endpoint).await;
        let now = ports.clock.now();
        let change = if brought.is_ok() {
            claim.after().record_delivered(now)?
        } else {
            let released = claim.after().release(None, Cause::new("It failed."), now)?;
            ports.deliveries.apply_delivery(&released).await?;
            released.after().put_off(now + Duration::from_mins(5), None, now)?
        };
        ports.deliveries.apply_delivery(&change).await?;
        Ok(Verdict::Done)
    }
}

#[async_trait]
impl Stage for Hasty {
    async fn handle(&self, task: &Task) -> Verdict {
        self.send(task).await.unwrap_or_else(|verdict| verdict)
    }

    async fn give_up(&self, _: &WorkMessage, _: &Cause) {}

    async fn put_off(&self, _: &WorkMessage, _: &Cause, _: Duration) -> bool {
        true
    }
}
