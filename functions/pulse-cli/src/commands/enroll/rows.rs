//! The rows of a roster file that are customers.

use std::io::Read;

use pulse_core::customer::Customer;

use crate::roster_file::{BadRow, RosterFile, RosterFileError, Row, RowError};

/// The good rows up to the end of the file, or to where it can't be read any further. The bad ones go to `reject`, and
/// `unreadable` keeps why the file ends early.
pub(super) fn good_rows<R: Read>(
    roster: RosterFile<R>,
    reject: impl Fn(&BadRow),
    unreadable: &mut Option<RosterFileError>,
) -> impl Iterator<Item = (Row, Customer)> {
    let rows = roster.map_while(move |row| match row {
        Ok(good) => Some(Some(good)),
        Err(RowError::Bad(bad)) => {
            reject(&bad);
            Some(None)
        }
        Err(RowError::Unreadable(error)) => {
            *unreadable = Some(error);
            None
        }
    });
    rows.flatten()
}
