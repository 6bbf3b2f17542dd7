//! What was done in a game, and when.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

/// Something that was done on a page, at a virtual moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The virtual moment at which it was done.
    pub at: Timestamp,
    /// Where the form was sent.
    pub path: String,
    /// What was filled in, as a browser sends it.
    pub form: String,
}

/// All that was done in a game, in turn: a line each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record(pub Vec<Recorded>);

/// A line that is none of a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {0} of the record isn't a moment, a path and a form: take the file as the page of the game day gave it")]
pub struct RecordError(usize);

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.at, self.path, self.form)
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|one| writeln!(f, "{one}"))
    }
}

impl FromStr for Record {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        let line = |(number, line): (usize, &str)| {
            let mut parts = line.trim_end_matches('\r').splitn(3, ' ');
            let read = || {
                let (at, path) = (parts.next()?.parse().ok()?, parts.next()?);
                let form = parts.next().unwrap_or_default().to_owned();
                path.starts_with('/').then(|| Recorded { at, path: path.to_owned(), form })
            };
            let mut read = read;
            read().ok_or(RecordError(number + 1))
        };
        text.lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(line)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_is_written() {
        let one = |at: &str, path: &str, form: &str| Recorded {
            at: at.parse().unwrap(),
            path: path.into(),
            form: form.into(),
        };
        let record = Record(vec![
            one("2026-11-02T21:00:00.000000001Z", "/game/faults", "throw=score-down&lasts=1h"),
            one("2026-11-02T22:00:00Z", "/orders/redrive-20261102-220000-3f9a2c/cancel", ""),
        ]);
        assert_eq!(record.to_string().parse(), Ok(record.clone()));
        assert_eq!(format!("\n{record}").replace('\n', "\r\n").parse(), Ok(record));
        assert_eq!("soon /game x".parse::<Record>(), Err(RecordError(1)));
        assert_eq!("\n2026-11-02T21:00:00Z game".parse::<Record>(), Err(RecordError(2)));
    }
}
