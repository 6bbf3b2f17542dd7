use std::time::Duration;

use jiff::Timestamp;
use pulse_core::{
    control::{Note, Pause},
    delivery::{EndpointControl, EndpointName, EndpointStanding, pause_endpoint, resume_endpoint},
    orders::{EndpointChange, OrderAction},
};
use serde::Serialize;

use super::{EndpointError, Waiting};
use crate::App;

/// What came of pausing an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointPaused {
    /// By the name that an operator gave it.
    pub endpoint: EndpointName,
    /// Until when, if it ends by itself.
    pub until: Option<Timestamp>,
    /// When the pause would have ended by itself that this one takes the place of, if there is such a one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_until: Option<Timestamp>,
    /// Whether it is held beside, as it asked never to be called again: the pause's end doesn't end that.
    pub is_gone: bool,
    /// What waits for it.
    pub waiting: Waiting,
}

/// What came of resuming an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointResumed {
    /// By the name that an operator gave it.
    pub endpoint: EndpointName,
    /// How it stood before.
    pub before: EndpointStanding,
    /// What waits for it.
    pub waiting: Waiting,
}

impl App {
    /// Holds an endpoint's word back. Nothing is lost, and nothing used up, however long it lasts.
    ///
    /// # Errors
    /// When there is none of that name, or its row can't be written.
    pub async fn pause_endpoint(
        &self,
        name: &EndpointName,
        note: &Note,
        lasts: Option<Duration>,
    ) -> Result<EndpointPaused, EndpointError> {
        let since = self.clock().now();
        let until = lasts.map(|lasts| since.saturating_add(lasts).unwrap_or(Timestamp::MAX));
        let pause = Pause { by: self.actor.clone(), note: note.clone(), since, until };
        let paused = self.pause_endpoint_now(name, &pause).await;
        let action = OrderAction::Endpoint { endpoint: name.clone(), change: EndpointChange::Pause { until } };
        self.leave_order(action, Some(note), &paused).await;
        paused
    }

    async fn pause_endpoint_now(&self, name: &EndpointName, pause: &Pause) -> Result<EndpointPaused, EndpointError> {
        self.endpoint(name).await?;
        let before = pause_endpoint(&*self.ports.endpoint_controls, name, pause).await?;
        let EndpointControl { pause: replaced, gone, .. } = before;
        let replaced_until = replaced.and_then(|replaced| replaced.until).filter(|until| *until > pause.since);
        let (endpoint, waiting) = (name.clone(), self.waiting_for(name).await?);
        Ok(EndpointPaused { endpoint, until: pause.until, replaced_until, is_gone: gone.is_some(), waiting })
    }

    /// Lets an endpoint's word flow again, whatever held it.
    ///
    /// # Errors
    /// When there is none of that name, or its row can't be written.
    pub async fn resume_endpoint(&self, name: &EndpointName, note: &Note) -> Result<EndpointResumed, EndpointError> {
        let resumed = self.resume_endpoint_now(name).await;
        let action = OrderAction::Endpoint { endpoint: name.clone(), change: EndpointChange::Resume };
        self.leave_order(action, Some(note), &resumed).await;
        resumed
    }

    async fn resume_endpoint_now(&self, name: &EndpointName) -> Result<EndpointResumed, EndpointError> {
        let endpoint = self.endpoint(name).await?;
        let now = self.clock().now();
        let before = resume_endpoint(&*self.ports.endpoint_controls, name, now).await?;
        let before = EndpointStanding::of(&endpoint, &before, now);
        Ok(EndpointResumed { endpoint: name.clone(), before, waiting: self.waiting_for(name).await? })
    }
}
