use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use serde::Serialize;

use super::{
    decoding::{NAME_THE_ENCODING, NOT_UTF8},
    errors::{BadRow, Row},
};

/// So many rows are told one by one; the rest is counted, by cause.
const TOLD: u64 = 20;

/// So many rows without an address have their lines kept, and so many causes are told apart.
const KEPT: usize = 1_000;

/// What there is to say of a roster's rows beside what enrolling them did: who was rejected and for what, and who has no
/// address that can be mailed. The same for an enrolment and its rehearsal.
#[derive(Debug, Default)]
pub struct Findings {
    rejected: u64,
    rejected_opt_outs: Vec<u64>,
    causes: BTreeMap<(String, String), Rows>,
    unusable: u64,
    unusable_lines: Vec<UnusableAddress>,
    doubts: BTreeMap<(&'static str, String), Rows>,
    remarks: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct Rows {
    count: u64,
    first: u64,
}

/// Why some rows were rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectedFor {
    /// The column, or nothing for the row as a whole.
    pub column: String,
    /// What is wrong with it.
    pub cause: String,
    /// How many rows.
    pub rows: u64,
    /// The first of them.
    pub first_line: u64,
}

/// A customer who was taken, and can't be mailed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnusableAddress {
    /// The line of the roster.
    pub line: u64,
    /// Why nothing can be mailed there. Never the address.
    pub reason: String,
}

/// Rows that were taken as they stand, and may not say what was meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoubtfulRows {
    /// The column.
    pub column: &'static str,
    /// What may not be meant.
    pub doubt: String,
    /// How many rows.
    pub rows: u64,
    /// The first of them.
    pub first_line: u64,
}

impl Findings {
    /// Counts a rejected row. Says whether it is one of the first, which are told by themselves.
    pub fn reject(&mut self, bad: &BadRow) -> bool {
        self.rejected += 1;
        if bad.opts_out {
            self.rejected_opt_outs.push(bad.line);
        }
        let is_new = !self.causes.contains_key(&(bad.columns(), bad.cause()));
        if !is_new || self.causes.len() < KEPT {
            let rows = self.causes.entry((bad.columns(), bad.cause())).or_insert(Rows { count: 0, first: bad.line });
            rows.count += 1;
            rows.first = rows.first.min(bad.line);
        }
        self.rejected <= TOLD
    }

    /// Counts a row that was taken.
    pub fn take(&mut self, row: &Row) {
        if let Some(problem) = &row.unusable_address {
            self.unusable += 1;
            if self.unusable_lines.len() < KEPT {
                self.unusable_lines.push(UnusableAddress { line: row.line, reason: problem.to_string() });
            }
        }
        for doubt in &row.doubts {
            let key = (doubt.column, doubt.cause.as_str().to_owned());
            if self.doubts.len() < KEPT || self.doubts.contains_key(&key) {
                let rows = self.doubts.entry(key).or_insert(Rows { count: 0, first: row.line });
                rows.count += 1;
                rows.first = rows.first.min(row.line);
            }
        }
        if row.may_be_cut {
            self.remarks.push(format!(
                "Line {} is the last, and no line end follows: it was taken, as all of its columns are there. Was the file cut?",
                row.line
            ));
        }
    }

    /// The lines of rejected rows that say `yes` in `opted_out`: those customers are mailed on until the rows are mended.
    #[must_use]
    pub fn rejected_opt_outs(&self) -> &[u64] {
        &self.rejected_opt_outs
    }

    /// How many rows were rejected.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    /// The commonest causes of rejections, the most rows first.
    #[must_use]
    pub fn rejected_for(&self) -> Vec<RejectedFor> {
        let told = |((column, cause), rows): (&(String, String), &Rows)| RejectedFor {
            column: column.clone(),
            cause: cause.clone(),
            rows: rows.count,
            first_line: rows.first,
        };
        let mut causes: Vec<_> = self.causes.iter().map(told).collect();
        causes.sort_by_key(|cause| (std::cmp::Reverse(cause.rows), cause.first_line));
        causes.truncate(20);
        causes
    }

    /// Who was taken and can't be mailed: the first thousand, in the order of the file.
    #[must_use]
    pub fn unusable_addresses(&self) -> Vec<UnusableAddress> {
        let mut lines = self.unusable_lines.clone();
        lines.sort_by_key(|unusable| unusable.line);
        lines
    }

