use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn options(line: &str) -> Options {
    Line::parse_from(std::iter::once("simulate").chain(line.split_whitespace())).options
}

#[test]
fn the_line_of_the_readme_is_the_scenario_that_it_says() {
    let line = "--customers 600000 --days 30 --score-lanes 8 --email-lanes 9 --score-latency 2.4 --email-latency 3.3 \
                --outage score:6h@day3 --pause email:2d@day10 --spread evening";
    let scenario = options(line).scenario().unwrap();
    assert_eq!((scenario.customers, scenario.days, scenario.spread), (600_000, 30, Spread::Evening));
    assert_eq!((scenario.stages[StageName::Score].lanes(), scenario.stages[StageName::Email].lanes()), (8, 9));
    assert_eq!(
        (scenario.stages[StageName::Score].outages.len(), scenario.stages[StageName::Score].pauses.len()),
        (1, 0)
    );
    assert_eq!(
        (scenario.stages[StageName::Email].outages.len(), scenario.stages[StageName::Email].pauses.len()),
        (0, 1)
    );
}

#[test]
fn what_would_be_left_out_of_the_simulation_is_refused() {
    let refused = |line: &str| Line::try_parse_from(std::iter::once("simulate").chain(line.split(' '))).is_err();
    assert!(refused("--seeds 0"));
    for of_a_month in ["--report x.html", "--pause email:2d@day3", "--outage score:1h@day3", "--score-lanes 9"] {
        assert!(refused(&format!("--seeds 9 {of_a_month}")), "{of_a_month}");
        assert!(refused(&format!("--seed 9 --faults all {of_a_month}")), "{of_a_month}");
    }
    assert!(!refused("--seeds 9 --customers 3 --days 40"));
    let late = options("--days 20 --pause email:2d@day21").scenario().unwrap_err().to_string();
    assert!(late.starts_with("--pause email:..@day21 begins after the month's 20 days"), "{late}");
    assert!(options("--days 20 --pause email:2d@day20.5").scenario().is_ok());
}

#[test]
fn faults_are_all_none_or_numbers() {
    let kept = |faults: &str| options(&format!("--seed 7 --faults {faults}")).kept().ok();
    assert_eq!(kept("all"), Some(KeptFaults::All));
    assert_eq!(kept("none"), Some(KeptFaults::Only(vec![])));
    assert_eq!(kept("1,4"), Some(KeptFaults::Only(vec![1, 4])));
    assert_eq!(kept("one"), None);
}
