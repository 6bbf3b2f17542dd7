//! How far a roster is.

use std::{
    io::{self, IsTerminal as _, Read},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use pulse_roster::Input;

use crate::text::{grouped, lasting};

/// Rows between two looks at the clock.
const ROWS: u64 = 64;

/// A bar that goes by the bytes read, so that it knows what is left; or by rows, where nobody knows how long the roster
/// is.
pub(super) struct Progress {
    bar: ProgressBar,
    rows: u64,
}

impl Progress {
    /// The bar of a roster, which goes on as the reader that comes with it is read.
    pub(super) fn of(input: Input) -> (Self, Box<dyn Read + Send>) {
        let about = input.about();
        let size = Some(about.len()).filter(|size| about.is_file() && *size > 0);
        let (bar, template) = match size {
            Some(size) => (ProgressBar::new(size), "{bar:30} {percent:>3} %  {msg}, {eta} left"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if io::stderr().is_terminal() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        let reader: Box<dyn Read + Send> =
            if size.is_some() { Box::new(bar.wrap_read(input.reader)) } else { input.reader };
        (Self { bar, rows: 0 }, reader)
    }

    /// The bar alone, for remarks beside it.
    pub(super) fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// One more row is done.
    pub(super) fn row(&mut self) {
        self.rows += 1;
        if self.rows.is_multiple_of(ROWS) {
            self.bar.set_message(self.pace());
        }
    }

    /// Ends the bar, and says what it took, where that was long enough to be told.
    pub(super) fn finish(self) -> Option<String> {
        let took = self.bar.elapsed();
        let told =
            (took >= Duration::from_secs(1) && self.rows > 0).then(|| format!("{} in {}", self.pace(), lasting(took)));
        self.bar.finish_and_clear();
        told
    }

    fn pace(&self) -> String {
        let milliseconds = self.bar.elapsed().as_millis().max(1);
        let a_second = u64::try_from(u128::from(self.rows) * 1_000 / milliseconds).unwrap_or(u64::MAX);
        format!("{} rows, {} a second", grouped(self.rows), grouped(a_second))
    }
}
