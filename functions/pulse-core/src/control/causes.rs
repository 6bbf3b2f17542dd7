use std::{cmp::Reverse, collections::BTreeMap};

use crate::failure::Cause;

/// With so many causes known of a minute, no other is written down: the row stays below 1 KB, by which a write is paid for.
pub const MINUTE_CAUSES: usize = 4;

/// So many causes of a report are written down, the most frequent ones.
const REPORT_CAUSES: usize = 3;

/// So many are told apart before that.
const TOLD_APART: usize = 16;

/// Bytes of a cause that are kept.
const BRIEF_BYTES: usize = 100;

/// A word so long that has a digit in it names one call, such as a request's id.
const ID_LETTERS: usize = 8;

/// How often calls failed for which reasons, in brief: as much of a cause's words as other calls share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CauseCounts(BTreeMap<Cause, u64>);

impl CauseCounts {
    /// Counts a failure. With many reasons, those that come late aren't told apart, and not counted.
    pub fn add(&mut self, cause: &Cause) {
        self.add_brief(brief(cause), 1, TOLD_APART);
    }

    /// A cause as it was kept, so often.
    pub fn insert(&mut self, brief: Cause, count: u64) {
        self.add_brief(brief, count, usize::MAX);
    }

    /// Adds a report to what is known of a minute, as far as there is room. What is known already is counted in any case.
    pub fn admit(&mut self, report: &Self) {
        let room = if self.0.len() < MINUTE_CAUSES { usize::MAX } else { self.0.len() };
        for (cause, count) in report.most_frequent(REPORT_CAUSES) {
            self.add_brief(cause.clone(), count, room);
        }
    }

    /// Those of a report that are written down, with how often each was the reason.
    #[must_use]
    pub fn reported(&self) -> Vec<(&Cause, u64)> {
        self.most_frequent(REPORT_CAUSES)
    }

    /// Whether this one is counted.
    #[must_use]
    pub fn knows(&self, brief: &Cause) -> bool {
        self.0.contains_key(brief)
    }

    /// At most so many, the most frequent first.
    #[must_use]
    pub fn most_frequent(&self, at_most: usize) -> Vec<(&Cause, u64)> {
        let mut all: Vec<_> = self.0.iter().map(|(cause, count)| (cause, *count)).collect();
        all.sort_by_key(|(_, count)| Reverse(*count));
        all.truncate(at_most);
        all
    }

    /// Both together.
    #[must_use]
    pub(super) fn with(mut self, other: &Self) -> Self {
        for (cause, count) in &other.0 {
            self.insert(cause.clone(), *count);
        }
        self
    }

    fn add_brief(&mut self, cause: Cause, more: u64, room: usize) {
        if let Some(count) = self.0.get_mut(&cause) {
            *count += more;
        } else if self.0.len() < room {
            self.0.insert(cause, more);
        }
    }
}

/// Without ids of single calls, and cut.
fn brief(cause: &Cause) -> Cause {
    let word = |word: &str| {
        let is_id = word.chars().count() >= ID_LETTERS && word.chars().any(|letter| letter.is_ascii_digit());
        if is_id { "…".to_owned() } else { word.to_owned() }
    };
    let words: Vec<_> = cause.as_str().split_whitespace().map(word).collect();
    let mut text = words.join(" ");
    if text.len() > BRIEF_BYTES {
        let end = (0..=BRIEF_BYTES - '…'.len_utf8()).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    Cause::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(causes: &[(&str, u64)]) -> CauseCounts {
        let mut counts = CauseCounts::default();
        for (cause, count) in causes {
            counts.insert(Cause::new(*cause), *count);
        }
        counts
    }

    fn words(counts: &CauseCounts) -> Vec<(&str, u64)> {
        counts.most_frequent(usize::MAX).into_iter().map(|(cause, count)| (cause.as_str(), count)).collect()
    }

    #[test]
    fn causes_that_differ_by_an_id_are_one_and_long_ones_are_cut_between_letters() {
        let mut counts = CauseCounts::default();
        for id in ["3f2c9a10-77aa", "90817263"] {
            counts.add(&Cause::new(format!("The email API answered 503: overloaded,\n request {id}")));
        }
        counts.add(&Cause::new("ü".repeat(90)));
        let long = format!("{}…", "ü".repeat(48));
        assert_eq!(words(&counts), [("The email API answered 503: overloaded, request …", 2), (&long, 1)]);
        assert!(long.len() <= BRIEF_BYTES);
    }

    #[test]
    fn a_minute_takes_the_most_frequent_causes_until_it_is_full_and_then_those_it_knows() {
        let mut minute = of(&[("a", 1), ("b", 1), ("c", 1)]);
        minute.admit(&of(&[("d", 9), ("e", 8), ("f", 7), ("a", 1)]));
        assert_eq!(words(&minute), [("d", 9), ("e", 8), ("f", 7), ("a", 1), ("b", 1), ("c", 1)]);
        minute.admit(&of(&[("new", 9), ("b", 5)]));
        assert_eq!(words(&minute), [("d", 9), ("e", 8), ("f", 7), ("b", 6), ("a", 1), ("c", 1)]);
    }

    #[test]
    fn a_report_tells_apart_a_few() {
        let mut counts = CauseCounts::default();
        for number in 0..100 {
            counts.add(&Cause::new(format!("cause {number}")));
        }
        counts.add(&Cause::new("cause 3"));
        assert_eq!(counts.0.len(), TOLD_APART);
        assert_eq!(counts.reported()[0], (&Cause::new("cause 3"), 2));
    }
}
