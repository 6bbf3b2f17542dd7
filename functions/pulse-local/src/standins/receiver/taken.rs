use std::collections::BTreeMap;

use jiff::Timestamp;
use pulse_core::ports::Payload;
use serde::{Deserialize, Serialize};

/// A fact that the receiver was told.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ReceivedFact {
    /// Which one it is, from 0 on.
    pub number: usize,
    /// The `webhook-id` that it is known by.
    pub id: String,
    /// What happened, as in `mail.sent`.
    pub r#type: String,
    /// Whose it is. Test word is nobody's.
    pub customer: Option<String>,
    /// Of which run, if it is of an entry.
    pub run: Option<String>,
    /// About which of the customer's items, if it is about one.
    pub item: Option<String>,
    /// The version of the entry, or of the profile.
    pub version: u64,
    /// Since when it is so.
    pub as_of: Timestamp,
    /// When it came.
    pub at: Timestamp,
    /// When it came again, and was dropped.
    pub repeats: Vec<Timestamp>,
    /// Whether no newer one of the same entry or profile had come before.
    pub is_in_order: bool,
    /// The body, as it came.
    pub body: String,
}

/// How much the receiver was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ReceiverCounts {
    /// Facts, each once.
    pub facts: usize,
    /// What came again, and was dropped.
    pub repeats: usize,
    /// Facts that came after a newer one of the same entry or profile.
    pub out_of_order: usize,
    /// Calls whose signature was wrong, and that were refused.
    pub wrong_signatures: usize,
    /// Calls that failed by the receiver's own fault.
    pub failed: usize,
    /// The last of them.
    pub last_failed_at: Option<Timestamp>,
}

/// A webhook that isn't as Pulse writes them.
#[derive(Debug)]
pub(super) struct Malformed;

#[derive(Deserialize)]
struct Told {
    r#type: String,
    timestamp: Timestamp,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    customer: Option<String>,
    run: Option<String>,
    item: Option<String>,
    #[serde(default)]
    version: u64,
}

/// What the receiver took, in order.
#[derive(Default)]
pub(super) struct Taken {
    facts: Vec<ReceivedFact>,
    by_id: BTreeMap<String, usize>,
    /// The newest version of each entry and profile, by customer, run and item.
    newest: BTreeMap<[Option<String>; 3], u64>,
    wrong_signatures: usize,
    failed: usize,
    last_failed_at: Option<Timestamp>,
}

impl Taken {
    /// Takes what was verified. Of a repeat it is kept when it came, and nothing else.
    pub(super) fn take(&mut self, payload: Payload) -> Result<(), Malformed> {
        let Payload { body, headers, received_at: at } = payload;
        let id = headers.get("webhook-id").ok_or(Malformed)?;
        if let Some(number) = self.by_id.get(id) {
            self.facts[*number].repeats.push(at);
            return Ok(());
        }
        let told: Told = serde_json::from_str(&body).map_err(|_| Malformed)?;
        let Data { customer, run, item, version } = told.data;
        let newest = self.newest.entry([customer.clone(), run.clone(), item.clone()]).or_default();
        let is_in_order = version >= *newest;
        *newest = version.max(*newest);
        let number = self.facts.len();
        self.by_id.insert(id.clone(), number);
        let (id, r#type, as_of) = (id.clone(), told.r#type, told.timestamp);
        let repeats = Vec::new();
        self.facts.push(ReceivedFact {
            number,
            id,
            r#type,
            customer,
            run,
            item,
            version,
            as_of,
            at,
            repeats,
            is_in_order,
            body,
        });
        Ok(())
    }

    pub(super) fn count_forged(&mut self) {
        self.wrong_signatures += 1;
    }

    pub(super) fn count_failed(&mut self, now: Timestamp) {
        self.failed += 1;
        self.last_failed_at = Some(now);
    }

    pub(super) fn facts(&self) -> &[ReceivedFact] {
        &self.facts
    }

    pub(super) fn counts(&self) -> ReceiverCounts {
        ReceiverCounts {
            facts: self.facts.len(),
            repeats: self.facts.iter().map(|fact| fact.repeats.len()).sum(),
            out_of_order: self.facts.iter().filter(|fact| !fact.is_in_order).count(),
            wrong_signatures: self.wrong_signatures,
            failed: self.failed,
            last_failed_at: self.last_failed_at,
        }
    }
}
