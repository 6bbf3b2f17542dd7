use std::{collections::VecDeque, io::BufRead};

use csv::ByteRecord;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::errors::RosterFileError;

/// The longest line, and the most that is read to find the end of a quoted column, in bytes.
const LONGEST: usize = 1 << 20;

/// What spreadsheets put before the header, and programs that join files before a later row.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A record, and the line of the file that it starts on. The first line is 1.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) line: u64,
    pub(super) fields: ByteRecord,
    /// A quote was opened here and never closed the way CSV closes one.
    pub(super) broken: bool,
    /// Whether a line end follows. Where none does, the file may have been cut in the middle of the record.
    pub(super) ended: bool,
    /// Whether the last column's text ends with a quote, so that nothing is cut off it.
    pub(super) closed: bool,
}

impl Record {
    /// Whether nothing can be seen in any column: the empty rows that spreadsheets leave behind.
    pub(super) fn is_blank(&self) -> bool {
        !self.broken && self.fields.iter().all(is_blank)
    }
}

/// Whether a column holds nothing that can be seen.
pub(super) fn is_blank(column: &[u8]) -> bool {
    let unseen = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}');
    std::str::from_utf8(column).is_ok_and(|text| text.chars().all(unseen))
}

/// Has csv-core cut a file into records, so that a stray quote costs one line and not the rest of the file.
///
/// Lines end with CR, LF or both. A quoted column may span lines. Where one is never closed, or is closed in the middle of
/// a word of a later line, the quote was no CSV quote: its line alone becomes a broken record, and the lines after it are
/// read again as records of their own. What is well formed is never read in another way, so that text inside a quoted
/// column can't pose as a row.
pub(super) struct Records<R> {
    reader: R,
    /// Lines that were read ahead and are to be read again.
    pending: VecDeque<Vec<u8>>,
    next_line: u64,
    splitter: Splitter,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(reader: R, delimiter: u8) -> Self {
        Self { reader, pending: VecDeque::new(), next_line: 1, splitter: Splitter::new(delimiter) }
    }

    /// What parts the columns of the records to come.
    pub(super) fn set_delimiter(&mut self, delimiter: u8) {
        self.splitter = Splitter::new(delimiter);
    }

    pub(super) fn delimiter(&self) -> u8 {
        self.splitter.delimiter
    }

    /// The next line that isn't empty, to be looked at before its record is taken.
    pub(super) fn peek(&mut self) -> Result<Option<&[u8]>, RosterFileError> {
        if let Some(line) = self.take_first_line()? {
            self.pending.push_front(line);
        }
        Ok(self.pending.front().map(Vec::as_slice))
    }

    /// Passes over the line that [`Records::peek`] gave.
    pub(super) fn skip(&mut self) {
        self.next_line += u64::from(self.pending.pop_front().is_some());
    }

    /// The next record that isn't an empty line.
    pub(super) fn next(&mut self) -> Result<Option<Record>, RosterFileError> {
        let Some(first) = self.take_first_line()? else { return Ok(None) };
        let line = self.next_line;
        let mut text = first;
        let (first_length, mut more) = (text.len(), Vec::new());
        let mut complete = self.splitter.begin(&text);
        while !complete && text.len() < LONGEST {
            let Some(next) = self.take_line()? else { break };
            complete = self.splitter.go_on(&next);
            text.extend_from_slice(&next);
            more.push(next);
        }
        let fields = self.splitter.fields();
        let (bare, ended) = without_line_end(&text);
        let mut record = Record { line, fields, broken: false, ended, closed: bare.ends_with(b"\"") };
        if !complete || (!more.is_empty() && !is_well_formed(bare, &record.fields, self.delimiter())) {
            let (bare, ended) = without_line_end(&text[..first_length]);
            record = Record { line, fields: self.splitter.one(bare), broken: true, ended, closed: false };
            more.drain(..).rev().for_each(|line| self.pending.push_front(line));
        }
        self.next_line += 1 + more.len() as u64;
        Ok(Some(record))
    }

    /// Passes over empty lines.
    fn take_first_line(&mut self) -> Result<Option<Vec<u8>>, RosterFileError> {
        while let Some(mut line) = self.take_line()? {
            if line.starts_with(BYTE_ORDER_MARK) {
                line.drain(..BYTE_ORDER_MARK.len());
            }
            if !matches!(line.as_slice(), b"" | b"\n" | b"\r\n" | b"\r") {
                return Ok(Some(line));
            }
            self.next_line += 1;
        }
        Ok(None)
    }

