//! What a table with provisioned capacity lets through, and what it is charged for (Amazon `DynamoDB` Developer Guide,
//! "`DynamoDB` provisioned capacity mode", "Burst and adaptive capacity" and "Managing throughput capacity automatically with
//! `DynamoDB` auto scaling").

use std::{array, time::Duration};

use jiff::Timestamp;
use pulse_core::bill::{CapacityHours, TableCapacity};

use super::units::LedgerUse;

/// What a call needs of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touch {
    /// It reads rows.
    Rows,
    /// It reads the index of what is open.
    Open,
    /// It reads the index of what is closed.
    Tally,
    /// It reads both indexes.
    Indexes,
    /// It writes. "If you perform heavy write activity on the table, but a global secondary index on that table has insufficient
    /// write capacity, then the write activity on the table will be throttled."
    Write,
}

/// Reads of the table, of the index of what is open, and of the other; then writes of the same.
const PARTS: usize = 6;

/// Of which parts it takes something.
impl Touch {
    const fn parts(self) -> &'static [usize] {
        match self {
            Self::Rows => &[0],
            Self::Open => &[1],
            Self::Tally => &[2],
            Self::Indexes => &[1, 2],
            Self::Write => &[3, 4, 5],
        }
    }
}

/// "`DynamoDB` retains up to 5 minutes (300 seconds) of unused read and write capacity."
const BURST_SECONDS: f64 = 300.0;

/// Scaling out takes two minutes above the target, in succession, and scaling in fifteen below it.
const MINUTES_ABOVE: u32 = 2;
const MINUTES_BELOW: u32 = 15;

/// How long a change of capacity takes. AWS says only that it takes minutes.
const CHANGE_MINUTES: u32 = 2;

/// Four decreases are allowed at any time of a day, and another whenever there was none for an hour (Amazon `DynamoDB` Developer
/// Guide, "Quotas").
const DECREASES_A_DAY: usize = 4;

/// One kind of capacity of the table or of an index.
#[derive(Debug, Clone, Copy)]
struct Part {
    provisioned: u32,
    least: u32,
    most: u32,
    /// Units that it lets through beside what comes up. Below zero after a request that took more than was there.
    saved: f64,
    minute_used: f64,
    above: u32,
    below: u32,
    /// What it will have in so many minutes.
    change: Option<(u32, u32)>,
    hour_most: u32,
}

/// The least whole units.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "units of a table")]
fn units_for(units: f64) -> u32 {
    units.ceil() as u32
}

impl Part {
    fn new(least: u32, most: u32) -> Self {
        let saved = f64::from(least) * BURST_SECONDS;
        let (minute_used, above, below, change) = (0.0, 0, 0, None);
        Self { provisioned: least, least, most, saved, minute_used, above, below, change, hour_most: least }
    }

    fn earn(&mut self, seconds: f64) {
        let rate = f64::from(self.provisioned);
        self.saved = (self.saved + rate * seconds).min(rate * BURST_SECONDS);
    }

    /// Ends a minute. Whether it scales in now.
    fn end_minute(&mut self, target: f64, may_decrease: bool) -> bool {
        let used = self.minute_used / 60.0;
        self.minute_used = 0.0;
        if let Some((to, minutes)) = self.change {
            self.change = (minutes > 1).then_some((to, minutes - 1));
            if minutes <= 1 {
                self.provisioned = to;
                self.hour_most = self.hour_most.max(to);
            }
            return false;
        }
        let is_above = used > f64::from(self.provisioned) * target;
        self.above = if is_above { self.above + 1 } else { 0 };
        self.below = if is_above { 0 } else { self.below + 1 };
        let wanted = units_for(used / target).clamp(self.least, self.most);
        if self.above >= MINUTES_ABOVE && wanted > self.provisioned {
            self.change = Some((wanted, CHANGE_MINUTES));
            self.above = 0;
        } else if self.below >= MINUTES_BELOW && wanted < self.provisioned && may_decrease {
            self.change = Some((wanted, CHANGE_MINUTES));
            self.below = 0;
            return true;
        }
        false
    }
}

/// A table's provisioned capacity.
#[derive(Debug)]
pub(crate) struct Capacity {
    parts: [Part; PARTS],
    target: f64,
    settled_at: Timestamp,
    minute: i64,
    before: LedgerUse,
    decreases: Vec<i64>,
    hours: CapacityHours,
    throttled: u64,
}

impl Capacity {
    pub(crate) fn new(of: &TableCapacity, now: Timestamp, used: LedgerUse) -> Self {
        let least = [of.table.reads, of.open.reads, of.tally.reads, of.table.writes, of.open.writes, of.tally.writes];
        Self {
            parts: array::from_fn(|part| {
                // Reads of indexes aren't scaled.
                let most = of.most.filter(|_| !matches!(part, 1 | 2));
                Part::new(least[part], most.unwrap_or(least[part]).max(least[part]))
            }),
            target: of.target,
            settled_at: now,
            minute: now.as_second().div_euclid(60),
            before: used,
            decreases: Vec::new(),
            hours: CapacityHours::default(),
            throttled: 0,
        }
    }

    /// Whether a call is let through at `now`, of a table of which so much was used by then.
    pub(crate) fn admits(&mut self, touch: Touch, now: Timestamp, used: LedgerUse) -> bool {
        self.settle(now, used);
        let is_let_through = touch.parts().iter().all(|part| self.parts[*part].saved > 0.0);
        self.throttled += u64::from(!is_let_through);
        is_let_through
    }

