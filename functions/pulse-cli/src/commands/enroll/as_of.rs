//! Of which moment a roster tells.

use std::{fs::Metadata, io};

use anyhow::{Context as _, Result, bail};
use jiff::{Timestamp, civil::Date};
use pulse_core::customer::Zone;
use serde::Serialize;

/// The moment that a roster tells of, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct AsOf {
    #[serde(rename = "as_of")]
    pub(super) moment: Timestamp,
    #[serde(rename = "as_of_is")]
    pub(super) known_by: &'static str,
}

const GIVEN: &str = "as given";

impl AsOf {
    /// The moment that the file itself names, as a rejects file does: that of the roster which its rows were rejected of,
    /// however late they are mended. What the operator says goes before.
    pub(super) fn unless_said(self, by_the_file: Option<&str>) -> Self {
        match by_the_file.and_then(|text| text.parse::<Timestamp>().ok()) {
            Some(moment) if self.known_by != GIVEN && moment <= self.moment => {
                Self { moment, known_by: "as the file says; --as-of says otherwise" }
            }
            _ => self,
        }
    }

    /// The moment that is given, or else the one of the file's last change, or else `now`: what comes through a pipe has
    /// no other.
    pub(super) fn of(given: Option<&str>, about: &Metadata, zone: &Zone, now: Timestamp) -> Result<Self> {
        let known = match given {
            Some(text) => Self { moment: moment(text, zone)?, known_by: GIVEN },
            None if about.is_file() => {
                let moment = last_change(about).context("When the roster was changed isn't known: say with --as-of")?;
                Self { moment, known_by: "the file's last change; --as-of says otherwise" }
            }
            None => Self { moment: now, known_by: "now, as it is no file; --as-of says otherwise" },
        };
        if known.moment > now {
            bail!(
                "The roster is of {:.0}, which is yet to come: a roster tells of what was. Say of when it is with --as-of",
                known.moment
            );
        }
        Ok(known)
    }
}

fn last_change(file: &Metadata) -> io::Result<Timestamp> {
    Timestamp::try_from(file.modified()?).map_err(io::Error::other)
}

/// A moment, or the beginning of a day: whatever was heard on that day is taken to be newer.
fn moment(text: &str, zone: &Zone) -> Result<Timestamp> {
    let text = text.trim();
    // A date's parser takes a date with a time of day, too, and would drop the time.
    if text.len() == "2026-11-10".len() {
        let date: Date = text.parse().context("--as-of: there is no such day")?;
        return Ok(date.to_zoned(zone.rules().clone()).context("--as-of: the day has no beginning")?.timestamp());
    }
    text.parse().context("--as-of is a day (2026-11-10), or a moment with its offset (2026-11-10T08:00:00+01:00)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-10T09:00:00Z".parse().unwrap()
    }

    fn given(text: &str) -> Result<String> {
        let zone = Zone::parse("Europe/Dublin").unwrap();
        AsOf::of(Some(text), &std::fs::metadata("/dev/null").unwrap(), &zone, now())
            .map(|as_of| as_of.moment.to_string())
    }

    #[test]
    fn a_day_is_its_beginning_where_customers_are_and_a_moment_is_itself() {
        assert_eq!(given("2026-07-01").unwrap(), "2026-06-30T23:00:00Z");
        assert_eq!(given("2026-11-10T08:00:00+01:00").unwrap(), "2026-11-10T07:00:00Z");
        for bad in ["", "yesterday", "2026-11-31", "2026-11-10T08:00:00", "10.11.2026"] {
            assert!(given(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rejects_are_of_the_moment_of_their_roster_unless_someone_says_otherwise() {
        let mended = AsOf { moment: now(), known_by: "the file's last change" };
        let of = |as_of: &AsOf, says| as_of.clone().unless_said(says).moment.to_string();
        assert_eq!(of(&mended, Some("2026-11-03T08:00:00Z")), "2026-11-03T08:00:00Z");
        for no_earlier_moment in [None, Some("3.11.2026"), Some("2026-12-01T00:00:00Z")] {
            assert_eq!(of(&mended, no_earlier_moment), now().to_string());
        }
        let given = AsOf { moment: now(), known_by: GIVEN };
        assert_eq!(of(&given, Some("2026-11-03T08:00:00Z")), now().to_string());
    }

    #[test]
    fn no_roster_is_of_the_future() {
        assert!(given("2026-11-10T09:00:00Z").is_ok());
        for future in ["2026-11-10T09:00:01Z", "2026-11-11"] {
            let error = given(future).unwrap_err().to_string();
            assert!(error.contains("yet to come"), "{error}");
        }
    }

    #[test]
    fn a_file_is_of_its_last_change_and_a_pipe_of_now() {
        let zone = Zone::UTC;
        let file = tempfile::NamedTempFile::new().unwrap();
        let at = now() - jiff::SignedDuration::from_hours(1);
        file.as_file().set_modified(at.into()).unwrap();
        let about = file.as_file().metadata().unwrap();
        assert_eq!(AsOf::of(None, &about, &zone, now()).unwrap().moment, at);
        assert!(AsOf::of(None, &about, &zone, at - jiff::SignedDuration::from_secs(1)).is_err());
        let device = std::fs::metadata("/dev/null").unwrap();
        assert_eq!(AsOf::of(None, &device, &zone, now()).unwrap().moment, now());
    }
}
