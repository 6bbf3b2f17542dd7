//! The one error of every `parse` in this crate.

/// Text that isn't what it should be. Never quotes the text itself: it may be personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {problem}")]
pub struct ParseError {
    what: &'static str,
    problem: String,
}

impl ParseError {
    /// Says that `what` (such as "customer id") has a `problem` (such as "is empty").
    pub fn new(what: &'static str, problem: impl Into<String>) -> Self {
        Self { what, problem: problem.into() }
    }
}
