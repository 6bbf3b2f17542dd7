//! Metrics in the embedded metric format: lines of the log that `CloudWatch` reads figures from (Amazon
//! `CloudWatch` User Guide, "Specification: Embedded metric format"). Custom metrics cost by their number, so
//! there are few: six for each stage, and one for each way that an entry can go. Ten are free; the others can be left
//! out, and then their figures are in the same lines for Logs Insights to sum up.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use jiff::Timestamp;
use pulse_core::{control::MeterReading, entry::StageName};
use serde_json::{Map, Value, json};

use super::Transitions;

const NAMESPACE: &str = "Pulse";

/// Those that can be left out.
const DETAILS: [&str; 6] = ["Paused", "Scored", "Sent", "Skipped", "Failed", "Unknown"];

/// The most values of a metric in a line.
const MOST_VALUES: usize = 100;

/// How a stage stands at a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageGauges {
    /// How long ago the entry was due that is due longest; nothing, if none is.
    pub oldest_due: Duration,
    /// Whether its provider is taken to be out of order.
    pub is_broken: bool,
    /// Whether people hold it.
    pub is_paused: bool,
}

/// Writes metrics of one stack.
#[derive(Debug, Clone)]
pub struct Metrics {
    stack: String,
    detailed: bool,
}

impl Metrics {
    /// Metrics of the stack of this name, all of them or only the ten that are free.
    #[must_use]
    pub fn new(stack: impl Into<String>, detailed: bool) -> Self {
        Self { stack: stack.into(), detailed }
    }

    /// What came of an invocation of a stage's function.
    pub fn worked(&self, stage: StageName, now: Timestamp, calls: &MeterReading, moved: &Transitions) {
        print_all(&self.of_work(stage, now, calls, moved));
    }

    /// How a stage stands.
    pub fn gauges(&self, stage: StageName, now: Timestamp, gauges: StageGauges) {
        print_all(&[self.of_gauges(stage, now, gauges)]);
    }

    fn of_work(&self, stage: StageName, now: Timestamp, calls: &MeterReading, moved: &Transitions) -> Vec<Value> {
        let mut lines = Vec::new();
        let latencies: Vec<_> = calls.latencies.iter().map(|took| json!(took.as_millis())).collect();
        for (number, values) in latencies.chunks(MOST_VALUES).enumerate() {
            let mut line = Line::new(self, Some(stage), now);
            line.add("ProviderLatency", "Milliseconds", json!(values));
            if number == 0 {
                line.add("ProviderFailures", "Count", json!(calls.outcomes.failures));
                line.add("LanesInUse", "Count", json!(calls.peak));
            }
            lines.push(line.end());
        }
        let mut line = Line::new(self, None, now);
        for (name, count) in moved.take() {
            line.add(name, "Count", json!(count));
        }
        lines.extend(line.end_if_any());
        lines
    }

    fn of_gauges(&self, stage: StageName, now: Timestamp, gauges: StageGauges) -> Value {
        let mut line = Line::new(self, Some(stage), now);
        line.add("OldestDue", "Seconds", json!(gauges.oldest_due.as_secs()));
        line.add("BreakerOpen", "Count", json!(u8::from(gauges.is_broken)));
        line.add("Paused", "Count", json!(u8::from(gauges.is_paused)));
        line.end()
    }
}

/// A line of one set of dimensions.
struct Line {
    fields: Map<String, Value>,
    dimensions: Vec<&'static str>,
    metrics: Vec<Value>,
    now: Timestamp,
    detailed: bool,
}

impl Line {
    fn new(of: &Metrics, stage: Option<StageName>, now: Timestamp) -> Self {
        let mut fields = Map::from_iter([("Stack".to_owned(), json!(of.stack))]);
        let mut dimensions = vec!["Stack"];
        if let Some(stage) = stage {
            fields.insert("Stage".to_owned(), json!(stage.as_str()));
            dimensions.push("Stage");
        }
        Self { fields, dimensions, metrics: Vec::new(), now, detailed: of.detailed }
    }

    fn add(&mut self, name: &str, unit: &str, value: Value) {
        if self.detailed || !DETAILS.contains(&name) {
            self.metrics.push(json!({ "Name": name, "Unit": unit }));
        }
        self.fields.insert(name.to_owned(), value);
    }

    fn end_if_any(self) -> Option<Value> {
        (self.fields.len() > self.dimensions.len()).then(|| self.end())
    }

    fn end(mut self) -> Value {
        if self.metrics.is_empty() {
            return Value::Object(self.fields);
        }
        let metrics = json!([{ "Namespace": NAMESPACE, "Dimensions": [self.dimensions], "Metrics": self.metrics }]);
        let head = json!({ "Timestamp": self.now.as_millisecond(), "CloudWatchMetrics": metrics });
        self.fields.insert("_aws".to_owned(), head);
        Value::Object(self.fields)
    }
}

fn print_all(lines: &[Value]) {
    let mut out = io::stdout().lock();
    for line in lines {
        // Nobody is there to be told that it can't be written.
        let _ = writeln!(out, "{line}");
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            Metrics::new("pulse", true).of_work(StageName::Email, now(), &reading(0), &moved),
            Vec::<Value>::new()
        );
    }

    #[test]
    fn details_that_are_left_out_as_metrics_are_in_the_lines_all_the_same() {
        let moved = Transitions::default();
        moved.count("sent");
        let metrics = Metrics::new("pulse", false);
        let lines = metrics.of_work(StageName::Email, now(), &reading(0), &moved);
        assert_eq!(lines, [json!({ "Stack": "pulse", "Sent": 1 })]);
        let gauges = StageGauges { oldest_due: Duration::ZERO, is_broken: false, is_paused: true };
        let line = metrics.of_gauges(StageName::Score, now(), gauges);
        let names: Vec<_> = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().iter().collect();
        assert_eq!((names.len(), &line["Paused"]), (2, &json!(1)));
    }

    #[test]
    fn each_metric_of_a_line_has_its_value_and_its_dimensions() {
        let gauges = StageGauges { oldest_due: Duration::from_mins(3), is_broken: true, is_paused: false };
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
}