    /// What may not be meant, the most rows first.
    #[must_use]
    pub fn doubts(&self) -> Vec<DoubtfulRows> {
        let told = |((column, doubt), rows): (&(&'static str, String), &Rows)| DoubtfulRows {
            column,
            doubt: doubt.clone(),
            rows: rows.count,
            first_line: rows.first,
        };
        let mut doubts: Vec<_> = self.doubts.iter().map(told).collect();
        doubts.sort_by_key(|doubt| (std::cmp::Reverse(doubt.rows), doubt.first_line));
        doubts
    }

    /// What a person reads beside the counts: what many rejected rows have in common, whom no mail can reach, and a last
    /// row that may be cut. Each part ends with a line end.
    #[must_use]
    pub fn text(&self, rejects: Option<&Path>) -> String {
        let mut text = String::new();
        if self.rejected > TOLD {
            let place = rejects.map(|path| format!(", in {}", path.display())).unwrap_or_default();
            let _ = writeln!(text, "and {} more{place}. Rejected were, by cause:", self.rejected - TOLD);
            for cause in self.rejected_for().iter().take(5) {
                let column = if cause.column.is_empty() { String::new() } else { format!("{}: ", cause.column) };
                let rows = match cause.rows {
                    1 => "1 row, line".into(),
                    rows if rows == self.rejected => format!("all {rows} rows, from line"),
                    rows => format!("{rows} rows, from line"),
                };
                let _ = writeln!(text, "  {rows} {}; {column}{}", cause.first_line, cause.cause);
            }
        }
        let undecoded = self.causes.iter().filter(|((_, cause), _)| cause == NOT_UTF8).map(|(_, rows)| rows.count);
        if let rows @ 1.. = undecoded.sum::<u64>() {
            let _ = writeln!(text, "Not UTF-8, in {rows} rows: {NAME_THE_ENCODING}.");
        }
        if let Some(first) = self.rejected_opt_outs.first() {
            let count = self.rejected_opt_outs.len();
            let rows = if count == 1 { "1 rejected row opts".to_owned() } else { format!("{count} rejected rows opt") };
            let _ = writeln!(
                text,
                "{rows} a customer out, from line {first}, who is mailed on until it is mended, or kept by opt-out."
            );
        }
        if self.unusable > 0 {
            let _ = writeln!(text, "Without a usable address, who get no mail until the roster gives one:");
            for UnusableAddress { line, reason } in self.unusable_addresses().iter().take(20) {
                let _ = writeln!(text, "  line {line}; {reason}");
            }
            if self.unusable > TOLD {
                let _ = writeln!(text, "  and {} more (--json has the first thousand)", self.unusable - TOLD);
            }
        }
        let doubts = self.doubts();
        if !doubts.is_empty() {
            let _ = writeln!(text, "Taken as they stand, but look whether they are meant:");
            for DoubtfulRows { column, doubt, rows, first_line } in doubts.iter().take(20) {
                let rows = if *rows == 1 { "1 row, line".to_owned() } else { format!("{rows} rows, from line") };
                let _ = writeln!(text, "  {rows} {first_line}; {column}: {doubt}");
            }
            if let more @ 1.. = doubts.len().saturating_sub(20) {
                let _ = writeln!(text, "  and {more} more (--json has all)");
            }
        }
        self.remarks.iter().for_each(|remark| text.extend([remark, "\n"]));
        text
    }
}

#[cfg(test)]
mod tests {
    use csv::ByteRecord;
    use pulse_core::{failure::Cause, parse::ParseError, roster::RowProblem};

    use super::*;

    fn bad(line: u64, cause: &str) -> BadRow {
        let problems = vec![RowProblem { column: "currency", cause: Cause::new(cause) }];
        BadRow { line, problems, raw: ByteRecord::new(), opts_out: false }
    }

    #[test]
    fn what_all_rows_are_rejected_for_is_told_once() {
        let mut findings = Findings::default();
        let told = (2..1002).filter(|line| findings.reject(&bad(*line, "is not a code"))).count();
        assert_eq!((told, findings.rejected()), (20, 1000));
        let text = findings.text(Some(Path::new("r.csv")));
        let wanted =
            "and 980 more, in r.csv. Rejected were, by cause:\n  all 1000 rows, from line 2; currency: is not a code\n";
        assert_eq!(text, wanted);
        findings.reject(&bad(1, "is odd"));
        let text = findings.text(None);
        assert!(
            text.ends_with("  1000 rows, from line 2; currency: is not a code\n  1 row, line 1; currency: is odd\n"),
            "{text}"
        );
        assert_eq!(findings.rejected_for()[1].first_line, 1);
    }

    #[test]
    fn few_rejected_rows_were_told_already() {
        let mut findings = Findings::default();
        assert!(findings.reject(&bad(2, "is not a code")));
        assert_eq!(findings.text(None), "");
    }

    #[test]
    fn what_to_do_about_an_encoding_is_told_once_for_the_file() {
        let mut findings = Findings::default();
        (2..7).for_each(|line| assert!(findings.reject(&bad(line, NOT_UTF8))));
        let text = findings.text(None);
        assert!(text.starts_with("Not UTF-8, in 5 rows: ") && text.matches("--encoding windows-1252").count() == 1);
    }

    #[test]
    fn many_causes_take_no_more_memory_than_some() {
        let mut findings = Findings::default();
        for line in 0..3_000 {
            findings.reject(&bad(line, &format!("is on line {line}")));
        }
        assert_eq!((findings.causes.len(), findings.rejected()), (KEPT, 3_000));
    }

    #[test]
    fn who_cannot_be_mailed_is_counted_with_line_and_reason() {
        let mut findings = Findings::default();
        let unusable_address = || Some(ParseError::new("email address", "is empty"));
        for line in (2..3_002).rev() {
            let row = Row {
                line,
                raw: ByteRecord::new(),
                unusable_address: unusable_address(),
                doubts: Vec::new(),
                may_be_cut: line == 3_001,
            };
            findings.take(&row);
        }
        assert_eq!((findings.unusable, findings.unusable_addresses().len()), (3_000, KEPT));
        let text = findings.text(None);
        assert!(text.contains("; email address is empty\n") && text.contains("and 2980 more"), "{text}");
        assert!(text.ends_with("Was the file cut?\n") && text.contains("Line 3001 is the last"), "{text}");
    }
}