    /// A line with its end.
    fn take_line(&mut self) -> Result<Option<Vec<u8>>, RosterFileError> {
        if let Some(line) = self.pending.pop_front() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        loop {
            let bytes = match self.reader.fill_buf() {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            let after_return = line.last() == Some(&b'\r');
            let (taken, done) = match bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
                _ if after_return => (usize::from(bytes.first() == Some(&b'\n')), true),
                Some(at) if bytes[at] == b'\n' => (at + 1, true),
                // Whether a line feed belongs to it is seen in the next round.
                Some(at) => (at + 1, false),
                None => (bytes.len(), bytes.is_empty()),
            };
            line.extend_from_slice(&bytes[..taken]);
            self.reader.consume(taken);
            match (done, line.len()) {
                (true, 0) => return Ok(None),
                (true, _) => return Ok(Some(line)),
                (false, LONGEST..) => return Err(RosterFileError::LongLine(self.next_line)),
                (false, _) => {}
            }
        }
    }
}

fn without_line_end(text: &[u8]) -> (&[u8], bool) {
    let bare = text.strip_suffix(b"\n").unwrap_or(text);
    let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
    (bare, bare.len() < text.len())
}

/// Whether a writer of CSV writes `fields` as `text`. What it doesn't is a closing quote with more of its column behind it.
fn is_well_formed(text: &[u8], fields: &ByteRecord, delimiter: u8) -> bool {
    let mut rest = Some(text);
    for field in fields {
        rest = rest.and_then(|rest| {
            let written = if rest.starts_with(b"\"") { quoted(field) } else { field.to_vec() };
            let rest = rest.strip_prefix(written.as_slice())?;
            if rest.is_empty() { Some(rest) } else { rest.strip_prefix(&[delimiter]) }
        });
    }
    rest.is_some_and(<[u8]>::is_empty)
}

fn quoted(field: &[u8]) -> Vec<u8> {
    let mut escaped = vec![0; 2 * field.len()];
    let (_, _, length) = csv_core::quote(field, &mut escaped, b'"', b'"', true);
    [b"\"", &escaped[..length], b"\""].concat()
}

/// The columns of a line by itself, by a delimiter.
pub(super) fn columns(line: &[u8], delimiter: u8) -> ByteRecord {
    Splitter::new(delimiter).one(line)
}

/// csv-core's reader, and the room for one record.
struct Splitter {
    delimiter: u8,
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    written: usize,
    fields: usize,
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        let reader = ReaderBuilder::new().delimiter(delimiter).build();
        Self { delimiter, reader, text: vec![0; 1024], ends: vec![0; 32], written: 0, fields: 0 }
    }

    /// Reads a record's first line. Says whether the record ends with it.
    fn begin(&mut self, line: &[u8]) -> bool {
        self.reset();
        self.go_on(line)
    }

    /// The columns of a line, whatever its quotes are.
    fn one(&mut self, line: &[u8]) -> ByteRecord {
        self.reset();
        self.feed(line);
        self.fields()
    }

    fn reset(&mut self) {
        self.reader.reset();
        (self.written, self.fields) = (0, 0);
    }

    /// Reads another line of a record that isn't complete, likewise.
    fn go_on(&mut self, line: &[u8]) -> bool {
        // A line end that the file's last line may lack ends a record, but no quoted column.
        self.feed(line) || (!matches!(line.last(), Some(b'\r' | b'\n')) && self.feed(b"\n"))
    }

    fn feed(&mut self, mut input: &[u8]) -> bool {
        loop {
            let (text, ends) = (&mut self.text[self.written..], &mut self.ends[self.fields..]);
            let (result, read, written, fields) = self.reader.read_record(input, text, ends);
            input = &input[read..];
            self.written += written;
            self.fields += fields;
            match result {
                ReadRecordResult::InputEmpty => return false,
                ReadRecordResult::Record | ReadRecordResult::End => return true,
                ReadRecordResult::OutputFull => self.text.resize(2 * self.text.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
            }
        }
    }

    /// The columns of what was read; the last of a record that isn't complete ends where that does.
    fn fields(&mut self) -> ByteRecord {
        self.feed(b"");
        let mut start = 0;
        let ends = self.ends[..self.fields].iter();
        ends.map(|&end| &self.text[std::mem::replace(&mut start, end)..end]).collect()
    }
}

#[cfg(test)]
mod tests;
