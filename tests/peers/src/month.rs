//! The month that is worked on: customers by their numbers, the rows that the ledger has of them, the messages that they come
//! by, and what has to be written for each.

use jiff::{SignedDuration, Timestamp};
use pulse_core::{
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    entry::{Entry, EntryId, StageName},
    message::WorkMessage,
    run::RunId,
    score::{Band, Score, ScoreValue},
    slot::Slot,
    stable_hash::stable_hash,
};
use serde_json::{Map, Value, json};

use crate::attributes::{self, text};

/// The batch size of template.yaml.
pub(crate) const BATCH: usize = 240;

const RUN: &str = "2026-11";
const BAND: &str = "good";

/// A customer of the month.
pub(crate) struct Case {
    id: CustomerId,
}

impl Case {
    /// The customer of this number.
    pub(crate) fn new(number: usize) -> Self {
        Self::of(&format!("c-{number:06}"))
    }

    /// The customer of this id, as a request names it.
    pub(crate) fn of(id: &str) -> Self {
        Self { id: CustomerId::parse(id).expect("an id") }
    }

    /// The customer's id.
    pub(crate) fn id(&self) -> &str {
        self.id.as_str()
    }

    /// What the scoring provider says of them.
    pub(crate) fn score(&self) -> u32 {
        u32::try_from(stable_hash("score", self.id()) % 1001).expect("below 1001")
    }

    /// The scoring provider's answer.
    pub(crate) fn answer(&self) -> Value {
        json!({ "score": self.score(), "band": BAND, "as_of": as_of() })
    }

    /// The key by which the scoring provider knows a question again.
    pub(crate) fn question_key(&self) -> String {
        self.entry_id().message_key()
    }

    /// The profile as the table has it.
    pub(crate) fn profile_row(&self) -> Map<String, Value> {
        self.row("PROFILE", &serde_json::to_value(self.profile()).expect("JSON"))
    }

    /// The entry that waits for its score, as the table has it.
    pub(crate) fn entry_row(&self) -> Map<String, Value> {
        let mut row = self.row(&format!("RUN#{RUN}"), &serde_json::to_value(self.entry()).expect("JSON"));
        row.insert("open_shard".to_owned(), text(&format!("SCORE#{}", self.shard())));
        row.insert("open_due".to_owned(), text(&format!("{:.9}", scheduled_at())));
        row.insert("write_id".to_owned(), text("0123456789abcdef"));
        row
    }

    /// The scored entry as it has to be written. When it was written, and by whom, is another thing each time: see
    /// [`Self::says_what_differs`].
    pub(crate) fn scored_row(&self) -> Map<String, Value> {
        let now = as_of();
        let value = ScoreValue::parse(self.score()).expect("a score");
        let score = Score { value, band: Band::parse(BAND).expect("a band"), as_of: now };
        let asked = self.entry().claimed_unwritten(StageName::Score, now, now).expect("it waits");
        let scored = asked.record_score(score, now).expect("it was asked for").into_after();
        let mut row = self.row(&format!("RUN#{RUN}"), &serde_json::to_value(scored).expect("JSON"));
        row.insert("open_shard".to_owned(), text(&format!("EMAIL#{}", self.shard())));
        row.insert("open_due".to_owned(), text(&format!("{now:.9}")));
        row.insert("write_id".to_owned(), text("0123456789abcdef"));
        row
    }

    /// Whether an attribute of a scored row differs with the moment and the writer.
    pub(crate) fn says_what_differs(attribute: &str) -> bool {
        ["due", "open_due", "write_id"].contains(&attribute)
    }

    /// The message that has to be queued to the email stage.
    pub(crate) fn handed_on(&self) -> Value {
        serde_json::from_str(&WorkMessage::for_entry(&self.entry_id()).body()).expect("JSON")
    }

    /// The record by which Lambda hands the customer's message over (AWS Lambda Developer Guide, "Using Lambda with Amazon
    /// SQS": example event).
    pub(crate) fn record(&self) -> Value {
        let body = json!({ "v": 1, "customer": self.id(), "scheduled": scheduled_at().to_string() }).to_string();
        let sent_at = scheduled_at().as_millisecond().to_string();
        let hash = stable_hash("message", self.id());
        json!({
            "messageId": format!("{:08x}-0000-4000-8000-{:012x}", hash >> 32, hash & 0xffff_ffff),
            "receiptHandle": format!("receipt-of-{}-{}", self.id(), "A".repeat(160)),
            "md5OfBody": crate::queues::md5(&body),
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": sent_at,
                "SenderId": "AROAEXAMPLE:scheduler",
                "ApproximateFirstReceiveTimestamp": sent_at,
                "AWSTraceHeader": format!("Root=1-{:08x}-{hash:016x}00000000", scheduled_at().as_second()),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:pulse-score",
            "awsRegion": "us-east-1",
        })
    }

    fn row(&self, sort_key: &str, body: &Value) -> Map<String, Value> {
        let mut row = attributes::row(body);
        row.insert("pk".to_owned(), text(&format!("CUST#{}", self.id)));
        row.insert("sk".to_owned(), text(sort_key));
        row
    }

    /// As Pulse spreads what is open over the index's partitions.
    fn shard(&self) -> u64 {
        stable_hash("shard", self.id()) % 8
    }

    fn entry_id(&self) -> EntryId {
        EntryId::of(self.id.clone(), RunId::parse(RUN).expect("a run"))
    }

    fn entry(&self) -> Entry {
        let value = ScoreValue::parse(700).expect("a score");
        let before = as_of().checked_sub(SignedDuration::from_hours(30 * 24)).expect("a moment");
        let previous = Score { value, band: Band::parse(BAND).expect("a band"), as_of: before };
        Entry::scheduled(self.entry_id(), scheduled_at(), Some(previous))
    }

    fn profile(&self) -> Customer {
        let zone = Zone::parse("Europe/Dublin").expect("a zone");
        let signed_up_at = moment("2024-05-10T10:30:00Z");
        Customer {
            name: PersonName::parse("Aoife Ní Bhriain").expect("a name"),
            contact: Contact::Email(EmailAddress::parse(&format!("{}@example.com", self.id)).expect("an address")),
            product: Product::Loan,
            balance: Money { minor: 123_456, currency: Currency::parse("EUR").expect("a currency") },
            locale: Locale::parse("en-IE").expect("a locale"),
            slot: Slot::of_sign_up(&self.id, signed_up_at, &zone),
            zone,
            signed_up_at,
            standing: Standing::Active,
            consent: Consent::default(),
            mark: ProfileMark { version: 3, settled: true, ..ProfileMark::default() },
            id: self.id.clone(),
        }
    }
}

fn scheduled_at() -> Timestamp {
    moment("2026-11-10T10:30:00Z")
}

fn as_of() -> Timestamp {
    moment("2026-11-10T10:31:00Z")
}

fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}
