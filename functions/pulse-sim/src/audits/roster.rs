use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use pulse_core::{
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    delivery::Delivery,
    entry::{Addressee, Change, Entry, EntryId},
    failure::Cause,
    ports::{
        Activity, Ledger, LedgerError, LedgerListing, MonthlySchedule, PutOutcome, ScheduleError, SchedulePage,
        Schedules, SchedulesError, TallyKey,
    },
    run::RunId,
    slot::Slot,
    suppression::Suppression,
};

use super::AuditTrial;
use crate::{lambda::KillSwitch, random::Stream, time::VirtualTime};

/// As many as the ledger has on `DynamoDB`.
const PARTS: u64 = 8;

/// Keys on a page of an index: a megabyte of them.
const KEYS: usize = 8_000;

/// Schedules on a page, and what the scheduler takes in a second, of an account (`EventBridge` Scheduler API Reference,
/// `ListSchedules`; User Guide, "Quotas").
const SCHEDULES: u32 = 100;
const LISTS_PER_SECOND: u64 = 50;
const LOOKS_PER_SECOND: u64 = 250;

/// Digits of a customer's number in their id.
const DIGITS: usize = 8;

/// What is amiss with how many customers, spread over the roster; or still is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Damage {
    /// Customers without a schedule.
    pub no_schedule: u32,
    /// Customers without an open entry.
    pub no_entry: u32,
}

/// A roster of numbered customers, each with a schedule and an open entry, but for some.
pub struct VastRoster {
    trial: AuditTrial,
    time: VirtualTime,
    deaths: Stream,
    like: Customer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    no_schedule: BTreeSet<u32>,
    no_entry: BTreeSet<u32>,
    kill_switch: Option<KillSwitch>,
    pages: Used,
    looks: Used,
    throttled: u64,
}

/// Calls, and those of the second that goes on.
#[derive(Default)]
struct Used {
    all: u64,
    second: i64,
    within: u64,
}

impl Used {
    /// Counts a call, and says whether there is room for it.
    fn take(&mut self, second: i64, quota: u64) -> bool {
        if self.second != second {
            (self.second, self.within) = (second, 0);
        }
        self.all += 1;
        self.within += 1;
        self.within <= quota
    }
}

impl VastRoster {
    pub(super) fn new(trial: AuditTrial, time: VirtualTime, deaths: Stream) -> Self {
        let spread = |many: u32, offset: u32| -> BTreeSet<u32> {
            (0..many).map(|n| trial.customers / many * n + offset).collect()
        };
        let state = State {
            no_schedule: spread(trial.damage.no_schedule, 3),
            no_entry: spread(trial.damage.no_entry, 5),
            ..State::default()
        };
        Self { trial, time, deaths, like: someone(), state: Mutex::new(state) }
    }

    pub(super) fn is_run_by(&self, kill_switch: KillSwitch) {
        self.state().kill_switch = Some(kill_switch);
    }

    pub(super) fn calls(&self) -> (u64, u64, u64) {
        let state = self.state();
        (state.pages.all, state.looks.all, state.throttled)
    }

