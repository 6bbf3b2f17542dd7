//! What a command prints: text for people, JSON for scripts.

use std::{
    fmt::{Display, Write as _},
    io::{self, Write as _},
};

use anyhow::Context as _;
use console::style;
use serde::Serialize;

/// Where and how to print. Colours appear only on a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Text, or JSON.
    #[must_use]
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON is wanted.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints `value` as JSON if that is wanted, and `text` otherwise.
    ///
    /// # Errors
    /// When the value has no JSON form, or it can't be printed. Whoever reads no further, as `head` does, has had enough.
    pub fn show(self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let text = if self.json { serde_json::to_string_pretty(value)? + "\n" } else { text() };
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            printed => printed.context("What came of it can't be printed; it was done all the same"),
        }
    }

    /// Prints an error and its causes to standard error.
    pub fn error(self, error: &anyhow::Error) {
        let label = style("error:").for_stderr().red().bold();
        self.remark(format!("{label} {}", with_causes(error)));
    }

    /// Prints a remark to standard error. Where it can't be printed, the work goes on without.
    pub fn remark(self, text: impl Display) {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// An error and its causes, on one line.
#[must_use]
pub fn with_causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // A wrapper often quotes its cause already.
        if !text.contains(&cause) {
            let _ = write!(text, ": {cause}");
        }
    }
    text
}

/// A two-column table: names to the left, values to the right of the widest name.
#[derive(Debug, Default)]
pub struct Table(Vec<(String, String)>);

impl Table {
    /// A table of these rows.
    #[must_use]
    pub fn of(rows: Vec<(String, String)>) -> Self {
        Self(rows)
    }

    /// Adds a row.
    #[must_use]
    pub fn row(mut self, name: impl Display, value: impl Display) -> Self {
        self.push(name, value);
        self
    }

    /// Adds a row.
    pub fn push(&mut self, name: impl Display, value: impl Display) {
        self.0.push((name.to_string(), value.to_string()));
    }

    /// The table, indented by two.
    #[must_use]
    pub fn render(&self) -> String {
        let width = self.0.iter().map(|(name, _)| console::measure_text_width(name)).max().unwrap_or(0);
        self.0.iter().fold(String::new(), |mut text, (name, value)| {
            let padding = width - console::measure_text_width(name);
            let _ = writeln!(text, "  {name}{:padding$}  {value}", "");
            text
        })
    }
}

/// A heading.
#[must_use]
pub fn heading(text: &str) -> String {
    format!("{}\n", style(text).bold())
}
