//! Slots: a customer's monthly due moment.

mod gaps;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    customer::{CustomerId, Zone},
    parse::ParseError,
    run::RunId,
    stable_hash::stable_hash,
};

use gaps::Gap;

/// Local hours before this one are kept free, beside those that a zone is known to skip: where rules change later, the new
/// gap is nearly always at night.
pub const FIRST_HOUR: i8 = 4;

/// The last day that every month has.
pub const LAST_SHARED_DAY: i8 = 28;

/// A day of the month and a minute of the day, in a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    day: i8,
    hour: i8,
    minute: i8,
    zone: Zone,
}

impl Slot {
    /// The slot of a customer who signed up at `signed_up_at` and lives in `zone`.
    ///
    /// Same day of the month and same minute of the day as the sign-up, so that load spreads as
    /// customers joined. Days 29 to 31, which not every month has, are spread over 1 to 28 and the
    /// hours before [`FIRST_HOUR`] over the rest of the day, both by a hash of the customer's id
    /// that never changes. So is the hour where the zone's clocks skip that time on that day of some month: `EventBridge`
    /// Scheduler skips an invocation that falls into the gap (`EventBridge` Scheduler User Guide, "Schedule types":
    /// daylight saving time).
    #[must_use]
    pub fn of_sign_up(customer: &CustomerId, signed_up_at: Timestamp, zone: &Zone) -> Self {
        let local = zone.rules().to_datetime(signed_up_at);
        let day = match local.day() {
            day @ 1..=LAST_SHARED_DAY => day,
            _ => 1 + pick(customer, "slot-day", LAST_SHARED_DAY),
        };
        let hour = match local.hour() {
            hour @ FIRST_HOUR.. => hour,
            _ => FIRST_HOUR + pick(customer, "slot-hour", 24 - FIRST_HOUR),
        };
        let minute = local.minute();
        let (day, hour) = beside_gaps(customer, (day, hour, minute), &gaps::of(zone));
        Self { day, hour, minute, zone: zone.clone() }
    }

    /// The slot that is due at exactly the minute of `moment`, told in UTC.
    ///
    /// For trials, where a slot has to come up soon whatever the hour and the day. In a month
    /// without that day it is due on the month's last day.
    #[must_use]
    pub fn at_minute_of(moment: Timestamp) -> Self {
        let utc = TimeZone::UTC.to_datetime(moment);
        Self { day: utc.day(), hour: utc.hour(), minute: utc.minute(), zone: Zone::UTC }
    }

    /// The slot of that day of the month and time of day in `zone`, as a schedule says it.
    ///
    /// # Errors
    /// When the day isn't 1 to 31, the hour 0 to 23 or the minute 0 to 59.
    pub fn parse(day: i8, hour: i8, minute: i8, zone: Zone) -> Result<Self, ParseError> {
        if !(1..=31).contains(&day) {
            return Err(ParseError::new("slot's day", "is not 1 to 31"));
        }
        if !(0..=23).contains(&hour) || !(0..=59).contains(&minute) {
            return Err(ParseError::new("slot's time", "is not 00:00 to 23:59"));
        }
        Ok(Self { day, hour, minute, zone })
    }

    /// Day of the month, 1 to 28 for a slot made from a sign-up.
    #[must_use]
    pub fn day(&self) -> i8 {
        self.day
    }

    /// Local hour, 0 to 23.
    #[must_use]
    pub fn hour(&self) -> i8 {
        self.hour
    }

    /// Minute of the hour, 0 to 59.
    #[must_use]
    pub fn minute(&self) -> i8 {
        self.minute
    }

    /// The zone that the day and the hour are told in.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The first moment of this slot that is later than `after`.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Timestamp {
        let mut month = RunId::of(after, self.zone.rules());
        loop {
            let moment = self.in_month(month);
            if moment > after {
                return moment;
            }
            month = month.next();
        }
    }

    fn in_month(&self, month: RunId) -> Timestamp {
        // It is always a month's.
        let Some(first) = month.first_day() else { return Timestamp::MAX };
        let day = self.day.min(first.days_in_month());
        let date = jiff::civil::date(first.year(), first.month(), day);
        let local: DateTime = date.at(self.hour, self.minute, 0, 0);
        self.zone.rules().to_ambiguous_timestamp(local).compatible().unwrap_or(Timestamp::MAX)
    }
}

