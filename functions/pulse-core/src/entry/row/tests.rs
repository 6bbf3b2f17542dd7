use serde_json::Value;

use super::*;

/// Entries as 0.1.0 wrote them, one in each of its states and more, a line each.
const FIRST_RELEASE: &str = include_str!("first-release.jsonl");

fn recorded() -> impl Iterator<Item = Value> {
    FIRST_RELEASE.lines().map(|line| serde_json::from_str(line).unwrap())
}

fn read(row: &Value) -> Entry {
    serde_json::from_value(row.clone()).unwrap()
}

#[test]
fn rows_of_the_first_release_are_read() {
    let states: Vec<_> = recorded().map(|row| (read(&row).state(), read(&row).at())).collect();
    for (state, stage) in [
        ("scheduled", StageName::Score),
        ("scoring", StageName::Score),
        ("scored", StageName::Email),
        ("sending", StageName::Email),
        ("sent", StageName::Email),
        ("skipped", StageName::Score),
        ("failed", StageName::Score),
        ("failed", StageName::Email),
        ("unknown", StageName::Email),
    ] {
        assert!(states.contains(&(state, stage)), "{state} at {stage}: {states:?}");
    }
    assert!(recorded().all(|row| read(&row).plan() == Plan::MONTHLY));
}

#[test]
fn what_the_first_release_wrote_is_written_as_it_wrote_it() {
    for row in recorded() {
        let mut written = serde_json::to_value(read(&row)).unwrap();
        if matches!(row["state"].as_str(), Some("skipped" | "unknown")) {
            // That release doesn't say where they were, and passes over it.
            assert!(written.as_object_mut().unwrap().remove("stage").is_some());
        }
        assert_eq!(written, row);
    }
}

#[test]
fn the_word_for_indeterminate_that_a_later_release_writes_is_read_too() {
    let mut row = recorded().find(|row| row["state"] == "unknown").unwrap();
    let first = read(&row);
    row["state"] = "indeterminate".into();
    assert_eq!(read(&row), first);
}

#[test]
fn an_entry_of_another_plan_says_so_and_is_read_back() {
    let id = read(&recorded().next().unwrap()).id;
    let plan = Plan::of(&[StageName::Email]).unwrap();
    let entry = Entry::planned(id, plan, Timestamp::UNIX_EPOCH, None);
    let row = serde_json::to_value(&entry).unwrap();
    assert_eq!(row["plan"], serde_json::json!(["email"]));
    assert_eq!(read(&row), entry);
    assert_eq!(read(&row).waits_for(), Some(StageName::Email));
}

#[test]
fn a_row_that_is_no_entry_is_refused_whatever_is_wrong_with_it() {
    for row in recorded() {
        for field in ["state", "id", "version", "lease_until", "provider_id", "reason", "cause", "at"] {
            let mut row = row.clone();
            let Some(_) = row.as_object_mut().unwrap().remove(field) else { continue };
            assert!(serde_json::from_value::<Entry>(row).is_err(), "{field}");
        }
    }
    let mut row = recorded().next().unwrap();
    row["state"] = "charging".into();
    let error = serde_json::from_value::<Entry>(row).unwrap_err().to_string();
    assert!(error.contains("\"charging\" is none that this release knows"), "{error}");
}
