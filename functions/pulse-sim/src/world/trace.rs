use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// All that happened, line by line, if anyone wants to know.
#[derive(Debug, Clone, Default)]
pub struct Trace(Option<Arc<Mutex<Vec<String>>>>);

impl Trace {
    /// Keeps what it is told if `kept`, else nothing.
    #[must_use]
    pub fn new(kept: bool) -> Self {
        Self(kept.then(Arc::default))
    }

    /// Takes a line down.
    pub fn line(&self, at: Timestamp, what: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            let line = format!("{at:.3} {}", what());
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    /// What was taken down.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let lines = self.0.as_ref().map(|lines| lines.lock().unwrap_or_else(PoisonError::into_inner).clone());
        lines.unwrap_or_default()
    }
}
