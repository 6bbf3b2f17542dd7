//! An audit that is killed anywhere, and gone on with, finds everything.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use pulse_core::{
    audit::{AuditCheckpoint, AuditCursor, AuditDepth, AuditName},
    customer::CustomerId,
    ports::{
        AuditLog, LedgerError, MonthlySchedule, PutOutcome, ScheduleError, SchedulePage, Schedules, SchedulesError,
    },
};
use pulse_sim::audits::{AuditPorts, AuditTrial, Damage};

const CUSTOMERS: u32 = 8_000;

/// An audit that has some ten shards and is killed once or a few times.
fn killed(seed: u64) -> AuditTrial {
    AuditTrial {
        customers: CUSTOMERS,
        page: Duration::from_millis(60),
        depth: AuditDepth::Everyone,
        damage: Damage { no_schedule: 200, no_entry: 200 },
        death: 6e-5,
        seed,
    }
}

#[test]
fn an_audit_that_is_killed_and_gone_on_with_finds_everything() {
    let tried: Vec<_> = (0..6).map(|seed| killed(seed).run(|ports| ports)).collect();
    for (seed, tried) in tried.iter().enumerate() {
        assert_eq!(tried.left, Damage::default(), "seed {seed}");
        assert_eq!((tried.report.customers, tried.report.read_in_whole), (8_000, 8_000), "seed {seed}");
        assert_eq!(tried.throttled, 0, "seed {seed}");
    }
    assert!(tried.iter().filter(|tried| tried.invocations > 1).count() > 3, "they were killed");
}

#[test]
fn nothing_is_counted_twice_by_an_audit_that_nobody_ends() {
    let tried = AuditTrial { death: 0.0, ..killed(0) }.run(|ports| ports);
    assert_eq!(tried.report.found.values().sum::<u64>(), 400);
    assert_eq!((tried.report.repaired, tried.report.failed, tried.invocations), (400, 0, 1));
}

#[test]
fn an_audit_that_ends_in_time_goes_on_in_another_invocation() {
    let slow = Duration::from_millis(2_500);
    let tried = AuditTrial { customers: 20_000, death: 0.0, page: slow, ..killed(0) }.run(|ports| ports);
    assert!(tried.invocations > 1);
    assert_eq!((tried.report.customers, tried.report.read_in_whole), (20_000, 20_000));
    assert_eq!((tried.left, tried.report.failed), (Damage::default(), 0));
    // What was repaired in a shard that wasn't done in time is repaired, and not counted.
    assert!(tried.report.found.values().sum::<u64>() <= 400);
}

#[test]
fn six_hundred_thousand_customers_take_one_invocation_at_150_ms_a_page() {
    let damage = Damage { no_schedule: 100, no_entry: 100 };
    let depth = AuditDepth::Slice { number: 0, of: 28 };
    let page = Duration::from_millis(150);
    let tried = AuditTrial { customers: 600_000, page, depth, damage, death: 0.0, seed: 0 }.run(|ports| ports);
    assert_eq!((tried.left, tried.invocations, tried.throttled), (Damage::default(), 1, 0));
    assert!(tried.took < Duration::from_mins(5), "{:?}", tried.took);
}

/// Moves the cursor when a shard is begun, not when it is done: a planted bug.
struct Hasty {
    ports: AuditPorts,
    begun: Mutex<String>,
}

#[async_trait]
impl AuditLog for Hasty {
    async fn checkpoint(&self, name: AuditName) -> Result<Option<AuditCheckpoint>, LedgerError> {
        self.ports.log.checkpoint(name).await
    }

    async fn save_checkpoint(&self, name: AuditName, checkpoint: &AuditCheckpoint) -> Result<bool, LedgerError> {
        let mut hasty = checkpoint.clone();
        if let AuditCursor::Schedules { from } = &mut hasty.cursor {
            from.clone_from(&self.begun.lock().expect("not poisoned"));
        }
        self.ports.log.save_checkpoint(name, &hasty).await
    }
}

#[async_trait]
impl Schedules for Hasty {
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError> {
        self.ports.schedules.put(schedule).await
    }

    async fn get(&self, customer: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError> {
        self.ports.schedules.get(customer).await
    }

    async fn delete(&self, customer: &CustomerId) -> Result<bool, ScheduleError> {
        self.ports.schedules.delete(customer).await
    }

    async fn list(&self, prefix: &str, page: Option<String>) -> Result<SchedulePage, SchedulesError> {
        {
            let mut begun = self.begun.lock().expect("not poisoned");
            if page.is_none() && prefix > begun.as_str() {
                prefix.clone_into(&mut begun);
            }
        }
        self.ports.schedules.list(prefix, page).await
    }
}

#[test]
fn a_cursor_that_moves_before_its_shard_is_done_is_caught() {
    let hasty = |ports| {
        let hasty = Arc::new(Hasty { ports, begun: Mutex::default() });
        AuditPorts { schedules: hasty.clone(), log: hasty }
    };
    let misses = |seed: &u64| killed(*seed).run(hasty).left != Damage::default();
    assert!((0..6).any(|seed| misses(&seed)));
}
