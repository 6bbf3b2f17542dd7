use super::CauseFilter;
use crate::{delivery::EndpointName, failure::Cause};

/// Which letters of a queue are meant.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Meant<'a> {
    /// Those with this cause; without it, of any.
    pub(crate) cause: Option<&'a CauseFilter>,
    /// Those of word for this endpoint; without it, all.
    pub(crate) endpoint: Option<&'a EndpointName>,
}

impl Meant<'_> {
    /// Whether all of the queue's are.
    pub(crate) fn is_all(&self) -> bool {
        self.cause.is_none() && self.endpoint.is_none()
    }

    /// Whether a letter is that died of this, and is of word for that endpoint, if it is one of word.
    pub(super) fn matches(&self, cause: &Cause, endpoint: Option<&EndpointName>) -> bool {
        self.cause.is_none_or(|filter| filter.matches(cause)) && (self.endpoint.is_none() || self.endpoint == endpoint)
    }
}
