//! Figures as people write them.

use std::time::Duration;

use console::style;
use pulse_sim::month::Bill;

use crate::output::Table;

/// A bill, line by line.
#[must_use]
pub fn bill(bill: &Bill) -> String {
    let mut table = Table::default();
    for line in &bill.lines {
        let free = if line.free > 0.0 { format!(", {} of them free", decimal(line.free)) } else { String::new() };
        table.push(line.what, format!("${:.2}  {} {}{free}", line.cost, decimal(line.quantity), line.unit));
    }
    table.push("all together", style(format!("${:.2}", bill.total)).bold());
    table.render()
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: u64) -> String {
    grouped_digits(&number.to_string())
}

fn grouped_digits(digits: &str) -> String {
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for start in (first..digits.len()).step_by(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text += &digits[start..start + 3];
    }
    text
}

/// A number as people read it: whole if it is large, and else with two decimals at most.
#[must_use]
pub fn decimal(number: f64) -> String {
    if number >= 1000.0 {
        grouped_digits(&format!("{number:.0}"))
    } else {
        format!("{}", (number * 100.0).round() / 100.0)
    }
}

/// A length of time, in the unit that suits it.
#[must_use]
pub fn lasting(length: Duration) -> String {
    let minutes = length.as_secs() / 60;
    match minutes {
        0 => format!("{} s", length.as_secs()),
        1..120 => format!("{minutes} min"),
        120..2880 => format!("{:.1} h", minutes as f64 / 60.0),
        _ => format!("{:.1} days", minutes as f64 / 1440.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_as_people_write_them() {
        assert_eq!([grouped(0), grouped(999), grouped(1_000), grouped(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([decimal(0.6), decimal(5.754_589), decimal(400_000.0)], ["0.6", "5.75", "400,000"]);
        let lasting = |seconds| lasting(Duration::from_secs(seconds));
        assert_eq!(
            [lasting(9), lasting(600), lasting(9_000), lasting(200_000)],
            ["9 s", "10 min", "2.5 h", "2.3 days"]
        );
    }
}
