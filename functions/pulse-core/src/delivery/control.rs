use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    control::{Breaker, Open, Pause},
    failure::Cause,
};

/// An endpoint's control row: what holds word back from it. Its lanes and its target are on its own row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointControl {
    /// Rises by one with every write. 0 for a row that was never written.
    #[serde(default)]
    pub version: u64,
    /// An operator's pause, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// That it asked never to be called again, if it did. Only an operator's resume ends that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Gone>,
    /// Whether it is taken to be out of order.
    #[serde(default)]
    pub breaker: Breaker,
}

/// An endpoint asked never to be called again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// By the clock of whoever wrote it down.
    pub since: Timestamp,
    /// In which way.
    pub cause: Cause,
}

/// What holds word back from an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointHold<'c> {
    /// It asked never to be called again.
    Gone(&'c Gone),
    /// An operator's pause.
    Paused(&'c Pause),
    /// It is out of order, and isn't tried yet.
    Broken(&'c Open),
}

impl EndpointHold<'_> {
    /// The word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Gone(_) => "gone",
            Self::Paused(_) => "paused",
            Self::Broken(_) => "broken",
        }
    }
}

impl EndpointControl {
    /// What holds word back at `now`: of several, the one that takes most to end. Once an endpoint that is out of order is to
    /// be tried, nothing does, and it [is being tried](Self::is_being_tried).
    #[must_use]
    pub fn hold(&self, now: Timestamp) -> Option<EndpointHold<'_>> {
        let paused = self.pause.as_ref().filter(|pause| pause.until.is_none_or(|until| until > now));
        let broken = match &self.breaker {
            Breaker::Open(open) if open.probe_at > now => Some(EndpointHold::Broken(open)),
            Breaker::Open(_) | Breaker::Closed { .. } => None,
        };
        self.gone.as_ref().map(EndpointHold::Gone).or(paused.map(EndpointHold::Paused)).or(broken)
    }

    /// Whether it was out of order, and is called a little to see whether it is well again.
    #[must_use]
    pub fn is_being_tried(&self, now: Timestamp) -> bool {
        self.tried_since(now).is_some()
    }

    /// Since when it is, if it is.
    #[must_use]
    pub fn tried_since(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.breaker {
            Breaker::Open(open) => Some(open.probe_at).filter(|at| *at <= now),
            Breaker::Closed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::control::{BreakerPolicy, Note, Outcomes};

    #[test]
    fn what_takes_most_to_end_is_told_and_a_trial_is_no_hold() {
        let now: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
        let later = |minutes| now.saturating_add(Duration::from_mins(minutes)).unwrap();
        let broken = Breaker::Open(BreakerPolicy::default().open(&Outcomes::default(), now));
        let mut control = EndpointControl { breaker: broken, ..EndpointControl::default() };
        let word = |control: &EndpointControl, at| control.hold(at).map(|hold| hold.word());
        assert_eq!((word(&control, now), word(&control, later(1))), (Some("broken"), None));
        assert!(!control.is_being_tried(now) && control.is_being_tried(later(1)));
        let note = Note::parse("moving house").unwrap();
        control.pause = Some(Pause { by: "ops".into(), note, since: now, until: Some(later(5)) });
        assert_eq!((word(&control, later(1)), word(&control, later(5))), (Some("paused"), None));
        control.gone = Some(Gone { since: now, cause: Cause::new("It answered 410.") });
        assert_eq!(word(&control, later(5)), Some("gone"));
    }
}
