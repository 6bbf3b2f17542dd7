use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jiff::{
    Timestamp, ToSpan as _,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

use crate::customer::Zone;

/// Gaps are looked for from here on, a fixed day, so that a slot is the same whenever it is made.
const FROM: &str = "2026-01-01T00:00:00Z";

/// After so many years the weekdays fall on the same days again, and a rule such as "the last Sunday of March" has met
/// every day of the month that it can.
const YEARS: i64 = 28;

/// Local times that a zone's clocks skip: from the first, up to and without the last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    from: DateTime,
    to: DateTime,
}

impl Gap {
    /// Whether the day of the month and time of day is skipped in this one.
    pub(super) fn holds(&self, day: i8, hour: i8, minute: i8) -> bool {
        let days = self.from.date().series(1.day()).take_while(|&date| date <= self.to.date());
        days.filter(|date| date.day() == day).any(|date| {
            let local = date.at(hour, minute, 0, 0);
            self.from <= local && local < self.to
        })
    }
}

/// The gaps of a zone in the years to come, by its own rules.
pub(super) fn of(zone: &Zone) -> Arc<[Gap]> {
    // Looking one zone's up takes as long as reading some hundred rows of a roster.
    static KNOWN: LazyLock<Mutex<HashMap<String, Arc<[Gap]>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(gaps) = known.get(zone.name()) {
        return Arc::clone(gaps);
    }
    let gaps: Arc<[Gap]> = gaps(zone.rules()).into();
    known.insert(zone.name().to_owned(), Arc::clone(&gaps));
    gaps
}

fn gaps(rules: &TimeZone) -> Vec<Gap> {
    let Ok(from) = FROM.parse::<Timestamp>() else { return Vec::new() };
    let end = from + jiff::SignedDuration::from_hours(YEARS * 1461 * 6);
    let mut before = rules.to_offset(from);
    let mut gaps = Vec::new();
    for change in rules.following(from).take_while(|change| change.timestamp() < end) {
        let after = change.offset();
        let local = |offset: Offset| offset.to_datetime(change.timestamp());
        if after > before {
            gaps.push(Gap { from: local(before), to: local(after) });
        }
        before = after;
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(zone: &TimeZone, day: i8, hour: i8, minute: i8) -> bool {
        gaps(zone).iter().any(|gap| gap.holds(day, hour, minute))
    }

    #[test]
    fn a_zone_skips_what_its_own_rules_skip_and_nothing_else() {
        let named = |name| TimeZone::get(name).unwrap();
        for (name, day, from, to) in [
            // On the evening before the last Sunday of March, which is the 24th to the 30th.
            ("America/Nuuk", 24, (23, 0), (0, 0)),
            ("America/Scoresbysund", 30, (23, 0), (0, 0)),
            // On the evening before the first Sunday of September after the 1st.
            ("Pacific/Easter", 7, (22, 0), (23, 0)),
            ("Africa/Cairo", 24, (0, 0), (1, 0)),
            ("Asia/Beirut", 25, (0, 0), (1, 0)),
            ("Australia/Lord_Howe", 7, (2, 0), (2, 30)),
            ("Antarctica/Troll", 31, (1, 0), (3, 0)),
            ("Europe/Dublin", 25, (1, 0), (2, 0)),
        ] {
            let zone = named(name);
            let minute_before = |(hour, minute): (i8, i8)| match (hour, minute) {
                (0, 0) => (23, 59),
                (hour, 0) => (hour - 1, 59),
                (hour, minute) => (hour, minute - 1),
            };
            assert!(holds(&zone, day, from.0, from.1), "{name}");
            let last = minute_before(to);
            assert!(holds(&zone, day, last.0, last.1), "{name}");
            if from != (0, 0) {
                let earlier = minute_before(from);
                assert!(!holds(&zone, day, earlier.0, earlier.1), "{name}");
            }
            assert!(!holds(&zone, day, to.0, to.1), "{name}");
            assert!(!holds(&zone, 15, from.0, from.1), "{name}");
        }
        for name in ["UTC", "Asia/Tokyo", "America/Asuncion", "Pacific/Apia"] {
            assert_eq!(gaps(&named(name)).len(), 0, "{name}");
        }
    }

    #[test]
    fn a_day_that_a_zone_leaves_out_is_a_gap_of_a_day() {
        let gap = Gap {
            from: jiff::civil::date(2011, 12, 30).at(0, 0, 0, 0),
            to: jiff::civil::date(2011, 12, 31).at(0, 0, 0, 0),
        };
        assert!(gap.holds(30, 0, 0) && gap.holds(30, 23, 59));
        assert!(!gap.holds(29, 23, 59) && !gap.holds(31, 0, 0));
    }
}
