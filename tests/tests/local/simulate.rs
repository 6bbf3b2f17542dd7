//! `pulse simulate`, as it is typed.

use std::process::Command;

use pulse_tests::emulator::workspace;
use serde_json::Value;

use super::pulse;

fn simulate(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(pulse().get_program()).arg("simulate").args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), text + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_month_holds_and_its_report_needs_no_network() {
    let folder = tempfile::tempdir_in(workspace().target_dir()).unwrap();
    let report = folder.path().join("month.html");
    let line = [
        "--customers",
        "3000",
        "--score-lanes",
        "2",
        "--email-lanes",
        "3",
        "--outage",
        "score:6h@day3.5",
        "--pause",
        "email:2d@day10",
        "--spread",
        "evening",
        "--report",
        report.to_str().unwrap(),
    ];
    let (status, said) = simulate(&line);
    assert_eq!(status, 0, "{said}");
    for words in ["3,000 customers x 30 days", "It holds", "DynamoDB writes", "all together"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let html = std::fs::read_to_string(&report).unwrap();
    assert_eq!(html.matches("<svg").count(), 5);
    assert!(!html.contains("NaN") && !html.contains("src=") && !html.contains("href="), "it asks for something else");
    // The command at its end gives the same figures.
    let (_, again) = html.split_once("<pre>pulse simulate ").unwrap();
    let (again, _) = again.split_once("</pre>").unwrap();
    let again: Vec<_> = again.split(' ').collect();
    let figures = |said: &str| said.split_once("\nProof").unwrap().1.split("\nThe report").next().unwrap().to_owned();
    assert_eq!(figures(&simulate(&again).1), figures(&said));
}

#[test]
fn lanes_that_cannot_carry_the_month_are_told_by_the_exit_code() {
    let (status, said) =
        simulate(&["--customers", "3000", "--score-lanes", "1", "--score-latency", "5", "--days", "28"]);
    assert_eq!(status, 0, "17,280 a day are enough: {said}");
    let line = ["--customers", "9000", "--score-lanes", "1", "--pause", "email:9d@day20", "--days", "28", "--json"];
    let (status, said) = simulate(&line);
    assert_eq!(status, 4);
    let report: Value =
        serde_json::from_str(said.split_once("\nerror").map_or(said.as_str(), |(json, _)| json)).unwrap();
    assert!(report["proof"]["open"].as_u64().unwrap() > 1_000, "{}", report["proof"]);
}

#[test]
fn seeds_are_lived_through_and_one_of_them_again() {
    let (status, said) = simulate(&["--seeds", "3", "--customers", "20"]);
    assert!(status == 0 && said.contains("3 seeds of 20 customers x 35 days"), "{said}");
    let (status, said) = simulate(&["--seed", "7", "--customers", "20", "--faults", "0,2"]);
    assert!(status == 0 && said.contains("Faults"), "{said}");
    assert_eq!(said.lines().filter(|line| line.contains("day ")).count(), 2, "{said}");
    let (status, said) = simulate(&["--seed", "7", "--faults", "one"]);
    assert!(status == 2 && said.contains("is no list of numbers"), "{said}");
}
