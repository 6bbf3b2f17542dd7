use std::fmt::Write as _;

use pulse_core::entry::Plan;
use pulse_sim::month::{MonthReport, Scenario, Spread, StageScenario, Window};

use pulse_console::plot::{Plot, escape, label};

use super::figures;

const STYLE: &str = include_str!("page.css");

/// The report as one HTML file.
#[must_use]
pub fn html(report: &MonthReport) -> String {
    let scenario = &report.scenario;
    let title = format!("{} customers, {} days", number(u64::from(scenario.customers)), scenario.days);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Pulse: {title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    html += &verdict(report);
    html += &headline(report);
    let day = figures::busiest_day(report) + 1;
    section(
        &mut html,
        &format!("The busiest day, day {day}"),
        "How many customers are due in each hour, how many mails go out, and what the lanes carry. Where the area \
         rises above a dashed line, customers wait; where the line of mails goes on after the area fell, they are \
         being served.",
        &[figures::day(report)],
    );
    section(
        &mut html,
        "The month",
        "The same over all days, hour by hour; then how many messages wait, for how long, and how many calls the \
         providers see at once.",
        &[figures::traffic(report), figures::depth(report), figures::oldest(report), figures::lanes(report)],
    );
    html += &calls(report);
    html += &bill(report);
    html += &repeat(report);
    html + "</body>\n</html>\n"
}

fn section(html: &mut String, title: &str, words: &str, plots: &[Plot]) {
    let _ = write!(html, "<h2>{}</h2>\n<p>{words}</p>\n", escape(title));
    for plot in plots {
        let _ = write!(html, "<h3>{}</h3>\n{}", escape(&plot.title), plot.html());
    }
}

fn verdict(report: &MonthReport) -> String {
    let objections = report.proof.objections();
    if objections.is_empty() {
        return "<p class=\"holds\">It holds: everyone who was due has one mail, and no lane was exceeded.</p>\n"
            .into();
    }
    let items: Vec<_> = objections.iter().map(|objection| format!("<li>{}</li>", escape(objection))).collect();
    let items = items.concat();
    format!("<div class=\"fails\"><p>It does not hold:</p><ul>{items}</ul></div>\n")
}

fn headline(report: &MonthReport) -> String {
    let proof = &report.proof;
    let stage = |stage: &StageScenario| {
        format!(
            "{} lanes ({} invocations × {} calls), {:.1} s a call",
            stage.lanes(),
            stage.maximum_concurrency,
            stage.in_flight,
            stage.latency_mean.as_secs_f64()
        )
    };
    let last = report.last_mail.map_or_else(|| "none".to_owned(), |last| format!("{last:.0}"));
    let [score, email] = report.scenario.of_entries();
    let rows = [
        ("Due", number(proof.due)),
        ("Sent", number(proof.sent)),
        ("Skipped, failed, in doubt, late", {
            format!("{}, {}, {}, {}", proof.skipped, proof.failed, proof.unknown, proof.open)
        }),
        ("Accepted by the provider; mailed twice", format!("{}; {}", number(proof.accepted), proof.twice)),
        ("Scoring", stage(score)),
        ("Email", stage(email)),
        ("Most calls at once", format!("{} to scoring, {} to email", proof.score_peak.0, proof.email_peak.0)),
        ("Last mail", last),
        ("Dead letters that were redriven", number(report.redriven)),
        ("Messages that the tick repeated", number(report.repeated)),
        ("Bill", format!("${:.2} a month", report.bill.total)),
    ];
    let rows = rows.iter().map(|(name, value)| format!("<tr><th>{name}</th><td>{}</td></tr>", escape(value)));
    format!("<table class=\"facts\">{}</table>\n", rows.collect::<Vec<_>>().concat())
}

fn calls(report: &MonthReport) -> String {
    let rows = report.api.calls.iter().map(|(service, operation, calls)| {
        let operation = escape(operation);
        format!("<tr><td>{service}</td><td>{operation}</td><td class=\"number\">{}</td></tr>", number(*calls))
    });
    let rows = rows.collect::<Vec<_>>().concat();
    format!("<h2>Calls</h2>\n<table><tr><th>Service</th><th>Operation</th><th>Calls</th></tr>{rows}</table>\n")
}

fn bill(report: &MonthReport) -> String {
    let rows = report.bill.lines.iter().map(|line| {
        format!(
            "<tr><td>{}</td><td class=\"number\">{}</td><td>{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">${:.2}</td></tr>",
            escape(line.what),
            label(line.quantity),
            escape(line.unit),
            if line.free > 0.0 { label(line.free) } else { String::new() },
            line.cost
        )
    });
    let rows = rows.collect::<Vec<_>>().concat();
    format!(
        "<h2>Bill</h2>\n<p>At AWS's public prices in us-east-1, from the calls above.</p>\n\
         <table><tr><th>What</th><th>Quantity</th><th>Unit</th><th>Free</th><th>Cost</th></tr>{rows}\
         <tr class=\"total\"><td>All together</td><td></td><td></td><td></td><td class=\"number\">${:.2}</td></tr>\
         </table>\n",
        report.bill.total
    )
}

fn repeat(report: &MonthReport) -> String {
    let command = command(&report.scenario);
    format!("<h2>Again</h2>\n<p>The same figures come from the same command:</p>\n<pre>{}</pre>\n", escape(&command))
}

/// The command that simulates a scenario.
pub(crate) fn command(scenario: &Scenario) -> String {
    let mut command = format!(
        "pulse simulate --customers {} --days {} --starts {} --seed {} --spread {} --window {}",
        scenario.customers,
        scenario.days,
        scenario.starts,
        scenario.seed,
        match scenario.spread {
            Spread::BySignup => "by-signup",
            Spread::Evening => "evening",
        },
        scenario.window.as_secs(),
    );
    if scenario.capacity.is_some() {
        command += " --table-capacity provisioned";
    }
    for (name, stage) in scenario.stages.iter().filter(|(name, _)| Plan::MONTHLY.has(*name)) {
        let latency = stage.latency_mean.as_secs_f64();
        let _ = write!(command, " --{name}-lanes {} --{name}-latency {latency}", stage.lanes());
        for (option, windows) in [("outage", &stage.outages), ("pause", &stage.pauses)] {
            for window in windows {
                let _ = write!(command, " --{option} {name}:{}", text_of(*window));
            }
        }
    }
    command
}

/// A window as it is typed.
fn text_of(window: Window) -> String {
    let day = 1.0 + window.from.as_secs_f64() / 86_400.0;
    format!("{}m@day{}", window.lasts.as_secs() / 60, (day * 10_000.0).round() / 10_000.0)
}

fn number(count: u64) -> String {
    let text = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in text.chars().enumerate() {
        if place > 0 && (text.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
