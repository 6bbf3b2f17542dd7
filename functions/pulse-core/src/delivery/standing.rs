use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Endpoint, EndpointControl, EndpointHold, EndpointName};
use crate::{
    control::{Actor, Breaker, Note},
    failure::Cause,
};

/// Whether an endpoint's word flows, or what holds it, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum EndpointStanding {
    /// It flows.
    Flows,
    /// It was out of order, and is called a little to see whether it is well again.
    Tried {
        /// Since when it was out of order.
        since: Timestamp,
    },
    /// An operator paused it.
    Paused {
        /// Whose credentials were used, and what they call themselves.
        by: Actor,
        /// Why, for others to read.
        note: Note,
        /// Since when.
        since: Timestamp,
        /// Until when, if it ends by itself.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// It asked never to be called again. Only an operator's resume ends that.
    Gone {
        /// By the clock of whoever wrote it down.
        since: Timestamp,
        /// In which way.
        cause: Cause,
    },
    /// It is out of order.
    Broken {
        /// Since when.
        since: Timestamp,
        /// When it is tried next.
        probe_at: Timestamp,
    },
    /// It is none any more: what waits for it is dropped.
    Removed {
        /// Since when.
        since: Timestamp,
    },
}

impl EndpointStanding {
    /// How an endpoint stands at `now`.
    #[must_use]
    pub fn of(endpoint: &Endpoint, control: &EndpointControl, now: Timestamp) -> Self {
        if let Some(since) = endpoint.removed_at {
            return Self::Removed { since };
        }
        match (control.hold(now), &control.breaker) {
            (Some(EndpointHold::Gone(gone)), _) => Self::Gone { since: gone.since, cause: gone.cause.clone() },
            (Some(EndpointHold::Paused(pause)), _) => {
                let (by, note) = (pause.by.clone(), pause.note.clone());
                Self::Paused { by, note, since: pause.since, until: pause.until }
            }
            (Some(EndpointHold::Broken(open)), _) => Self::Broken { since: open.since, probe_at: open.probe_at },
            (None, Breaker::Open(open)) => Self::Tried { since: open.since },
            (None, Breaker::Closed { .. }) => Self::Flows,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Flows => "flows",
            Self::Tried { .. } => "tried",
            Self::Paused { .. } => "paused",
            Self::Gone { .. } => "gone",
            Self::Broken { .. } => "broken",
            Self::Removed { .. } => "removed",
        }
    }

    /// Whether word is held back.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !matches!(self, Self::Flows | Self::Tried { .. })
    }
}

/// An endpoint that wasn't well at some moment, as snapshots keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnwellEndpoint {
    /// By the name that an operator gave it.
    pub endpoint: EndpointName,
    /// How it stood: the [word](EndpointStanding::word) for it, or `unknown`.
    pub held: String,
}

impl UnwellEndpoint {
    /// An endpoint, if by this word it isn't well. That the whole stage is held is told of the stage, and one that is being
    /// removed is nobody's care any more.
    #[must_use]
    pub fn by_word(endpoint: &EndpointName, word: &str) -> Option<Self> {
        let is_well = matches!(word, "flows" | "stage-held" | "removed");
        (!is_well).then(|| Self { endpoint: endpoint.clone(), held: word.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        control::{BreakerPolicy, Outcomes},
        delivery::{FactKind, Gone, Target},
    };

    #[test]
    fn an_endpoint_stands_as_its_rows_say() {
        let now: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
        let later = now.saturating_add(Duration::from_mins(1)).unwrap();
        let bus = Target::bus("pulse").unwrap();
        let crm = EndpointName::parse("crm").unwrap();
        let mut endpoint = Endpoint::new(crm, bus, [FactKind::Sent], "aoife".into(), now);
        let mut control = EndpointControl::default();
        assert_eq!(EndpointStanding::of(&endpoint, &control, now), EndpointStanding::Flows);
        control.breaker = Breaker::Open(BreakerPolicy::default().open(&Outcomes::default(), now));
        let broken = EndpointStanding::Broken { since: now, probe_at: later };
        assert_eq!(EndpointStanding::of(&endpoint, &control, now), broken);
        let tried = EndpointStanding::of(&endpoint, &control, later);
        assert_eq!((&tried, tried.is_held(), broken.is_held()), (&EndpointStanding::Tried { since: now }, false, true));
        control.gone = Some(Gone { since: now, cause: Cause::new("It answered 410.") });
        assert!(matches!(EndpointStanding::of(&endpoint, &control, later), EndpointStanding::Gone { .. }));
        endpoint.removed_at = Some(later);
        let removed = EndpointStanding::of(&endpoint, &control, later);
        assert_eq!(removed, EndpointStanding::Removed { since: later });
        let is_unwell =
            |standing: &EndpointStanding| UnwellEndpoint::by_word(&endpoint.name, standing.word()).is_some();
        assert!(
            is_unwell(&broken) && is_unwell(&tried) && !is_unwell(&EndpointStanding::Flows) && !is_unwell(&removed)
        );
    }
}
