//! Roster files: CSV with a header line, read a row at a time.
//!
//! The columns are [`pulse_core::roster::COLUMNS`], by name and in any order; others are ignored. A
//! row that is no customer is a [`BadRow`] and never stops the rows after it.

mod errors;
mod header;
mod records;
mod rejects;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    io::{BufReader, Read},
};

use csv::ByteRecord;
use pulse_core::{
    customer::{Customer, CustomerId, Zone},
    failure::Cause,
    roster::RowProblem,
};

use self::{
    header::Header,
    records::{Record, Records},
};

pub use self::{
    errors::{BadRow, RosterFileError, Row, RowError},
    rejects::Rejects,
};

/// A roster, read a row at a time: an iterator of the row and the customer, or why there is none.
///
/// What stays in memory is the ids of the customers so far.
pub struct RosterFile<R> {
    records: Records<BufReader<R>>,
    header: Header,
    default_zone: Zone,
    lines: HashMap<CustomerId, u64>,
    ended: bool,
}

impl<R: Read> RosterFile<R> {
    /// Reads the header. Rows without a time zone are taken to be in `default_zone`.
    ///
    /// # Errors
    /// When there is no header with all of the columns, or the file can't be read.
    pub fn open(reader: R, default_zone: Zone) -> Result<Self, RosterFileError> {
        let mut records = Records::new(BufReader::new(reader));
        let first = records.next()?.ok_or(RosterFileError::Empty)?;
        Ok(Self { records, header: Header::read(first.fields)?, default_zone, lines: HashMap::new(), ended: false })
    }

    /// The first line's columns, which [`Rejects`] begins with.
    #[must_use]
    pub fn header(&self) -> &ByteRecord {
        &self.header.names
    }

    fn customer(&mut self, record: &Record) -> Result<Customer, Vec<RowProblem>> {
        let (fields, columns) = (record.fields.len(), self.header.len());
        if record.broken {
            return Err(problem("", "opens a quote that is never closed; double every quote inside a quoted column"));
        }
        if fields != columns {
            let cause = format!(
                "has {fields} columns where the first line has {columns}; a comma inside a column needs quotes around it"
            );
            return Err(problem("", cause));
        }
        let row = self.header.row(&record.fields).map_err(|column| problem(column, "is not UTF-8"))?;
        let customer = row.parse(&self.default_zone)?;
        if let Some(line) = self.lines.get(&customer.id) {
            return Err(problem("id", format!("customer {} is on line {line} already", customer.id)));
        }
        self.lines.insert(customer.id.clone(), record.line);
        Ok(customer)
    }
}

impl<R: Read> Iterator for RosterFile<R> {
    type Item = Result<(Row, Customer), RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.records.next() {
            Ok(Some(record)) => Some(match self.customer(&record) {
                Ok(customer) => Ok((Row { line: record.line, raw: record.fields }, customer)),
                Err(problems) => Err(RowError::Bad(BadRow { line: record.line, problems, raw: record.fields })),
            }),
            Ok(None) => None,
            Err(error) => {
                self.ended = true;
                Some(Err(RowError::Unreadable(error)))
            }
        }
    }
}

fn problem(column: &'static str, cause: impl Into<String>) -> Vec<RowProblem> {
    vec![RowProblem { column, cause: Cause::new(cause) }]
}
