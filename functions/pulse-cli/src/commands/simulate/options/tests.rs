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
    let scenario = options(line).scenario();
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
fn faults_are_all_none_or_numbers() {
    let kept = |faults: &str| options(&format!("--seed 7 --faults {faults}")).kept().ok();
    assert_eq!(kept("all"), Some(KeptFaults::All));
    assert_eq!(kept("none"), Some(KeptFaults::Only(vec![])));
    assert_eq!(kept("1,4"), Some(KeptFaults::Only(vec![1, 4])));
    assert_eq!(kept("one"), None);
}