    pub(super) fn left(&self) -> Damage {
        let state = self.state();
        let count = |set: &BTreeSet<u32>| u32::try_from(set.len()).unwrap_or(u32::MAX);
        Damage { no_schedule: count(&state.no_schedule), no_entry: count(&state.no_entry) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call that takes as long as so many pages, and at which the invocation may be killed.
    async fn call(&self, pages: usize) {
        self.time.sleep(self.trial.page * u32::try_from(pages.max(1)).unwrap_or(u32::MAX)).await;
        if self.deaths.chance(self.trial.death) {
            let kill_switch = self.state().kill_switch.clone();
            if let Some(kill_switch) = kill_switch {
                kill_switch.strike().await;
            }
        }
    }

    fn scheduler_takes(&self, quota: u64, used: fn(&mut State) -> &mut Used) -> bool {
        let second = self.time.now().as_second();
        let mut state = self.state();
        let takes = used(&mut state).take(second, quota);
        state.throttled += u64::from(!takes);
        takes
    }

    /// The numbers of the customers whose ids begin with `prefix`.
    fn numbers(&self, prefix: &str) -> Range<u32> {
        let all = 0..self.trial.customers;
        if "c-".starts_with(prefix) {
            return all;
        }
        let digits = prefix.strip_prefix("c-").filter(|digits| digits.len() <= DIGITS);
        let Some((digits, number)) = digits.and_then(|digits| Some((digits.len(), digits.parse::<u32>().ok()?))) else {
            return 0..0;
        };
        let each = 10_u32.pow(u32::try_from(DIGITS - digits).unwrap_or_default());
        let from = number.saturating_mul(each).min(all.end);
        from..number.saturating_add(1).saturating_mul(each).min(all.end)
    }

    fn number(&self, id: &CustomerId) -> Option<u32> {
        let number = id.as_str().strip_prefix("c-").filter(|digits| digits.len() == DIGITS)?.parse().ok()?;
        (number < self.trial.customers).then_some(number)
    }

    fn schedule(&self, id: &CustomerId) -> MonthlySchedule {
        MonthlySchedule { customer: id.clone(), slot: self.like.slot.clone() }
    }

    async fn look(&self, id: &CustomerId) -> Result<(), ScheduleError> {
        self.call(1).await;
        if self.scheduler_takes(LOOKS_PER_SECOND, |state| &mut state.looks) {
            return Ok(());
        }
        Err(ScheduleError::Unavailable { customer: id.clone(), cause: Cause::new("Too many calls.") })
    }

    fn entry_of(&self, number: u32) -> Entry {
        let id = EntryId::of(id(number), run());
        Entry::scheduled(id, self.like.slot.next_after(self.time.now()), None)
    }
}

fn id(number: u32) -> CustomerId {
    CustomerId::parse(&format!("c-{number:0DIGITS$}")).expect("an id")
}

fn run() -> RunId {
    RunId::parse("2026-11").expect("a run")
}

fn someone() -> Customer {
    let zone = Zone::parse("UTC").expect("a zone");
    let id = id(0);
    Customer {
        name: PersonName::parse("Ada").expect("a name"),
        contact: Contact::Email(EmailAddress::parse("ada@example.com").expect("an address")),
        locale: Locale::parse("en-IE").expect("a locale"),
        slot: Slot::parse(11, 9, 0, zone.clone()).expect("a slot"),
        signed_up_at: "2026-01-01T00:00:00Z".parse().expect("a moment"),
        zone,
        standing: Standing::Active,
        consent: Consent::default(),
        mark: ProfileMark::default(),
        product: Product::Loan,
        balance: Money { minor: 1, currency: Currency::parse("EUR").expect("a currency") },
        id,
    }
}

#[async_trait]
impl LedgerListing for VastRoster {
    fn parts(&self) -> u64 {
        PARTS
    }

    async fn active_customers(&self, part: u64) -> Result<Vec<CustomerId>, LedgerError> {
        self.active_page(part, "", None, usize::MAX).await
    }

    async fn active_page(
        &self,
        part: u64,
        prefix: &str,
        after: Option<&CustomerId>,
        limit: usize,
    ) -> Result<Vec<CustomerId>, LedgerError> {
        let numbers = self.numbers(prefix);
        let from =
            after.and_then(|after| self.number(after)).map_or(numbers.start, |after| after + 1).max(numbers.start);
        let of_part = |number: &u32| u64::from(*number) % PARTS == part;
        let page: Vec<_> = (from..numbers.end).filter(of_part).take(limit).map(id).collect();
        self.call(page.len().div_ceil(KEYS)).await;
        Ok(page)
    }

    async fn open_entries(&self, part: u64) -> Result<Vec<EntryId>, LedgerError> {
        let open: Vec<_> = {
            let state = self.state();
            let numbers = (0..self.trial.customers).filter(|number| u64::from(*number) % PARTS == part);
            let open = numbers.filter(|number| !state.no_entry.contains(number));
            open.map(|number| EntryId::of(id(number), run())).collect()
        };
        self.call(open.len().div_ceil(KEYS)).await;
        Ok(open)
    }

    async fn closed_entries(
        &self,
        _: RunId,
        _: TallyKey,
        _: Option<&Addressee>,
        _: usize,
    ) -> Result<Vec<EntryId>, LedgerError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Ledger for VastRoster {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        self.call(1).await;
        Ok(self.number(id).map(|_| Customer { id: id.clone(), ..self.like.clone() }))
    }

    async fn save_with_word(&self, _: &Customer, _: &[Delivery]) -> Result<bool, LedgerError> {
        Err(LedgerError::Broken(Cause::new("An audit writes no profile.")))
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        Ok(self.entries(&id.customer).await?.into_iter().find(|entry| entry.id() == id))
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.call(1).await;
        let number = self.number(customer).filter(|number| !self.state().no_entry.contains(number));
        Ok(number.map(|number| self.entry_of(number)).into_iter().collect())
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.call(1).await;
        let number = self.number(&entry.id().customer);
        Ok(number.is_some_and(|number| self.state().no_entry.remove(&number)))
    }

    async fn write_change(&self, _: &Change) -> Result<(), LedgerError> {
        self.call(1).await;
        Ok(())
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

#[async_trait]
impl Schedules for VastRoster {
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError> {
        self.look(&schedule.customer).await?;
        let number = self.number(&schedule.customer);
        let is_new = number.is_some_and(|number| self.state().no_schedule.remove(&number));
        Ok(if is_new { PutOutcome::Created } else { PutOutcome::Unchanged })
    }

    async fn get(&self, customer: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError> {
        self.look(customer).await?;
        let number = self.number(customer).filter(|number| !self.state().no_schedule.contains(number));
        Ok(number.map(|_| self.schedule(customer)))
    }

    async fn delete(&self, customer: &CustomerId) -> Result<bool, ScheduleError> {
        self.look(customer).await?;
        Ok(false)
    }

    async fn list(&self, prefix: &str, page: Option<String>) -> Result<SchedulePage, SchedulesError> {
        self.call(1).await;
        if !self.scheduler_takes(LISTS_PER_SECOND, |state| &mut state.pages) {
            return Err(SchedulesError::Unavailable(Cause::new("Too many calls.")));
        }
        let numbers = self.numbers(prefix);
        let from = page.and_then(|page| page.parse().ok()).unwrap_or(numbers.start);
        let to = numbers.end.min(from.saturating_add(SCHEDULES));
        let state = self.state();
        let customers = (from..to).filter(|number| !state.no_schedule.contains(number)).map(id).collect();
        Ok(SchedulePage { customers, next: (to < numbers.end).then(|| to.to_string()) })
    }
}
