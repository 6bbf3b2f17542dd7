use std::fmt;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// An IANA time zone such as `Europe/Dublin`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

impl Zone {
    /// UTC.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Looks a zone up by its IANA name.
    ///
    /// # Errors
    /// When there is no zone of that name.
    pub fn parse(name: &str) -> Result<Self, ParseError> {
        let unknown = || ParseError::new("time zone", "is not an IANA name such as Europe/Dublin");
        let zone = TimeZone::get(name).map_err(|_| unknown())?;
        zone.iana_name().ok_or_else(unknown)?;
        Ok(Self(zone))
    }

    /// The zone's IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The zone's rules.
    #[must_use]
    pub fn rules(&self) -> &TimeZone {
        &self.0
    }
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

impl TryFrom<String> for Zone {
    type Error = ParseError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}
