use std::fmt;

use csv::ByteRecord;
use pulse_core::{failure::Cause, parse::ParseError, roster::RowProblem};

/// The roster as a whole can't be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum RosterFileError {
    /// Nothing in it.
    #[error("the roster is empty; its first line must name the columns")]
    Empty,
    /// A first line, and no row.
    #[error("the roster has no customer: nothing follows the line that names the columns")]
    NoRow,
    /// The first line isn't a header. It isn't quoted, as it may be a customer.
    #[error(
        "the roster's first line names no column of a roster; it must be like {}, or --map says what its columns are",
        pulse_core::roster::COLUMNS.join(",")
    )]
    NoHeader,
    /// Some columns aren't there.
    #[error("the roster has no column {missing}; its columns are {found}. If one of them is meant, give {example}")]
    Missing {
        /// Ours.
        missing: String,
        /// The file's.
        found: String,
        /// An option that may mend it.
        example: String,
    },
    /// A column is there more than once, and they may differ.
    #[error("the roster has two columns for {column} ({names}); rename or remove one of them, or leave out a --map")]
    Twice {
        /// Ours.
        column: &'static str,
        /// What the file calls them.
        names: String,
    },
    /// A mapping of what isn't there.
    #[error("the roster has no column {name}, which --map names; its columns are {found}")]
    Unmapped {
        /// What the operator calls it.
        name: String,
        /// The file's.
        found: String,
    },
    /// The header isn't text.
    #[error("the roster's first line {0}")]
    Encoding(String),
    /// UTF-16 without its mark.
    #[error("the roster looks like UTF-16 without a byte order mark; give --encoding {0}, or save it as \"CSV UTF-8\"")]
    Unmarked(&'static str),
    /// A spreadsheet's own format.
    #[error("the roster is a workbook (.xlsx, .ods) or another zip file; save it as \"CSV UTF-8\"")]
    Workbook,
    /// Something compressed.
    #[error("the roster is compressed; unpack it, such as with gunzip -c FILE | pulse enroll -")]
    Compressed,
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
    /// Why the customer has no address that can be mailed, if they have none.
    pub unusable_address: Option<ParseError>,
    /// What is taken as it stands, and may not be meant.
    pub doubts: Vec<RowProblem>,
    /// Whether it is the last row and no line end follows, so that the file may have been cut.
    pub may_be_cut: bool,
}

impl Row {
    /// The row as a bad one, for what a service said of its customer. Of its columns, the time zone is the one that a
    /// service may know otherwise than Pulse does.
    #[must_use]
    pub fn refused(self, cause: &Cause) -> BadRow {
        let of_zone = cause.as_str().to_lowercase().replace(' ', "").contains("timezone");
        let column = if of_zone { "time_zone" } else { "" };
        // The opt-out of a row that a service refuses is kept before the service is asked.
        let problems = vec![RowProblem { column, cause: cause.clone() }];
        BadRow { line: self.line, problems, raw: self.raw, opts_out: false }
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
    /// Whether it says that the customer asked for no more mail, which is lost with it until it is mended.
    pub opts_out: bool,
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
