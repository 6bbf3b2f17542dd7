use std::{
    io::Read,
    sync::mpsc::{RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use pulse_core::customer::Customer;

use super::{RosterFile, Row, RowError};

/// Rows that are read ahead of those that are enrolled.
const AHEAD: usize = 256;

/// How often a reader that waits for its file, such as a pipe that nobody writes to, looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

/// The rows of a roster, read by a thread of their own, until the file ends or `is_over` says so.
pub fn rows<R: Read + Send + 'static>(
    roster: RosterFile<R>,
    is_over: impl Fn() -> bool,
) -> impl Iterator<Item = Result<(Row, Customer), RowError>> {
    let (sender, receiver) = sync_channel(AHEAD);
    // It ends with the file, or with the first row that nobody takes any more.
    thread::spawn(move || {
        for row in roster {
            if sender.send(row).is_err() {
                break;
            }
        }
    });
    std::iter::from_fn(move || {
        while !is_over() {
            match receiver.recv_timeout(LOOK) {
                Ok(row) => return Some(row),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        None
    })
}
