//! What runs by the clock: the tick every minute, the audit every day.

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{
    audit::{AuditCursor, AuditDepth, AuditEnd, AuditName, AuditStart},
    ports::AuditLog as _,
};

use super::build::World;

const MINUTE: Duration = Duration::from_mins(1);
/// For how long a tick works on campaigns.
const CAMPAIGNS: Duration = Duration::from_secs(20);

/// For how long a tick works on orders, of the minute that its function has here.
const ORDERS: Duration = Duration::from_secs(40);

const QUARTER: Duration = Duration::from_mins(15);
const DAY: Duration = Duration::from_hours(24);

/// Audits that it takes to read every schedule in whole.
const SLICES: u64 = 28;

pub(super) fn start(world: &Arc<World>) {
    let ticking = Arc::clone(world);
    let _ = world.time.spawn(async move {
        loop {
            ticking.time.sleep(MINUTE).await;
            if !ticking.faults.now().nothing_scheduled {
                tick(&ticking).await;
            }
        }
    });
    if !world.settings.audits {
        return;
    }
    let auditing = Arc::clone(world);
    let _ = world.time.spawn(async move {
        for day in 0.. {
            auditing.time.sleep(DAY).await;
            if !auditing.faults.now().nothing_scheduled {
                audit(&auditing, AuditStart::ResumeOrBegin, AuditDepth::Slice { number: day % SLICES, of: SLICES })
                    .await;
            }
        }
    });
    // What was killed goes on within the quarter of an hour.
    let going_on = Arc::clone(world);
    let _ = world.time.spawn(async move {
        loop {
            going_on.time.sleep(QUARTER).await;
            let is_unfinished = going_on.audit_is_unfinished();
            if is_unfinished && !going_on.faults.now().nothing_scheduled {
                audit(&going_on, AuditStart::Resume, AuditDepth::Presence).await;
            }
        }
    });
}

/// One tick, as its function runs it: it may die half-way like any other.
pub(super) async fn tick(world: &Arc<World>) {
    let this = Arc::clone(world);
    let done = world.tick_function.invoke(move |invocation| {
        Box::pin(async move {
            let ports = this.tick_ports(&invocation);
            let rounds = this.product.tick(&this.sweep_ports(ports.clone()), this.settings.sweep).await;
            let done = this.product.look_after_feedback(&this.feedback_ports(&invocation)).await;
            if done.doubts_ended > 0 {
                this.line(|| format!("{} doubts end: nobody told for a day", done.doubts_ended));
            }
            if !this.settings.endpoints.is_empty() {
                this.product.look_after_endpoints(&ports, this.settings.sweep).await;
            }
            // Of what is left of its minute.
            if !this.ledger.peek_campaigns().is_empty() {
                let until = this.time.now().saturating_add(CAMPAIGNS).unwrap_or(Timestamp::MAX);
                let had_nothing_open = this.look_at_campaigns_before();
                this.product.look_after_campaigns(&this.watching_days(&ports), until).await;
                this.look_at_campaigns_after(!this.faults.now().disturbs_ticks(), &had_nothing_open);
            }
            let until = this.time.now().saturating_add(ORDERS).unwrap_or(Timestamp::MAX);
            let ports = if this.ledger.has_open_orders() { this.order_watch.around(ports) } else { ports };
            this.product.carry_out_orders(&ports, until).await;
            match this.product.take_snapshot(this.snapshot_ports()).await {
                Ok(taken) => this.check_snapshot(taken.filter(|taken| taken.kept).map(|taken| taken.counted)),
                Err(error) => this.line(|| format!("no snapshot is taken: {error}")),
            }
            rounds
        })
    });
    // A tick that died is followed by another.
    let _ = done.await;
}

/// One invocation of the audit's function. Reserved concurrency has it run alone, and it may die half-way as any other.
async fn audit(world: &Arc<World>, start: AuditStart, depth: AuditDepth) {
    let this = Arc::clone(world);
    let done = world.audit_function.invoke(move |invocation| {
        Box::pin(async move {
            let ports = this.ports(Some(&invocation));
            this.product.audit(&ports, start, depth).await
        })
    });
    let line = |what: String| world.trace.line(world.time.now(), || what);
    match done.await {
        Ok(Ok(AuditEnd::Finished(report))) if !report.found.is_empty() => {
            line(format!("the audit repairs {:?}", report.found));
        }
        Ok(Ok(_)) => {}
        Ok(Err(error)) => line(format!("the audit ends early: {error}")),
        Err(error) => line(format!("the audit ends early: {error:?}")),
    }
}

impl World {
    fn audit_is_unfinished(&self) -> bool {
        let there = self.ledger.checkpoint(AuditName::Daily).now_or_never().and_then(Result::ok).flatten();
        there.is_some_and(|there| there.cursor != AuditCursor::Done)
    }
}
