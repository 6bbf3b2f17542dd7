//! The rows of a roster file, of which the good ones are enrolled and the others rejected.

use std::{
    cell::{Cell, RefCell},
    io::Read,
};

use indicatif::ProgressBar;
use pulse_core::customer::Customer;
use pulse_roster::{BadRow, Findings, Rejects, RosterFile, RosterFileError, Row, RowError, rows};

use crate::{interruption::Asked, output::Output};

/// What there is to say of a roster's rows, and where the bad ones go.
pub(super) struct Rows {
    pub(super) findings: RefCell<Findings>,
    /// None for a rehearsal that is to write nothing.
    pub(super) rejects: RefCell<Option<Rejects>>,
    pub(super) bar: ProgressBar,
    pub(super) output: Output,
    /// Why the file can't be read any further.
    pub(super) unreadable: Cell<Option<RosterFileError>>,
    /// The last line that was taken.
    pub(super) last_line: Cell<u64>,
}

impl Rows {
    pub(super) fn new(rejects: Option<Rejects>, bar: ProgressBar, output: Output) -> Self {
        Self {
            findings: RefCell::default(),
            rejects: RefCell::new(rejects),
            bar,
            output,
            unreadable: Cell::default(),
            last_line: Cell::new(1),
        }
    }

    /// The good rows up to the end of the file, to where it can't be read any further, or until someone asks for the end.
    /// The bad ones on the way are rejected.
    pub(super) fn good<'a, R: Read + Send + 'static>(
        &'a self,
        roster: RosterFile<R>,
        asked: &'a Asked,
        mut on_bad: impl FnMut(&BadRow) + 'a,
    ) -> impl Iterator<Item = (Row, Customer)> + 'a {
        let rows = rows(roster, || asked.to_end()).map_while(move |row| match row {
            Ok((row, customer)) => {
                self.last_line.set(row.line);
                Some(Some((row, customer)))
            }
            Err(RowError::Bad(bad)) => {
                self.last_line.set(bad.line);
                on_bad(&bad);
                self.reject(&bad);
                Some(None)
            }
            Err(RowError::Unreadable(error)) => {
                self.unreadable.set(Some(error));
                None
            }
        });
        rows.flatten()
    }

    /// Rejects a row: the first are told one by one, and so is whatever can't be kept.
    pub(super) fn reject(&self, bad: &BadRow) {
        let is_kept = self.rejects.borrow_mut().as_mut().is_none_or(|rejects| rejects.write(bad));
        if self.findings.borrow_mut().reject(bad) || !is_kept {
            self.bar.suspend(|| self.output.remark(bad));
        }
    }

    /// What remains to be said where someone asked for the end.
    pub(super) fn stopped_after_line(&self, asked: &Asked) -> Option<u64> {
        asked.to_end().then(|| self.last_line.get())
    }
}
