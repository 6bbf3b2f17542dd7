//! Messages on the stages' queues. They carry identity, never state.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    customer::{Customer, CustomerId},
    delivery::{DeliveryId, EndpointName},
    entry::{EntryId, ItemId},
    failure::Cause,
    parse::ParseError,
    run::RunId,
    trace::TraceHeader,
};

/// The version of messages that name no item.
pub const VERSION: u32 = 1;

/// The version of messages that name one. Releases before items refuse it: they would pass the item over, and act for the
/// customer's entry without one, which may be there as well. What they refuse is sent again, as what is lost is.
const WITH_ITEM: u32 = 2;

/// What `EventBridge` Scheduler replaces by the moment the schedule was due (`EventBridge` Scheduler
/// User Guide, "Adding context attributes").
pub const SCHEDULED_TIME_TOKEN: &str = "<aws.scheduler.scheduled-time>";

/// A parsed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkMessage {
    /// What it is about.
    pub about: About,
    /// What its calls are traced by. It travels beside the body, not in it.
    pub trace: Option<TraceHeader>,
}

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A customer's turn in a run.
    Turn(CustomerTurn),
    /// Word of a fact for an endpoint.
    Delivery(DeliveryId),
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turn(turn) => write!(f, "customer {}", turn.customer),
            Self::Delivery(id) => id.fmt(f),
        }
    }
}

/// Whose turn it is, in which run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerTurn {
    /// Whose turn it is.
    pub customer: CustomerId,
    /// The run, by its id or by a moment in it.
    pub turn: Turn,
}

impl CustomerTurn {
    /// The entry of it, for a customer whose time zone is known.
    #[must_use]
    pub fn entry_of(&self, customer: &Customer) -> EntryId {
        let (run, item) = match self.turn {
            Turn::Run { run, item } => (run, item),
            Turn::Scheduled(moment) => (RunId::of(moment, customer.zone.rules()), None),
        };
        EntryId { customer: self.customer.clone(), run, item }
    }
}

/// How a message names its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// By the moment that a schedule was due; the run follows from the customer's time zone.
    Scheduled(Timestamp),
    /// By the run's id.
    Run {
        /// Which.
        run: RunId,
        /// About which of the customer's items, if it is a campaign's that is about some.
        item: Option<ItemId>,
    },
}

/// The scheduler's dead letters hold the whole request that it couldn't make (`EventBridge` Scheduler
/// User Guide, "Configuring a schedule's dead-letter queue").
#[derive(Deserialize)]
struct SendMessage {
    #[serde(rename = "MessageBody")]
    message_body: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Wire {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheduled: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    item: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fact: Option<String>,
}

impl Wire {
    fn about(self, sent_at: Timestamp) -> Result<About, Cause> {
        let Self { v, customer, scheduled, run, item, endpoint, fact } = self;
        let item = item.map(|item| ItemId::parse(&item)).transpose().map_err(|error| bad(&error))?;
        let turn = match (run, scheduled, endpoint, fact) {
            (None, None, Some(endpoint), Some(fact)) if customer.is_none() => {
                if v != VERSION || item.is_some() {
                    return Err(Cause::new("The message is about a delivery, which has no item."));
                }
                let endpoint = EndpointName::parse(&endpoint).map_err(|error| bad(&error))?;
                return Ok(About::Delivery(DeliveryId { endpoint, fact: fact.parse().map_err(|error| bad(&error))? }));
            }
            (Some(run), None, None, None) => Turn::Run { run: RunId::parse(&run).map_err(|error| bad(&error))?, item },
            (None, Some(token), None, None) if token == SCHEDULED_TIME_TOKEN => Turn::Scheduled(sent_at),
            (None, Some(moment), None, None) => moment
                .parse()
                .map(Turn::Scheduled)
                .map_err(|_| Cause::new("The message's scheduled time is no RFC 3339 moment."))?,
            _ => {
                return Err(Cause::new(
                    "The message names neither a customer's run or scheduled time, nor an endpoint's fact.",
                ));
            }
        };
        let is_of_campaign = matches!(turn, Turn::Run { run, .. } if run.is_campaign());
        if item.is_some() != (v == WITH_ITEM) || item.is_some() && !is_of_campaign {
            return Err(Cause::new("The message has an item that its version or its run has not, or lacks one."));
        }
        let customer = customer.ok_or_else(|| Cause::new("The message names no customer."))?;
        Ok(About::Turn(CustomerTurn { customer: CustomerId::parse(&customer).map_err(|error| bad(&error))?, turn }))
    }
}

fn bad(error: &ParseError) -> Cause {
    Cause::new(format!("The message's {error}."))
}

impl WorkMessage {
    /// The message for an entry.
    #[must_use]
    pub fn for_entry(id: &EntryId) -> Self {
        Self::of_turn(id.customer.clone(), Turn::Run { run: id.run, item: id.item })
    }

