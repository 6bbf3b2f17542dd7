use csv::ByteRecord;
use pulse_core::roster::{COLUMNS, RosterRow};

use super::errors::RosterFileError;

/// Where in a record the columns of a roster are, by the names in its first line.
pub(super) struct Header {
    /// All of the file's columns, ours or not.
    pub(super) names: ByteRecord,
    /// The place of each of [`COLUMNS`].
    places: [usize; COLUMNS.len()],
}

impl Header {
    /// Finds every column, in any order, among others if need be.
    pub(super) fn read(names: ByteRecord) -> Result<Self, RosterFileError> {
        let text = |name: &[u8]| std::str::from_utf8(name).map(|name| name.trim().to_ascii_lowercase());
        let known: Vec<String> =
            names.iter().map(text).collect::<Result<_, _>>().map_err(|_| RosterFileError::Encoding)?;
        let mut places = [0; COLUMNS.len()];
        let mut missing = Vec::new();
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            let mut found = known.iter().enumerate().filter(|(_, name)| *name == column);
            match (found.next(), found.next()) {
                (Some((at, _)), None) => *place = at,
                (Some(_), Some(_)) => return Err(RosterFileError::Twice(column)),
                (None, _) => missing.push(column),
            }
        }
        if missing.len() == COLUMNS.len() {
            return Err(RosterFileError::NoHeader);
        }
        if missing.is_empty() { Ok(Self { names, places }) } else { Err(RosterFileError::Missing(missing.join(", "))) }
    }

    /// How many columns every row has to have.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Our columns of a record that has all of the file's columns.
    ///
    /// # Errors
    /// The first column that isn't UTF-8.
    pub(super) fn row<'a>(&self, fields: &'a ByteRecord) -> Result<RosterRow<'a>, &'static str> {
        let mut texts = [""; COLUMNS.len()];
        for ((text, place), column) in texts.iter_mut().zip(self.places).zip(COLUMNS) {
            let bytes = fields.get(place).unwrap_or_default();
            *text = std::str::from_utf8(bytes).map_err(|_| column)?;
        }
        let [id, name, email, product, balance, currency, locale, time_zone, signed_up_at, status, opted_out] = texts;
        Ok(RosterRow {
            id,
            name,
            email,
            product,
            balance,
            currency,
            locale,
            time_zone,
            signed_up_at,
            status,
            opted_out,
        })
    }
}
