use jiff::Timestamp;
use pulse_core::{
    customer::CustomerId,
    entry::EntryId,
    run::RunId,
    score::{Band, Score, ScoreValue},
};

use super::*;

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn score(text: &str) -> Score {
    Score { value: ScoreValue::parse(1000).unwrap(), band: Band::parse(&"b".repeat(32)).unwrap(), as_of: moment(text) }
}

/// The longest row of a customer who is mailed: with last month's score and the longest id.
fn sent() -> Entry {
    let id = EntryId::of(CustomerId::parse(&"c".repeat(48)).unwrap(), RunId::parse("2026-11").unwrap());
    let now = moment("2026-11-03T10:00:00.123456789Z");
    let before = score("2026-10-03T10:00:00.123456789Z");
    let mut entry = Entry::scheduled(id, now, Some(before));
    entry = entry.claim(StageName::Score, now, now).unwrap().into_after();
    entry = entry.record_score(score("2026-11-03T10:00:00.123456789Z"), now).unwrap().into_after();
    entry = entry.claim(StageName::Email, now, now).unwrap().into_after();
    entry.record_sent("p".repeat(100), now, None).unwrap().into_after()
}

/// `DynamoDB` Developer Guide, "`DynamoDB` item sizes and formats".
fn size(attribute: &AttributeValue) -> usize {
    match attribute {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len() / 2 + 2,
        AttributeValue::L(items) => 3 + items.iter().map(|item| 1 + size(item)).sum::<usize>(),
        AttributeValue::M(fields) => 3 + fields.values().count() + size_of_fields(fields),
        _ => 1,
    }
}

fn size_of_fields(fields: &Attributes) -> usize {
    fields.iter().map(|(name, field)| name.len() + size(field)).sum()
}

#[test]
fn a_sent_entry_fits_into_one_write_unit() {
    let mut row = entry(&sent()).unwrap();
    row.insert(WRITE_ID.to_owned(), AttributeValue::S("0".repeat(16)));
    let size = size_of_fields(&row);
    assert!(size <= 1024, "{size} bytes");
}

#[test]
fn an_entry_is_read_back_whatever_else_its_row_holds() {
    let mut row = entry(&sent()).unwrap();
    row.insert("added_by_a_newer_release".to_owned(), AttributeValue::Bool(true));
    assert_eq!(parse::<Entry>(&row), Ok(sent()));
}

#[test]
fn an_unreadable_row_is_named_but_not_quoted() {
    let mut row = entry(&sent()).unwrap();
    row.insert("version".to_owned(), AttributeValue::S("ada@example.com".to_owned()));
    let error = parse::<Entry>(&row).unwrap_err().to_string();
    assert!(error.contains(&format!("CUST#{} / RUN#2026-11", "c".repeat(48))), "{error}");
    assert!(!error.contains("ada@"), "{error}");
}

#[test]
fn a_claim_changes_no_index_attribute() {
    let id = sent().id().clone();
    let (due, later) = (moment("2026-11-03T10:00:00Z"), moment("2026-11-03T10:05:00Z"));
    let waiting = Entry::scheduled(id, due, None);
    let claimed = waiting.claim(StageName::Score, due, later).unwrap().into_after();
    assert_eq!(keys::of_entry(&waiting), keys::of_entry(&claimed));

    let scored = claimed.record_score(score("2026-11-03T10:00:01Z"), due).unwrap().into_after();
    let sending = scored.claim(StageName::Email, due, later).unwrap().into_after();
    assert_ne!(keys::of_entry(&claimed), keys::of_entry(&scored));
    assert_eq!(keys::of_entry(&scored), keys::of_entry(&sending));
}

#[test]
fn a_note_expires_after_400_days() {
    let note = Activity {
        customer: sent().id().customer.clone(),
        at: moment("2026-11-03T10:00:00Z"),
        what: "The mail bounced.".to_owned(),
    };
    let row = activity(&note).unwrap();
    let gone = moment("2027-12-08T10:00:00Z").as_second().to_string();
    assert_eq!(row.get("expires_at"), Some(&AttributeValue::N(gone)));
}