    /// The message for a customer's turn.
    #[must_use]
    pub fn of_turn(customer: CustomerId, turn: Turn) -> Self {
        Self { about: About::Turn(CustomerTurn { customer, turn }), trace: None }
    }

    /// The message for a delivery.
    #[must_use]
    pub fn for_delivery(id: DeliveryId) -> Self {
        Self { about: About::Delivery(id), trace: None }
    }

    /// Whose turn it is about.
    ///
    /// # Errors
    /// When it is about something else, which stages that move entries have nothing to do with.
    pub fn turn(&self) -> Result<&CustomerTurn, Cause> {
        match &self.about {
            About::Turn(turn) => Ok(turn),
            About::Delivery(_) => Err(Cause::new("The message is about a delivery, and this queue is of entries.")),
        }
    }

    /// Which delivery it is about.
    ///
    /// # Errors
    /// When it is about something else.
    pub fn delivery(&self) -> Result<&DeliveryId, Cause> {
        match &self.about {
            About::Delivery(id) => Ok(id),
            About::Turn(_) => Err(Cause::new("The message is about an entry, and this queue is of deliveries.")),
        }
    }

    /// What fair queues tell tenants apart by: the endpoint, so that one that is slow doesn't keep the others' messages
    /// waiting, and the campaign, so that it doesn't keep the months' waiting, which have no group (Amazon SQS Developer Guide, "Amazon SQS fair queues").
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        match &self.about {
            About::Delivery(id) => Some(id.endpoint.as_str()),
            About::Turn(CustomerTurn { turn: Turn::Run { run, .. }, .. }) => run.campaign_name(),
            About::Turn(_) => None,
        }
    }

    /// The message, traced as another was.
    #[must_use]
    pub fn traced(self, trace: Option<TraceHeader>) -> Self {
        Self { trace, ..self }
    }

    /// Reads a message's body, or the scheduler's request to send it. `sent_at` stands in for the
    /// scheduled moment where the scheduler left its token unreplaced, as emulators do.
    ///
    /// # Errors
    /// With the cause when the body is not JSON, of another version, or lacks what it must have.
    pub fn parse(body: &str, sent_at: Timestamp) -> Result<Self, Cause> {
        let wire = read(body).ok_or_else(|| Cause::new("The message is not JSON of the form that Pulse sends."))?;
        if !matches!(wire.v, VERSION | WITH_ITEM) {
            let problem = format!("The message has version {}, not {VERSION} or {WITH_ITEM}.", wire.v);
            return Err(Cause::new(problem));
        }
        Ok(Self { about: wire.about(sent_at)?, trace: None })
    }

    /// The message's body.
    #[must_use]
    pub fn body(&self) -> String {
        let wire = match &self.about {
            About::Turn(CustomerTurn { customer, turn }) => {
                let (scheduled, run, item) = match turn {
                    Turn::Scheduled(moment) => (Some(moment.to_string()), None, None),
                    Turn::Run { run, item } => (None, Some(run.to_string()), item.map(|item| item.to_string())),
                };
                let v = if item.is_some() { WITH_ITEM } else { VERSION };
                Wire { v, customer: Some(customer.to_string()), scheduled, run, item, ..Wire::default() }
            }
            About::Delivery(DeliveryId { endpoint, fact }) => {
                let (endpoint, fact) = (Some(endpoint.to_string()), Some(fact.to_string()));
                Wire { v: VERSION, endpoint, fact, ..Wire::default() }
            }
        };
        encode(&wire)
    }

    /// The body that a customer's schedule sends, with the scheduler's token for the moment.
    #[must_use]
    pub fn schedule_input(customer: &CustomerId) -> String {
        encode(&Wire {
            v: VERSION,
            customer: Some(customer.to_string()),
            scheduled: Some(SCHEDULED_TIME_TOKEN.to_owned()),
            ..Wire::default()
        })
    }
}

fn read(body: &str) -> Option<Wire> {
    let inside_a_request = || {
        let request: SendMessage = serde_json::from_str(body).ok()?;
        serde_json::from_str(&request.message_body).ok()
    };
    serde_json::from_str(body).ok().or_else(inside_a_request)
}

