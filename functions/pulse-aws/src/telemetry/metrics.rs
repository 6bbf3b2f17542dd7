//! Metrics in the embedded metric format: lines of the log that `CloudWatch` reads figures from (Amazon
//! `CloudWatch` User Guide, "Specification: Embedded metric format"). Custom metrics cost by their number, and ten are free:
//! three for each of the two stages that every month has, and four of the stack, which alarms watch. All else, by stage, by queue
//! and by what became of entries, is in the same lines for Logs Insights to sum up, and a metric only where details are asked for.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use jiff::Timestamp;
use pulse_core::{
    entry::StageName,
    feedback::Reputation,
    ports::DlqName,
    stage::MeterReading,
    troubles::{FORGED_AT_MOST, Trouble},
};
use serde_json::{Map, Value, json};

use super::Transitions;

const NAMESPACE: &str = "Pulse";

/// What a payload that was forged adds to the troubles: strangers post some, and more than twenty within the alarm's five
/// minutes are a trouble. Several instances count, so that none of them can tell by itself.
const OF_ONE_FORGED: f64 = 1.0 / FORGED_AT_MOST as f64;

/// The most values of a metric in a line.
const MOST_VALUES: usize = 100;

/// How a stage stands at a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageGauges {
    /// How long ago the entry was due that is due longest; zero, if none is. None, of a stage that only campaigns have.
    pub oldest_due: Option<Duration>,
    /// Whether its provider is taken to be out of order.
    pub is_broken: bool,
    /// Whether people hold it.
    pub is_paused: bool,
}

/// How the stack stands at the end of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackGauges {
    /// The longest that anything of any stage has been due. None, if that couldn't be told of each month's stages: then nothing is
    /// measured, and the alarm that hears of ticks hears of this too.
    pub oldest_due: Option<Duration>,
    /// Stages whose provider is taken to be out of order.
    pub broken: usize,
    /// Letters of all dead-letter queues.
    pub dead_letters: u64,
    /// Troubles that are to be told.
    pub troubles: usize,
    /// Troubles that stand.
    pub standing: usize,
}

/// Writes metrics of one stack.
#[derive(Debug, Clone)]
pub struct Metrics {
    stack: String,
    detailed: bool,
}

impl Metrics {
    /// Metrics of the stack of this name, with all details or only the ten that are free.
    #[must_use]
    pub fn new(stack: impl Into<String>, detailed: bool) -> Self {
        Self { stack: stack.into(), detailed }
    }

    /// What came of an invocation of a stage's function.
    pub fn worked(&self, stage: StageName, now: Timestamp, calls: &MeterReading, moved: &Transitions) {
        print_all(&self.of_work(stage, now, calls, moved));
    }

    /// Mails that the provider accepted and then didn't send. Where there are none, nothing is written, which costs
    /// nothing.
    pub fn dropped(&self, now: Timestamp, mails: usize) {
        print_all(&self.of_dropped(now, mails));
    }

    /// Payloads that weren't signed as their source signs, and whether they are to be told. Logs tell of which source they said to
    /// be: as a dimension that would be a metric for each.
    pub fn forged(&self, source: &str, now: Timestamp, payloads: u64, is_told: bool) {
        print_all(&[self.of_forged(source, now, payloads, is_told)]);
    }

    /// How recipients take the mails, where that is not well.
    pub fn reputation(&self, now: Timestamp, reputation: Reputation) {
        print_all(&Vec::from_iter(self.of_reputation(now, reputation)));
    }

    /// How the stack stands, once in each tick, by which it is also known that there was one.
    pub fn stack(&self, now: Timestamp, gauges: StackGauges) {
        print_all(&[self.of_stack(now, gauges)]);
    }

    /// How a stage stands.
    pub fn gauges(&self, stage: StageName, now: Timestamp, gauges: StageGauges) {
        print_all(&[self.of_gauges(stage, now, gauges)]);
    }

    /// How many campaigns will miss their deadlines, of those that were judged.
    pub fn late_campaigns(&self, now: Timestamp, campaigns: usize) {
        print_all(&[self.of_late_campaigns(now, campaigns)]);
    }

    /// How many letters a dead-letter queue holds. Of an empty one nothing is written.
    pub fn dead_letters(&self, queue: DlqName, now: Timestamp, letters: u64) {
        print_all(&Vec::from_iter(self.of_dead_letters(queue, now, letters)));
    }

    fn of_work(&self, stage: StageName, now: Timestamp, calls: &MeterReading, moved: &Transitions) -> Vec<Value> {
        let mut lines = Vec::new();
        let latencies: Vec<_> = calls.latencies.iter().map(|took| json!(took.as_millis())).collect();
        for (number, values) in latencies.chunks(MOST_VALUES).enumerate() {
            let mut line = Line::of_stage(self, stage, now);
            line.add("ProviderLatency", "Milliseconds", json!(values));
            if number == 0 {
                line.add("ProviderFailures", "Count", json!(calls.outcomes.failures));
                line.add("LanesInUse", "Count", json!(calls.peak));
            }
            lines.push(line.end());
        }
        let mut line = Line::new(self, now);
        for (name, count) in moved.take() {
            line.detail(name, "Count", json!(count));
        }
        lines.extend(line.end_if_any());
        lines
    }

