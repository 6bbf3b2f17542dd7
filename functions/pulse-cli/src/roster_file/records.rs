use std::{collections::VecDeque, io::BufRead};

use csv::ByteRecord;

use super::errors::RosterFileError;

/// The longest line, and the most that is read to find the end of a quoted column, in bytes.
const LONGEST: usize = 1 << 20;

/// What spreadsheets put before the header.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A record, and the line of the file that it starts on. The first line is 1.
pub(super) struct Record {
    pub(super) line: u64,
    pub(super) fields: ByteRecord,
    /// A quote was opened here and never closed the way CSV closes one.
    pub(super) broken: bool,
}

/// Cuts a CSV file into records, so that a stray quote costs one line and not the rest of the file.
///
/// A quoted column may span lines. Where one is never closed, or is closed in the middle of a word,
/// the quote was no CSV quote: its line alone becomes a broken record, and the lines after it are
/// read again as records of their own. What is well formed is never read in another way, so that text
/// inside a quoted column can't pose as a row.
pub(super) struct Records<R> {
    reader: R,
    /// Lines that were read ahead and are to be read again.
    pending: VecDeque<Vec<u8>>,
    next_line: u64,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, pending: VecDeque::new(), next_line: 1 }
    }

    /// The next record that isn't empty.
    pub(super) fn next(&mut self) -> Result<Option<Record>, RosterFileError> {
        loop {
            let line = self.next_line;
            let Some(first) = self.take_line()? else { return Ok(None) };
            self.next_line += 1;
            if is_blank(&first) {
                continue;
            }
            let (text, broken) = self.complete(first)?;
            return Ok(Some(Record { line, fields: split(&text), broken }));
        }
    }

    /// Adds the lines that a quote left open in `first` goes on in.
    fn complete(&mut self, first: Vec<u8>) -> Result<(Vec<u8>, bool), RosterFileError> {
        let mut quotes = Quotes::default();
        quotes.read(&first);
        let mut more: Vec<Vec<u8>> = Vec::new();
        let mut size = first.len();
        while quotes.open() && size < LONGEST {
            let Some(line) = self.take_line()? else { break };
            size += line.len();
            quotes.read(&line);
            more.push(line);
        }
        if quotes.open() || (quotes.stray && !more.is_empty()) {
            more.into_iter().rev().for_each(|line| self.pending.push_front(line));
            return Ok((first, true));
        }
        self.next_line += more.len() as u64;
        Ok(([first, more.concat()].concat(), false))
    }

    fn take_line(&mut self) -> Result<Option<Vec<u8>>, RosterFileError> {
        if let Some(line) = self.pending.pop_front() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        let mut limited = std::io::Read::take(&mut self.reader, LONGEST as u64);
        limited.read_until(b'\n', &mut line)?;
        if self.next_line == 1 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        match line.len() {
            0 => Ok(None),
            LONGEST if !line.ends_with(b"\n") => Err(RosterFileError::LongLine(self.next_line)),
            _ => Ok(Some(line)),
        }
    }
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n" | b"\r")
}

/// Splits one record's text, which ends in at most one line end, into its fields.
fn split(text: &[u8]) -> ByteRecord {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let mut fields = ByteRecord::new();
    let mut field = Vec::new();
    let mut place = Place::Start;
    for &byte in text {
        let next = place.after(byte);
        match (place, next) {
            (_, Place::Start) => {
                fields.push_field(&field);
                field.clear();
            }
            // The quotes around a column are no part of it.
            (Place::Start, Place::Quoted) | (Place::Quoted, Place::AfterQuote) => {}
            _ => field.push(byte),
        }
        place = next;
    }
    fields.push_field(&field);
    fields
}

/// Where in a record a byte stands, told the way the csv crate tells it (a test compares them).
#[derive(Default, Clone, Copy, PartialEq)]
enum Place {
    /// At the start of a column.
    #[default]
    Start,
    /// In a column without quotes, or after the quoted part of one.
    Bare,
    /// Between quotes.
    Quoted,
    /// After a quote that ends the column, unless another quote follows.
    AfterQuote,
}

