use std::{fs, iter, path::Path};

use async_trait::async_trait;
use futures::FutureExt as _;
use pulse_core::{
    customer::Customer,
    ports::{Ledger as _, MonthlySchedule, PutOutcome, ScheduleError, SchedulePage, Schedules, SchedulesError},
};
use pulse_sim::{clock::VirtualClock, ledger::MemoryLedger, schedules::MemorySchedules};

use super::{super::*, HEADER};

/// What EventBridge Scheduler says of a zone that it doesn't know.
const REFUSAL: &str = "Scheduler refuses: Invalid Schedule Expression Timezone.";

/// A scheduler that refuses one customer's schedule for good.
#[derive(Default)]
struct Refusing(MemorySchedules);

#[async_trait]
impl Schedules for Refusing {
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError> {
        if schedule.customer.as_str() == "p-05" {
            return Err(ScheduleError::Refused { customer: schedule.customer.clone(), cause: Cause::new(REFUSAL) });
        }
        self.0.put(schedule).await
    }

    async fn get(&self, customer: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError> {
        self.0.get(customer).await
    }

    async fn delete(&self, customer: &CustomerId) -> Result<bool, ScheduleError> {
        self.0.delete(customer).await
    }

    async fn list(&self, prefix: &str, page: Option<String>) -> Result<SchedulePage, SchedulesError> {
        self.0.list(prefix, page).await
    }
}

/// A stack in memory, and a folder for rosters.
struct World {
    ledger: MemoryLedger,
    schedules: Refusing,
    clock: VirtualClock,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let clock = VirtualClock::starting_at("2026-11-20T10:00:00Z".parse().unwrap());
        let folder = tempfile::tempdir().unwrap();
        Self { ledger: MemoryLedger::default(), schedules: Refusing::default(), clock, folder }
    }

    /// Enrols these rows as a roster of that day. Each has its own rejects file.
    fn enroll(&self, name: &str, rows: &str, day: u8) -> Report {
        let path = self.folder.path().join(name);
        fs::write(&path, HEADER.to_owned() + rows).unwrap();
        let moment = format!("2026-11-{day:02}T00:00:00Z").parse().unwrap();
        self.enroll_file(&path, AsOf { moment, known_by: "as given" })
    }

    fn enroll_file(&self, path: &Path, as_of: AsOf) -> Report {
        let bulk = BulkEnrollment { ledger: &self.ledger, schedules: &self.schedules, sleeper: &self.clock };
        let input = Input::open(path.to_str().unwrap()).unwrap();
        let place = RejectsPlace::choose(None, false, &input).unwrap();
        let (format, asked) = (RosterFormat::default(), Asked::default());
        let done = enroll_file(bulk, Zone::UTC, input, place, &format, as_of, asked, Output::new(true));
        done.now_or_never().expect("nothing to wait for").unwrap().report
    }

    fn customer(&self, id: &str) -> Option<Customer> {
        let id = CustomerId::parse(id).unwrap();
        self.ledger.customer(&id).now_or_never().unwrap().unwrap()
    }
}

fn row(id: &str, balance: &str, opted_out: &str) -> String {
    format!("{id},Test,{id}@mail.example,loan,{balance},EUR,en-IE,Europe/Dublin,2024-05-10,active,{opted_out}\n")
}

#[test]
fn one_row_that_the_scheduler_refuses_is_rejected_in_its_words_and_the_others_are_enrolled() {
    let world = World::new();
    let rows: String = (1..=60).map(|number| row(&format!("p-{number:02}"), "1.00", "no")).collect();
    for (name, new, unchanged) in [("first.csv", 59, 0), ("second.csv", 0, 59)] {
        let report = world.enroll(name, &rows, 10);
        assert_eq!((report.enrolled.new, report.enrolled.unchanged, report.rejected), (new, unchanged, 1));
        let rejects = fs::read_to_string(report.rejects_file.unwrap()).unwrap();
        let rejects: Vec<_> = rejects.lines().skip(1).collect();
        assert_eq!(
            rejects,
            [format!("6,time_zone,{REFUSAL},2026-11-10T00:00:00Z,{}", row("p-05", "1.00", "no").trim_end())]
        );
        assert_eq!(world.customer("p-05"), None, "nobody is half on the roster");
    }
}

#[test]
fn an_empty_mark_of_a_newer_file_leaves_an_opt_out_and_is_counted() {
    let world = World::new();
    let report = world.enroll("a.csv", &row("oo-1", "1.00", "yes"), 10);
    assert_eq!((report.enrolled.opted_out, report.enrolled.consent.opted_out_now), (1, 1));
    let report = world.enroll("b.csv", &row("oo-1", "2.00", ""), 11);
    assert_eq!((report.enrolled.changed, report.enrolled.opted_out, report.enrolled.consent.empty), (1, 1, 1));
    let customer = world.customer("oo-1").unwrap();
    assert_eq!((customer.consent.opted_out(), customer.balance.minor), (true, 200));
}

#[test]
fn files_take_an_opt_out_back_by_a_clear_no_that_is_not_older() {
    let world = World::new();
    world.enroll("out.csv", &row("oo-1", "1.00", "yes"), 10);
    let report = world.enroll("older.csv", &row("oo-1", "9.00", "no"), 9);
    assert_eq!((report.enrolled.older, report.enrolled.consent.outdated), (1, 1));
    assert_eq!(world.customer("oo-1").unwrap().balance.minor, 100, "an older file undoes no newer fact");
    let report = world.enroll("same.csv", &row("oo-1", "1.00", "no"), 10);
    assert_eq!((report.enrolled.changed, report.enrolled.consent.taken_back), (1, 1));
    assert!(!world.customer("oo-1").unwrap().consent.opted_out());
}

#[test]
fn the_report_says_of_when_the_roster_is_and_what_became_of_consent() {
    let world = World::new();
    let rows: String = iter::once(row("oo-1", "1.00", "yes")).chain([row("oo-2", "1.00", "")]).collect();
    let report = world.enroll("roster.csv", &rows, 10);
    insta::assert_snapshot!(report.text());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["as_of"], &json["consent"]["empty_of_new"]), (&"2026-11-10T00:00:00Z".into(), &1.into()));
}

#[test]
fn rejects_that_are_mended_late_undo_nothing_that_was_heard_meanwhile() {
    let world = World::new();
    world.enroll("monday.csv", &row("oo-1", "odd", "no"), 9);
    world.enroll("tuesday.csv", &row("oo-1", "2.00", "yes"), 10);
    let rejects = world.folder.path().join("monday.rejects.csv");
    let mended = fs::read_to_string(&rejects).unwrap().replace(",odd,", ",1.00,");
    fs::write(&rejects, mended).unwrap();
    let report = world.enroll_file(&rejects, AsOf { moment: world.clock.now(), known_by: "the file's last change" });
    assert_eq!((report.enrolled.older, report.enrolled.consent.outdated), (1, 1));
    let customer = world.customer("oo-1").unwrap();
    assert_eq!((customer.consent.opted_out(), customer.balance.minor), (true, 200));
}
