use std::fmt;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// Names of IANA's that are abbreviations of a time and no place: the tz database keeps them for software that is older
/// than names of places (its files `northamerica` and `europe`; links to a place each since 2024b).
const ABBREVIATIONS: [&str; 11] =
    ["CET", "CST6CDT", "EET", "EST", "EST5EDT", "HST", "MET", "MST", "MST7MDT", "PST8PDT", "WET"];

/// An IANA time zone such as `Europe/Dublin`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

impl Zone {
    /// UTC.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Looks a zone up by its IANA name, in any case.
    ///
    /// # Errors
    /// When there is no zone of that name, or it is `Factory`, the name for a zone that was never set.
    pub fn parse(name: &str) -> Result<Self, ParseError> {
        let bad = |problem| Err(ParseError::new("time zone", problem));
        match Self::find(name) {
            Some(zone) if zone.name() == "Factory" => bad("was never set: that is what Factory means"),
            Some(zone) => Ok(zone),
            None if is_offset(name) => {
                bad("is an offset, which doesn't follow the clocks of any place; name the place, as Europe/Dublin does")
            }
            None => bad("is not an IANA name such as Europe/Dublin"),
        }
    }

    fn find(name: &str) -> Option<Self> {
        let zone = TimeZone::get(name).ok()?;
        zone.iana_name()?;
        Some(Self(zone))
    }

    /// The zone's IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Whether the name is that of a place, and not an abbreviation or an offset (`EST`, `Etc/GMT+5`).
    #[must_use]
    pub fn is_place(&self) -> bool {
        !ABBREVIATIONS.contains(&self.name()) && !self.name().starts_with("Etc/")
    }

    /// The zone's rules.
    #[must_use]
    pub fn rules(&self) -> &TimeZone {
        &self.0
    }
}

/// `+02:00`, `-3`, `UTC+2`, `GMT-03:30`.
fn is_offset(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let number = upper.trim_start_matches("UTC").trim_start_matches("GMT").trim_start();
    number.strip_prefix(['+', '-', '\u{2212}']).is_some_and(|hours| hours.starts_with(|c: char| c.is_ascii_digit()))
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Of a profile: what was taken once is taken.
impl TryFrom<String> for Zone {
    type Error = ParseError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match Self::find(&name) {
            Some(zone) => Ok(zone),
            None => Self::parse(&name),
        }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_found_by_its_name_and_its_older_names() {
        for name in ["Europe/Dublin", "America/Argentina/Buenos_Aires", "Europe/Kyiv", "America/Coyhaique", "UTC"] {
            assert_eq!(Zone::parse(name).unwrap().name(), name);
        }
        for name in ["Europe/Kiev", "Asia/Calcutta", "US/Pacific", "Japan", "EST", "CET", "PST8PDT", "Etc/GMT+5", "GMT"]
        {
            assert_eq!(Zone::parse(name).unwrap().name(), name);
        }
        assert_eq!(Zone::parse("europe/dublin").unwrap().name(), "Europe/Dublin");
    }

    #[test]
    fn what_is_no_zone_is_refused_with_the_reason() {
        let refused = |name| Zone::parse(name).unwrap_err().to_string();
        for name in ["", "Dublin", "Mars/Base", "localtime", "posixrules", "posix/Europe/Dublin", "Etc/Unknown", "BST"]
        {
            assert!(refused(name).contains("not an IANA name"), "{name}");
        }
        for name in ["+02:00", "-3", "UTC+2", "gmt-03:30", "UTC +1", "\u{2212}05:00"] {
            assert!(refused(name).contains("is an offset"), "{name}");
        }
        for name in ["Factory", "factory"] {
            assert!(refused(name).contains("never set"), "{name}");
        }
    }

    #[test]
    fn abbreviations_and_offsets_are_no_places() {
        for name in ["EST", "CET", "PST8PDT", "Etc/GMT+5", "Etc/UTC"] {
            assert!(!Zone::parse(name).unwrap().is_place(), "{name}");
        }
        for name in ["Asia/Calcutta", "Japan", "GB", "America/New_York"] {
            assert!(Zone::parse(name).unwrap().is_place(), "{name}");
        }
    }

    #[test]
    fn a_profile_of_an_earlier_release_is_read_whatever_its_zone() {
        assert_eq!(serde_json::from_str::<Zone>("\"Factory\"").unwrap().name(), "Factory");
        assert!(serde_json::from_str::<Zone>("\"Mars/Base\"").is_err());
    }
}
