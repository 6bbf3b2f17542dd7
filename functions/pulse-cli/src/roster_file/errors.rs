use std::fmt;

use csv::ByteRecord;
use pulse_core::{failure::Cause, roster::RowProblem};

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

/// A row of the file, as it stands there.
#[derive(Clone)]
pub struct Row {
    /// The line that it starts on; the header is line 1.
    pub line: u64,
    /// Its columns.
    pub raw: ByteRecord,
}

impl Row {
    /// The row as a bad one, for what a service said of its customer. Of its columns, the time zone is the one that a
    /// service may know otherwise than Pulse does.
    #[must_use]
    pub fn refused(self, cause: &Cause) -> BadRow {
        let of_zone = cause.as_str().to_lowercase().replace(' ', "").contains("timezone");
        let column = if of_zone { "time_zone" } else { "" };
        BadRow { line: self.line, problems: vec![RowProblem { column, cause: cause.clone() }], raw: self.raw }
    }
}

/// Shows the line, and not the row.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row(line {})", self.line)
    }
}

/// A row that is no customer, or one whom a service refuses.
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
