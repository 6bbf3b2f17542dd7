//! Tables of figures as CSV.

use std::{convert::Infallible, future::ready};

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use maud::{Markup, html};
use serde::Serialize;

use crate::{failure::Failure, wanted::Wanted};

/// What a cell begins with that a spreadsheet would take for a formula (OWASP, "CSV Injection").
const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A table of figures: what a page shows, without its marks and separators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// What it is asked for by.
    name: &'static str,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<const N: usize>(
        name: &'static str,
        head: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Self {
        let head = head.map(str::to_owned).into();
        Self { name, head, rows: rows.into_iter().map(Vec::from).collect() }
    }

    /// As RFC 4180 has it, with no cell that a spreadsheet would reckon with.
    fn text(&self) -> Result<Vec<u8>, Failure> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        for row in [&self.head].into_iter().chain(&self.rows) {
            writer.write_record(row.iter().map(|cell| harmless(cell))).map_err(Failure::elsewhere)?;
        }
        writer.into_inner().map_err(|error| Failure::elsewhere(error.error()))
    }

    fn answer(&self) -> Result<Response, Failure> {
        let name = format!("attachment; filename=\"pulse-{}.csv\"", self.name);
        let headers =
            [(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"), (header::CONTENT_DISPOSITION, &name)];
        Ok((headers, self.text()?).into_response())
    }

    /// A link to what is shown, in the link itself: it was asked for by a button, and isn't read again.
    pub(crate) fn link(&self) -> Markup {
        let text = self.text().unwrap_or_default();
        let data = format!("data:text/csv;charset=utf-8;base64,{}", BASE64_STANDARD.encode(text));
        csv_link(self.name, &data)
    }
}

fn csv_link(name: &str, href: &str) -> Markup {
    html! { p.csv { a href=(href) download=(format!("pulse-{name}.csv")) { (name) " as CSV" } } }
}

/// Numbers stay; what only looks like a formula becomes text.
fn harmless(cell: &str) -> String {
    if cell.starts_with(FORMULAS) && cell.parse::<f64>().is_err() { format!("'{cell}") } else { cell.to_owned() }
}

/// In which form a page with tables is wanted, and which of them.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    wanted: Wanted,
    table: Option<String>,
    /// The page's own path and query, without what says how it is wanted.
    here: String,
}

impl<S: Sync> FromRequestParts<S> for Tables {
    type Rejection = Infallible;

    fn from_request_parts(parts: &mut Parts, _: &S) -> impl Future<Output = Result<Self, Infallible>> + Send {
        let pairs: Vec<_> = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
        let table = pairs.iter().find_map(|pair| pair.strip_prefix("table=")).map(str::to_owned);
        let own = pairs.iter().filter(|pair| !pair.starts_with("table=") && !pair.starts_with("format="));
        let own: String = own.flat_map(|pair| [pair, "&"]).collect();
        let here = format!("{}?{own}", parts.uri.path());
        ready(Ok(Self { wanted: Wanted::of(parts), table, here }))
    }
}

impl Tables {
    /// The report as it is wanted. Without a name, the first table is.
    pub(crate) fn answer(
        &self,
        report: &impl Serialize,
        tables: impl FnOnce() -> Vec<Table>,
        page: impl FnOnce() -> Markup,
    ) -> Result<Response, Failure> {
        if self.wanted != Wanted::Csv {
            return Ok(self.wanted.answer(report, page));
        }
        let tables = tables();
        let wanted = |table: &&Table| self.table.as_deref().is_none_or(|name| name == table.name);
        let Some(table) = tables.iter().find(wanted) else {
            let names: Vec<_> = tables.iter().map(|table| table.name).collect();
            return Err(Failure::unknown(format!("There is no such table here, but {}.", names.join(", "))));
        };
        table.answer()
    }

    /// A link to one of the page's tables.
    pub(crate) fn link(&self, name: &str) -> Markup {
        csv_link(name, &format!("{}format=csv&table={name}", self.here))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_back_as_it_was_but_for_what_would_be_a_formula() {
        let cells = ["plain", "with \"quotes\", commas", "two\r\nlines", "", "-5", "=1+1", "+a", "-cmd", "@x", "\tx"];
        let table = Table::new("one", ["what"], cells.map(|cell| [cell.to_owned()]));
        let text = table.text().unwrap();
        let mut reader = csv::Reader::from_reader(&*text);
        let read: Vec<_> = reader.records().map(|record| record.unwrap()[0].to_owned()).collect();
        let expected =
            ["plain", "with \"quotes\", commas", "two\r\nlines", "", "-5", "'=1+1", "'+a", "'-cmd", "'@x", "'\tx"];
        assert_eq!(read, expected);
        assert!(text.starts_with(b"what\r\nplain\r\n"));
    }
}
