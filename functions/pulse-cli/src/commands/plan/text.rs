use std::fmt::Write as _;

use console::style;
use pulse_app::{
    Planned,
    words::{console_costs, endpoint_costs},
};
use pulse_core::plan::{Calls, CapacityPlan, Demand, StagePlan};

use super::RESERVABLE;
use crate::{
    bill::bill as bill_text,
    output::{Table, heading},
    text::{decimal, grouped, lasting},
};

/// A plan for the terminal.
pub(super) fn text(demand: &Demand, planned: &Planned) -> String {
    let Planned { plan, bill, console, endpoint } = planned;
    let mut text =
        heading(&format!("{} customers, each once in {} days", grouped(demand.customers.into()), demand.days));
    text += &Table::default()
        .row("due", format!("{} a day", decimal(plan.due_a_day)))
        .row(
            "in sequence",
            format!(
                "{} a day: each scored in {} and mailed in {} before the next",
                decimal(plan.in_sequence_a_day),
                seconds(demand.score),
                seconds(demand.email)
            ),
        )
        .row("planned with", format!("{} of the lanes, the rest is headroom", decimal(demand.utilisation.of(1.0))))
        .render();
    text += &stage("Scoring", &plan.score, demand);
    text += &stage("Email", &plan.email, demand);
    text += &heading("\nTime");
    let mut table = Table::default().row("a day's customers", format!("{} if they all wait", lasting(plan.day_takes)));
    if demand.backlog > 0 {
        let takes = plan.backlog_takes.map_or_else(|| "never done: the lanes have no headroom".into(), lasting);
        table.push(format!("{} late ones", grouped(demand.backlog)), format!("{takes}, beside those who are due"));
    }
    text += &table.render();
    text += &to_set(plan);
    text += &heading(&format!("\nBill for {} days, at public prices", demand.days));
    text += &bill_text(bill);
    text += "  Reckoned for a month without faults, as `pulse simulate` counts it: 10 write units, 11 read units and 5\n  \
             SQS calls a customer, and the tick's and the pollers' calls, whoever is due.\n";
    let _ = writeln!(text, "  {}\n  {}", console_costs(console), endpoint_costs(endpoint));
    text
}

fn seconds(calls: Calls) -> String {
    format!("{} s", calls.latency().as_secs_f64())
}

fn stage(name: &str, stage: &StagePlan, demand: &Demand) -> String {
    let lanes = stage.lanes;
    let more = if lanes.count() > stage.needed { ", the fewest that there can be with these calls" } else { "" };
    let late = if demand.within.is_some() { ", to be done in time" } else { "" };
    let table = Table::default()
        .row(
            "a lane carries",
            format!(
                "{} a day, {} in {} days",
                decimal(stage.lane_a_day),
                decimal(stage.lane_a_period.round()),
                demand.days
            ),
        )
        .row("needed", format!("{}{late}", lanes_of(stage.needed)))
        .row(
            "to set",
            format!(
                "{} = MaximumConcurrency {} x {} calls in flight{more}",
                lanes_of(lanes.count()),
                grouped(lanes.maximum_concurrency().into()),
                lanes.in_flight()
            ),
        )
        .row("busy", format!("{} % of them on average, with those who are due", decimal(stage.busy * 100.0)))
        .row(
            "the provider sees",
            format!(
                "{} calls at once and {} a second at most, {} a day",
                grouped(lanes.count().into()),
                decimal(stage.calls_a_second),
                decimal(stage.calls_a_day)
            ),
        );
    heading(&format!("\n{name}")) + &table.render()
}

pub(super) fn lanes_of(count: u32) -> String {
    if count == 1 { "1 lane".into() } else { format!("{} lanes", grouped(count.into())) }
}

fn to_set(plan: &CapacityPlan) -> String {
    let mut text = heading("\nTo set it");
    for stage in [&plan.score, &plan.email] {
        let (count, in_flight) = (stage.lanes.count(), stage.lanes.in_flight());
        let _ = writeln!(text, "  pulse lanes {} {count} --in-flight {in_flight}", stage.stage);
    }
    let rate = plan.email.calls_a_second.ceil();
    let _ = writeln!(text, "  With Amazon SES, the account must be allowed {rate:.0} mails a second: SesRate says so.");
    let reserved = plan.reserved_concurrency();
    if reserved > RESERVABLE {
        let warning = format!(
            "  The functions reserve {} concurrent executions, and an account has {RESERVABLE} to reserve unless it \
             asks for more.\n",
            grouped(reserved.into())
        );
        text += &style(warning).yellow().to_string();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use pulse_core::plan::Utilisation;

    use super::*;

    fn shown(backlog: u64, within: Option<Duration>) -> String {
        let calls = |millis| Calls::new(Duration::from_millis(millis), 4).unwrap();
        let demand = Demand {
            customers: 600_000,
            days: NonZeroU32::new(30).unwrap(),
            score: calls(2_400),
            email: calls(3_300),
            backlog,
            within,
            utilisation: Utilisation::default(),
        };
        text(&demand, &Planned::of(&demand).unwrap())
    }

    #[test]
    fn the_figures_of_the_talk_are_shown() {
        let text = shown(0, None);
        for figure in ["20,000 a day", "15,158 a day", "36,000 a day, 1,080,000 in 30 days", "26,182 a day"] {
            assert!(text.contains(figure), "{figure} isn't in {text}");
        }
        assert!(!text.contains("late ones"));
        assert!(text.contains("$0.98 a month more"), "{text}");
    }

    #[test]
    fn a_backlog_is_planned_for_with_its_time_and_the_commands_to_type() {
        let text = shown(60_000, Some(Duration::from_hours(2)));
        assert!(text.contains("36 lanes = MaximumConcurrency 9 x 4 calls in flight\n"), "{text}");
        assert!(text.contains("pulse lanes email 36 --in-flight 4") && text.contains("60,000 late ones"), "{text}");
    }

    #[test]
    fn what_an_account_cannot_reserve_is_told() {
        assert!(!shown(60_000, Some(Duration::from_hours(2))).contains("reserve "));
        let text = shown(900_000, Some(Duration::from_mins(24)));
        assert!(text.contains("concurrent executions"), "{text}");
    }
}
