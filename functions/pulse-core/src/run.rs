//! Runs: one pass over the customers.

use std::fmt;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// The most mails that one customer can have of a month, the first included.
const MOST_REPEATS: u8 = 9;

/// The id of a monthly run, such as `2026-11`, or of one customer's repeat of it, such as `2026-11-r2`.
///
/// It is the month of the scheduled moment in the customer's own time zone, so that together with
/// the customer it names the month's mail whatever message, retry or redrive asks for it.
///
/// A repeat is a second mail of the month that someone answers for. It has an id of its own, and so an
/// entry and an idempotency key of its own: what was sent stays sent, and each of the two is mailed once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId {
    year: i16,
    month: i8,
    /// 0 for the monthly run itself, 2 for its first repeat.
    repeat: u8,
}

impl RunId {
    /// The run that `moment` belongs to for a customer who lives in `zone`.
    #[must_use]
    pub fn of(moment: Timestamp, zone: &TimeZone) -> Self {
        let local = zone.to_datetime(moment);
        Self { year: local.year(), month: local.month(), repeat: 0 }
    }

    /// The run that people look at: the month's by UTC, which is some customers' and nearly everyone's.
    #[must_use]
    pub fn current(now: Timestamp) -> Self {
        Self::of(now, &TimeZone::UTC)
    }

    /// Reads `YYYY-MM`, or `YYYY-MM-r2` to `YYYY-MM-r9`.
    ///
    /// # Errors
    /// When the text has another form or names no month.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let bad = || ParseError::new("run id", "is not a month such as 2026-11");
        let (year, month) = text.split_once('-').ok_or_else(bad)?;
        let (month, repeat) = match month.split_once("-r") {
            Some((month, repeat)) if repeat.len() == 1 => (month, repeat.parse().map_err(|_| bad())?),
            Some(_) => return Err(bad()),
            None => (month, 0),
        };
        if year.len() != 4 || month.len() != 2 {
            return Err(bad());
        }
        let year = year.parse().map_err(|_| bad())?;
        let month = month.parse().map_err(|_| bad())?;
        Date::new(year, month, 1).map_err(|_| bad())?;
        let names_one = text.len() == "YYYY-MM".len() || (2..=MOST_REPEATS).contains(&repeat);
        if names_one { Ok(Self { year, month, repeat }) } else { Err(bad()) }
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
            12 => Self { year: self.year + 1, month: 1, repeat: 0 },
            month => Self { year: self.year, month: month + 1, repeat: 0 },
        }
    }

    /// The run of the month before this one.
    #[must_use]
    pub fn previous(self) -> Self {
        match self.month {
            1 => Self { year: self.year - 1, month: 12, repeat: 0 },
            month => Self { year: self.year, month: month - 1, repeat: 0 },
        }
    }

    /// The month's own run, of it or of one of its repeats.
    #[must_use]
    pub fn month(self) -> Self {
        Self { repeat: 0, ..self }
    }

    /// The months in which customers of all time zones are in this span.
    pub fn around(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Self> {
        let of = |moment: Timestamp, hours| {
            let moved = moment.saturating_add(SignedDuration::from_hours(hours)).unwrap_or(moment);
            Self::of(moved, &TimeZone::UTC)
        };
        // Clocks are at most 14 hours ahead of UTC, and 12 behind.
        let last = of(to, 14);
        std::iter::successors(Some(of(from, -12)), |run| Some(run.next())).take_while(move |run| *run <= last)
    }

    /// Whether it is one customer's repeat of a monthly run.
    #[must_use]
    pub fn is_repeat(self) -> bool {
        self.repeat > 0
    }

    /// The repeat after this run or repeat; none after the ninth mail of a month.
    #[must_use]
    pub fn repeated(self) -> Option<Self> {
        let repeat = self.repeat.max(1) + 1;
        (repeat <= MOST_REPEATS).then_some(Self { repeat, ..self })
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)?;
        if self.is_repeat() { write!(f, "-r{}", self.repeat) } else { Ok(()) }
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
    fn a_repeat_is_a_run_of_its_own_between_its_month_and_the_next() {
        let run = RunId::parse("2026-11").unwrap();
        let repeat = run.repeated().unwrap();
        assert_eq!((repeat.to_string().as_str(), repeat.is_repeat(), run.is_repeat()), ("2026-11-r2", true, false));
        assert_eq!(RunId::parse("2026-11-r2").unwrap(), repeat);
        assert!(run < repeat && repeat < run.next());
        assert!(run.to_string() < repeat.to_string() && repeat.to_string() < run.next().to_string());
        assert_eq!((repeat.next(), repeat.first_day()), (run.next(), run.first_day()));
        let last = (0..7).fold(repeat, |repeat, _| repeat.repeated().unwrap());
        assert_eq!((last.to_string().as_str(), last.repeated()), ("2026-11-r9", None));
        for bad in ["2026-11-r0", "2026-11-r1", "2026-11-r", "2026-11-r10", "2026-11-2", "2026-11-rx"] {
            assert!(RunId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn december_is_followed_by_january() {
        assert_eq!(RunId::parse("2026-12").unwrap().next().to_string(), "2027-01");
    }
}
