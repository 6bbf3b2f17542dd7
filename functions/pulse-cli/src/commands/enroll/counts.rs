//! Counts of an enrolment in words.

use pulse_app::{ConsentCounts, Counts};

use crate::{output::Table, text::grouped};

/// The lines of a report that say what became of customers.
pub(super) fn push(table: &mut Table, counts: &Counts) {
    table.push("new", grouped(counts.new));
    table.push("changed", grouped(counts.changed));
    table.push("unchanged", grouped(counts.unchanged));
    table.push("closed", grouped(counts.closed));
    if counts.older > 0 {
        table.push("older", format!("{} (newer facts are known, and stay)", grouped(counts.older)));
    }
    if counts.forgotten > 0 {
        let why = "they asked to be, and stay so; take them off the source, too";
        table.push("forgotten", format!("{} ({why})", grouped(counts.forgotten)));
    }
    table.push("without a usable address", grouped(counts.without_usable_address));
    table.push("opted out", grouped(counts.opted_out));
    table.push("consent", consent(&counts.consent));
}

/// What becomes of consent, in a sentence.
fn consent(counts: &ConsentCounts) -> String {
    let told: Vec<_> = named(counts)
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, more)| format!("{} {}", grouped(count), if count == 1 { one } else { more }))
        .collect();
    if told.is_empty() { "unchanged".to_owned() } else { told.join(", ") }
}

fn named(counts: &ConsentCounts) -> [(u64, &'static str, &'static str); 6] {
    [
        (counts.opted_out_now, "opts out now", "opt out now"),
        (counts.taken_back, "takes an opt-out back", "take an opt-out back"),
        (
            counts.not_taken_back,
            "isn't taken back: the customer or an operator asked",
            "aren't taken back: the customer or an operator asked",
        ),
        (counts.outdated, "is older than what is known, which stays", "are older than what is known, which stays"),
        (counts.empty, "mark empty (left as it was)", "marks empty (left as they were)"),
        (
            counts.empty_of_new,
            "mark empty of someone new (not opted out)",
            "marks empty of new customers (not opted out)",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consent_is_told_in_a_sentence() {
        let counts =
            ConsentCounts { opted_out_now: 3, taken_back: 1, not_taken_back: 1, empty: 2, ..Default::default() };
        let expected = "3 opt out now, 1 takes an opt-out back, 1 isn't taken back: the customer or an operator asked, \
                        2 marks empty (left as they were)";
        assert_eq!(consent(&counts), expected);
        assert_eq!(consent(&ConsentCounts::default()), "unchanged");
    }
}
