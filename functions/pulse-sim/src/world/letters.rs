use std::time::Duration;

use pulse_core::ports::{Letter, RenderError, Rendered, Renderer};

use super::invariants::{InvariantChecker, Promise};
use crate::time::VirtualTime;

/// Writes letters of few words, and sees to it that none shows an old score.
#[derive(Clone)]
pub(super) struct ShortLetters {
    pub(super) time: VirtualTime,
    pub(super) checker: InvariantChecker,
    pub(super) score_max_age: Duration,
}

impl Renderer for ShortLetters {
    fn render(&self, letter: &Letter<'_>) -> Result<Rendered, RenderError> {
        let now = self.time.now();
        // The stage may have looked at its clock a few calls earlier.
        let allowed = self.score_max_age + Duration::from_mins(2);
        let age = Duration::try_from(now.duration_since(letter.score.as_of)).unwrap_or_default();
        if age > allowed {
            let what = format!("{} was to be mailed a score {} h old", letter.customer.id, age.as_secs() / 3600);
            self.checker.saw(Promise::RightMail, Some(&letter.customer.id), now, what);
        }
        Ok(Rendered { subject: String::new(), html: String::new(), text: String::new() })
    }
}
