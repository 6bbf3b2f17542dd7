//! What every ledger does.
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::{SignedDuration, ToSpan as _};
use pulse_core::{
    control::Note,
    customer::{
        Consent, ConsentRecord, ConsentSource, Customer, CustomerId, OptOutMark, ProfileMark, Standing, Tombstone,
    },
    entry::{Change, Entry, Erasing, StageName},
    failure::Cause,
    ports::{
        Activity, Awaited, COUNTED_PARTS, CustomerNotes, FeedbackLog, Ledger, LedgerError, LedgerReports, OpenEntries,
        OpenKey, ReadUnits, RosterCount, RunCounts, RunReports, StageMemory, SuppressionList, TallyKey,
    },
};

use super::samples::{
    self, ENDS, End, claim_score, claim_send, customer, due, id, next_of, run, scheduled, scheduled_in,
};

/// A ledger and what operators ask of it.
pub trait TestedLedger:
    Ledger + LedgerReports + OpenEntries + RunReports + StageMemory + FeedbackLog + CustomerNotes + SuppressionList
{
}

impl<T> TestedLedger for T where
    T: Ledger + LedgerReports + OpenEntries + RunReports + StageMemory + FeedbackLog + CustomerNotes + SuppressionList
{
}

/// Opens an entry and takes it on its way.
async fn bring(ledger: &dyn TestedLedger, entry: &Entry, end: End) -> Entry {
    assert_eq!(ledger.open(entry).await, Ok(true));
    let mut at = entry.clone();
    for change in samples::way_to(end, entry) {
        assert_eq!(ledger.apply(&change).await, Ok(()));
        at = change.into_after();
    }
    at
}

async fn read(ledger: &dyn TestedLedger, entry: &Entry) -> Option<Entry> {
    ledger.entry(entry.id()).await.unwrap()
}

pub async fn a_profile_is_read_back_and_replaced(ledger: &dyn TestedLedger) {
    let mut customer = samples::customer("c-1");
    assert_eq!(ledger.customer(&customer.id).await, Ok(None));
    let record = ConsentRecord { by: ConsentSource::Customer, as_of: Some(due()), proof: Some(Cause::new("m-1")) };
    for consent in [Consent::default(), Consent::of_mark(OptOutMark::No), Consent::said(true, record)] {
        customer.consent = consent;
        customer.mark = ProfileMark { as_of: Some(due()), settled: true, ..customer.mark };
        assert_eq!(ledger.save_customer(&customer).await, Ok(true));
        customer.mark.version += 1;
        assert_eq!(ledger.customer(&customer.id).await, Ok(Some(customer.clone())));
    }
}

pub async fn a_profile_that_was_written_meanwhile_is_not_written_over(ledger: &dyn TestedLedger) {
    let first = samples::customer("c-1");
    assert_eq!(ledger.save_customer(&first).await, Ok(true));
    assert_eq!(ledger.save_customer(&first).await, Ok(false), "it was taken for new");
    let read = ledger.customer(&first.id).await.unwrap().expect("a profile");
    let theirs = Customer { consent: Consent::of_mark(OptOutMark::Yes), ..read.clone() };
    assert_eq!(ledger.save_customer(&theirs).await, Ok(true));
    for stale in [&first, &read, &Customer { mark: ProfileMark { version: 7, ..read.mark.clone() }, ..read.clone() }] {
        assert_eq!(ledger.save_customer(stale).await, Ok(false));
    }
    assert!(ledger.customer(&first.id).await.unwrap().expect("a profile").is_like(&theirs));
    let nobody = Customer { mark: ProfileMark { version: 1, ..ProfileMark::default() }, ..samples::customer("c-2") };
    assert_eq!(ledger.save_customer(&nobody).await, Ok(false));
    assert_eq!(ledger.customer(&nobody.id).await, Ok(None));
}

/// The writers are the same: nothing but the ledger can tell who won.
pub async fn of_twenty_profiles_at_once_one_is_written(ledger: &dyn TestedLedger) {
    for customer in [samples::customer("c-1"), samples::customer("c-2")] {
        let written = join_all((0..20).map(|_| ledger.save_customer(&customer))).await;
        assert_eq!(written.iter().filter(|written| **written == Ok(true)).count(), 1, "{written:?}");
    }
}

