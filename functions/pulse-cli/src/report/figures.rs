//! The plots of a month.

use std::time::Duration;

use pulse_sim::month::{MonthReport, Sample, StageScenario};

use pulse_console::plot::{Limit, Plot, Series, Shade};

const DAY: f64 = 86_400.0;
const HOUR: f64 = 3_600.0;

/// What comes in the course of the busiest day, against what the lanes carry.
pub(super) fn day(report: &MonthReport) -> Plot {
    let day = busiest_day(report);
    let samples: Vec<_> = report.samples.iter().enumerate().filter(|(n, _)| n / 144 == day).collect();
    let hourly = |of: fn(&Sample) -> u64| {
        let mut hours = Vec::new();
        for (hour, samples) in samples.chunks(6).enumerate() {
            let count: u64 = samples.iter().map(|(_, sample)| of(sample)).sum();
            // Steps: as much in all of the hour.
            hours.push((hour as f64, count as f64));
            hours.push((hour as f64 + 1.0, count as f64));
        }
        hours
    };
    let [score, email] = report.scenario.of_entries();
    let limit = |name, class, stage: &StageScenario| Limit { name, class, y: stage.hourly_capacity() };
    Plot {
        title: format!("Customers an hour in the course of day {}, and what the lanes carry", day + 1),
        unit: "an hour",
        to: 24.0,
        marks: (0..=24).step_by(3).map(|hour| (f64::from(hour), format!("{hour:02}:00"))).collect(),
        series: vec![
            Series { name: "due", class: "arrivals", filled: true, points: hourly(|sample| sample.arrived) },
            Series { name: "mailed", class: "email", filled: false, points: hourly(|sample| sample.mailed) },
        ],
        limits: vec![
            limit("what scoring lanes carry", "score", score),
            limit("what email lanes carry", "email", email),
        ],
        shades: Vec::new(),
    }
}

/// The day with the most arrivals, from 0.
pub(super) fn busiest_day(report: &MonthReport) -> usize {
    let arrived = |day: &[Sample]| day.iter().map(|sample| sample.arrived).sum::<u64>();
    let days = report.samples.chunks(144).map(arrived).enumerate();
    days.max_by_key(|(day, arrived)| (*arrived, std::cmp::Reverse(*day))).map_or(0, |(day, _)| day)
}

/// Arrivals and mails over the month.
pub(super) fn traffic(report: &MonthReport) -> Plot {
    let series = |name, class, filled, of: fn(&Sample) -> u64| Series {
        name,
        class,
        filled,
        points: report
            .samples
            .chunks(6)
            .enumerate()
            .map(|(hour, samples)| (hour as f64 * HOUR, samples.iter().map(of).sum::<u64>() as f64))
            .collect(),
    };
    let series = vec![
        series("due", "arrivals", true, |sample| sample.arrived),
        series("mailed", "email", false, |sample| sample.mailed),
    ];
    over_the_month(report, "Customers an hour, over the month", "an hour", series)
}

/// How many messages wait.
pub(super) fn depth(report: &MonthReport) -> Plot {
    let series = vec![
        each(report, "score queue", "score", |sample| sample.score_waiting as f64),
        each(report, "email queue", "email", |sample| sample.email_waiting as f64),
    ];
    over_the_month(report, "Messages that wait", "messages", series)
}

/// How long the oldest message has waited.
pub(super) fn oldest(report: &MonthReport) -> Plot {
    let hours = |length: Duration| length.as_secs_f64() / HOUR;
    let longest = report.samples.iter().map(|sample| sample.score_oldest.max(sample.email_oldest)).max();
    let (unit, per) =
        if longest.unwrap_or_default() < Duration::from_hours(3) { ("minutes", 60.0) } else { ("hours", 1.0) };
    let mut series = vec![
        each(report, "score queue", "score", move |sample| hours(sample.score_oldest)),
        each(report, "email queue", "email", move |sample| hours(sample.email_oldest)),
    ];
    for point in series.iter_mut().flat_map(|series| &mut series.points) {
        point.1 *= per;
    }
    over_the_month(report, "How long the oldest message has waited", unit, series)
}

/// How many lanes are busy.
pub(super) fn lanes(report: &MonthReport) -> Plot {
    let series = vec![
        each(report, "scoring", "score", |sample| sample.score_lanes),
        each(report, "email", "email", |sample| sample.email_lanes),
    ];
    let [score, email] = report.scenario.of_entries();
    let mut plot = over_the_month(report, "Busy lanes, on average over ten minutes", "lanes", series);
    plot.limits = vec![
        Limit { name: "scoring lanes", class: "score", y: f64::from(score.lanes()) },
        Limit { name: "email lanes", class: "email", y: f64::from(email.lanes()) },
    ];
    plot
}

fn each(report: &MonthReport, name: &'static str, class: &'static str, of: impl Fn(&Sample) -> f64) -> Series {
    let seconds = |sample: &Sample| sample.at.duration_since(report.scenario.starts).as_secs_f64();
    Series { name, class, filled: false, points: report.samples.iter().map(|s| (seconds(s), of(s))).collect() }
}

fn over_the_month(report: &MonthReport, title: &str, unit: &'static str, series: Vec<Series>) -> Plot {
    let days = report.scenario.days;
    let every = days.div_ceil(15).max(1);
    let marks = (0..days).step_by(every as usize).map(|day| (f64::from(day) * DAY, format!("day {}", day + 1)));
    Plot {
        title: title.to_owned(),
        unit,
        to: f64::from(days) * DAY,
        marks: marks.collect(),
        series,
        limits: Vec::new(),
        shades: shades(report),
    }
}

fn shades(report: &MonthReport) -> Vec<Shade> {
    let mut shades = Vec::new();
    let [score, email] = report.scenario.of_entries();
    for (name, stage) in [("scoring", score), ("email", email)] {
        for (what, windows) in [("out of order", &stage.outages), ("paused", &stage.pauses)] {
            shades.extend(windows.iter().map(|window| Shade {
                label: format!("{name} is {what}"),
                from: window.from.as_secs_f64(),
                to: window.to().as_secs_f64(),
            }));
        }
    }
    shades
}
