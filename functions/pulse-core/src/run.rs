//! Runs: one pass over customers.

use std::fmt;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// The most mails that one customer can have of a month, the first included.
const MOST_REPEATS: u8 = 9;

/// The id of a run: of a month, such as `2026-11`, of one customer's repeat of it, such as `2026-11-r2`, or of a campaign, such
/// as `spring-sale`.
///
/// A month is that of the scheduled moment in the customer's own time zone, so that together with
/// the customer it names the month's mail whatever message, retry or redrive asks for it.
///
/// A repeat is a second mail of the month that someone answers for. It has an id of its own, and so an
/// entry and an idempotency key of its own: what was sent stays sent, and each of the two is mailed once.
///
/// A campaign has the [name](CampaignName) that whoever asked for it gave it, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(Of);

/// What a run is of. Months come before campaigns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Of {
    Month {
        year: i16,
        month: i8,
        /// 0 for the monthly run itself, 2 for its first repeat.
        repeat: u8,
    },
    Campaign(CampaignName),
}

/// The most letters of a campaign's name: together with a customer's id, the longest of 48, it is an idempotency key, of which
/// Marketing Cloud takes 100.
const LONGEST_NAME: usize = 24;

/// A campaign's name: letters of the alphabet in lower case, digits and hyphens, a letter first. No month has such a one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CampaignName([u8; LONGEST_NAME]);

impl CampaignName {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let may_follow = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let mut name = [0; LONGEST_NAME];
        if text.is_empty() {
            return Err(ParseError::new("campaign name", "is empty"));
        }
        if text.len() > LONGEST_NAME {
            return Err(ParseError::new("campaign name", "is longer than 24 characters"));
        }
        if !text.as_bytes()[0].is_ascii_lowercase() || !text.bytes().all(may_follow) {
            return Err(ParseError::new("campaign name", "is not of a-z, 0-9 and hyphens, a letter first"));
        }
        name[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(name))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(LONGEST_NAME);
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

impl fmt::Debug for CampaignName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for CampaignName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl RunId {
    pub(crate) const fn month_of(year: i16, month: i8, repeat: u8) -> Self {
        Self(Of::Month { year, month, repeat })
    }

    /// The year, the month and which repeat it is, if it is a month's.
    pub(crate) const fn parts_of_month(self) -> Option<(i16, i8, u8)> {
        match self.0 {
            Of::Month { year, month, repeat } => Some((year, month, repeat)),
            Of::Campaign(_) => None,
        }
    }

    /// The run of a campaign.
    #[must_use]
    pub const fn campaign(name: CampaignName) -> Self {
        Self(Of::Campaign(name))
    }

    /// The monthly run that `moment` belongs to for a customer who lives in `zone`.
    #[must_use]
    pub fn of(moment: Timestamp, zone: &TimeZone) -> Self {
        let local = zone.to_datetime(moment);
        Self::month_of(local.year(), local.month(), 0)
    }

    /// The run that people look at: the month's by UTC, which is some customers' and nearly everyone's.
    #[must_use]
    pub fn current(now: Timestamp) -> Self {
        Self::of(now, &TimeZone::UTC)
    }

    /// Reads `YYYY-MM`, `YYYY-MM-r2` to `YYYY-MM-r9`, or a campaign's name.
    ///
    /// # Errors
    /// When the text has another form or names no month.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return CampaignName::parse(text).map(Self::campaign);
        }
        let bad = || ParseError::new("run id", "is neither a month such as 2026-11 nor a campaign's name");
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
        if names_one { Ok(Self::month_of(year, month, repeat)) } else { Err(bad()) }
    }

    /// The first day of the run's month; none of a campaign.
    #[must_use]
    pub fn first_day(self) -> Option<Date> {
        match self.0 {
            Of::Month { year, month, .. } => Some(jiff::civil::date(year, month, 1)),
            Of::Campaign(_) => None,
        }
    }

    /// The run of the month after this one. A campaign is followed by none, and is itself.
    #[must_use]
    pub fn next(self) -> Self {
        match self.0 {
            Of::Month { year, month: 12, .. } => Self::month_of(year + 1, 1, 0),
            Of::Month { year, month, .. } => Self::month_of(year, month + 1, 0),
            Of::Campaign(_) => self,
        }
    }

    /// The run of the month before this one. A campaign follows none, and is itself.
    #[must_use]
    pub fn previous(self) -> Self {
        match self.0 {
            Of::Month { year, month: 1, .. } => Self::month_of(year - 1, 12, 0),
            Of::Month { year, month, .. } => Self::month_of(year, month - 1, 0),
            Of::Campaign(_) => self,
        }
    }

    /// The month's own run, of it or of one of its repeats; a campaign itself.
    #[must_use]
    pub fn month(self) -> Self {
        match self.0 {
            Of::Month { year, month, .. } => Self::month_of(year, month, 0),
            Of::Campaign(_) => self,
        }
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
        matches!(self.0, Of::Month { repeat: 1.., .. })
    }

    /// Whether it is a month's own run, which another follows; neither a repeat nor a campaign, which are beside that cycle.
    #[must_use]
    pub fn is_monthly(self) -> bool {
        matches!(self.0, Of::Month { repeat: 0, .. })
    }

    /// The campaign's name; none of a month.
    #[must_use]
    pub fn campaign_name(&self) -> Option<&str> {
        match &self.0 {
            Of::Campaign(name) => Some(name.as_str()),
            Of::Month { .. } => None,
        }
    }

    /// Whether it is a campaign.
    #[must_use]
    pub fn is_campaign(self) -> bool {
        matches!(self.0, Of::Campaign(_))
    }

    /// The repeat after this run or repeat; none after the ninth mail of a month, and none of a campaign.
    #[must_use]
    pub fn repeated(self) -> Option<Self> {
        let Of::Month { year, month, repeat } = self.0 else { return None };
        let repeat = repeat.max(1) + 1;
        (repeat <= MOST_REPEATS).then(|| Self::month_of(year, month, repeat))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Of::Month { year, month, repeat: 0 } => write!(f, "{year:04}-{month:02}"),
            Of::Month { year, month, repeat } => write!(f, "{year:04}-{month:02}-r{repeat}"),
            Of::Campaign(name) => name.fmt(f),
        }
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
        for bad in ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "2026-011", "X026-11"] {
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
    fn a_campaign_is_a_run_beside_the_months_under_its_own_name() {
        let run = RunId::parse("spring-sale-2027").unwrap();
        assert_eq!(run.to_string(), "spring-sale-2027");
        assert!(run.is_campaign() && !run.is_monthly() && !run.is_repeat());
        assert_eq!(
            (run.month(), run.next(), run.previous(), run.repeated(), run.first_day()),
            (run, run, run, None, None)
        );
        assert!(RunId::parse("9999-12").unwrap() < run && run < RunId::parse("summer").unwrap());
        for bad in
            ["Spring", "spring_sale", "spring sale", "-spring", "spring#1", "sprıng", "a-name-that-is-far-too-long"]
        {
            assert!(RunId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn december_is_followed_by_january() {
        assert_eq!(RunId::parse("2026-12").unwrap().next().to_string(), "2027-01");
    }
}
