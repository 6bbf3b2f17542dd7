use icu_time::zone::iana::IanaParserExtended;
use jiff::fmt::temporal::Pieces;

use super::{RosterRow, RowProblem};
use crate::{
    customer::{Customer, Zone},
    parse::ParseError,
};

/// The offsets of places, in hours: Baker Island's and the Line Islands' (tz database).
const OFFSETS: std::ops::RangeInclusive<i32> = -12 * 3600..=14 * 3600;

impl RosterRow<'_> {
    /// What someone should look at in a row of which `customer` was made: it is taken as it stands, but may not be what was
    /// meant. The same doubt has the same words in every row, so that they can be counted.
    #[must_use]
    pub fn doubts(&self, customer: &Customer) -> Vec<RowProblem> {
        let doubts = [
            ("locale", open_language(customer)),
            ("time_zone", if self.time_zone.trim().is_empty() { None } else { no_place(&customer.zone) }),
            ("signed_up_at", strange_offset(self.signed_up_at.trim())),
        ];
        let doubts = doubts.into_iter().filter_map(|(column, doubt)| Some(RowProblem::new(column, &doubt?)));
        doubts.collect()
    }
}

fn open_language(customer: &Customer) -> Option<ParseError> {
    let is_open = customer.locale.as_str().split('-').next() == Some("und");
    is_open.then(|| ParseError::new("locale", "names no language, so letters are in English"))
}

fn no_place(zone: &Zone) -> Option<ParseError> {
    let name = zone.name();
    let known = IanaParserExtended::new().parse(name);
    let problem = if known.canonical == "Etc/UTC" || known.canonical == "Etc/GMT" {
        return None;
    } else if !zone.is_place() {
        format!("{name} isn't the name of a place: its clocks may not change when the customer's do")
    } else if known.time_zone.is_unknown() || known.canonical == name {
        return None;
    } else {
        format!("{name} is another name of {}", known.canonical)
    };
    Some(ParseError::new("time zone", problem))
}

fn strange_offset(text: &str) -> Option<ParseError> {
    let offset = Pieces::parse(text).ok()?.to_numeric_offset()?;
    let is_strange = !OFFSETS.contains(&offset.seconds());
    is_strange
        .then(|| ParseError::new("sign-up moment", "has an offset that no place has: they go from -12:00 to +14:00"))
}
