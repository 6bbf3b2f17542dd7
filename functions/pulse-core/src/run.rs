//! Runs: one pass over the customers.

use std::fmt;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// The id of a monthly run, such as `2026-11`.
///
/// It is the month of the scheduled moment in the customer's own time zone, so that together with
/// the customer it names the month's mail whatever message, retry or redrive asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId {
    year: i16,
    month: i8,
}

impl RunId {
    /// The run that `moment` belongs to for a customer who lives in `zone`.
    #[must_use]
    pub fn of(moment: Timestamp, zone: &TimeZone) -> Self {
        let local = zone.to_datetime(moment);
        Self { year: local.year(), month: local.month() }
    }

    /// Reads `YYYY-MM`.
    ///
    /// # Errors
    /// When the text has another form or names no month.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let bad = || ParseError::new("run id", "is not a month such as 2026-11");
        let (year, month) = text.split_once('-').ok_or_else(bad)?;
        if year.len() != 4 || month.len() != 2 {
            return Err(bad());
        }
        let year = year.parse().map_err(|_| bad())?;
        let month = month.parse().map_err(|_| bad())?;
        Date::new(year, month, 1).map_err(|_| bad())?;
        Ok(Self { year, month })
    }

    /// The first day of the run's month.
    #[must_use]
    pub fn first_day(self) -> Date {
        jiff::civil::date(self.year, self.month, 1)
    }

    /// The run of the month after this one.
    #[must_use]
    pub fn next(self) -> Self {
        match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { year: self.year, month: month + 1 },
        }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl TryFrom<String> for RunId {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_is_the_customers_own() {
        let moment: Timestamp = "2026-11-30T23:30:00Z".parse().unwrap();
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let denver = TimeZone::get("America/Denver").unwrap();
        assert_eq!(RunId::of(moment, &tokyo).to_string(), "2026-12");
        assert_eq!(RunId::of(moment, &denver).to_string(), "2026-11");
    }

    #[test]
    fn only_months_are_run_ids() {
        assert_eq!(RunId::parse("2026-11").unwrap().to_string(), "2026-11");
        for bad in ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "2026-011", "x026-11"] {
            assert!(RunId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn december_is_followed_by_january() {
        assert_eq!(RunId::parse("2026-12").unwrap().next().to_string(), "2027-01");
    }
}
