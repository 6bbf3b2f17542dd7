use std::{fs, path::Path};

use futures::FutureExt as _;
use pulse_core::enrollment::RosterChange;
use pulse_sim::ledger::MemoryLedger;
use serde_json::{Value, json};

use super::*;

const HEADER: &str = "id,name,email,product,balance,currency,locale,time_zone,signed_up_at,status,opted_out\n";

fn row(id: &str, email: &str, status: &str, opted_out: &str) -> String {
    format!("{id},Ada,{email},loan,1.00,EUR,en-IE,Europe/Dublin,2024-05-10T14:41:00+01:00,{status},{opted_out}\n")
}

fn as_of(day: u8) -> AsOf {
    AsOf { moment: format!("2026-11-{day:02}T00:00:00Z").parse().unwrap(), known_by: "as given" }
}

/// A roster file with everything in it that a dry run tells apart without a stack.
fn roster(folder: &Path) -> PathBuf {
    let path = folder.join("roster.csv");
    let rows = [
        row("c-2", "c-2@mail.example", "active", "no"),
        row("c-3", "nobody", "active", "no"),
        row("c-4", "c-4@mail.example", "active", "yes"),
        row("c-5", "c-5@mail.example", "closed", ""),
        row("c-6", "c-6@mail.example", "left", "no"),
        row("c-7", "c-7@mail.example", "active", ""),
    ];
    fs::write(&path, rows.iter().fold(HEADER.to_owned(), |text, row| text + row)).unwrap();
    path
}

fn foretold(path: &Path, ledger: Option<&MemoryLedger>, rejects: Option<PathBuf>, day: u8) -> Report {
    let stack = ledger.map(|ledger| (ledger as &dyn Ledger, "the stack pulse".to_owned()));
    let input = Input::open(path.to_str().unwrap()).unwrap();
    let place = rejects.map(|rejects| RejectsPlace::choose(Some(&rejects), false, &input).unwrap());
    let format = RosterFormat::default();
    let asked = Asked::default();
    let told = foretell(stack, input, place, &format, Zone::UTC, as_of(day), &asked, Output::new(true));
    told.now_or_never().expect("nothing to wait for").unwrap().report
}

/// Puts on a ledger what enrolling the file of that day would.
fn enroll(ledger: &MemoryLedger, path: &Path, day: u8) {
    let rows = RosterFile::open(fs::File::open(path).unwrap(), Zone::UTC, &RosterFormat::default()).unwrap();
    for (_, told) in rows.filter_map(Result::ok) {
        let before = ledger.customer(&told.id).now_or_never().unwrap().unwrap();
        let after = RosterChange::of(before.as_ref(), &told, as_of(day).moment).after;
        assert_eq!(ledger.save_customer(&after).now_or_never().unwrap(), Ok(true));
    }
}

#[test]
fn without_a_stack_everyone_is_new_and_every_kind_is_told_by_count_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = roster(folder.path());
    let report = foretold(&path, None, None, 10);
    let told = serde_json::to_value(&report).unwrap();
    assert_eq!(
        told["lines"],
        json!({
            "new": ["2-4", "7"], "closed": ["5"], "rejected": ["6"], "without-usable-address": ["3"],
            "opted-out": ["4"], "opts-out-now": ["4"], "mark-empty-of-new": ["5", "7"],
        })
    );
    assert_eq!((&told["new"], &told["rejected"], &told["dry_run"]), (&json!(4), &json!(1), &json!(true)));
    assert_eq!((&told["compared_with"], &told["as_of"]), (&Value::Null, &json!("2026-11-10T00:00:00Z")));
    assert_eq!(told["mails"]["days"].as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>(), 2);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "it writes nothing");
    insta::assert_snapshot!(report.text(false));
}

#[test]
fn against_a_stack_it_tells_what_would_be_changed_and_leaves_all_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (path, ledger) = (roster(folder.path()), MemoryLedger::default());
    enroll(&ledger, &path, 10);
    let used = ledger.used();
    let report = foretold(&path, Some(&ledger), None, 10);
    assert_eq!((report.counts.new, report.counts.unchanged, report.counts.closed), (0, 4, 1));
    assert_eq!((report.counts.consent.empty, report.counts.consent.opted_out_now), (2, 0));
    let changed = fs::read_to_string(&path).unwrap().replace("1.00", "2.00").replace("active,yes", "active,no");
    fs::write(&path, changed).unwrap();
    let report = foretold(&path, Some(&ledger), None, 11);
    assert_eq!((report.counts.changed, report.counts.consent.taken_back), (4, 1));
    let report = foretold(&path, Some(&ledger), None, 9);
    assert_eq!((report.counts.older, report.counts.consent.outdated), (5, 1));
    assert_eq!(ledger.used().since(used).writes, 0);
}

#[test]
fn rejected_rows_are_written_only_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (path, rejects) = (roster(folder.path()), folder.path().join("bad.csv"));
    let report = foretold(&path, None, Some(rejects.clone()), 10);
    assert_eq!((report.rejected, report.rejects_file.as_ref()), (1, Some(&rejects)));
    assert!(fs::read_to_string(rejects).unwrap().contains("c-6"));
}

#[test]
fn what_is_foretold_is_what_enrolling_does() {
    let folder = tempfile::tempdir().unwrap();
    let (path, ledger) = (roster(folder.path()), MemoryLedger::default());
    for day in [10, 9, 12] {
        let foretold = foretold(&path, Some(&ledger), None, day);
        let opted_out = |ledger: &MemoryLedger| {
            let mut out = 0;
            ledger.for_each_customer(|customer| out += u64::from(customer.consent.opted_out()));
            out
        };
        let before = opted_out(&ledger);
        enroll(&ledger, &path, day);
        let consent = foretold.counts.consent;
        assert_eq!(before + consent.opted_out_now - consent.taken_back, opted_out(&ledger));
    }
}

#[test]
fn blocks_are_drawn_where_the_locale_has_them() {
    let of = |all: &[(&str, &str)]| {
        is_utf8(|name| all.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    };
    assert!(of(&[("LANG", "en_IE.UTF-8")]) && of(&[("LC_ALL", "C.utf8"), ("LANG", "C")]));
    assert!(
        !of(&[("LC_ALL", "C"), ("LANG", "C.UTF-8")]) && !of(&[("LC_CTYPE", "en_US.ISO-8859-1"), ("LANG", "C.UTF-8")])
    );
    assert!(!of(&[]) && of(&[("LC_ALL", ""), ("LANG", "C.UTF-8")]));
}
