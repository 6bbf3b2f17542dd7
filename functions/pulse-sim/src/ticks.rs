//! Ticks that are asked for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use pulse_core::{failure::Cause, ports::TickStarter};

/// Counts ticks that are asked for, and starts none.
#[derive(Debug, Default)]
pub struct CountedTicks {
    /// How often one was asked for.
    pub asked: AtomicUsize,
    /// Whether that is denied.
    pub denied: AtomicBool,
    /// Whether the tick is one of before orders.
    pub are_old: AtomicBool,
}

#[async_trait]
impl TickStarter for CountedTicks {
    async fn start_tick(&self) -> Result<(), Cause> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.denied.load(Ordering::Relaxed) { Err(Cause::new("It is denied.")) } else { Ok(()) }
    }

    fn carries_orders_out(&self) -> bool {
        !self.are_old.load(Ordering::Relaxed)
    }
}