impl Place {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Start | Self::AfterQuote, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::AfterQuote,
            (Self::Quoted, _) => self,
            (_, b',') => Self::Start,
            _ => Self::Bare,
        }
    }
}

/// What becomes of the quotes of a record, line by line.
#[derive(Default)]
struct Quotes {
    place: Place,
    /// A closing quote was followed by more of its column.
    stray: bool,
}

impl Quotes {
    fn read(&mut self, line: &[u8]) {
        for &byte in line {
            let next = self.place.after(byte);
            let line_end = matches!(byte, b'\r' | b'\n');
            self.stray |= self.place == Place::AfterQuote && next == Place::Bare && !line_end;
            self.place = next;
        }
    }

    fn open(&self) -> bool {
        self.place == Place::Quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<(u64, Vec<String>, bool)> {
        let mut records = Records::new(text.as_bytes());
        std::iter::from_fn(|| records.next().unwrap())
            .map(|record| {
                let fields = record.fields.iter().map(|f| String::from_utf8_lossy(f).into_owned());
                (record.line, fields.collect(), record.broken)
            })
            .collect()
    }

    fn row(line: u64, fields: &[&str], broken: bool) -> (u64, Vec<String>, bool) {
        (line, fields.iter().map(ToString::to_string).collect(), broken)
    }

    #[test]
    fn quoted_columns_may_have_commas_quotes_and_lines() {
        assert_eq!(
            records("a,\"b,\"\"c\"\"\r\nd\",e\r\n\r\nf,g"),
            [row(1, &["a", "b,\"c\"\r\nd", "e"], false), row(4, &["f", "g"], false)]
        );
    }

    /// Every text of up to six commas, quotes and letters, as one record.
    #[test]
    fn records_are_split_as_the_csv_crate_splits_them() {
        let mut texts = vec![String::new()];
        for _ in 0..6 {
            let longer = texts.iter().flat_map(|text| ["a", ",", "\""].map(|more| format!("{text}{more}")));
            texts = longer.chain(["a".to_owned()]).collect();
            for text in &texts {
                let mut expected = ByteRecord::new();
                let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
                reader.read_byte_record(&mut expected).unwrap();
                assert_eq!(split(text.as_bytes()), expected, "{text}");
            }
        }
    }

    #[test]
    fn a_quote_in_the_middle_of_a_column_is_a_character() {
        assert_eq!(records("a,b \"c,d\n"), [row(1, &["a", "b \"c", "d"], false)]);
        assert_eq!(records("a,\"b\" c,d\n"), [row(1, &["a", "b c", "d"], false)]);
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_own_line_only() {
        assert_eq!(
            records("1,\"x,1\n2,\"y\",2\n3,z,3\n"),
            [row(1, &["1", "x,1\n"], true), row(2, &["2", "y", "2"], false), row(3, &["3", "z", "3"], false)]
                .map(|(line, fields, broken)| (line, fields.iter().map(|f| f.trim_end().to_owned()).collect(), broken))
        );
    }

    #[test]
    fn two_stray_quotes_do_not_swallow_the_rows_between_them() {
        let lines: Vec<_> =
            records("1,\"x,1\n2,y,2\n3,\"z,3\n4,w,4\n").into_iter().map(|(line, _, broken)| (line, broken)).collect();
        assert_eq!(lines, [(1, true), (2, false), (3, true), (4, false)]);
    }

    #[test]
    fn text_inside_a_well_formed_column_never_poses_as_a_row() {
        assert_eq!(records("1,\"x\n9,evil,9\n\",1\n2,y,2\n").len(), 2);
    }

    #[test]
    fn a_line_without_end_is_refused_instead_of_filling_the_memory() {
        let mut records = Records::new(std::io::BufReader::new(std::io::repeat(b'x')));
        assert!(matches!(records.next(), Err(RosterFileError::LongLine(1))));
    }
}
