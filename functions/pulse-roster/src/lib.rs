//! Roster files: CSV with a header line, read a row at a time.
//!
//! The columns are [`pulse_core::roster::COLUMNS`], by name and in any order; others are ignored. A
//! row that is no customer is a [`BadRow`] and never stops the rows after it.

mod decoding;
mod errors;
mod findings;
mod format;
mod header;
mod input;
mod reading;
mod records;
mod rejects;
mod row_checks;
mod seen;
#[cfg(test)]
mod tests;

use std::io::{BufRead, Read};

use pulse_core::{
    customer::{Customer, Zone},
    parse::ParseError,
    roster::RowProblem,
};

use self::{
    decoding::{Decoded, SourceEncoding, Text},
    header::{Header, key},
    records::{Record, Records, columns, is_blank},
    rejects::AS_OF,
    row_checks::{one_problem, problem},
    seen::Seen,
};

pub use self::{
    errors::{BadRow, RosterFileError, Row, RowError},
    findings::{DoubtfulRows, Findings, RejectedFor, UnusableAddress},
    format::RosterFormat,
    input::Input,
    reading::rows,
    rejects::{KeptRejects, Layout, Rejects, RejectsPlace},
};

/// What may part the columns where neither the file nor the operator says so, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A roster, read a row at a time: an iterator of the row and the customer, or why there is none.
///
/// What stays in memory are sixteen bytes or so a customer, by which a second row of an id is known.
pub struct RosterFile<R> {
    records: Records<Text<R>>,
    encoding: SourceEncoding,
    header: Header,
    default_zone: Zone,
    first: Option<Record>,
    seen: Seen,
    ended: bool,
}

/// Why there is no address, what may not be meant, and the customer.
type Checked = (Option<ParseError>, Vec<RowProblem>, Customer);

impl<R: Read> RosterFile<R> {
    /// Reads the header, and looks whether a row follows. Rows without a time zone are taken to be in `default_zone`.
    ///
    /// # Errors
    /// When there is no header with all of the columns, no row, or the file can't be read.
    pub fn open(reader: R, default_zone: Zone, format: &RosterFormat) -> Result<Self, RosterFileError> {
        let Decoded { text, encoding } = Decoded::new(reader, format.encoding)?;
        let mut records = Records::new(text, DELIMITERS[0]);
        find_header(&mut records, format)?;
        let names = records.next()?.ok_or(RosterFileError::Empty)?.fields;
        let header = Header::read(names, format, encoding)?;
        let first = next_row(&mut records)?.ok_or(RosterFileError::NoRow)?;
        Ok(Self { records, encoding, header, default_zone, first: Some(first), seen: Seen::default(), ended: false })
    }

    /// How the file is written, which [`Rejects`] go by.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let plain = self.encoding == SourceEncoding::Assumed;
        Layout { header: self.header.names.clone(), delimiter: self.records.delimiter(), byte_order_mark: !plain }
    }

    /// Of which moment the file says that it tells, as a rejects file does in its first row.
    #[must_use]
    pub fn says_as_of(&self) -> Option<&str> {
        let place = self
            .header
            .names
            .iter()
            .position(|name| std::str::from_utf8(name).is_ok_and(|name| key(name) == key(AS_OF)))?;
        let field = self.first.as_ref()?.fields.get(place)?;
        std::str::from_utf8(field).ok().map(str::trim).filter(|text| !text.is_empty())
    }

    fn customer(&mut self, record: Record) -> Result<(Row, Customer), RowError> {
        match self.checked(&record) {
            Ok((unusable_address, doubts, customer)) => {
                let (line, raw, may_be_cut) = (record.line, record.fields, !record.ended);
                Ok((Row { line, raw, unusable_address, doubts, may_be_cut }, customer))
            }
            Err(problems) => {
                let opts_out = self.header.row(&record.fields, self.encoding).is_ok_and(|row| row.opts_out());
                Err(RowError::Bad(BadRow { line: record.line, problems, raw: record.fields, opts_out }))
            }
        }
    }

    fn checked(&mut self, record: &Record) -> Result<Checked, Vec<RowProblem>> {
        self.header.whole(record, self.records.delimiter())?;
        let row = self.header.row(&record.fields, self.encoding).map_err(|(column, cause)| problem(column, cause))?;
        let customer = row.parse(&self.default_zone);
        let customer =
            customer.map_err(|problems| one_problem(&self.header, &record.fields, &self.default_zone, problems))?;
        if let Err(line) = self.seen.first(customer.id.as_str(), record.line) {
            return Err(problem("id", format!("customer {} is on line {line} already", customer.id)));
        }
        Ok((row.address().err(), row.doubts(&customer), customer))
    }
}

impl<R: Read> Iterator for RosterFile<R> {
    type Item = Result<(Row, Customer), RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let record = match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => next_row(&mut self.records),
        };
        match record {
            Ok(record) => record.map(|record| self.customer(record)),
            Err(error) => {
                self.ended = true;
                Some(Err(RowError::Unreadable(error)))
            }
        }
    }
}

/// The next record with something in it.
fn next_row<R: BufRead>(records: &mut Records<R>) -> Result<Option<Record>, RosterFileError> {
    loop {
        match records.next()? {
            Some(record) if record.is_blank() => {}
            row => return Ok(row),
        }
    }
}

/// Goes to the line that names the columns, and finds what parts them: Excel's `sep=;` before it says so, and otherwise
/// it is what parts it into most of a roster's columns.
fn find_header<R: BufRead>(records: &mut Records<R>, format: &RosterFormat) -> Result<(), RosterFileError> {
    let mut told = format.delimiter;
    let delimiter = loop {
        let Some(line) = records.peek()? else { return Err(RosterFileError::Empty) };
        let text = line.trim_ascii();
        let bare = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text);
        match bare.to_ascii_lowercase().strip_prefix(b"sep=") {
            // A tab at the line's end was trimmed.
            Some([]) if line.contains(&b'\t') => told = told.or(Some(b'\t')),
            Some(&[delimiter]) => told = told.or(Some(delimiter)),
            _ if DELIMITERS.iter().any(|delimiter| columns(line, *delimiter).iter().all(is_blank)) => {}
            _ => {
                let known = |delimiter: &u8| Header::known(&columns(line, *delimiter), &format.mappings);
                // Of two that are as good, the likelier.
                break told.or_else(|| DELIMITERS.into_iter().rev().max_by_key(known)).unwrap_or(DELIMITERS[0]);
            }
        }
        records.skip();
    };
    records.set_delimiter(delimiter);
    Ok(())
}
