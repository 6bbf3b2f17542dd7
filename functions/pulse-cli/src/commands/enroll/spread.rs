//! When in the month the customers of a roster are due.

use std::fmt::Write as _;

use pulse_core::slot::{LAST_SHARED_DAY, Slot};
use serde::Serialize;

use crate::text::{decimal, grouped};

const DAYS: usize = LAST_SHARED_DAY.unsigned_abs() as usize;
const HOURS: usize = 24;

/// Columns of a bar: what beside it there is takes 20 of the 80 that a terminal has.
const BAR: u64 = 60;

/// Customers who would get a mail, by the day of the month and the hour of their own day at which they are due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Spread {
    days: [u64; DAYS],
    hours: [u64; HOURS],
}

impl Default for Spread {
    fn default() -> Self {
        Self { days: [0; DAYS], hours: [0; HOURS] }
    }
}

impl Spread {
    pub(super) fn add(&mut self, slot: &Slot) {
        let place = |number: i8, from: i8| usize::try_from(number - from).ok();
        if let Some(day) = place(slot.day(), 1).and_then(|day| self.days.get_mut(day)) {
            *day += 1;
        }
        if let Some(hour) = place(slot.hour(), 0).and_then(|hour| self.hours.get_mut(hour)) {
            *hour += 1;
        }
    }

    /// The plot, at most 80 columns wide, in letters that any terminal has unless it is known to have more.
    pub(super) fn text(&self, has_blocks: bool) -> String {
        let mails = self.days.iter().sum::<u64>();
        let Some((busiest, most)) =
            self.days.iter().copied().enumerate().max_by_key(|(day, mails)| (*mails, DAYS - day))
        else {
            return String::new();
        };
        if mails == 0 {
            return "Nobody would get a mail.\n".to_owned();
        }
        let mut text = format!("Mails by the day of the month, {} in all\n", grouped(mails));
        for (day, mails) in self.days.iter().enumerate() {
            let line = format!("  {:>2} {:>10}  {}", day + 1, grouped(*mails), bar(*mails, most, has_blocks));
            let _ = writeln!(text, "{}", line.trim_end());
        }
        let _ = writeln!(text, "Mails by the hour of the customer's day, 00 to 23: [{}]", self.hours_text(has_blocks));
        let average = mails as f64 / DAYS as f64;
        let times = decimal(most as f64 / average);
        let (day, mails, average) = (ordinal(busiest + 1), grouped(most), decimal(average));
        let _ = writeln!(text, "The busiest day is the {day}: {mails} mails, {times} times the average of {average}.");
        let _ = writeln!(text, "What it takes: pulse plan --customers {most} --days 1");
        text
    }

    fn hours_text(&self, has_blocks: bool) -> String {
        let levels: Vec<char> = if has_blocks { " ▁▂▃▄▅▆▇█" } else { " .:-=+*#@" }.chars().collect();
        let most = self.hours.iter().copied().max().unwrap_or_default().max(1);
        let level = |mails: u64| usize::try_from((mails * 8).div_ceil(most)).unwrap_or_default();
        self.hours.iter().filter_map(|mails| levels.get(level(*mails))).collect()
    }
}

/// As long as its share of the longest, and never nothing where there is something.
fn bar(mails: u64, most: u64, has_blocks: bool) -> String {
    let (full, parts) = if has_blocks { ('█', 8) } else { ('#', 1) };
    let eighths = (mails * BAR * parts).div_ceil(most.max(1));
    let (whole, rest) = (eighths / parts, eighths % parts);
    let mut text: String = (0..whole).map(|_| full).collect();
    text.extend(" ▏▎▍▌▋▊▉".chars().nth(usize::try_from(rest).unwrap_or_default()).filter(|_| rest > 0));
    text
}

fn ordinal(day: usize) -> String {
    let ending = match (day % 10, day % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{day}{ending}")
}

#[cfg(test)]
mod tests {
    use pulse_core::customer::Zone;

    use super::*;

    fn spread(slots: &[(i8, i8, u64)]) -> Spread {
        let mut spread = Spread::default();
        for (day, hour, many) in slots {
            let slot = Slot::parse(*day, *hour, 0, Zone::UTC).unwrap();
            (0..*many).for_each(|_| spread.add(&slot));
        }
        spread
    }

    #[test]
    fn the_plot_fits_eighty_columns_and_says_what_the_busiest_day_is() {
        let spread = spread(&[(1, 4, 1), (12, 9, 28_000), (28, 23, 14_000)]);
        for has_blocks in [true, false] {
            let text = spread.text(has_blocks);
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(80), "{text}");
            assert_eq!(text.is_ascii(), !has_blocks, "{text}");
            assert!(text.contains("the 12th: 28,000 mails, 18.67 times the average of 1,500."), "{text}");
            let bars = |mark: char| text.lines().map(|line| line.matches(mark).count()).collect::<Vec<_>>();
            let bars = bars(if has_blocks { '█' } else { '#' });
            assert_eq!((bars[12], bars[28]), (60, 30), "{text}");
        }
        assert_eq!(spread.text(false).matches('#').count(), 60 + 30 + 1, "one customer is seen, too");
    }

    #[test]
    fn hours_are_a_line() {
        let spread = spread(&[(1, 0, 1), (1, 12, 8), (1, 23, 4)]);
        assert_eq!(spread.hours_text(true), "▁           █          ▄");
        assert_eq!(spread.hours_text(false), ".           @          =");
    }

    #[test]
    fn nobody_is_no_plot() {
        assert_eq!(Spread::default().text(true), "Nobody would get a mail.\n");
    }
}
