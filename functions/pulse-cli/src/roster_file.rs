//! Roster files: CSV with a header line, read a row at a time.
//!
//! The columns are [`pulse_core::roster::COLUMNS`], by name and in any order; others are ignored. A
//! row that is no customer is a [`BadRow`] and never stops the rows after it.

mod header;
mod records;
mod rejects;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
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

pub use self::rejects::Rejects;

/// The roster as a whole can't be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum RosterFileError {
    /// Nothing in it.
    #[error("the roster is empty; its first line must name the columns")]
    Empty,
    /// The first line isn't a header, or its columns are parted by something else.
    #[error("the roster's first line names no column of a roster; it must be like: {}", pulse_core::roster::COLUMNS.join(","))]
    NoHeader,
    /// Some columns aren't there.
    #[error("the roster has no column {0}; add it to the first line and to every row")]
    Missing(String),
    /// A column is there more than once, and they may differ.
    #[error("the roster has two columns named {0}; rename or remove one of them")]
    Twice(&'static str),
    /// The header isn't UTF-8.
    #[error("the roster isn't UTF-8; save it as \"CSV UTF-8\"")]
    Encoding,
    /// A line that goes on and on.
    #[error("line {0} of the roster is longer than a mebibyte; is this a CSV file?")]
    LongLine(u64),
    /// The file can't be read.
    #[error("the roster can't be read")]
    Read(#[from] std::io::Error),
}

/// A row that is no customer.
#[derive(Clone)]
pub struct BadRow {
    /// The line of the file that it starts on; the header is line 1.
    pub line: u64,
    /// What is wrong with it: at least one column, or the row as a whole where the column is empty.
    pub problems: Vec<RowProblem>,
    /// The row as it stands in the file.
    pub raw: ByteRecord,
}

impl BadRow {
    /// The bad columns' names; empty where the row as a whole is bad.
    #[must_use]
    pub fn columns(&self) -> String {
        self.join(|problem| problem.column)
    }

    /// The causes, in the order of [`BadRow::columns`]. Without personal data.
    #[must_use]
    pub fn cause(&self) -> String {
        self.join(|problem| problem.cause.as_str())
    }

    fn join<'a>(&'a self, part: impl Fn(&'a RowProblem) -> &'a str) -> String {
        self.problems.iter().map(part).collect::<Vec<_>>().join("; ")
    }
}

/// Shows the line and the causes, and not the row.
impl fmt::Debug for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BadRow({self})")
    }
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        self.problems.iter().try_for_each(|problem| match problem.column {
            "" => write!(f, "; {}", problem.cause),
            column => write!(f, "; {column}: {}", problem.cause),
        })
    }
}

/// Why there is no customer where one was expected.
#[derive(Debug)]
pub enum RowError {
    /// This row is bad. The next may be good.
    Bad(BadRow),
    /// The file can't be read any further.
    Unreadable(RosterFileError),
}

/// A roster, read a row at a time: an iterator of the line and the customer, or why there is none.
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
    type Item = Result<(u64, Customer), RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.records.next() {
            Ok(Some(record)) => Some(match self.customer(&record) {
                Ok(customer) => Ok((record.line, customer)),
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
