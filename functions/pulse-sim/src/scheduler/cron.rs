//! When a monthly cron expression comes up.

use jiff::{Timestamp, civil::Date, tz::AmbiguousOffset};
use pulse_core::slot::Slot;

/// A slot that doesn't come up in so many months in a row never does: the longest pause is a month
/// without the day between two whose clocks skip the time.
const MONTHS: usize = 12;

/// The first moment after `after` at which `cron(minute hour day * ? *)` comes up in the slot's zone.
///
/// A month without that day has none, and neither has a day whose clocks skip that time in spring; a
/// time that there is twice in autumn comes up once, here the first time (EventBridge Scheduler User
/// Guide, "Schedule types on EventBridge Scheduler": cron-based schedules, daylight savings time).
pub(super) fn next_after(slot: &Slot, after: Timestamp) -> Option<Timestamp> {
    let mut month = slot.zone().rules().to_datetime(after).date().first_of_month();
    for _ in 0..MONTHS {
        if let Some(moment) = in_month(slot, month).filter(|moment| *moment > after) {
            return Some(moment);
        }
        month = month.checked_add(jiff::Span::new().months(1)).ok()?;
    }
    None
}

fn in_month(slot: &Slot, month: Date) -> Option<Timestamp> {
    let date = Date::new(month.year(), month.month(), slot.day()).ok()?;
    let local = date.at(slot.hour(), slot.minute(), 0, 0);
    let moment = slot.zone().rules().to_ambiguous_timestamp(local);
    match moment.offset() {
        AmbiguousOffset::Gap { .. } => None,
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => moment.earlier().ok(),
    }
}

#[cfg(test)]
mod tests {
    use pulse_core::customer::Zone;

    use super::*;

    fn next(day: i8, hour: i8, minute: i8, zone: &str, after: &str) -> String {
        let slot = Slot::parse(day, hour, minute, Zone::parse(zone).unwrap()).unwrap();
        next_after(&slot, after.parse().unwrap()).unwrap().to_string()
    }

    // EventBridge Scheduler User Guide, "Schedule types on EventBridge Scheduler": cron-based schedules.
    #[test]
    fn a_schedule_comes_up_at_its_local_time_in_summer_and_in_winter() {
        assert_eq!(next(10, 15, 41, "Europe/Dublin", "2026-07-10T00:00:00Z"), "2026-07-10T14:41:00Z");
        assert_eq!(next(10, 15, 41, "Europe/Dublin", "2026-12-10T00:00:00Z"), "2026-12-10T15:41:00Z");
        // In the month of the zone, not of UTC.
        assert_eq!(next(1, 4, 0, "Pacific/Auckland", "2026-06-30T15:00:00Z"), "2026-06-30T16:00:00Z");
    }

    // EventBridge Scheduler User Guide, "Schedule types on EventBridge Scheduler": a cron expression names
    // a day of the month, and not every month has it.
    #[test]
    fn a_month_without_the_day_is_skipped() {
        assert_eq!(next(31, 9, 0, "UTC", "2026-03-31T09:00:00Z"), "2026-05-31T09:00:00Z");
        assert_eq!(next(30, 9, 0, "UTC", "2027-01-30T09:00:00Z"), "2027-03-30T09:00:00Z");
        assert_eq!(next(29, 9, 0, "UTC", "2027-01-29T09:00:00Z"), "2027-03-29T09:00:00Z");
        assert_eq!(next(29, 9, 0, "UTC", "2028-01-29T09:00:00Z"), "2028-02-29T09:00:00Z");
    }

    // EventBridge Scheduler User Guide, "Schedule types on EventBridge Scheduler": daylight savings
    // time. An invocation is skipped whose expression falls on a time that does not exist.
    #[test]
    fn a_time_that_spring_skips_is_skipped_for_the_month() {
        assert_eq!(next(29, 1, 30, "Europe/Dublin", "2026-03-01T00:00:00Z"), "2026-04-29T00:30:00Z");
        assert_eq!(next(8, 2, 0, "America/New_York", "2026-03-01T00:00:00Z"), "2026-04-08T06:00:00Z");
        // 01:59 and 03:00 are there.
        assert_eq!(next(8, 1, 59, "America/New_York", "2026-03-01T00:00:00Z"), "2026-03-08T06:59:00Z");
        assert_eq!(next(8, 3, 0, "America/New_York", "2026-03-01T00:00:00Z"), "2026-03-08T07:00:00Z");
    }

    // EventBridge Scheduler User Guide, "Schedule types on EventBridge Scheduler": daylight savings
    // time. When the clocks go back, a schedule runs only once.
    #[test]
    fn a_time_that_autumn_repeats_comes_up_once() {
        let first = next(1, 1, 30, "America/New_York", "2026-10-31T00:00:00Z");
        assert_eq!(first, "2026-11-01T05:30:00Z");
        assert_eq!(next(1, 1, 30, "America/New_York", &first), "2026-12-01T06:30:00Z");
    }

    #[test]
    fn the_moment_itself_is_over() {
        assert_eq!(next(3, 10, 0, "UTC", "2026-11-03T09:59:59.999Z"), "2026-11-03T10:00:00Z");
        assert_eq!(next(3, 10, 0, "UTC", "2026-11-03T10:00:00Z"), "2026-12-03T10:00:00Z");
        assert_eq!(next(3, 10, 0, "UTC", "2026-12-03T10:00:00Z"), "2027-01-03T10:00:00Z");
    }
}