pub async fn an_entry_is_opened_once(ledger: &dyn TestedLedger) {
    let entry = scheduled("c-1");
    assert_eq!(read(ledger, &entry).await, None);
    assert_eq!(ledger.open(&entry).await, Ok(true));
    let other = samples::scheduled_in("c-1", "2026-11", due() + 1.hour());
    assert_eq!(ledger.open(&other).await, Ok(false));
    assert_eq!(read(ledger, &entry).await, Some(entry));
}

pub async fn every_state_is_read_back(ledger: &dyn TestedLedger) {
    for (n, end) in ENDS.into_iter().enumerate() {
        let entry = bring(ledger, &scheduled(&format!("c-{n}")), end).await;
        assert_eq!(read(ledger, &entry).await, Some(entry), "{end:?}");
    }
}

pub async fn a_failed_entry_is_claimed_again(ledger: &dyn TestedLedger) {
    let failed = bring(ledger, &scheduled("c-1"), End::Failed(StageName::Score)).await;
    let change = claim_score(&failed);
    ledger.apply(&change).await.unwrap();
    assert_eq!(read(ledger, &failed).await.as_ref(), Some(change.after()));
    let tally = ledger.tally(due()).await.unwrap().0;
    assert_eq!(tally, BTreeMap::from([((run("2026-11"), TallyKey::Due(StageName::Score)), 1)]));
}

pub async fn entries_come_newest_first(ledger: &dyn TestedLedger) {
    let months = ["2026-11", "2027-01", "2026-12"];
    for month in months {
        ledger.open(&samples::scheduled_in("c-1", month, due())).await.unwrap();
    }
    ledger.open(&scheduled("c-10")).await.unwrap();
    ledger.save_customer(&samples::customer("c-1")).await.unwrap();
    let entries = ledger.entries(&id("c-1")).await.unwrap();
    let found: Vec<String> = entries.iter().map(|entry| entry.id().to_string()).collect();
    assert_eq!(found, ["c-1/2027-01", "c-1/2026-12", "c-1/2026-11"]);
    assert_eq!(ledger.entries(&id("c-2")).await, Ok(vec![]));
}

pub async fn a_change_of_another_version_writes_nothing(ledger: &dyn TestedLedger) {
    let entry = scheduled("c-1");
    let stale = entry.reschedule(due() + 1.hour()).unwrap();
    let conflict = Err(LedgerError::Conflict(entry.id().into()));
    assert_eq!(ledger.apply(&stale).await, conflict);
    assert_eq!(read(ledger, &entry).await, None);

    let scoring = bring(ledger, &entry, End::Scoring).await;
    assert_eq!(ledger.apply(&stale).await, conflict);
    assert_eq!(read(ledger, &entry).await, Some(scoring));
}

pub async fn a_change_of_another_version_writes_no_more_than_the_next_entry(ledger: &dyn TestedLedger) {
    let sending = bring(ledger, &scheduled("c-1"), End::Sending).await;
    let next = next_of(&sending);
    let stale = sending.record_sent("m-1".to_owned(), due(), Some(next.clone())).unwrap();
    let failed = sending.fail(StageName::Email, Cause::new("It failed."), due(), None).unwrap();
    ledger.apply(&failed).await.unwrap();
    assert_eq!(ledger.apply(&stale).await, Err(LedgerError::Conflict(sending.id().into())));
    assert_eq!(read(ledger, &sending).await.as_ref(), Some(failed.after()));
    // It is written first: whoever reads the entry again finds it there.
    assert_eq!(read(ledger, &next).await, Some(next.clone()));
    assert_eq!(ledger.apply(&stale).await, Err(LedgerError::Conflict(sending.id().into())));
    assert_eq!(read(ledger, &sending).await.as_ref(), Some(failed.after()));
}

/// The claims are the same to the nanosecond: nothing but the ledger can tell who won.
pub async fn of_twenty_claims_at_once_one_wins(ledger: &dyn TestedLedger) {
    let scored = bring(ledger, &scheduled("c-1"), End::Scored).await;
    let claim = claim_send(&scored);
    assert_eq!(at_once(ledger, &claim, 20).await, 1);
    assert_eq!(read(ledger, &scored).await.as_ref(), Some(claim.after()));
}

