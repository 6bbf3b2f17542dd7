use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Vec<Record> {
    let mut records = Records::new(text.as_bytes(), b',');
    std::iter::from_fn(|| records.next().unwrap()).collect()
}

/// Line, columns, and whether it is broken.
fn records(text: &str) -> Vec<(u64, Vec<String>, bool)> {
    read(text).iter().map(|record| (record.line, texts(&record.fields), record.broken)).collect()
}

fn texts(fields: &ByteRecord) -> Vec<String> {
    fields.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect()
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

#[test]
fn carriage_returns_and_line_feeds_and_both_end_a_record() {
    let mixed = [row(1, &["a", "b"], false), row(2, &["c"], false), row(4, &["d"], false), row(5, &["e\rf"], false)];
    assert_eq!(records("a,b\rc\r\n\rd\n\"e\rf\"\r"), mixed);
}

/// Of a reader that gives a byte at a time, so that every pair of bytes is parted once.
#[test]
fn lines_are_the_same_however_a_pipe_parts_them() {
    let text = "a,b\r\nc,\"d\r\ne\"\rf\n\r\n\ng";
    let mut slow = Records::new(std::io::BufReader::with_capacity(1, text.as_bytes()), b',');
    let slow: Vec<_> =
        std::iter::from_fn(|| slow.next().unwrap()).map(|r| (r.line, texts(&r.fields), r.broken)).collect();
    assert_eq!(slow, records(text));
    assert_eq!(slow.iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [1, 2, 4, 7]);
}

proptest! {
    /// What a writer of CSV writes is read as it was, with the lines that records start on.
    #[test]
    fn what_is_well_formed_is_read_as_the_csv_crate_reads_it(
        rows in prop::collection::vec(prop::collection::vec("[a\",\r\n ]{0,4}", 1..4), 0..6),
        end in prop::sample::select(vec![csv::Terminator::CRLF, csv::Terminator::Any(b'\n'), csv::Terminator::Any(b'\r')]),
        cut in any::<bool>(),
    ) {
        let mut writer = csv::WriterBuilder::new().flexible(true).terminator(end).from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let mut text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        if cut && text.ends_with(['\r', '\n']) {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let expected: Vec<_> = reader.byte_records().map(|record| texts(&record.unwrap())).collect();
        let found = read(&text);
        prop_assert_eq!(found.iter().map(|record| texts(&record.fields)).collect::<Vec<_>>(), expected, "{:?}", text);
        let mut line = 1;
        for record in &found {
            prop_assert!(!record.broken && record.line == line, "{:?}", text);
            let inside = record.fields.iter().map(|f| String::from_utf8_lossy(f).replace("\r\n", "\n"));
            line += 1 + inside.map(|f| f.matches(['\r', '\n']).count() as u64).sum::<u64>();
        }
    }

    /// Stray quotes or not, nothing panics, no line is lost, and every line is in one record.
    #[test]
    fn every_line_is_in_one_record(text in "[a\",\n]{0,24}") {
        let found = read(&text);
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let at = |line: u64| usize::try_from(line - 1).unwrap();
        for (n, record) in found.iter().enumerate() {
            let next = found.get(n + 1).map_or(lines.len() as u64 + 1, |next| next.line);
            let own = lines[at(record.line)..at(next)].concat();
            if record.broken {
                // The rest is empty lines.
                prop_assert_eq!(own.trim_end_matches('\n').matches('\n').count(), 0, "{:?}", text);
            } else {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(own.as_bytes());
                let one = reader.byte_records().next().unwrap().unwrap();
                prop_assert_eq!(&one, &record.fields, "{:?}", text);
            }
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
        records("1,\"x,1\r\n2,\"y\",2\r\n3,z,3\r\n"),
        [row(1, &["1", "x,1"], true), row(2, &["2", "y", "2"], false), row(3, &["3", "z", "3"], false)]
    );
}

#[test]
fn two_stray_quotes_do_not_swallow_the_rows_between_them() {
    let lines: Vec<_> =
        records("1,\"x,1\r2,y,2\r3,\"z,3\r4,w,4\r").into_iter().map(|(line, _, broken)| (line, broken)).collect();
    assert_eq!(lines, [(1, true), (2, false), (3, true), (4, false)]);
}

#[test]
fn text_inside_a_well_formed_column_never_poses_as_a_row() {
    assert_eq!(records("1,\"x\n9,evil,9\n\",1\n2,y,2\n").len(), 2);
}

#[test]
fn a_line_without_end_is_refused_instead_of_filling_the_memory() {
    let mut records = Records::new(std::io::BufReader::new(std::io::repeat(b'x')), b',');
    assert!(matches!(records.next(), Err(RosterFileError::LongLine(1))));
}

#[test]
fn a_record_says_whether_its_line_and_its_last_column_end() {
    let ends = |text: &str| read(text).iter().map(|record| (record.ended, record.closed)).collect::<Vec<_>>();
    assert_eq!(ends("a,b\r\nc,d"), [(true, false), (false, false)]);
    assert_eq!(ends("a,b\r\nc,\"d\"\r"), [(true, false), (true, true)]);
    assert_eq!(ends("a,\"b"), [(false, false)]);
    assert!(read("a,\"b")[0].broken);
}

#[test]
fn rows_in_which_nothing_can_be_seen_are_blank() {
    let blank = |text: &str| read(text).iter().all(Record::is_blank);
    assert!(blank(",,,\n\"\",\"\"\n  , \t\n\u{1a}\n\u{a0},\u{200b}\n"));
    assert!(!blank(",,x") && !blank("\"") && !blank(",\u{301}a"));
}

#[test]
fn a_line_is_looked_at_before_it_is_taken() {
    let mut records = Records::new("\u{feff}\n\u{feff}sep=;\na;\"b;\"\n".as_bytes(), b',');
    assert_eq!(records.peek().unwrap().unwrap(), b"sep=;\n");
    records.skip();
    records.set_delimiter(b';');
    assert_eq!(records.peek().unwrap().unwrap(), b"a;\"b;\"\n");
    let record = records.next().unwrap().unwrap();
    assert_eq!((record.line, texts(&record.fields)), (3, vec!["a".to_owned(), "b;".to_owned()]));
    assert!(records.peek().unwrap().is_none());
}
