//! What runs by the clock: the tick every minute, the audit every day.

use std::{sync::Arc, time::Duration};

use pulse_core::audit::AuditDepth;

use super::build::World;

const MINUTE: Duration = Duration::from_mins(1);
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
                audit(&auditing, AuditDepth::Slice { number: day % SLICES, of: SLICES }).await;
            }
        }
    });
}

/// One tick, as its function runs it: it may die half-way like any other.
async fn tick(world: &Arc<World>) {
    let this = Arc::clone(world);
    let done = world.tick_function.invoke(move |invocation| {
        Box::pin(async move {
            let ports = this.tick_ports(invocation.kill_switch);
            this.product.tick(&ports, this.settings.sweep).await
        })
    });
    // A tick that died is followed by another.
    let _ = done.await;
}

async fn audit(world: &Arc<World>, depth: AuditDepth) {
    let ports = world.ports(None);
    match world.product.audit(&ports, depth).await {
        Ok(report) if report.found.is_empty() => {}
        Ok(report) => world.trace.line(world.time.now(), || format!("the audit repairs {:?}", report.found)),
        Err(error) => world.trace.line(world.time.now(), || format!("the audit ends early: {error}")),
    }
}