pub async fn of_twenty_endings_at_once_one_wins(ledger: &dyn TestedLedger) {
    let sending = bring(ledger, &scheduled("c-1"), End::Sending).await;
    let next = next_of(&sending);
    let sent = sending.record_sent("m-1".to_owned(), due(), Some(next.clone())).unwrap();
    assert_eq!(at_once(ledger, &sent, 20).await, 1);
    assert_eq!(read(ledger, &sending).await.as_ref(), Some(sent.after()));
    assert_eq!(read(ledger, &next).await, Some(next));
}

/// How many of `tries` to apply a change at once go through. The others see a conflict, or that
/// someone else is at it.
async fn at_once(ledger: &dyn TestedLedger, change: &Change, tries: usize) -> usize {
    let outcomes = join_all((0..tries).map(|_| ledger.apply(change))).await;
    for outcome in &outcomes {
        assert!(!matches!(outcome, Err(LedgerError::Broken(_))), "{outcome:?}");
    }
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

pub async fn the_next_entry_is_opened_with_the_change(ledger: &dyn TestedLedger) {
    let sending = bring(ledger, &scheduled("c-1"), End::Sending).await;
    let next = next_of(&sending);
    let sent = sending.record_sent("m-1".to_owned(), due(), Some(next.clone())).unwrap();
    ledger.apply(&sent).await.unwrap();
    assert_eq!(ledger.entries(&id("c-1")).await, Ok(vec![next, sent.into_after()]));
}

pub async fn a_next_entry_that_is_there_already_is_kept(ledger: &dyn TestedLedger) {
    let sending = bring(ledger, &scheduled("c-1"), End::Sending).await;
    let next = next_of(&sending);
    let claimed = bring(ledger, &next, End::Scoring).await;
    let sent = sending.record_sent("m-1".to_owned(), due(), Some(next)).unwrap();
    ledger.apply(&sent).await.unwrap();
    assert_eq!(ledger.entries(&id("c-1")).await, Ok(vec![claimed, sent.into_after()]));
}

pub async fn the_tally_adds_up_by_run_and_standing(ledger: &dyn TestedLedger) {
    let mut expected = BTreeMap::new();
    let now = due();
    for (n, end) in (0..3).flat_map(|_| ENDS).enumerate() {
        bring(ledger, &scheduled(&format!("c-{n}")), end).await;
        *expected.entry((run("2026-11"), counted_as(end))).or_default() += 1;
    }
    for n in 0..5 {
        let later = samples::scheduled_in(&format!("c-{n}"), "2026-12", now + SignedDuration::from_nanos(1));
        bring(ledger, &later, End::Scheduled).await;
        *expected.entry((run("2026-12"), TallyKey::NotDue)).or_default() += 1;
    }
    let earlier = samples::scheduled_in("c-0", "2026-02", now);
    bring(ledger, &earlier, End::Sent).await;
    *expected.entry((run("2026-02"), TallyKey::Sent)).or_default() += 1;

    let tally = ledger.tally(now).await.unwrap().0;
    assert_eq!(tally, expected);
    assert_eq!(tally.values().sum::<u64>(), 3 * ENDS.len() as u64 + 5 + 1);
}

fn counted_as(end: End) -> TallyKey {
    match end {
        End::Scheduled | End::Scoring | End::Troubled => TallyKey::Due(StageName::Score),
        End::Scored | End::Sending => TallyKey::Due(StageName::Email),
        End::Sent => TallyKey::Sent,
        End::Skipped(reason) => TallyKey::Skipped(reason),
        End::Failed(stage) => TallyKey::Failed(stage),
        End::Unknown => TallyKey::Indeterminate,
    }
}

pub async fn the_roster_is_counted_by_standing(ledger: &dyn TestedLedger) {
    assert_eq!(ledger.roster().await, Ok(RosterCount::default()));
    for n in 0..20 {
        let mut customer = samples::customer(&format!("c-{n}"));
        ledger.save_customer(&customer).await.unwrap();
        if n < 3 {
            customer.standing = Standing::Closed;
            customer.mark.version += 1;
            assert_eq!(ledger.save_customer(&customer).await, Ok(true));
        }
    }
    assert_eq!(ledger.roster().await, Ok(RosterCount { active: 17, closed: 3 }));
}

pub async fn notes_come_newest_first_and_once_each(ledger: &dyn TestedLedger) {
    let note = |at, what: &str| Activity { customer: id("c-1"), at, what: what.to_owned() };
    let first = note(due(), "The mail bounced.");
    let second = note(due() + SignedDuration::from_nanos(1), "The slot moved.");
    let third = note(due() + 1.hour(), "The mail bounced.");
    for activity in [&second, &third, &first, &second] {
        ledger.note(activity).await.unwrap();
    }
    let twin = Activity { what: "The address changed.".to_owned(), ..first.clone() };
    ledger.note(&twin).await.unwrap();
    let notes = ledger.activities(&id("c-1")).await.unwrap();
    assert_eq!(notes[..2], [third, second]);
    assert_eq!(notes.len(), 4);
    assert!(notes.contains(&first) && notes.contains(&twin));
    assert_eq!(ledger.activities(&id("c-2")).await, Ok(vec![]));
}

pub async fn the_last_hundred_notes_are_told(ledger: &dyn TestedLedger) {
    let note = |n: i64| Activity {
        customer: id("c-1"),
        at: due() + SignedDuration::from_secs(n),
        what: "The mail bounced.".to_owned(),
    };
    for n in 0..103 {
        ledger.note(&note(n)).await.unwrap();
    }
    let expected: Vec<Activity> = (3..103).rev().map(note).collect();
    assert_eq!(ledger.activities(&id("c-1")).await, Ok(expected));
}

pub async fn all_notes_of_one_customer_are_told_and_deleted(ledger: &dyn TestedLedger) {
    let note = |customer: &str, n: i64| Activity {
        customer: id(customer),
        at: due() + SignedDuration::from_secs(n),
        what: "The mail bounced.".to_owned(),
    };
    bring(ledger, &scheduled_in("c-1", "2026-11", due()), End::Scored).await;
    for n in 0..103 {
        ledger.note(&note("c-1", n)).await.unwrap();
    }
    ledger.note(&note("c-12", 0)).await.unwrap();
    assert_eq!(ledger.all_notes(&id("c-1")).await.unwrap(), (0..103).rev().map(|n| note("c-1", n)).collect::<Vec<_>>());
    assert_eq!(ledger.erase_notes(&id("c-1")).await, Ok(103));
    assert_eq!(ledger.erase_notes(&id("c-1")).await, Ok(0));
    assert_eq!(ledger.all_notes(&id("c-1")).await, Ok(Vec::new()));
    assert_eq!(ledger.entries(&id("c-1")).await.unwrap().len(), 1);
    assert_eq!(ledger.all_notes(&id("c-12")).await, Ok(vec![note("c-12", 0)]));
}

pub async fn a_tombstone_and_erased_entries_are_read_back(ledger: &dyn TestedLedger) {
    let (at, note) = (due(), Note::parse("asked by letter").unwrap());
    assert_eq!(ledger.save_customer(&customer("c-1")).await, Ok(true));
    let known = ledger.customer(&id("c-1")).await.unwrap().unwrap();
    let gone = known.forgotten(Tombstone { at, by: "aoife".into(), note });
    assert_eq!(ledger.save_customer(&gone).await, Ok(true));
    let known = ledger.customer(&id("c-1")).await.unwrap().unwrap();
    assert_eq!(known.mark.forgotten, gone.mark.forgotten);
    // It counts as someone who has left, so that runs go on adding up.
    assert_eq!(ledger.roster().await.unwrap().closed, 1);
    for (n, end) in (10..).zip(ENDS) {
        let entry = bring(ledger, &scheduled_in("c-1", &format!("20{n}-11"), due()), end).await;
        if let Erasing::Change(change) = entry.erase(due() + 9.hours()) {
            assert_eq!(ledger.apply(&change).await, Ok(()));
            let known = ledger.entry(entry.id()).await.unwrap().unwrap();
            assert!(known.is_erased() && known.score().is_none(), "{known:?}");
            assert_eq!(&known, change.after());
        }
    }
}

pub async fn what_is_overdue_is_found_by_stage_and_the_longest_waiting_first(ledger: &dyn TestedLedger) {
    let at = |hours: i64| due() + hours.hours();
    for (customer, hours) in [("c-late", 1), ("c-later", 2), ("c-future", 9)] {
        ledger.open(&scheduled_in(customer, "2026-11", at(hours))).await.unwrap();
    }
    bring(ledger, &scheduled_in("c-scored", "2026-11", at(1)), End::Scored).await;
    let overdue = async |stage, hours, limit| {
        let found = ledger.overdue(stage, Awaited::First, at(hours), limit).await.unwrap();
        found.into_iter().map(|id| id.customer.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(overdue(StageName::Score, 5, 10).await, ["c-late", "c-later"]);
    assert_eq!(overdue(StageName::Score, 1, 10).await, ["c-late"]);
    assert_eq!(overdue(StageName::Score, 0, 10).await, Vec::<String>::new());
    assert_eq!(overdue(StageName::Score, 5, 1).await, ["c-late"]);
    assert_eq!(overdue(StageName::Email, 5, 10).await, ["c-scored"]);
}

pub async fn an_entry_queued_again_is_found_among_those_again(ledger: &dyn TestedLedger) {
    let entry = scheduled("c-1");
    ledger.open(&entry).await.unwrap();
    let again = entry.queue_again(due() + 1.hour()).unwrap();
    ledger.apply(&again).await.unwrap();
    let found =
        async |awaited, hours: i64| ledger.overdue(StageName::Score, awaited, due() + hours.hours(), 10).await.unwrap();
    assert_eq!(found(Awaited::Again, 1).await, [entry.id().clone()]);
    assert_eq!(found(Awaited::First, 9).await, []);
    assert_eq!(found(Awaited::Again, 0).await, []);
    assert_eq!(ledger.entry(entry.id()).await.unwrap().as_ref(), Some(again.after()));
    let tally = ledger.tally(due() + 2.hours()).await.unwrap();
    assert_eq!(tally.0.get(&(entry.id().run, TallyKey::Due(StageName::Score))), Some(&1));
}

pub async fn an_entry_that_is_put_off_is_found_at_its_moment(ledger: &dyn TestedLedger) {
    let entry = scheduled("c-1");
    let scored = bring(ledger, &entry, End::Scored).await;
    let deferred = scored.defer(StageName::Email, due() + 5.hours(), due()).unwrap();
    ledger.apply(&deferred).await.unwrap();
    let found =
        async |awaited, hours: i64| ledger.overdue(StageName::Email, awaited, due() + hours.hours(), 10).await.unwrap();
    assert_eq!(found(Awaited::Deferred, 5).await, [entry.id().clone()]);
    assert_eq!(found(Awaited::Deferred, 4).await, []);
    assert_eq!(found(Awaited::First, 9).await, []);
    assert_eq!(ledger.entry(entry.id()).await.unwrap().as_ref(), Some(deferred.after()));
    let tally = ledger.tally(due()).await.unwrap();
    assert_eq!(tally.0.get(&(entry.id().run, TallyKey::Due(StageName::Email))), Some(&1));
}

pub async fn doubt_about_a_mail_is_read_back(ledger: &dyn TestedLedger) {
    let entry = scheduled("c-1");
    let sending = bring(ledger, &entry, End::Sending).await;
    let released = sending.release_in_doubt(Cause::new("The answer was lost."), due()).unwrap();
    ledger.apply(&released).await.unwrap();
    let read = ledger.entry(entry.id()).await.unwrap().expect("an entry");
    assert_eq!(read.in_doubt_since(), Some(due()));
    assert_eq!(&read, released.after());
}

pub async fn lists_show_active_customers_and_open_entries_once_each(ledger: &dyn TestedLedger) {
    for number in 0..20 {
        let standing = if number % 4 == 0 { Standing::Closed } else { Standing::Active };
        let id = format!("c-{number:02}");
        ledger.save_customer(&Customer { standing, ..customer(&id) }).await.unwrap();
        let end = if number % 5 == 0 { End::Sent } else { End::Scheduled };
        bring(ledger, &scheduled(&id), end).await;
    }
    let listed = async || {
        let (mut active, mut open) = (Vec::new(), Vec::new());
        for part in 0..ledger.parts() {
            active.extend(ledger.active_customers(part).await.unwrap().into_iter().map(|id| id.to_string()));
            open.extend(ledger.open_entries(part).await.unwrap().into_iter().map(|id| id.customer.to_string()));
        }
        active.sort();
        open.sort();
        (active, open)
    };
    let named = |keep: fn(i32) -> bool| (0..20).filter(|n| keep(*n)).map(|n| format!("c-{n:02}")).collect::<Vec<_>>();
    let expected = (named(|n| n % 4 != 0), named(|n| n % 5 != 0));
    assert_eq!(listed().await, expected);
}

pub async fn active_customers_come_in_order_by_prefix_and_page(ledger: &dyn TestedLedger) {
    let names = ["c", "c-1", "c-10", "c-11", "c-1_", "c-1a", "c-2", "C-1", "d"];
    for name in names {
        ledger.save_customer(&customer(name)).await.unwrap();
    }
    ledger.save_customer(&Customer { standing: Standing::Closed, ..customer("c-12") }).await.unwrap();
    for prefix in ["", "c", "c-1", "c-10", "e"] {
        for limit in [1, 2, 100] {
            let mut listed = Vec::new();
            for part in 0..ledger.parts() {
                let mut after = None;
                loop {
                    let page = ledger.active_page(part, prefix, after.as_ref(), limit).await.unwrap();
                    let ordered = after.iter().chain(&page).is_sorted_by(|one, next| one < next);
                    assert!(page.len() <= limit && ordered, "{prefix:?} after {after:?}: {page:?}");
                    after = page.last().cloned();
                    listed.extend(page);
                    if after.is_none() {
                        break;
                    }
                }
            }
            listed.sort();
            let mut expected: Vec<_> = names.into_iter().filter(|name| name.starts_with(prefix)).map(id).collect();
            expected.sort();
            assert_eq!(listed, expected, "{prefix:?}, {limit} a page");
        }
    }
}

pub async fn closed_entries_are_found_by_where_they_stand(ledger: &dyn TestedLedger) {
    let ends =
        [("c-1", End::Unknown), ("c-2", End::Unknown), ("c-3", End::Failed(StageName::Email)), ("c-4", End::Sent)];
    for (customer, end) in ends {
        bring(ledger, &scheduled(customer), end).await;
    }
    let found = async |month: &str, key, limit| {
        let ids = ledger.closed_entries(run(month), key, None, limit).await.unwrap();
        ids.into_iter().map(|id| id.customer.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found("2026-11", TallyKey::Indeterminate, 10).await, ["c-1", "c-2"]);
    assert_eq!(found("2026-11", TallyKey::Indeterminate, 1).await, ["c-1"]);
    assert_eq!(found("2026-11", TallyKey::Failed(StageName::Email), 10).await, ["c-3"]);
    for (after, expected) in [("c-1", vec!["c-2"]), ("c-", vec!["c-1", "c-2"]), ("c-2", vec![])] {
        let after = id(after).into();
        let ids = ledger.closed_entries(run("2026-11"), TallyKey::Indeterminate, Some(&after), 10).await.unwrap();
        assert_eq!(ids.iter().map(|id| id.customer.as_str()).collect::<Vec<_>>(), expected, "{after}");
    }
    assert_eq!(found("2026-11", TallyKey::Failed(StageName::Score), 10).await, Vec::<String>::new());
    assert_eq!(found("2026-10", TallyKey::Indeterminate, 10).await, Vec::<String>::new());
    assert_eq!(found("2026-11", TallyKey::Due(StageName::Score), 10).await, Vec::<String>::new());
}

pub async fn when_a_stage_was_held_up_is_remembered(ledger: &dyn TestedLedger) {
    assert_eq!(ledger.held_up_at(StageName::Score).await, Ok(None));
    for moment in [due(), due() + 1.hour()] {
        ledger.remember_held_up(StageName::Score, moment).await.unwrap();
        assert_eq!(ledger.held_up_at(StageName::Score).await, Ok(Some(moment)));
    }
    assert_eq!(ledger.held_up_at(StageName::Email).await, Ok(None));
}

pub async fn a_run_is_counted_by_what_its_entries_wait_for(ledger: &dyn TestedLedger) {
    let now = due() + 1.hour();
    let mut expected = RunCounts::default();
    for (n, end) in (0..2).flat_map(|_| ENDS).enumerate() {
        let customer = format!("c-{n}");
        ledger.save_customer(&samples::customer(&customer)).await.unwrap();
        expected.roster.active += 1;
        let entry = bring(ledger, &scheduled(&customer), end).await;
        match entry.waits_for() {
            Some(stage) => {
                let key = OpenKey { stage, awaited: Awaited::First, is_due: true };
                *expected.open.entry(key).or_default() += 1;
            }
            None => *expected.closed.entry(counted_as(end)).or_default() += 1,
        }
        // What other runs hold of the same customers is not counted.
        bring(ledger, &scheduled_in(&customer, "2026-12", now), end).await;
        bring(ledger, &scheduled_in(&customer, "2026-11-r2", now), end).await;
    }
    for (n, at) in [now, now + SignedDuration::from_nanos(1), now + 1.hour()].into_iter().enumerate() {
        ledger.open(&scheduled_in(&format!("d-{n}"), "2026-11", at)).await.unwrap();
        let key = OpenKey { stage: StageName::Score, awaited: Awaited::First, is_due: at <= now };
        *expected.open.entry(key).or_default() += 1;
    }
    for (n, until) in [now, now + 1.hour()].into_iter().enumerate() {
        let scored = bring(ledger, &scheduled(&format!("e-{n}")), End::Scored).await;
        ledger.apply(&scored.defer(StageName::Email, until, due()).unwrap()).await.unwrap();
        let key = OpenKey { stage: StageName::Email, awaited: Awaited::Deferred, is_due: until <= now };
        *expected.open.entry(key).or_default() += 1;
    }
    let lost = scheduled("f-0");
    ledger.open(&lost).await.unwrap();
    ledger.apply(&lost.queue_again(now).unwrap()).await.unwrap();
    expected.open.insert(OpenKey { stage: StageName::Score, awaited: Awaited::Again, is_due: true }, 1);

    assert_eq!(ledger.run_counts(run("2026-11"), now).await, Ok(expected.clone()));
    let (mut entries, mut roster) = (0, RosterCount::default());
    for part in 0..COUNTED_PARTS {
        let counts = ledger.run_counts_in(part..part + 1, run("2026-11"), now).await.unwrap();
        entries += counts.entries();
        roster =
            RosterCount { active: roster.active + counts.roster.active, closed: roster.closed + counts.roster.closed };
    }
    assert_eq!((entries, roster), (expected.entries(), expected.roster), "each is in one part");
    assert_eq!(expected.entries(), 2 * ENDS.len() as u64 + 3 + 2 + 1);
    let nobody = RunCounts { roster: expected.roster, ..RunCounts::default() };
    assert_eq!(ledger.run_counts(run("2026-10"), now).await, Ok(nobody));
}

pub async fn who_is_done_with_a_run_and_who_has_left_are_listed_once_each(ledger: &dyn TestedLedger) {
    let (mut done, mut left) = (Vec::new(), Vec::new());
    for (n, end) in (0..2).flat_map(|_| ENDS).enumerate() {
        let name = format!("c-{n}");
        let standing = if n % 3 == 0 { Standing::Closed } else { Standing::Active };
        ledger.save_customer(&Customer { standing, ..customer(&name) }).await.unwrap();
        if standing == Standing::Closed {
            left.push(name.clone());
        }
        if !bring(ledger, &scheduled(&name), end).await.is_open() {
            done.push(name.clone());
        }
        bring(ledger, &scheduled_in(&name, "2026-11-r2", due()), End::Sent).await;
        bring(ledger, &scheduled_in(&name, "2026-12", due()), End::Sent).await;
    }
    let (mut found_done, mut found_left) = (Vec::new(), Vec::new());
    for part in 0..ledger.parts() {
        found_done.extend(ledger.closed_in_run(part, run("2026-11")).await.unwrap());
        found_left.extend(ledger.closed_customers(part).await.unwrap());
    }
    let told = |ids: Vec<CustomerId>| {
        let mut told: Vec<String> = ids.iter().map(ToString::to_string).collect();
        told.sort();
        told
    };
    done.sort();
    left.sort();
    assert_eq!((told(found_done), told(found_left)), (done, left));
}

pub async fn what_reading_costs_is_told(ledger: &dyn TestedLedger) {
    for n in 0..20 {
        ledger.open(&scheduled(&format!("c-{n}"))).await.unwrap();
    }
    let before = ledger.read_units();
    ledger.entry(scheduled("c-1").id()).await.unwrap();
    assert_eq!(ledger.read_units() - before, ReadUnits::of_halves(2), "a strongly consistent read of a small row");
    let before = ledger.read_units();
    ledger.run_counts(run("2026-11"), due()).await.unwrap();
    assert!(ledger.read_units() > before, "counting costs something");
}