fn encode(wire: &Wire) -> String {
    // A struct of numbers and strings always has a JSON form.
    serde_json::to_string(wire).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT_AT: &str = "2026-11-03T10:00:05Z";

    fn parse(body: &str) -> Result<WorkMessage, String> {
        WorkMessage::parse(body, SENT_AT.parse().unwrap()).map_err(|cause| cause.to_string())
    }

    #[test]
    fn a_schedules_message_takes_its_moment_or_the_sent_time_for_an_unreplaced_token() {
        let replaced = parse(r#"{"v":1,"customer":"c-1","scheduled":"2026-11-03T10:00:00Z"}"#);
        let moment = Turn::Scheduled("2026-11-03T10:00:00Z".parse().unwrap());
        assert_eq!(replaced.unwrap().turn().unwrap().turn, moment);

        let customer = CustomerId::parse("c-1").unwrap();
        let unreplaced = parse(&WorkMessage::schedule_input(&customer)).unwrap();
        assert_eq!(unreplaced.turn().unwrap().turn, Turn::Scheduled(SENT_AT.parse().unwrap()));
    }

    #[test]
    fn a_copy_of_the_schedulers_dead_letter_is_read_as_the_message_that_it_was_to_be() {
        let body = r#"{"MessageBody":"{\"v\":1,\"customer\":\"c-1\",\"scheduled\":\"2026-11-03T10:00:00Z\"}",
                       "QueueUrl":"https://sqs.eu-west-1.amazonaws.com/123456789012/pulse-score"}"#;
        assert_eq!(parse(body), parse(r#"{"v":1,"customer":"c-1","scheduled":"2026-11-03T10:00:00Z"}"#));
        assert!(parse(body).is_ok() && parse(r#"{"MessageBody":"not json"}"#).is_err());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let of = |run, item| WorkMessage::for_entry(&EntryId::parse("c-1", run, item).unwrap());
        let message = of("2026-11", None);
        assert_eq!(message.body(), r#"{"v":1,"customer":"c-1","run":"2026-11"}"#);
        assert_eq!(parse(&message.body()), Ok(message));
        let fact = "c-1/2026-11/7/sent".parse().unwrap();
        let message = WorkMessage::for_delivery(DeliveryId { endpoint: EndpointName::parse("crm").unwrap(), fact });
        assert_eq!(message.body(), r#"{"v":1,"endpoint":"crm","fact":"c-1/2026-11/7/sent"}"#);
        assert_eq!(parse(&message.body()).as_ref(), Ok(&message));
        assert!(message.turn().is_err() && message.delivery().is_ok() && message.group() == Some("crm"));
        let items = of("invoices", Some("INV-1"));
        assert_eq!(items.body(), r#"{"v":2,"customer":"c-1","run":"invoices","item":"INV-1"}"#);
        assert_eq!(parse(&items.body()).as_ref(), Ok(&items));
        assert_eq!((items.group(), of("2026-11", None).group()), (Some("invoices"), None));
        assert_eq!(of("spring-sale", None).body(), r#"{"v":1,"customer":"c-1","run":"spring-sale"}"#);
    }

    #[test]
    fn bad_messages_are_refused_with_a_cause_that_quotes_nothing() {
        for body in [
            "",
            "not json",
            "[]",
            r#"{"v":3,"customer":"c-1","run":"2026-11"}"#,
            r#"{"v":2,"customer":"c-1","run":"2026-11"}"#,
            r#"{"v":2,"customer":"c-1","run":"2026-11","item":"soon"}"#,
            r#"{"v":1,"customer":"c-1","run":"spring","item":"soon"}"#,
            r#"{"v":2,"customer":"c-1","run":"spring"}"#,
            r#"{"v":2,"customer":"c-1","run":"spring","item":"soon.."}"#,
            r#"{"v":2,"customer":"c-1","scheduled":"2026-11-03T10:00:00Z","item":"soon"}"#,
            r#"{"v":2,"endpoint":"crm","fact":"c-1/2026-11/7/sent","item":"soon"}"#,
            r#"{"v":1,"customer":"","run":"2026-11"}"#,
            r#"{"v":1,"customer":"c-1"}"#,
            r#"{"v":1,"customer":"c-1","run":"Soon"}"#,
            r#"{"v":1,"customer":"c-1","scheduled":"soon"}"#,
            r#"{"v":1,"customer":"c-1","run":"2026-11","scheduled":"2026-11-03T10:00:00Z"}"#,
            r#"{"v":1,"run":"2026-11"}"#,
            r#"{"v":1,"endpoint":"crm"}"#,
            r#"{"v":1,"endpoint":"crm","fact":"soon"}"#,
            r#"{"v":1,"endpoint":"crm","fact":"c-1/2026-11/7/sent","customer":"c-1"}"#,
        ] {
            let cause = parse(body).unwrap_err();
            assert!(!cause.to_lowercase().contains("soon"), "{cause}");
        }
    }
}