    fn of_dropped(&self, now: Timestamp, mails: usize) -> Vec<Value> {
        let mut line = Line::new(self, now);
        if mails > 0 {
            line.detail("Dropped", "Count", json!(mails));
            line.trouble(Trouble::Dropped, json!(1));
        }
        line.end_if_any().into_iter().collect()
    }

    fn of_late_campaigns(&self, now: Timestamp, campaigns: usize) -> Value {
        let mut line = Line::new(self, now);
        line.detail("LateCampaigns", "Count", json!(campaigns));
        line.end()
    }

    fn of_forged(&self, source: &str, now: Timestamp, payloads: u64, is_told: bool) -> Value {
        let mut line = Line::new(self, now);
        line.detail("Forged", "Count", json!(payloads));
        line.trouble(Trouble::Forged, json!(if is_told { payloads as f64 * OF_ONE_FORGED } else { 0.0 }));
        line.fields.insert("Source".to_owned(), json!(source));
        line.end()
    }

    fn of_reputation(&self, now: Timestamp, reputation: Reputation) -> Option<Value> {
        let mut line = Line::new(self, now);
        match reputation {
            Reputation::Good => {}
            Reputation::Doubtful => line.detail("Reputation", "None", json!(1)),
            Reputation::Bad => line.detail("Reputation", "None", json!(2)),
        }
        line.end_if_any()
    }

    fn of_stack(&self, now: Timestamp, gauges: StackGauges) -> Value {
        let mut line = Line::new(self, now);
        if let Some(oldest_due) = gauges.oldest_due {
            line.add("OldestDue", "Seconds", json!(oldest_due.as_secs()));
        }
        line.add("BreakerOpen", "Count", json!(gauges.broken));
        // A metric costs for the hours in which it is measured, and most months have no letters.
        if gauges.dead_letters > 0 {
            line.add("DeadLetters", "Count", json!(gauges.dead_letters));
        }
        line.add("Troubles", "Count", json!(gauges.troubles));
        line.fields.insert("Standing".to_owned(), json!(gauges.standing));
        line.end()
    }

    fn of_gauges(&self, stage: StageName, now: Timestamp, gauges: StageGauges) -> Value {
        let mut line = Line::of_stage(self, stage, now);
        if let Some(oldest_due) = gauges.oldest_due {
            line.detail("OldestDue", "Seconds", json!(oldest_due.as_secs()));
        }
        line.detail("BreakerOpen", "Count", json!(u8::from(gauges.is_broken)));
        line.detail("Paused", "Count", json!(u8::from(gauges.is_paused)));
        line.end()
    }

    fn of_dead_letters(&self, queue: DlqName, now: Timestamp, letters: u64) -> Option<Value> {
        let mut line = Line::new(self, now).by("Queue", queue.as_str());
        if letters > 0 {
            line.detail("DeadLetters", "Count", json!(letters));
        }
        line.end_if_any()
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
    fn new(of: &Metrics, now: Timestamp) -> Self {
        let (fields, detailed) = (Map::new(), of.detailed);
        Self { fields, dimensions: Vec::new(), metrics: Vec::new(), now, detailed }.by("Stack", &of.stack)
    }

    fn of_stage(of: &Metrics, stage: StageName, now: Timestamp) -> Self {
        Self::new(of, now).by("Stage", stage.as_str())
    }

    fn by(mut self, dimension: &'static str, value: &str) -> Self {
        self.fields.insert(dimension.to_owned(), json!(value));
        self.dimensions.push(dimension);
        self
    }

    fn add(&mut self, name: &str, unit: &str, value: Value) {
        self.metrics.push(json!({ "Name": name, "Unit": unit }));
        self.fields.insert(name.to_owned(), value);
    }

    /// What is a metric only where details are asked for, and a field of the line otherwise.
    fn detail(&mut self, name: &str, unit: &str, value: Value) {
        if self.detailed {
            self.add(name, unit, value);
        } else {
            self.fields.insert(name.to_owned(), value);
        }
    }

    /// What somebody is to be woken for, or a part of it, and what to do first.
    fn trouble(&mut self, trouble: Trouble, weight: Value) {
        self.add("Troubles", "Count", weight);
        self.fields.insert("trouble".to_owned(), json!(trouble.word()));
        self.fields.insert("of".to_owned(), json!(trouble.of()));
        self.fields.insert("first".to_owned(), json!(trouble.first()));
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
mod tests;
