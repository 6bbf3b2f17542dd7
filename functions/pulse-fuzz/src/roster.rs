//! A roster file: what stands between its first line and two rows that are good.

use std::io::{self, Read};

use pulse_core::customer::Zone;
use pulse_roster::{RosterFile, RosterFormat, RowError};

const HEADER: &[u8] = b"id,name,email,product,balance,currency,locale,time_zone,signed_up_at,status,opted_out\n";

/// The ids of the rows after the input.
const AFTER: [&str; 2] = ["after-1", "after-2"];

/// The middle of a roster file.
///
/// # Panics
/// When what stands there costs one of the rows after it, lines don't go on, or it matters in which pieces the file is read.
pub fn check(data: &[u8]) {
    let mut file = [HEADER, data, b"\n"].concat();
    for id in AFTER {
        file.extend(format!("{id},Ada,ada@example.com,loan,1,EUR,en-IE,UTC,2024-05-10,active,no\n").bytes());
    }
    let told = read(&file[..]);
    assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0), "lines go on");
    // A row of the input may have the id of one of ours, which is then the second of its id.
    let are_there = |id: &str| told.iter().any(|(_, row)| row.as_deref() == Ok(id));
    assert!(AFTER.iter().all(|id| are_there(id)), "a row after it is lost");
    assert!(read(ByteByByte(&file)) == told, "it matters in which pieces a file is read");
}

/// Each row's line, and the customer's id or what is wrong.
fn read(file: impl Read) -> Vec<(u64, Result<String, String>)> {
    let Ok(roster) = RosterFile::open(file, Zone::UTC, &RosterFormat::default()) else {
        panic!("a header and two rows are no roster");
    };
    let told = roster.map(|row| match row {
        Ok((row, customer)) => (row.line, Ok(customer.id.to_string())),
        Err(RowError::Bad(bad)) => (bad.line, Err(bad.cause())),
        Err(RowError::Unreadable(error)) => panic!("a file in memory can't be read: {error}"),
    });
    told.collect()
}

struct ByteByByte<'a>(&'a [u8]);

impl Read for ByteByByte<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = buffer.len().min(1);
        self.0.read(&mut buffer[..size])
    }
}
