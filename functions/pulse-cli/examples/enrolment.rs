//! Prints how long enrolling a roster takes, what it costs, and how much memory it takes: `cargo run -p pulse-cli --example
//! enrolment`. The file is read and the customers are enrolled by the code that is shipped. What stands in for AWS takes
//! virtual time and has AWS's quotas.

use std::{
    fs,
    io::{self, Read, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_app::BulkEnrollment;
use pulse_core::{
    customer::{Customer, CustomerId, EmailAddress, ProfileMark, Zone},
    delivery::Delivery,
    entry::{Change, Entry, EntryId},
    failure::Cause,
    ports::{
        Activity, Ledger, LedgerError, MonthlySchedule, PutOutcome, ScheduleError, SchedulePage, Schedules,
        SchedulesError,
    },
    roster::RosterRow,
    run::RunId,
    suppression::Suppression,
};
use pulse_roster::{RosterFile, RosterFormat, Row};
use pulse_sim::{clock::VirtualClock, time::VirtualTime};

/// How long a call takes there and back, to the table and to Scheduler.
const LEDGER_CALL: Duration = Duration::from_millis(8);
const SCHEDULER_CALL: Duration = Duration::from_millis(30);

/// Calls of a kind that Scheduler takes in a second in most Regions (`EventBridge` Scheduler User Guide, "Quotas"), and
/// units that a new on-demand table takes (`DynamoDB` Developer Guide, "`DynamoDB` on-demand capacity mode").
const SCHEDULES_A_SECOND: u64 = 250;
const READS_A_SECOND: u64 = 12_000;
const WRITES_A_SECOND: u64 = 4_000;

const HEADER: &str = "id,name,email,product,balance,currency,locale,time_zone,signed_up_at,status,opted_out\n";

/// A roster of numbered customers, made as it is read.
struct Generated {
    next: u32,
    end: u32,
    month: u8,
    line: Vec<u8>,
    read: usize,
}

impl Generated {
    fn of(customers: u32, month: u8) -> Self {
        Self { next: 0, end: customers, month, line: HEADER.as_bytes().to_vec(), read: 0 }
    }
}

impl Read for Generated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.line.len() && self.next < self.end {
            let Self { next, month, .. } = *self;
            let (day, minute) = (1 + next % 28, next % 60);
            self.line.clear();
            self.read = 0;
            writeln!(
                self.line,
                "c-{next:08},Ada O'Brien,ada.{next}@mail.example,loan,{next}.{month:02},EUR,en-IE,Europe/Dublin,\
                 2024-05-{day:02}T14:{minute:02}:00+01:00,active,no"
            )?;
            self.next += 1;
        }
        let part = (&self.line[self.read..]).read(buffer)?;
        self.read += part;
        Ok(part)
    }
}

/// What is used of something that takes so much in a second.
#[derive(Debug, Default)]
struct Quota {
    second: i64,
    within: u64,
    all: u64,
    throttled: u64,
}

impl Quota {
    fn take(&mut self, second: i64, units: u64, quota: u64) -> bool {
        if self.second != second {
            (self.second, self.within) = (second, 0);
        }
        let takes = self.within + units <= quota;
        (self.within, self.all) = (self.within + units * u64::from(takes), self.all + units * u64::from(takes));
        self.throttled += u64::from(!takes);
        takes
    }
}

/// What is kept of a customer: numbers, as the facts are made anew from the customer's own.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    version: u32,
    month: u8,
    settled: bool,
    has_entry: bool,
    has_schedule: bool,
}

/// The table and Scheduler.
struct StandIn {
    time: VirtualTime,
    state: Mutex<State>,
}

struct State {
    kept: Vec<Kept>,
    reads: Quota,
    writes: Quota,
    creates: Quota,
    gets: Quota,
}

