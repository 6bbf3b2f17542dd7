use jiff::{
    Timestamp,
    civil::{Date, DateTime},
};

use crate::{
    customer::{CustomerId, Zone},
    parse::ParseError,
    slot::FIRST_HOUR,
    stable_hash::stable_hash,
};

/// When someone signed up, as a roster tells it.
pub(super) enum SignUp {
    Moment(Timestamp),
    /// A date without a time of day.
    Day(Date),
}

impl SignUp {
    pub(super) fn parse(text: &str) -> Result<Self, ParseError> {
        let bad = |problem: &str| Err(ParseError::new("sign-up moment", problem));
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(Self::Moment(moment));
        }
        if text.parse::<DateTime>().is_err() {
            return bad("is neither a date such as 2024-05-10 nor a moment such as 2024-05-10T14:41:00+01:00");
        }
        match text.parse::<Date>() {
            Ok(day) if text.len() == "2024-05-10".len() => Ok(Self::Day(day)),
            // Whose clock was it? A guess could be a day off.
            _ => bad("has a time of day but no offset; write it as 2024-05-10T14:41:00+01:00"),
        }
    }

    pub(super) fn moment(self, id: &CustomerId, zone: &Zone) -> Result<Timestamp, ParseError> {
        let day = match self {
            Self::Moment(moment) => return Ok(moment),
            Self::Day(day) => day,
        };
        let first = i64::from(FIRST_HOUR) * 60;
        let minutes = (24 * 60 - first).unsigned_abs();
        let spread = stable_hash("sign-up-minute", id.as_str()) % minutes;
        let minute = first + i64::try_from(spread).unwrap_or(0);
        let local = DateTime::from_parts(day, jiff::civil::Time::midnight())
            .checked_add(jiff::SignedDuration::from_mins(minute));
        local
            .and_then(|local| zone.rules().to_timestamp(local))
            .map_err(|_| ParseError::new("sign-up moment", "is out of range"))
    }
}
