use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    fmt::temporal::{DateTimeParser, Pieces},
    tz::{Disambiguation, OffsetConflict},
};

use crate::{
    customer::{CustomerId, Zone},
    parse::ParseError,
    slot::FIRST_HOUR,
    stable_hash::stable_hash,
};

/// In seconds.
const A_DAY: i32 = 24 * 60 * 60;

/// When someone signed up, as a roster tells it.
pub(super) enum SignUp {
    Moment(Timestamp),
    /// A date without a time of day.
    Day(Date),
}

impl SignUp {
    pub(super) fn parse(text: &str) -> Result<Self, ParseError> {
        let bad = |problem: &str| Err(ParseError::new("sign-up moment", problem));
        let Ok(pieces) = Pieces::parse(text) else {
            return bad("is neither a date such as 2024-05-10 nor a moment such as 2024-05-10T14:41:00+01:00");
        };
        let offset = pieces.to_numeric_offset();
        if offset.is_some_and(|offset| offset.seconds().abs() >= A_DAY) {
            return bad("has an offset of a day or more; the hours of one are 00 to 23 (RFC 3339)");
        }
        if pieces.time_zone_annotation().is_some() {
            return Self::in_zone(text, &pieces);
        }
        match (pieces.time(), offset) {
            (None, _) => Ok(Self::Day(pieces.date())),
            // Whose clock was it? A guess could be a day off.
            (Some(_), None) => bad("has a time of day but no offset; write it as 2024-05-10T14:41:00+01:00"),
            (Some(_), Some(_)) => match text.parse() {
                Ok(moment) => Ok(Self::Moment(moment)),
                Err(_) => bad("is out of range"),
            },
        }
    }

    /// A moment that names its zone, as in `2024-05-10T14:41:00+01:00[Europe/Dublin]` (RFC 9557). `Z` and `-00:00` leave
    /// the offset open there, so no zone contradicts them.
    fn in_zone(text: &str, pieces: &Pieces<'_>) -> Result<Self, ParseError> {
        let bad = |problem: &str| Err(ParseError::new("sign-up moment", problem));
        if pieces.time().is_none() {
            return bad("is a date, which a zone in brackets makes no moment of");
        }
        if !matches!(pieces.to_time_zone(), Ok(Some(_))) {
            return bad("names in brackets what is no IANA time zone such as Europe/Dublin");
        }
        let parser =
            DateTimeParser::new().offset_conflict(OffsetConflict::Reject).disambiguation(Disambiguation::Reject);
        match (parser.parse_zoned(text), pieces.offset()) {
            (Ok(moment), _) => Ok(Self::Moment(moment.timestamp())),
            (Err(_), Some(_)) => {
                bad("has an offset that the zone in brackets didn't have then; which of them is right?")
            }
            (Err(_), None) => bad("has a time of day that the zone in brackets skipped or had twice; add its offset"),
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
