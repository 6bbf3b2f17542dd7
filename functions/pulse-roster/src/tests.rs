use std::io::{self, Read};

use pulse_core::{
    customer::{Contact, CustomerId, Standing},
    failure::Cause,
    ports::{Letter, Renderer as _},
    run::RunId,
    score::{Band, Score, ScoreValue},
};
use pulse_letters::MinijinjaRenderer;

use super::*;

mod formats;
mod whole_rows;

const HEADER: &str = "id,name,email,product,balance,currency,locale,time_zone,signed_up_at,status,opted_out\n";

fn row(id: &str) -> String {
    format!("{id},Ada,ada@example.com,loan,12.50,EUR,en-IE,,2024-05-10T14:41:00+01:00,active,no\n")
}

fn open<R: Read>(reader: R) -> Result<RosterFile<R>, RosterFileError> {
    open_as(&[], reader)
}

/// With these options on the command line.
fn open_as<R: Read>(arguments: &[&str], reader: R) -> Result<RosterFile<R>, RosterFileError> {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        format: RosterFormat,
    }
    let format = <Line as clap::Parser>::parse_from(["enroll"].iter().chain(arguments)).format;
    RosterFile::open(reader, Zone::parse("Europe/Dublin").unwrap(), &format)
}

/// The good rows' lines and ids, and the bad ones as told to an operator.
fn read(roster: &[u8]) -> (Vec<(u64, String)>, Vec<BadRow>) {
    read_as(&[], roster)
}

fn read_as(arguments: &[&str], roster: &[u8]) -> (Vec<(u64, String)>, Vec<BadRow>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for item in open_as(arguments, roster).unwrap() {
        match item {
            Ok((row, customer)) => good.push((row.line, customer.id.to_string())),
            Err(RowError::Bad(row)) => bad.push(row),
            Err(RowError::Unreadable(error)) => panic!("{error}"),
        }
    }
    (good, bad)
}

fn ids(good: &[(u64, String)]) -> Vec<&str> {
    good.iter().map(|(_, id)| id.as_str()).collect()
}

fn told(bad: &[BadRow]) -> Vec<String> {
    bad.iter().map(ToString::to_string).collect()
}

#[test]
fn columns_may_be_in_any_order_and_among_others() {
    let roster = "Status,opted_out,note, ID ,name,email,product,balance,currency,locale,time_zone,signed_up_at\n\
        active,yes,\"a note,\nof two lines\",c-1,Ada,ada@example.com,card,98000,JPY,ja-JP,Asia/Tokyo,2024-05-10\n";
    let customers: Vec<_> = open(roster.as_bytes()).unwrap().map(|item| item.unwrap().1).collect();
    assert_eq!(customers.len(), 1);
    assert_eq!((customers[0].id.as_str(), customers[0].name.expose()), ("c-1", "Ada"));
    assert!(customers[0].consent.opted_out());
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let roster = format!("\u{feff}{HEADER}{}\n{}", row("c-1"), row("c-2")).replace('\n', "\r\n");
    let (good, bad) = read(roster.as_bytes());
    assert_eq!(good, [(2, "c-1".to_owned()), (4, "c-2".to_owned())]);
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn bad_rows_are_told_by_line_and_column_and_the_good_ones_go_on() {
    let mut roster = format!("{HEADER}{}", row("c-1")).into_bytes();
    roster.extend(row("c-2").replace("EUR", "euro").replace("active", "gone").bytes());
    roster.extend(row("c-3").replace("Ada", "A,da").bytes());
    roster.extend(b"c-4,Ada\n");
    roster.extend(b"c-5,\xff\xfe,ada@example.com,loan,1,EUR,en-IE,,2024-05-10,active,no\n");
    roster.extend(row("c-6").replace("Ada", "\"Ada").bytes());
    roster.extend(row("c-7").bytes());
    let (good, bad) = read(&roster);
    assert_eq!(ids(&good), ["c-1", "c-7"]);
    assert_eq!(
        told(&bad),
        [
            "line 3; currency: currency is not a code such as EUR; status: status is neither 'active' nor 'closed'",
            "line 4; has 12 columns where the first line has 11; a comma inside a column needs quotes around it",
            "line 5; ends after 2 of 11 columns; missing at the end: email, product, balance, currency, locale, time_zone, \
             signed_up_at, status, opted_out",
            "line 6; name: isn't UTF-8",
            "line 7; opens a quote that is never closed; double every quote inside a quoted column",
        ]
    );
}

#[test]
fn the_second_customer_of_an_id_is_a_bad_row() {
    let bad_first = row("c-7").replace("loan", "boat");
    let roster = [HEADER, &row("c-1"), &bad_first, &row("c-7"), &row("c-8"), &row("c-7")].concat();
    let (good, bad) = read(roster.as_bytes());
    assert_eq!(ids(&good), ["c-1", "c-7", "c-8"]);
    assert_eq!(told(&bad)[1..], ["line 6; id: customer c-7 is on line 4 already"]);
}

#[test]
fn a_bad_row_does_not_show_itself_in_logs() {
    let (_, bad) = read(format!("{HEADER}{}", row("c-1").replace("loan", "boat")).as_bytes());
    let shown = format!("{:?} {}", bad[0], bad[0]);
    assert!(!shown.contains("Ada") && !shown.contains("ada@") && !shown.contains("boat"), "{shown}");
}

#[test]
fn a_file_that_breaks_off_is_not_taken_for_one_that_ends() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let roster = format!("{HEADER}{}", row("c-1"));
    let mut rows = open(roster.as_bytes().chain(Broken)).unwrap();
    assert!(matches!(rows.next(), Some(Ok((Row { line: 2, .. }, _)))));
    assert!(matches!(rows.next(), Some(Err(RowError::Unreadable(RosterFileError::Read(_))))));
    assert!(rows.next().is_none());
}