/// The day and hour themselves where no gap holds them; else the same day at another hour, or the next day that has one.
fn beside_gaps(customer: &CustomerId, (day, hour, minute): (i8, i8, i8), gaps: &[Gap]) -> (i8, i8) {
    let is_free = |day, hour| !gaps.iter().any(|gap| gap.holds(day, hour, minute));
    if is_free(day, hour) {
        return (day, hour);
    }
    let days = (day..=LAST_SHARED_DAY).chain(1..day);
    for day in days {
        let free: Vec<i8> = (FIRST_HOUR..24).filter(|&hour| is_free(day, hour)).collect();
        let Ok(choices @ 1..) = i8::try_from(free.len()) else { continue };
        let choice = usize::try_from(pick(customer, "slot-beside-gap", choices)).unwrap_or(0);
        return (day, free[choice]);
    }
    (day, hour)
}

/// A number from 0 to `choices - 1` that is always the same for a customer and a purpose.
fn pick(customer: &CustomerId, purpose: &str, choices: i8) -> i8 {
    let choices = u64::from(choices.unsigned_abs());
    i8::try_from(stable_hash(purpose, customer.as_str()) % choices).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(id: &str, signed_up_at: &str, zone: &str) -> Slot {
        let id = CustomerId::parse(id).unwrap();
        let zone = Zone::parse(zone).unwrap();
        Slot::of_sign_up(&id, signed_up_at.parse().unwrap(), &zone)
    }

    #[test]
    fn the_slot_is_the_sign_ups_own_day_and_minute_in_the_customers_zone() {
        let slot = slot("c-1", "2024-05-10T22:41:17Z", "Asia/Tokyo");
        assert_eq!((slot.day(), slot.hour(), slot.minute()), (11, 7, 41));
    }

    #[test]
    fn the_next_moment_is_strictly_later_and_a_month_apart() {
        let slot = slot("c-1", "2024-05-10T14:41:17Z", "Europe/Dublin");
        assert_eq!((slot.hour(), slot.minute()), (15, 41));
        let first = slot.next_after("2026-03-10T15:41:00Z".parse().unwrap());
        assert_eq!(first.to_string(), "2026-04-10T14:41:00Z");
        // 15:41 in Dublin's summer is 15:41 in its winter: an hour later in UTC.
        let winter = slot.next_after("2026-11-01T00:00:00Z".parse().unwrap());
        assert_eq!(winter.to_string(), "2026-11-10T15:41:00Z");
    }

    #[test]
    fn a_trial_slot_comes_up_at_its_minute_even_on_the_31st() {
        let moment: Timestamp = "2026-01-31T23:59:30Z".parse().unwrap();
        let slot = Slot::at_minute_of(moment);
        let before: Timestamp = "2026-01-31T23:58:00Z".parse().unwrap();
        assert_eq!(slot.next_after(before).to_string(), "2026-01-31T23:59:00Z");
        assert_eq!(slot.next_after(moment).to_string(), "2026-02-28T23:59:00Z");
    }

    #[test]
    fn only_days_of_a_month_and_times_of_a_day_are_slots() {
        let slot = |day, hour, minute| Slot::parse(day, hour, minute, Zone::UTC);
        assert!(slot(1, 0, 0).is_ok() && slot(31, 23, 59).is_ok());
        for (day, hour, minute) in [(0, 9, 0), (32, 9, 0), (1, 24, 0), (1, -1, 0), (1, 9, 60), (1, 9, -1)] {
            assert!(slot(day, hour, minute).is_err(), "{day} {hour}:{minute}");
        }
    }

    #[test]
    fn the_last_days_of_the_month_are_spread_and_not_piled_up() {
        let mut days = [0_u32; 29];
        for n in 0..2800 {
            let slot = slot(&format!("c-{n}"), "2024-01-31T12:00:00Z", "UTC");
            days[usize::try_from(slot.day()).unwrap()] += 1;
        }
        assert_eq!(days[0], 0);
        assert!(days[1..].iter().all(|&n| (50..=160).contains(&n)), "{days:?}");
    }

    #[test]
    fn only_who_falls_into_a_gap_of_their_own_zone_is_moved_out_of_it() {
        let told = |slot: &Slot| (slot.day(), slot.hour(), slot.minute());
        // Nuuk's clocks go from 23:00 to 00:00 on the last Saturday of March that has a Sunday after it: the 24th to the 30th.
        let mut hours = std::collections::BTreeSet::new();
        for n in 0..200 {
            let nuuk = |moment| slot(&format!("c-{n}"), moment, "America/Nuuk");
            assert_eq!(told(&nuuk("2025-06-24T00:30:00Z")), (23, 23, 30));
            assert_eq!(told(&nuuk("2025-06-24T23:30:00Z")), (24, 22, 30));
            let moved = nuuk("2025-06-25T00:30:00Z");
            assert_eq!((moved.day(), moved.minute()), (24, 30));
            hours.insert(moved.hour());
        }
        assert_eq!(hours, (4..=22).collect(), "spread over the hours of the day that are free");
        let easter = |moment| slot("c-1", moment, "Pacific/Easter");
        assert_eq!(told(&easter("2025-06-09T04:15:00Z")), (8, 22, 15));
        assert_ne!(told(&easter("2025-06-08T04:15:00Z")), (7, 22, 15));
        assert_eq!(told(&easter("2025-06-08T03:15:00Z")), (7, 21, 15));
    }

    #[test]
    fn whatever_the_sign_up_no_month_to_come_skips_its_slot_where_clocks_change_in_the_evening() {
        let id = CustomerId::parse("c-1").unwrap();
        for zone in ["America/Nuuk", "America/Scoresbysund", "Pacific/Easter"].map(|name| Zone::parse(name).unwrap()) {
            let first: Timestamp = "2025-11-01T12:00:30Z".parse().unwrap();
            // Every hour of a November, in which no clock changes.
            for hours in 0..28 * 24 {
                let slot = Slot::of_sign_up(&id, first + jiff::SignedDuration::from_hours(hours), &zone);
                let mut moment: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
                for _ in 0..12 * 28 {
                    moment = slot.next_after(moment);
                    let local = zone.rules().to_datetime(moment);
                    assert_eq!((local.day(), local.hour(), local.minute()), (slot.day(), slot.hour(), 0), "{slot:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn every_slot_exists_in_every_month_and_never_in_the_small_hours(
            id in "[a-z0-9]{1,12}",
            seconds in 1_000_000_000_i64..2_000_000_000,
            zone in prop::sample::select(vec![
                "UTC", "Europe/Dublin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Nuuk",
                "America/Scoresbysund", "Pacific/Easter", "Africa/Cairo", "Asia/Beirut", "America/Asuncion",
                "Antarctica/Troll", "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca",
            ]),
        ) {
            let id = CustomerId::parse(&id).unwrap();
            let zone = Zone::parse(zone).unwrap();
            let signed_up_at = Timestamp::from_second(seconds).unwrap();
            let slot = Slot::of_sign_up(&id, signed_up_at, &zone);
            prop_assert!((1..=28).contains(&slot.day()));
            prop_assert!((4..=23).contains(&slot.hour()));
            prop_assert_eq!(slot.minute(), zone.rules().to_datetime(signed_up_at).minute());
            prop_assert_eq!(&slot, &Slot::of_sign_up(&id, signed_up_at, &zone));

            // Month after month of the years to come: one moment each, at the slot's own local time.
            let mut moment = slot.next_after("2026-01-01T00:00:00Z".parse().unwrap());
            for _ in 0..12 * 28 {
                let local = zone.rules().to_datetime(moment);
                prop_assert_eq!((local.day(), local.hour(), local.minute()), (slot.day(), slot.hour(), slot.minute()));
                let next = slot.next_after(moment);
                prop_assert_eq!(RunId::of(next, zone.rules()), RunId::of(moment, zone.rules()).next());
                moment = next;
            }
        }
    }
}
