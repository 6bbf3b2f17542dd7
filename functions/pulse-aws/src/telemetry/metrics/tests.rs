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
    let fields = json!({ "Stack": "pulse", "Stage": "score", "OldestDue": 0, "BreakerOpen": 0, "Paused": 1 });
    assert_eq!(line, fields);
    assert_eq!(metrics.of_late_campaigns(now(), 2), json!({ "Stack": "pulse", "LateCampaigns": 2 }));
    let reputation = metrics.of_reputation(now(), Reputation::Bad);
    assert_eq!(reputation, Some(json!({ "Stack": "pulse", "Reputation": 2 })));
    let detailed = Metrics::new("pulse", true);
    for line in [detailed.of_gauges(StageName::Score, now(), gauges), detailed.of_late_campaigns(now(), 2)] {
        assert!(!metrics_of(&line).is_empty(), "{line}");
    }
}

/// What a line has as metrics, by name.
fn metrics_of(line: &Value) -> Vec<&str> {
    let all = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
    all.into_iter().flatten().filter_map(|metric| metric["Name"].as_str()).collect()
}

#[test]
fn every_stack_has_ten_metrics_with_all_that_it_may_tell() {
    let metrics = Metrics::new("pulse", false);
    let moved = Transitions::default();
    for word in ["scored", "sent", "skipped", "failed", "unknown"] {
        moved.count(word);
    }
    let gauges = StageGauges { oldest_due: Some(Duration::ZERO), is_broken: true, is_paused: true };
    let stack = StackGauges { oldest_due: gauges.oldest_due, broken: 1, dead_letters: 1, troubles: 1, standing: 1 };
    let mut lines = vec![metrics.of_stack(now(), stack), metrics.of_forged("mailgun", now(), 1, true)];
    lines.extend(metrics.of_dropped(now(), 1));
    lines.push(metrics.of_late_campaigns(now(), 1));
    lines.extend(metrics.of_reputation(now(), Reputation::Bad));
    lines.extend(metrics.of_dead_letters(DlqName::Schedules, now(), 1));
    for stage in [StageName::Score, StageName::Email] {
        lines.extend(metrics.of_work(stage, now(), &reading(3), &moved));
        lines.push(metrics.of_gauges(stage, now(), gauges));
    }
    let named = lines.iter().flat_map(|line| metrics_of(line).into_iter().map(|name| (name, line["Stage"].as_str())));
    let all: std::collections::BTreeSet<_> = named.collect();
    assert_eq!(all.len(), 10, "{all:?}");
}

#[test]
fn each_tick_tells_how_the_stack_stands_and_that_it_was() {
    let metrics = Metrics::new("pulse", false);
    let well = StackGauges { oldest_due: Some(Duration::ZERO), broken: 0, dead_letters: 0, troubles: 0, standing: 2 };
    let line = metrics.of_stack(now(), well);
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Stack"]]));
    assert_eq!(metrics_of(&line), ["OldestDue", "BreakerOpen", "Troubles"], "of no letters nothing is written");
    assert_eq!((&line["Troubles"], &line["Standing"]), (&json!(0), &json!(2)));
    let letters = metrics.of_stack(now(), StackGauges { dead_letters: 7, oldest_due: None, ..well });
    assert_eq!(metrics_of(&letters), ["BreakerOpen", "DeadLetters", "Troubles"], "what isn't known is not measured");
}

#[test]
fn dead_letters_are_told_by_queue_while_there_are_any() {
    let metrics = Metrics::new("pulse", true);
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
fn more_than_twenty_payloads_that_were_forged_are_a_trouble() {
    let metrics = Metrics::new("pulse", false);
    let weight = |payloads| metrics.of_forged("mailgun", now(), payloads, true)["Troubles"].as_f64().unwrap();
    // Those of three invocations, which the alarm adds up.
    assert!(weight(10) + weight(10) + weight(1) > 1.0 && weight(10) + weight(9) < 1.0);
    assert_eq!(metrics.of_forged("mailgun", now(), 100, false)["Troubles"], json!(0.0), "it was told");
    let line = metrics.of_forged("mailgun", now(), 3, true);
    assert_eq!((&line["Forged"], &line["Source"], &line["trouble"]), (&json!(3), &json!("mailgun"), &json!("forged")));
    assert_eq!(metrics_of(&line), ["Troubles"]);
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Stack"]]));
}

#[test]
fn mails_that_were_dropped_are_a_trouble_where_there_are_any() {
    let metrics = Metrics::new("pulse", false);
    assert_eq!(metrics.of_dropped(now(), 0), Vec::<Value>::new());
    let line = metrics.of_dropped(now(), 3).remove(0);
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!((&line["Dropped"], &directive["Dimensions"]), (&json!(3), &json!([["Stack"]])));
    assert_eq!(directive["Metrics"], json!([{ "Name": "Troubles", "Unit": "Count" }]));
    assert_eq!((&line["Troubles"], &line["trouble"]), (&json!(1), &json!("dropped")));
    assert!(line["first"].as_str().unwrap().starts_with("`pulse why CUSTOMER`"));
}