/// A roster that is made while it is read, and counts how much of it was asked for.
struct Endless {
    next: u64,
    rest: Vec<u8>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = row(&format!("c-{}", self.next)).into_bytes();
            self.next += 1;
        }
        let size = buffer.len().min(self.rest.len());
        buffer[..size].copy_from_slice(&self.rest[..size]);
        self.rest.drain(..size);
        Ok(size)
    }
}

/// Rejects of a roster in a folder of their own, and the file's text.
fn rejected<R: Read>(roster: RosterFile<R>, refuse: Option<&str>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let of_roster = folder.path().join("roster.csv");
    std::fs::write(&of_roster, "").unwrap();
    let place = RejectsPlace::choose(None, false, &Input::open(of_roster.to_str().unwrap()).unwrap()).unwrap();
    let mut rejects = Rejects::new(place, roster.layout(), "2026-11-10T00:00:00Z");
    for row in roster {
        match (row, refuse) {
            (Err(RowError::Bad(bad)), _) => assert!(rejects.write(&bad)),
            (Ok((row, _)), Some(words)) => assert!(rejects.write(&row.refused(&Cause::new(words)))),
            _ => {}
        }
    }
    let kept = rejects.finish();
    assert!(kept.error.is_none());
    std::fs::read(kept.path.unwrap()).unwrap()
}

#[test]
fn who_is_refused_by_a_service_is_rejected_with_line_and_column_and_its_words() {
    let roster = format!("{HEADER}{}", row("c-1"));
    for (words, column) in [("Invalid Schedule Expression Timezone.", "time_zone"), ("Name is taken.", "")] {
        let text = String::from_utf8(rejected(open(roster.as_bytes()).unwrap(), Some(words))).unwrap();
        assert_eq!(
            text.lines().nth(1),
            Some(format!("2,{column},{words},2026-11-10T00:00:00Z,{}", row("c-1").trim_end()).as_str())
        );
    }
}

#[test]
fn a_roster_is_read_as_its_rows_are_asked_for() {
    let endless = Endless { next: 1, rest: HEADER.as_bytes().to_vec() };
    let rows: Vec<_> = open(endless).unwrap().take(500).collect();
    assert!(matches!(rows.last(), Some(Ok((Row { line: 501, .. }, customer))) if customer.id.as_str() == "c-500"));
}

