//! One problem for one cause: what is wrong with a row as a whole isn't told of each of its columns.

use csv::ByteRecord;
use pulse_core::{
    customer::Zone,
    failure::Cause,
    roster::{RosterRow, RowProblem},
};

use super::{
    DELIMITERS,
    header::Header,
    records::{Record, columns, is_blank},
};

/// Fewer bad columns than this are each for a cause of its own.
const MANY: usize = 3;

/// Columns of which a part passes for the whole, and would have a stranger mailed, another customer changed, or a wrong
/// sum written.
const MEANS_ANOTHER_WHEN_CUT: [&str; 3] = ["id", "email", "balance"];

pub(super) fn problem(column: &'static str, cause: impl Into<String>) -> Vec<RowProblem> {
    vec![RowProblem { column, cause: Cause::new(cause) }]
}

impl Header {
    /// Whether a record has all columns that it needs, and its last isn't cut off.
    pub(super) fn whole(&self, record: &Record, delimiter: u8) -> Result<(), Vec<RowProblem>> {
        let (fields, has) = (&record.fields, record.fields.len());
        let bad = |cause: String| Err(problem("", cause));
        if record.broken && !record.ended {
            return bad("opens a quote that is never closed, and no line end follows; was the file cut here?".into());
        }
        if record.broken {
            return bad("opens a quote that is never closed; double every quote inside a quoted column".into());
        }
        let is_empty = |at: usize| fields.get(at).is_none_or(is_blank);
        if !record.ended && (has < self.len || is_empty(self.len - 1)) {
            return bad(format!(
                "is the last row, without a line end and without {}; was the file cut here? If not, end the line",
                self.from(has.min(self.len - 1)).0
            ));
        }
        let cut = self.last().filter(|column| MEANS_ANOTHER_WHEN_CUT.contains(column));
        if let (Some(column), false) = (cut, record.ended || record.closed || has > self.len) {
            let cause = "ends the last row, which has no line end, and may be cut; if the file is whole, end the line";
            return Err(problem(column, cause));
        }
        // A single column that has all the others in it.
        if let (1, true, Some(all)) = (has, self.len > 1, fields.get(0)) {
            let others = DELIMITERS.iter().filter(|other| **other != delimiter);
            if let Some(other) = others.copied().find(|other| columns(all, *other).len() == self.len) {
                let (other, first) = (named(other), named(delimiter));
                return bad(format!("has {other} between its columns, where the first line has {first}"));
            }
        }
        if has > self.len && !(self.len..has).all(is_empty) {
            let parted = named(delimiter);
            return bad(format!(
                "has {has} columns where the first line has {}; {parted} inside a column needs quotes around it",
                self.len
            ));
        }
        let (missing, is_needed) = self.from(has);
        if has < self.len && is_needed {
            return bad(format!("ends after {has} of {} columns; missing at the end: {missing}", self.len));
        }
        // Two stray quotes, one in a row and one in a later one, are a quoted column to CSV, with the rows between in it.
        let holds_a_row = |field: &[u8]| {
            let mut lines = field.split(|byte| matches!(byte, b'\n' | b'\r')).skip(1);
            lines.any(|line| columns(line, delimiter).len() >= self.len)
        };
        if fields.iter().any(holds_a_row) {
            return bad(
                "has a quoted column with what looks like other rows in it; is one of its quotes a stray one?".into()
            );
        }
        if self.is_repeated_by(fields) {
            return bad("repeats the first line, as in files that were joined".into());
        }
        Ok(())
    }
}

/// The problems of a row, or the one that explains them all.
pub(super) fn one_problem(
    header: &Header,
    fields: &ByteRecord,
    zone: &Zone,
    problems: Vec<RowProblem>,
) -> Vec<RowProblem> {
    let is_empty = |problem: &&RowProblem| fields.get(header.place(problem.column)).is_none_or(is_blank);
    let empty: Vec<_> = problems.iter().filter(is_empty).map(|problem| problem.column).collect();
    if empty.len() >= MANY {
        return problem("", format!("has nothing in {}; is it a customer's row?", empty.join(", ")));
    }
    shift(header, fields, zone, &problems).unwrap_or(problems)
}

/// Says from which column on a row stands in its neighbours' places, if nearly all is well when it is read so.
fn shift(header: &Header, fields: &ByteRecord, zone: &Zone, problems: &[RowProblem]) -> Option<Vec<RowProblem>> {
    if problems.len() < MANY {
        return None;
    }
    let (first, column) = problems.iter().map(|problem| (header.place(problem.column), problem.column)).min()?;
    let bad = |row: &RosterRow<'_>| row.parse(zone).err().map_or(0, |problems| problems.len());
    let (_, side) = [(1, "right"), (-1, "left")].into_iter().find(|(by, _)| {
        // The last is out of the row, or the first is what was put in.
        bad(&header.shifted(fields, first, *by)) <= 1
    })?;
    Some(problem(
        column,
        format!(
            "and the columns after it stand one place too far to the {side}; is one missing, or too many, before them?"
        ),
    ))
}

fn named(delimiter: u8) -> String {
    match delimiter {
        b',' => "a comma".into(),
        b';' => "a semicolon".into(),
        b'\t' => "a tab".into(),
        b'|' => "a bar".into(),
        other => format!("a {:?}", char::from(other)),
    }
}