    /// Whether a count is let through that takes so many units of the index of what is open and of the other: page by page, and
    /// what the pages took that were is gone.
    pub(crate) fn admits_count(&mut self, [open, tally]: [f64; 2], now: Timestamp, used: LedgerUse) -> bool {
        self.settle(now, used);
        let is_let_through = self.parts[1].saved >= open && self.parts[2].saved >= tally;
        if !is_let_through {
            self.throttled += 1;
            for part in &mut self.parts[1..=2] {
                part.saved = part.saved.min(0.0);
            }
        }
        is_let_through
    }

    /// Attempts that weren't let through.
    pub(crate) fn throttled(&self) -> u64 {
        self.throttled
    }

    /// What was charged by `now`.
    pub(crate) fn hours(&mut self, now: Timestamp, used: LedgerUse) -> CapacityHours {
        self.settle(now, used);
        self.hours
    }

    fn settle(&mut self, now: Timestamp, used: LedgerUse) {
        let took = used.since(self.before);
        self.before = used;
        let halves = |halves: u64| halves as f64 / 2.0;
        let units = [
            halves(took.half_reads - took.open_half_reads - took.tally_half_reads),
            halves(took.open_half_reads),
            halves(took.tally_half_reads),
            (took.writes - took.open_writes - took.tally_writes) as f64,
            took.open_writes as f64,
            took.tally_writes as f64,
        ];
        for (part, units) in self.parts.iter_mut().zip(units) {
            part.saved -= units;
            part.minute_used += units;
        }
        let passed = Duration::try_from(now.duration_since(self.settled_at)).unwrap_or_default().as_secs_f64();
        self.settled_at = now;
        self.parts.iter_mut().for_each(|part| part.earn(passed));
        let minute = now.as_second().div_euclid(60);
        while self.minute < minute {
            self.minute += 1;
            self.end_minute();
        }
    }

    fn end_minute(&mut self) {
        for part in 0..PARTS {
            let now = self.minute;
            self.decreases.retain(|at| at.div_euclid(1_440) == now.div_euclid(1_440));
            let last = self.decreases.last().copied();
            let may_decrease = self.decreases.len() < DECREASES_A_DAY || last.is_none_or(|last| now - last >= 60);
            if self.parts[part].end_minute(self.target, may_decrease) {
                self.decreases.push(now);
            }
        }
        if self.minute.rem_euclid(60) == 0 {
            let most: [u32; PARTS] = array::from_fn(|part| self.parts[part].hour_most);
            self.hours.reads += most[..3].iter().map(|most| u64::from(*most)).sum::<u64>();
            self.hours.writes += most[3..].iter().map(|most| u64::from(*most)).sum::<u64>();
            for part in &mut self.parts {
                part.hour_most = part.provisioned;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pulse_core::bill::Units;

    use super::*;

    const SMALL: TableCapacity = TableCapacity {
        table: Units { reads: 10, writes: 10 },
        open: Units { reads: 5, writes: 10 },
        tally: Units { reads: 5, writes: 5 },
        most: None,
        target: 0.7,
    };

    fn start() -> Timestamp {
        "2026-11-01T00:00:00Z".parse().unwrap()
    }

    fn after(seconds: u64) -> Timestamp {
        start() + Duration::from_secs(seconds)
    }

    fn written(writes: u64) -> LedgerUse {
        LedgerUse { writes, ..LedgerUse::default() }
    }

    #[test]
    fn five_minutes_of_what_is_provisioned_are_let_through_at_once_and_then_what_comes_up() {
        let mut capacity = Capacity::new(&SMALL, start(), LedgerUse::default());
        assert!(capacity.admits(Touch::Write, start(), written(2_999)));
        assert!(!capacity.admits(Touch::Write, start(), written(3_001)) && capacity.throttled() == 1);
        assert!(capacity.admits(Touch::Rows, start(), written(3_001)), "reads have their own");
        assert!(capacity.admits(Touch::Write, after(1), written(3_001)));
        assert!(!capacity.admits(Touch::Write, after(1), written(3_011)));
    }

    #[test]
    fn an_index_without_capacity_holds_writes_up() {
        let mut capacity = Capacity::new(&SMALL, start(), LedgerUse::default());
        let used = LedgerUse { writes: 1_600, tally_writes: 1_600, ..LedgerUse::default() };
        assert!(!capacity.admits(Touch::Write, start(), used) && capacity.admits(Touch::Tally, start(), used));
    }

    #[test]
    fn an_hour_is_charged_by_the_most_that_it_had() {
        let scaled = TableCapacity { most: Some(100), ..SMALL };
        let mut capacity = Capacity::new(&scaled, start(), LedgerUse::default());
        let mut used = 0;
        for second in 1..=3_600 {
            // Twenty writes a second for ten minutes.
            used += if second <= 600 { 20 } else { 0 };
            capacity.admits(Touch::Write, after(second), written(used));
        }
        // 20 / 0.7 = 29 of the table, and 10 and 5 of the indexes.
        assert_eq!(capacity.hours(after(3_600), written(used)), CapacityHours { reads: 20, writes: 44 });
        assert_eq!(capacity.throttled(), 0);
        assert_eq!(capacity.hours(after(7_200), written(used)), CapacityHours { reads: 40, writes: 44 + 25 });
    }

    #[test]
    fn what_is_scaled_by_nobody_stays_as_it_is() {
        let mut capacity = Capacity::new(&SMALL, start(), LedgerUse::default());
        for second in 1..=3_600 {
            capacity.admits(Touch::Write, after(second), written(20 * second));
        }
        assert_eq!(capacity.hours(after(3_600), written(72_000)), CapacityHours { reads: 20, writes: 25 });
        assert!(capacity.throttled() > 0);
    }
}
