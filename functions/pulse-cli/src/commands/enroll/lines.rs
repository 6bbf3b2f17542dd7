//! Lines of a file, as ranges.

use serde::{Serialize, Serializer};

use crate::text::grouped;

/// Ranges that are shown to people.
const SHOWN: usize = 6;

/// Lines in the order of the file. What is one line after another is one range, so that hundreds of thousands take no
/// room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lines {
    ranges: Vec<(u64, u64)>,
    count: u64,
}

impl Lines {
    pub(super) fn push(&mut self, line: u64) {
        self.count += 1;
        match self.ranges.last_mut() {
            Some((_, last)) if *last + 1 == line => *last = line,
            _ => self.ranges.push((line, line)),
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The first of them, and how many there are beyond.
    pub(super) fn text(&self) -> String {
        let shown: Vec<_> = self.ranges.iter().take(SHOWN).map(range).collect();
        let beyond = self.ranges.iter().skip(SHOWN).map(|(first, last)| last - first + 1).sum::<u64>();
        let word = if self.count == 1 { "line" } else { "lines" };
        let more = if beyond > 0 { format!(" and {} more (--json has all)", grouped(beyond)) } else { String::new() };
        format!("{word} {}{more}", shown.join(", "))
    }
}

fn range((first, last): &(u64, u64)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

impl Serialize for Lines {
    /// A list of `"7"` and `"9-12"`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.ranges.iter().map(range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: impl IntoIterator<Item = u64>) -> Lines {
        lines.into_iter().fold(Lines::default(), |mut all, line| {
            all.push(line);
            all
        })
    }

    #[test]
    fn lines_one_after_another_are_a_range() {
        let lines = of((2..=600_000).chain([600_002]));
        assert_eq!((lines.text(), lines.count()), ("lines 2-600000, 600002".to_owned(), 600_000));
        assert_eq!(of([7]).text(), "line 7");
        assert_eq!(serde_json::to_value(of([2, 3, 9])).unwrap(), serde_json::json!(["2-3", "9"]));
    }

    #[test]
    fn of_many_ranges_the_first_are_shown() {
        assert_eq!(of((1..=20).step_by(2)).text(), "lines 1, 3, 5, 7, 9, 11 and 4 more (--json has all)");
    }
}