impl StandIn {
    fn new(time: VirtualTime, customers: u32) -> Self {
        let kept = (0..customers).map(|_| Kept::default()).collect();
        let [reads, writes, creates, gets] = [(); 4].map(|()| Quota::default());
        Self { time, state: Mutex::new(State { kept, reads, writes, creates, gets }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call to the table. What is throttled is tried again by the SDK.
    async fn table(&self, quota: fn(&mut State) -> &mut Quota, units: u64, a_second: u64) -> Result<(), LedgerError> {
        for wait in [50, 100, 200] {
            self.time.sleep(LEDGER_CALL).await;
            if quota(&mut self.state()).take(self.time.now().as_second(), units, a_second) {
                return Ok(());
            }
            self.time.sleep(Duration::from_millis(wait)).await;
        }
        Err(LedgerError::Unavailable(Cause::new("Throttled.")))
    }

    async fn read(&self) -> Result<(), LedgerError> {
        self.table(|state| &mut state.reads, 1, READS_A_SECOND).await
    }

    async fn write(&self, units: u64) -> Result<(), LedgerError> {
        self.table(|state| &mut state.writes, units, WRITES_A_SECOND).await
    }
}

fn number(id: &CustomerId) -> usize {
    id.as_str().trim_start_matches("c-").parse().expect("a numbered customer")
}

fn as_of(month: u8) -> Timestamp {
    format!("2026-{month:02}-01T00:00:00Z").parse().expect("a moment")
}

/// The profile that a row of that month makes.
fn profile(number: usize, kept: Kept) -> Customer {
    let (id, email, balance) =
        (format!("c-{number:08}"), format!("ada.{number}@mail.example"), format!("{number}.{:02}", kept.month));
    let signed_up_at = format!("2024-05-{:02}T14:{:02}:00+01:00", 1 + number % 28, number % 60);
    let row = RosterRow {
        id: &id,
        name: "Ada O'Brien",
        email: &email,
        product: "loan",
        balance: &balance,
        currency: "EUR",
        locale: "en-IE",
        time_zone: "Europe/Dublin",
        signed_up_at: &signed_up_at,
        status: "active",
        opted_out: "no",
    };
    let mut customer = row.parse(&Zone::UTC).unwrap_or_else(|problems| panic!("{problems:?}"));
    let at = as_of(kept.month);
    customer.consent = customer.consent.clone().after_roster(customer.consent.mark(), at).0;
    customer.mark = ProfileMark {
        version: u64::from(kept.version),
        as_of: Some(at),
        settled: kept.settled,
        ..ProfileMark::default()
    };
    customer
}

#[async_trait]
impl Ledger for StandIn {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        self.read().await?;
        let kept = self.state().kept[number(id)];
        Ok((kept.version > 0).then(|| profile(number(id), kept)))
    }

    async fn save_with_word(&self, customer: &Customer, _: &[Delivery]) -> Result<bool, LedgerError> {
        let is_new = customer.mark.version == 0;
        self.write(1 + u64::from(is_new)).await?;
        let mut state = self.state();
        let kept = &mut state.kept[number(&customer.id)];
        let is_of_this = u64::from(kept.version) == customer.mark.version;
        if is_of_this {
            kept.version += 1;
            kept.month = u8::try_from(customer.balance.minor % 100).unwrap_or_default();
            kept.settled = customer.mark.settled;
        }
        Ok(is_of_this)
    }

    async fn entry(&self, _: &EntryId) -> Result<Option<Entry>, LedgerError> {
        Ok(None)
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.read().await?;
        let has_entry = self.state().kept[number(customer)].has_entry;
        let run = RunId::parse("2026-12").expect("a run");
        let id = EntryId::of(customer.clone(), run);
        Ok(has_entry.then(|| Entry::scheduled(id, as_of(12), None)).into_iter().collect())
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.write(2).await?;
        Ok(!std::mem::replace(&mut self.state().kept[number(&entry.id().customer)].has_entry, true))
    }

    async fn write_change(&self, _: &Change) -> Result<(), LedgerError> {
        self.write(1).await
    }

    async fn suppression(&self, _: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        Ok(None)
    }

    async fn save_suppression(&self, _: &EmailAddress, _: &Suppression) -> Result<bool, LedgerError> {
        Ok(true)
    }

    async fn note(&self, _: &Activity) -> Result<(), LedgerError> {
        Ok(())
    }
}

impl StandIn {
    async fn scheduler(&self, customer: &CustomerId, quota: fn(&mut State) -> &mut Quota) -> Result<(), ScheduleError> {
        let takes = quota(&mut self.state()).take(self.time.now().as_second(), 1, SCHEDULES_A_SECOND);
        self.time.sleep(SCHEDULER_CALL).await;
        let throttled = || ScheduleError::Unavailable { customer: customer.clone(), cause: Cause::new("Throttled.") };
        if takes { Ok(()) } else { Err(throttled()) }
    }
}

#[async_trait]
impl Schedules for StandIn {
    /// As on `EventBridge` Scheduler, what is there already costs a look, too.
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError> {
        self.scheduler(&schedule.customer, |state| &mut state.creates).await?;
        if !std::mem::replace(&mut self.state().kept[number(&schedule.customer)].has_schedule, true) {
            return Ok(PutOutcome::Created);
        }
        self.scheduler(&schedule.customer, |state| &mut state.gets).await?;
        Ok(PutOutcome::Unchanged)
    }

    async fn get(&self, _: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError> {
        Ok(None)
    }

    async fn delete(&self, _: &CustomerId) -> Result<bool, ScheduleError> {
        Ok(false)
    }

    async fn list(&self, _: &str, _: Option<String>) -> Result<SchedulePage, SchedulesError> {
        Ok(SchedulePage::default())
    }
}

/// Enrols the roster of a month, and prints what that took. It is killed after so many rows, if it is to be.
fn enroll(what: &str, stand_in: &Arc<StandIn>, customers: u32, month: u8, killed_after: Option<u64>) -> io::Result<()> {
    let time = &stand_in.time;
    let used = || {
        let state = stand_in.state();
        let State { reads, writes, creates, gets, .. } = &*state;
        [reads.all, writes.all, creates.all + gets.all, reads.throttled + writes.throttled + creates.throttled]
    };
    let (began, before) = (time.now(), used());
    let sleeper = Arc::new(time.clone());
    let bulk = BulkEnrollment { ledger: &**stand_in, schedules: &**stand_in, sleeper: &*sleeper };
    let roster = RosterFile::open(Generated::of(customers, month), Zone::UTC, &RosterFormat::default());
    let roster = roster.map_err(io::Error::other)?;
    let done = std::cell::Cell::new(0);
    let mut rows = roster.map(|row| row.unwrap_or_else(|error| panic!("a row is bad: {error:?}")));
    let until_killed = std::iter::from_fn(|| {
        if killed_after.is_some_and(|killed_after| done.get() >= killed_after) { None } else { rows.next() }
    });
    let mut watch = |_: Row, _: Option<&Cause>| done.set(done.get() + 1);
    let counts = time.run(bulk.run(until_killed, as_of(month), &mut watch, &|| false)).map_err(io::Error::other)?;
    let seconds = time.now().duration_since(began).as_secs_f64().max(0.001);
    let used: Vec<_> = used().into_iter().zip(before).map(|(after, before)| after - before).collect();
    writeln!(
        io::stdout().lock(),
        "{what:<34} {:>7} {:>7} {:>7} {:>9} {:>7.1} {:>7.0} {:>9} {:>9} {:>9} {:>9} {:>7}",
        counts.new,
        counts.changed,
        counts.unchanged,
        counts.rows(),
        seconds / 60.0,
        counts.rows() as f64 / seconds,
        used[0],
        used[1],
        used[2],
        used[3],
        peak_memory_mb().map_or("?".to_owned(), |mb| mb.to_string()),
    )
}

fn main() -> io::Result<()> {
    writeln!(
        io::stdout().lock(),
        "{:<34} {:>7} {:>7} {:>7} {:>9} {:>7} {:>7} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "roster",
        "new",
        "changed",
        "same",
        "rows",
        "min",
        "rows/s",
        "reads",
        "writes",
        "scheduler",
        "throttled",
        "peak MB"
    )?;
    for customers in [60_000, 600_000] {
        let starts = "2026-11-03T10:00:00Z".parse().map_err(io::Error::other)?;
        let time = VirtualTime::of(Arc::new(VirtualClock::starting_at(starts)));
        let stand_in = Arc::new(StandIn::new(time.clone(), customers));
        enroll("new, ended after half", &stand_in, customers, 9, Some(u64::from(customers) / 2))?;
        enroll("the same once more", &stand_in, customers, 9, None)?;
        enroll("the same a third time", &stand_in, customers, 9, None)?;
        enroll("next month's, all balances changed", &stand_in, customers, 10, None)?;
        time.end();
    }
    Ok(())
}

/// The most that this process has held so far (Linux's proc(5), `VmHWM`).
fn peak_memory_mb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}
