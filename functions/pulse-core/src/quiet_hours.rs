//! Hours in which nobody wants mail.

use std::time::Duration;

use jiff::{Timestamp, civil::Time, tz::TimeZone};

use crate::parse::ParseError;

/// A stretch of the customer's local day, such as 22:00 to 07:00, that may cross midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    from: Time,
    to: Time,
}

impl QuietHours {
    /// Reads `HH:MM-HH:MM`; empty text means that no hour is quiet.
    ///
    /// # Errors
    /// When the text has another form, or the two times are the same.
    pub fn parse(text: &str) -> Result<Option<Self>, ParseError> {
        if text.is_empty() {
            return Ok(None);
        }
        let bad = || ParseError::new("quiet hours", "are not of the form 22:00-07:00");
        let (from, to) = text.split_once('-').ok_or_else(bad)?;
        let time = |text: &str| Time::strptime("%H:%M", text).map_err(|_| bad());
        let (from, to) = (time(from)?, time(to)?);
        if from == to {
            return Err(bad());
        }
        Ok(Some(Self { from, to }))
    }

    /// How long `now` still is within the quiet hours of `zone`, if it is.
    #[must_use]
    pub fn left(&self, now: Timestamp, zone: &TimeZone) -> Option<Duration> {
        let local = zone.to_datetime(now);
        let time = local.time();
        let quiet =
            if self.from < self.to { time >= self.from && time < self.to } else { time >= self.from || time < self.to };
        if !quiet {
            return None;
        }
        let date = if time < self.to { local.date() } else { local.date().tomorrow().ok()? };
        let end = zone.to_ambiguous_timestamp(date.to_datetime(self.to)).compatible().ok()?;
        Duration::try_from(end.duration_since(now)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(now: &str) -> Option<u64> {
        let hours = QuietHours::parse("22:00-07:00").unwrap().unwrap();
        let zone = TimeZone::get("Europe/Dublin").unwrap();
        hours.left(now.parse().unwrap(), &zone).map(|left| left.as_secs() / 60)
    }

    #[test]
    fn the_night_is_quiet_on_both_sides_of_midnight() {
        assert_eq!(left("2026-11-03T21:59:00Z"), None);
        assert_eq!(left("2026-11-03T22:00:00Z"), Some(9 * 60));
        assert_eq!(left("2026-11-04T06:59:00Z"), Some(1));
        assert_eq!(left("2026-11-04T07:00:00Z"), None);
    }

    #[test]
    fn the_night_of_a_clock_change_is_as_long_as_it_is() {
        // Clocks go back at 02:00 on 25 October 2026: the night has ten hours.
        assert_eq!(left("2026-10-24T21:00:00Z"), Some(10 * 60));
    }

    #[test]
    fn only_two_times_of_day_are_quiet_hours() {
        assert_eq!(QuietHours::parse(""), Ok(None));
        for bad in ["22-7", "22:00", "25:00-07:00", "22:00-22:00", "22:00-07:00-08:00"] {
            assert!(QuietHours::parse(bad).is_err(), "{bad}");
        }
    }
}
