use pulse_core::control::Outcomes;

use super::*;

fn now() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

fn reading(calls: u64) -> MeterReading {
    let latencies = (0..calls).map(Duration::from_millis).collect();
    MeterReading {
        outcomes: Outcomes { calls, failures: 2, ..Outcomes::default() },
        peak: 4,
        latencies,
        ..MeterReading::default()
    }
}

#[test]
fn an_invocation_tells_latencies_in_lines_of_a_hundred_and_the_rest_once() {
    let moved = Transitions::default();
    moved.count("sent");
    moved.count("sent");
    let lines = Metrics::new("pulse", true).of_work(StageName::Email, now(), &reading(130), &moved);
    let values: Vec<_> = lines.iter().filter_map(|line| line["ProviderLatency"].as_array()).map(Vec::len).collect();
    assert_eq!(values, [100, 30]);
    assert_eq!((&lines[0]["ProviderFailures"], &lines[0]["LanesInUse"]), (&json!(2), &json!(4)));
    assert!(lines[1].get("ProviderFailures").is_none());
    assert_eq!((&lines[2]["Sent"], lines[2].get("Stage")), (&json!(2), None));
    assert_eq!(Metrics::new("pulse", true).of_work(StageName::Email, now(), &reading(0), &moved), Vec::<Value>::new());
}

#[test]
fn details_that_are_left_out_as_metrics_are_in_the_lines_all_the_same() {
    let moved = Transitions::default();
    moved.count("sent");
    let metrics = Metrics::new("pulse", false);
    let lines = metrics.of_work(StageName::Email, now(), &reading(0), &moved);
    assert_eq!(lines, [json!({ "Stack": "pulse", "Sent": 1 })]);
    let gauges = StageGauges { oldest_due: Some(Duration::ZERO), is_broken: false, is_paused: true };
    let line = metrics.of_gauges(StageName::Score, now(), gauges);
    let names: Vec<_> = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().iter().collect();
    assert_eq!((names.len(), &line["Paused"]), (2, &json!(1)));
}

#[test]
fn dead_letters_are_measured_by_queue_while_there_are_any() {
    let metrics = Metrics::new("pulse", false);
    let forged = metrics.of_forged("mailgun", now(), 3);
    assert_eq!((&forged["Forged"], &forged["Source"]), (&json!(3), &json!("mailgun")));
    assert_eq!(forged["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Stack"]]));
    assert_eq!(metrics.of_dead_letters(DlqName::Schedules, now(), 0), None);
    let line = metrics.of_dead_letters(DlqName::Schedules, now(), 7).unwrap();
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Dimensions"], json!([["Stack", "Queue"]]));
    assert_eq!(directive["Metrics"], json!([{ "Name": "DeadLetters", "Unit": "Count" }]));
    assert_eq!((&line["Queue"], &line["DeadLetters"]), (&json!("schedules"), &json!(7)));
}

#[test]
fn each_metric_of_a_line_has_its_value_and_its_dimensions() {
    let gauges = StageGauges { oldest_due: Some(Duration::from_mins(3)), is_broken: true, is_paused: false };
    let line = Metrics::new("pulse", true).of_gauges(StageName::Score, now(), gauges);
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "Pulse");
    assert_eq!(directive["Dimensions"], json!([["Stack", "Stage"]]));
    assert_eq!((&line["Stack"], &line["Stage"]), (&json!("pulse"), &json!("score")));
    let metrics = directive["Metrics"].as_array().unwrap();
    let values: Vec<_> = metrics.iter().map(|metric| line[metric["Name"].as_str().unwrap()].clone()).collect();
    assert_eq!(values, [json!(180), json!(1), json!(0)]);
    assert_eq!(line["_aws"]["Timestamp"], json!(1_793_700_000_000_u64));
}

#[test]
fn mails_that_were_dropped_are_counted_where_there_are_any() {
    let metrics = Metrics::new("pulse", false);
    assert_eq!(metrics.of_dropped(now(), 0), Vec::<Value>::new());
    let line = metrics.of_dropped(now(), 3).remove(0);
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!((&line["Dropped"], &directive["Dimensions"]), (&json!(3), &json!([["Stack"]])));
    assert_eq!(directive["Metrics"], json!([{ "Name": "Dropped", "Unit": "Count" }]));
}
