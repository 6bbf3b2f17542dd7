//! How release 0.1.0 reads and writes an entry's row and a profile's: its types as they were, kept to see that functions
//! of that release and of this one work on one table while a deployment or a roll-back lasts.

use jiff::Timestamp;
use pulse_core::{
    customer::{Contact, Customer, CustomerId, Locale, Money, PersonName, Product, Standing, Zone},
    entry::{Entry, EntryId, FailureStreak, Progress, Queueing, SkipReason, StageName},
    failure::Cause,
    score::Score,
    slot::Slot,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct FirstEntry {
    id: EntryId,
    version: u64,
    scheduled_at: Timestamp,
    due: Timestamp,
    #[serde(flatten)]
    state: FirstState,
    #[serde(default)]
    claims: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<Score>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trouble: Option<FailureStreak>,
    #[serde(default, skip_serializing_if = "is_expected")]
    queueing: Queueing,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repeated_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_doubt_since: Option<Timestamp>,
}

fn is_expected(queueing: &Queueing) -> bool {
    *queueing == Queueing::default()
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
enum FirstState {
    Scheduled,
    Scoring {
        lease_until: Timestamp,
    },
    Scored {
        score: Score,
    },
    Sending {
        score: Score,
        lease_until: Timestamp,
    },
    Sent {
        score: Score,
        provider_id: String,
        at: Timestamp,
    },
    Skipped {
        reason: SkipReason,
        at: Timestamp,
    },
    Failed {
        stage: StageName,
        cause: Cause,
        at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        score: Option<Score>,
    },
    Unknown {
        score: Score,
        cause: Cause,
        at: Timestamp,
    },
}

/// An entry as this release finds it after release 0.1.0 has read this release's row and written it back.
///
/// # Panics
/// When that release can't read the row, or this one can't read what it wrote.
#[must_use]
pub fn written_back(entry: &Entry) -> Entry {
    let row = serde_json::to_value(entry).expect("rows are JSON");
    let first: FirstEntry =
        serde_json::from_value(row.clone()).unwrap_or_else(|error| panic!("release 0.1.0 can't read {row}: {error}"));
    let row = serde_json::to_value(&first).expect("rows are JSON");
    serde_json::from_value(row.clone()).unwrap_or_else(|error| panic!("{row} of release 0.1.0 can't be read: {error}"))
}

/// An entry as it is on a table that functions of both releases write to: every other version of it is written by
/// release 0.1.0. What providers told, and doubts that nobody waits on any more, this release alone writes down, as the other
/// has no function that hears of it; but the other has to be able to read such rows.
#[must_use]
pub fn of_a_mixed_fleet(entry: &Entry) -> Entry {
    let back = written_back(entry);
    let is_of_feedback = !entry.feedback().is_empty() || matches!(entry.progress(), Progress::Unconfirmed { .. });
    if entry.version().is_multiple_of(2) && !is_of_feedback { back } else { reread(entry) }
}

fn reread(entry: &Entry) -> Entry {
    let row = serde_json::to_value(entry).expect("rows are JSON");
    serde_json::from_value(row).expect("this release reads what it wrote")
}

#[derive(Serialize, Deserialize)]
struct FirstCustomer {
    id: CustomerId,
    name: PersonName,
    contact: Contact,
    product: Product,
    balance: Money,
    locale: Locale,
    zone: Zone,
    signed_up_at: Timestamp,
    slot: Slot,
    standing: Standing,
    opted_out: bool,
}

/// Whether release 0.1.0 takes a customer for opted out by the row that this release writes, and the profile that this
/// release finds once that one has written it back.
///
/// # Panics
/// When that release can't read the row, or this one can't read what it wrote.
#[must_use]
pub fn profile_written_back(customer: &Customer) -> (bool, Customer) {
    let row = serde_json::to_value(customer).expect("rows are JSON");
    let first: FirstCustomer = serde_json::from_value(row).expect("release 0.1.0 reads this release's profiles");
    let row = serde_json::to_value(&first).expect("rows are JSON");
    (first.opted_out, serde_json::from_value(row).expect("this release reads profiles of release 0.1.0"))
}
