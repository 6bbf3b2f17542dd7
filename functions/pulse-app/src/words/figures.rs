//! Figures as people write them.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo, Timestamp};
use pulse_core::bill::Bill;

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

/// How long `later` is after `earlier`, in the two largest units: 2d 3h, 5m 20s.
#[must_use]
pub fn age(later: Timestamp, earlier: Timestamp) -> String {
    let seconds = later.duration_since(earlier).as_secs().max(0);
    match seconds {
        86_400.. => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
        3_600.. => format!("{}h {}m", seconds / 3_600, seconds % 3_600 / 60),
        60.. => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{seconds}s"),
    }
}

/// Reads a length of time as people write it.
///
/// # Errors
/// In words that go on after what was typed, when it is none, or lies in the past.
pub fn length(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|_| "is no length of time: write it as in 30s, 90m, 6h or 2d".to_owned())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())?;
    Duration::try_from(length).map_err(|_| "lies in the past".to_owned())
}

/// What the console behind a function URL costs.
#[must_use]
pub fn console_costs(bill: &Bill) -> String {
    format!(
        "The console behind a function URL, if it is deployed (ConsoleIssuer), is ${:.2} a month more for two people who look \
         at it all day; without, nothing.",
        bill.total
    )
}

/// What an endpoint costs beside the rest.
#[must_use]
pub fn endpoint_costs(bill: &Bill) -> String {
    format!(
        "Another system that is told of each mail that it was sent and what became of it (`pulse endpoint add`) is ${:.2} a month \
         more; without, nothing.",
        bill.total
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_in_the_two_largest_units() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-03T10:00:00Z");
        let ages = ["2026-11-01T07:59:00Z", "2026-11-03T06:58:59Z", "2026-11-03T09:54:40Z", "2026-11-03T10:00:09Z"];
        assert_eq!(ages.map(|earlier| age(now, at(earlier))), ["2d 2h", "3h 1m", "5m 20s", "0s"]);
    }

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
