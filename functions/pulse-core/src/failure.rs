//! Causes: why a piece of work couldn't be done.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why something failed, in a sentence for an operator: at most 300 characters, no personal data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Cause(String);

impl Cause {
    /// A cause in words. What is longer than 300 characters is cut.
    pub fn new(text: impl Into<String>) -> Self {
        let text: String = text.into();
        match text.char_indices().nth(300) {
            Some((end, _)) => Self(text[..end].to_owned()),
            None => Self(text),
        }
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Cause {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<Cause> for String {
    fn from(cause: Cause) -> Self {
        cause.0
    }
}