#[test]
fn rejects_are_written_with_their_reasons_and_can_be_enrolled_once_mended() {
    let bad_row = row("c-2").replace("loan", "boat").replace("Ada", "\"O, \"\"A\"\"\"");
    let roster = [HEADER, &row("c-1"), &bad_row, "c-3,\"x\n", &row("c-4")].concat();
    let written = String::from_utf8(rejected(open(roster.as_bytes()).unwrap(), None)).unwrap();
    assert!(
        written.starts_with(&format!("rejected_line,rejected_column,rejected_cause,rejected_as_of,{HEADER}")),
        "{written}"
    );
    assert!(written.contains("3,product,product is neither 'loan' nor 'card',2026-11-10T00:00:00Z,c-2,"), "{written}");
    let mended = written.replace("boat", "loan");
    assert_eq!(open(mended.as_bytes()).unwrap().says_as_of(), Some("2026-11-10T00:00:00Z"));
    assert_eq!(open(roster.as_bytes()).unwrap().says_as_of(), None);
    let (good, bad) = read(mended.as_bytes());
    assert_eq!((ids(&good), bad.len()), (vec!["c-2"], 1));
}

#[test]
fn rejects_of_rejects_have_one_reason_each() {
    let roster = [HEADER, &row("c-2").replace("loan", "boat")].concat();
    let once = rejected(open(roster.as_bytes()).unwrap(), None);
    let twice = rejected(open(once.as_slice()).unwrap(), None);
    assert_eq!(String::from_utf8(twice).unwrap(), String::from_utf8(once).unwrap());
}

const SHIPPED: &str = include_str!("../../../infra/roster.csv");
const WITH_MISTAKES: &str = include_str!("../../../infra/roster-with-mistakes.csv");

#[test]
fn every_row_of_the_shipped_roster_is_good() {
    let customers: Vec<_> = open(SHIPPED.as_bytes())
        .unwrap()
        .map(|item| match item {
            Ok((_, customer)) => customer,
            Err(error) => panic!("{error:?}"),
        })
        .collect();
    let count = |wanted: fn(&Customer) -> bool| customers.iter().filter(|c| wanted(c)).count();
    assert_eq!(customers.len(), 200);
    assert_eq!(count(|c| c.consent.opted_out()), 8);
    assert_eq!(count(|c| c.standing == Standing::Closed), 6);
    assert_eq!(count(|c| c.contact == Contact::Unusable), 7);
    // Each for one reason, so that what the run says of them can be counted.
    assert_eq!(
        count(|c| c.consent.opted_out() || c.standing == Standing::Closed || c.contact == Contact::Unusable),
        21
    );
}

#[test]
fn every_customer_of_the_shipped_roster_gets_a_letter_with_the_same_tags() {
    let renderer = MinijinjaRenderer::new().unwrap();
    let score = Score {
        value: ScoreValue::parse(742).unwrap(),
        band: Band::parse("Good").unwrap(),
        as_of: "2026-11-19T22:41:17Z".parse().unwrap(),
    };
    let run = RunId::parse("2026-11").unwrap();
    let mut tags = std::collections::BTreeSet::new();
    for item in open(SHIPPED.as_bytes()).unwrap() {
        let customer = &item.unwrap().1;
        let letter = Letter { customer, run, score: &score, previous: None, unsubscribe: None };
        let mail = renderer.render(&letter).unwrap();
        // A customer of UTC has no city to tell the clocks by, and so one name less in the text.
        tags.insert(mail.html.replace("<bdi>", "").replace("</bdi>", "").matches('<').count());
        // In Japanese, yen are 円.
        let currency = customer.balance.currency.to_string();
        assert!(mail.text.contains(&currency) || currency == "JPY" && mail.text.contains('円'), "{}", customer.id);
    }
    assert_eq!(tags.len(), 1, "{tags:?}");
}

#[test]
fn the_shipped_roster_mails_nobody_real() {
    for item in open(SHIPPED.as_bytes()).unwrap() {
        let (line, customer) = item.unwrap();
        let Contact::Email(address) = customer.contact else { continue };
        let (_, domain) = address.expose().rsplit_once('@').unwrap();
        let reserved = ["example.com", "example.org", "example.net"];
        assert!(reserved.contains(&domain) || domain.ends_with(".example"), "{line:?}");
    }
}

#[test]
fn the_roster_with_mistakes_has_five_and_keeps_the_rest() {
    let (good, bad) = read(WITH_MISTAKES.as_bytes());
    let columns: Vec<_> = bad.iter().map(|row| (row.line, row.columns())).collect();
    assert_eq!(good.len(), 7, "{good:?}");
    assert_eq!(
        columns,
        [
            (4, "balance".to_owned()),
            (6, String::new()),
            (8, "time_zone; signed_up_at".to_owned()),
            (10, "id".to_owned()),
            (12, "opted_out".to_owned()),
        ]
    );
}
