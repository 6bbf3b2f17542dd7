//! Event buses of Amazon `EventBridge`.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_eventbridge::{
    Client,
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use jiff::Timestamp;
use pulse_core::{
    ports::{Clock, CourierError, Word},
    trace::TraceHeader,
};

use crate::refusal::{Receiver, retry};

/// What the events say that they are from.
const SOURCE: &str = "pulse";

/// For how long a bus that was there is taken to be there.
const SEEN_FOR: Duration = Duration::from_mins(1);

/// Event buses of the account's. Needs `events:PutEvents` and `events:DescribeEventBus` on them.
///
/// `PutEvents` answers 200 for a bus that isn't there, and drops the event (Amazon `EventBridge` User Guide, "Sending events
/// with `PutEvents`": Handling failures). So it is asked for first.
pub(crate) struct EventBuses {
    client: Client,
    clock: Arc<dyn Clock>,
    seen: Mutex<BTreeMap<String, Timestamp>>,
}

impl EventBuses {
    pub(crate) fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock, seen: Mutex::default() }
    }

    /// Puts word on a bus. Rules tell facts apart by `detail-type`; a repeat is told by the event's one resource, the fact's
    /// id, as each call gives the event another id.
    pub(crate) async fn put(&self, bus: &str, word: &Word) -> Result<(), CourierError> {
        let receiver = Receiver {
            service: "EventBridge",
            target: &format!("event bus {bus}"),
            takes: "PutOntoBuses of DeliverRole in template.yaml, which names those of EndpointBusArns",
            speaks_of_target: &["EventBus", "eventBus"],
        };
        self.see(bus, receiver).await?;
        let event = PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(SOURCE)
            .detail_type(word.event_type)
            .detail(&word.body)
            .resources(&word.id)
            .time(DateTime::from_millis(word.as_of.as_millisecond()))
            .set_trace_header(word.trace.as_ref().map(TraceHeader::as_str).map(str::to_owned));
        let answer = self.client.put_events().entries(event.build()).send().await;
        let answer = answer.map_err(|error| receiver.failed(&error))?;
        match answer.entries() {
            [PutEventsResultEntry { event_id: Some(_), error_code: None, .. }] => Ok(()),
            [PutEventsResultEntry { error_code: Some(code), error_message, .. }] => {
                Err(receiver.refused(code, error_message.as_deref().unwrap_or_default()))
            }
            _ => Err(retry("EventBridge doesn't say what became of the event.")),
        }
    }

    async fn see(&self, bus: &str, receiver: Receiver<'_>) -> Result<(), CourierError> {
        let now = self.clock.now();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(bus).copied();
        if seen.is_some_and(|at| now.duration_since(at).unsigned_abs() < SEEN_FOR) {
            return Ok(());
        }
        let there = self.client.describe_event_bus().name(bus).send().await;
        there.map_err(|error| receiver.failed(&error))?;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(bus.to_owned(), now);
        Ok(())
    }
}

impl fmt::Debug for EventBuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventBuses(..)")
    }
}
