use jiff::Timestamp;

use super::{Point, StagePoint};
use crate::entry::StageName;

/// What came to a stage by a moment, and what its lanes could carry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flow {
    /// The end of the minutes that it is of.
    pub at: Timestamp,
    /// Messages that came, a minute, since the point before: what was answered, and what more is there now. About, as SQS
    /// tells its depths so, and without those that needed no call.
    pub arrived_per_minute: f64,
    /// Calls that were answered, a minute.
    pub answered_per_minute: f64,
    /// Calls that the lanes could carry, a minute. None while it isn't known how long a call takes.
    pub carried_per_minute: Option<f64>,
}

impl StagePoint {
    /// Calls that the lanes carry in a minute when all are busy: lanes / latency, as `pulse plan` reckons.
    #[must_use]
    pub fn carried_per_minute(&self) -> Option<f64> {
        let latency_ms = self.latency_ms.filter(|latency| *latency > 0)?;
        Some(f64::from(self.lanes?) * 60_000.0 / latency_ms as f64)
    }
}

/// What came to a stage and what its lanes could carry, from the second point on.
#[must_use]
pub fn flow(points: &[Point], stage: StageName) -> Vec<Flow> {
    let of = |point: &Point| Some((point.at, point.stages.iter().find(|one| one.stage == stage)?.clone()));
    let points: Vec<_> = points.iter().filter_map(of).collect();
    points.windows(2).filter_map(|pair| between(&pair[0], &pair[1])).collect()
}

fn between((from, before): &(Timestamp, StagePoint), (at, point): &(Timestamp, StagePoint)) -> Option<Flow> {
    let minutes = at.duration_since(*from).as_secs_f64() / 60.0;
    if minutes <= 0.0 {
        return None;
    }
    let there = |point: &StagePoint| (point.waiting + point.in_flight) as f64;
    let arrived_per_minute = point.answered_per_minute + (there(point) - there(before)) / minutes;
    Some(Flow {
        at: *at,
        arrived_per_minute: arrived_per_minute.max(0.0),
        answered_per_minute: point.answered_per_minute,
        carried_per_minute: point.carried_per_minute(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(minute: i64, waiting: u64, answered_per_minute: f64, latency_ms: Option<u64>) -> Point {
        let at = Timestamp::from_second(1_795_000_200 + minute * 60).unwrap();
        let (in_flight, failing_percent, lanes) = (10, 0, Some(20));
        let stage = StagePoint {
            stage: StageName::Score,
            waiting,
            in_flight,
            answered_per_minute,
            failing_percent,
            latency_ms,
            lanes,
        };
        Point { at, sent: None, stages: vec![stage] }
    }

    #[test]
    fn what_came_is_what_was_answered_and_what_more_waits() {
        let points = [point(0, 100, 500.0, None), point(5, 1_100, 500.0, Some(2_400)), point(10, 100, 500.0, Some(0))];
        let flows = flow(&points, StageName::Score);
        let told: Vec<_> = flows.iter().map(|flow| (flow.arrived_per_minute, flow.carried_per_minute)).collect();
        assert_eq!(told, [(700.0, Some(500.0)), (300.0, None)]);
        assert_eq!(flow(&points, StageName::Email), []);
        // Two of the same moment tell nothing of what came between them.
        assert_eq!(flow(&[points[0].clone(), points[0].clone()], StageName::Score), []);
    }

    #[test]
    fn a_point_of_an_earlier_release_is_read_and_carries_nobody_knows_what() {
        let row = r#"{"stage":"score","waiting":1,"in_flight":2,"answered_per_minute":3.5,"failing_percent":4}"#;
        let point: StagePoint = serde_json::from_str(row).unwrap();
        assert_eq!((point.latency_ms, point.lanes, point.carried_per_minute()), (None, None, None));
        assert_eq!(serde_json::to_string(&point).unwrap(), row);
    }
}
