//! Audits of rosters that no memory would hold: customers are numbers, and what they have is reckoned, not kept.

mod roster;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use pulse_core::{
    audit::{Audit, AuditDepth, AuditEnd, AuditName, AuditReport, AuditStart},
    ports::{AuditLog, Schedules},
};

pub use self::roster::{Damage, VastRoster};
use crate::{
    clock::VirtualClock,
    lambda::{Function, FunctionSettings},
    ledger::MemoryLedger,
    random::Randomness,
    time::VirtualTime,
};

/// As in template.yaml: the function's timeout, what it leaves for its end, and how often it is told to go on.
const TIMEOUT: Duration = Duration::from_mins(15);
const CLOSING_TIME: Duration = Duration::from_secs(30);
const GO_ON: Duration = Duration::from_mins(15);

/// Invocations after which an audit that doesn't end is taken for one that never will.
const PATIENCE: u32 = 500;

/// An audit to be tried.
#[derive(Debug, Clone, Copy)]
pub struct AuditTrial {
    /// How many customers there are.
    pub customers: u32,
    /// How long a page takes, of schedules or of the ledger, and any other call.
    pub page: Duration,
    /// Whose schedule is read in whole.
    pub depth: AuditDepth,
    /// What is amiss.
    pub damage: Damage,
    /// The chance that an invocation is killed at a call.
    pub death: f64,
    /// Decides what is left to chance.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct TriedAudit {
    /// What it says of itself.
    pub report: AuditReport,
    /// From the first invocation's begin to the last one's end.
    pub took: Duration,
    /// Invocations, those that were killed among them.
    pub invocations: u32,
    /// Pages of schedules that were asked for.
    pub pages: u64,
    /// Calls for one schedule.
    pub looks: u64,
    /// Calls that the scheduler refused as they were too many.
    pub throttled: u64,
    /// What is still amiss.
    pub left: Damage,
}

/// The ports of an audit that a test may put something before.
pub struct AuditPorts {
    /// The scheduler.
    pub schedules: Arc<dyn Schedules>,
    /// Where the audit's checkpoint is kept.
    pub log: Arc<dyn AuditLog>,
}

impl AuditTrial {
    /// Lives through it, with `twist` between the audit and its ports.
    ///
    /// # Panics
    /// When the audit never ends, or the simulator itself is broken.
    #[must_use]
    pub fn run(&self, twist: impl FnOnce(AuditPorts) -> AuditPorts) -> TriedAudit {
        let starts: Timestamp = "2026-11-03T03:15:00Z".parse().expect("a moment");
        let time = VirtualTime::of(Arc::new(VirtualClock::starting_at(starts)));
        let random = Randomness::of_seed(self.seed);
        let roster = Arc::new(VastRoster::new(*self, time.clone(), random.stream("deaths")));
        let ports = twist(AuditPorts { schedules: roster.clone(), log: Arc::new(MemoryLedger::default()) });
        let settings = FunctionSettings {
            timeout: TIMEOUT,
            memory_mib: 512,
            cold_start: Duration::from_millis(150),
            keep_warm: Duration::from_mins(10),
        };
        let function = Function::new(time.clone(), random.stream("audit function"), settings);
        let (invocations, report) = time.run(self.until_finished(&time, &function, &roster, &ports));
        let took = Duration::try_from(time.now().duration_since(starts)).unwrap_or_default();
        time.end();
        let (pages, looks, throttled) = roster.calls();
        TriedAudit { report, took, invocations, pages, looks, throttled, left: roster.left() }
    }

    async fn until_finished(
        &self,
        time: &VirtualTime,
        function: &Arc<Function>,
        roster: &Arc<VastRoster>,
        ports: &AuditPorts,
    ) -> (u32, AuditReport) {
        let mut quarter = time.now();
        for number in 1..=PATIENCE {
            let start = if number == 1 { AuditStart::ResumeOrBegin } else { AuditStart::Resume };
            let (depth, clock) = (self.depth, time.clone());
            let (roster, schedules, log) = (Arc::clone(roster), Arc::clone(&ports.schedules), Arc::clone(&ports.log));
            let ended = function.invoke(move |invocation| {
                Box::pin(async move {
                    roster.is_run_by(invocation.kill_switch);
                    let stop = clock.sleep_until(invocation.deadline - CLOSING_TIME);
                    let audit = Audit {
                        ledger: &*roster,
                        listing: &*roster,
                        schedules: &*schedules,
                        log: &*log,
                        sleeper: &clock,
                        name: AuditName::Daily,
                        depth,
                        repair: true,
                    };
                    audit.run(start, stop, &|_| {}).await
                })
            });
            if let Ok(Ok(AuditEnd::Finished(report))) = ended.await {
                return (number, report);
            }
            // The next quarter of an hour that isn't past.
            while quarter <= time.now() {
                quarter += GO_ON;
            }
            time.sleep_until(quarter).await;
        }
        panic!("the audit goes on for ever");
    }
}
