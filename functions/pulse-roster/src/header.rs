use csv::ByteRecord;
use pulse_core::roster::{COLUMNS, RosterRow};

use super::{
    decoding::{NAME_THE_ENCODING, NOT_UTF8, SourceEncoding},
    errors::RosterFileError,
    format::{Mapping, RosterFormat},
    records::is_blank,
    rejects::is_reason,
};

/// Where in a record the columns of a roster are, by the names in its first line.
pub(super) struct Header {
    /// All of the file's columns, ours or not.
    pub(super) names: ByteRecord,
    /// The place of each of [`COLUMNS`].
    places: [usize; COLUMNS.len()],
    /// How many columns a row has: unnamed ones at the end are none.
    pub(super) len: usize,
}

/// What a column is known by: case, white space, underscores and marks that can't be seen don't matter.
pub(super) fn key(name: &str) -> String {
    let seen = |c: &char| !c.is_whitespace() && !c.is_control() && !matches!(c, '_' | '\u{feff}' | '\u{200b}');
    name.chars().filter(seen).flat_map(char::to_lowercase).collect()
}

/// Which of our columns a column of the file is, by its name or because the operator says so.
fn ours<'a>(name: &'a str, mappings: &'a [Mapping]) -> impl Iterator<Item = &'static str> + 'a {
    let name = key(name);
    let is_mapped = mappings.iter().any(|mapping| key(&mapping.theirs) == name);
    COLUMNS.into_iter().filter(move |column| {
        let mut of_column = mappings.iter().filter(|mapping| mapping.ours == *column);
        if is_mapped { of_column.any(|mapping| key(&mapping.theirs) == name) } else { key(column) == name }
    })
}

impl Header {
    /// How many of our columns are among `names`.
    pub(super) fn known(names: &ByteRecord, mappings: &[Mapping]) -> usize {
        names.iter().map(|name| ours(&String::from_utf8_lossy(name), mappings).count()).sum()
    }

    /// Finds every column, in any order, among others if need be.
    pub(super) fn read(
        names: ByteRecord,
        format: &RosterFormat,
        encoding: SourceEncoding,
    ) -> Result<Self, RosterFileError> {
        if let Some(problem) = names.iter().find_map(|name| encoding.problem(name)) {
            let advice = if problem == NOT_UTF8 { format!("; {NAME_THE_ENCODING}") } else { String::new() };
            return Err(RosterFileError::Encoding(problem + &advice));
        }
        let texts: Vec<_> = names.iter().map(String::from_utf8_lossy).collect();
        let mappings = &format.mappings;
        // A customer has digits somewhere, and isn't shown.
        let may_be_shown =
            !mappings.is_empty() && !texts.iter().any(|name| name.contains(|c: char| c == '@' || c.is_numeric()));
        if Self::known(&names, mappings) == 0 && !may_be_shown {
            return Err(RosterFileError::NoHeader);
        }
        for mapping in mappings {
            if !texts.iter().any(|name| key(name) == key(&mapping.theirs)) {
                return Err(RosterFileError::Unmapped { name: mapping.theirs.clone(), found: listed(&names) });
            }
        }
        let mut places = [0; COLUMNS.len()];
        let mut missing = Vec::new();
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            let found = texts.iter().enumerate().filter(|(_, name)| ours(name, mappings).any(|known| known == column));
            match found.collect::<Vec<_>>()[..] {
                [] => missing.push(column),
                [(at, _)] => *place = at,
                [(_, one), (_, other), ..] => {
                    return Err(RosterFileError::Twice {
                        column,
                        names: format!("{} and {}", one.trim(), other.trim()),
                    });
                }
            }
        }
        if let Some(first) = missing.first() {
            let theirs = resembling(first, &texts, mappings).unwrap_or("THEIR NAME");
            let example = format!("--map \"{theirs}={first}\"");
            return Err(RosterFileError::Missing { missing: missing.join(", "), found: listed(&names), example });
        }
        let len = names.iter().rposition(|name| !is_blank(name)).map_or(0, |last| last + 1);
        drop(texts);
        Ok(Self { names, places, len })
    }

    /// The names of the file's columns from `start` on, and whether one of ours is among them.
    pub(super) fn from(&self, start: usize) -> (String, bool) {
        let names: Vec<_> = self.names.iter().take(self.len).skip(start).map(String::from_utf8_lossy).collect();
        (names.iter().map(|name| name.trim()).collect::<Vec<_>>().join(", "), self.places.iter().any(|at| *at >= start))
    }

    /// The one of our columns that a row ends with, if it is one of ours.
    pub(super) fn last(&self) -> Option<&'static str> {
        COLUMNS.into_iter().zip(self.places).find(|(_, at)| at + 1 == self.len).map(|(column, _)| column)
    }

    /// Whether a record is the first line once more, as in files that were joined.
    pub(super) fn is_repeated_by(&self, fields: &ByteRecord) -> bool {
        let text = |record: &ByteRecord, at| key(&String::from_utf8_lossy(record.get(at).unwrap_or_default()));
        self.places.iter().all(|&at| text(fields, at) == text(&self.names, at))
    }

    /// Our columns of a record. What a record lacks at its end is empty.
    ///
    /// # Errors
    /// The first column that isn't text, and why.
    pub(super) fn row<'a>(
        &self,
        fields: &'a ByteRecord,
        encoding: SourceEncoding,
    ) -> Result<RosterRow<'a>, (&'static str, String)> {
        for (place, column) in self.places.into_iter().zip(COLUMNS) {
            if let Some(problem) = fields.get(place).and_then(|bytes| encoding.problem(bytes)) {
                return Err((column, problem));
            }
        }
        Ok(self.shifted(fields, usize::MAX, 0))
    }

    /// Our columns of a record, from the place `first` on as if they stood `by` columns further to the right.
    pub(super) fn shifted<'a>(&self, fields: &'a ByteRecord, first: usize, by: isize) -> RosterRow<'a> {
        let [id, name, email, product, balance, currency, locale, time_zone, signed_up_at, status, opted_out] =
            self.places.map(|place| {
                let place = if place < first { Some(place) } else { place.checked_add_signed(by) };
                let bytes = place.and_then(|place| fields.get(place)).unwrap_or_default();
                std::str::from_utf8(bytes).unwrap_or_default()
            });
        RosterRow { id, name, email, product, balance, currency, locale, time_zone, signed_up_at, status, opted_out }
    }

    /// The place of one of our columns.
    pub(super) fn place(&self, column: &str) -> usize {
        COLUMNS.iter().position(|&known| known == column).map_or(usize::MAX, |at| self.places[at])
    }
}

/// The names of the file's columns, for people: so many as one can take in.
fn listed(names: &ByteRecord) -> String {
    let shown = names.iter().filter(|name| !is_blank(name) && !is_reason(name));
    let short = |name: &[u8]| String::from_utf8_lossy(name).trim().chars().take(40).collect::<String>();
    let mut list: Vec<_> = shown.map(short).collect();
    if let Some(more @ 1..) = list.len().checked_sub(30) {
        list.truncate(30);
        list.push(format!("and {more} more"));
    }
    list.join(", ")
}

/// The column of the file that may be `column` under another name.
fn resembling<'a>(column: &str, names: &'a [std::borrow::Cow<'_, str>], mappings: &[Mapping]) -> Option<&'a str> {
    let letters = |name: &str| key(name).chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let wanted = letters(column);
    let free = names.iter().map(|name| name.trim()).filter(|name| ours(name, mappings).next().is_none());
    free.filter(|name| !letters(name).is_empty())
        .find(|name| letters(name).contains(&wanted) || wanted.contains(&letters(name)))
}
