use std::fmt;

use serde::{Deserialize, Serialize};

/// Who does something: an operator by the name that their shell or their sign-in gives. It is kept beside what they
/// did, for others to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(String);

impl Actor {
    /// The actor of this name. Nobody's name has more than one line, and of an email address only the part before `@` is
    /// kept, as no address is to be.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let name: String =
            name.chars().take_while(|letter| *letter != '@').filter(|letter| !letter.is_control()).collect();
        match name.trim() {
            "" => Self::default(),
            name => Self(name.to_owned()),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Actor {
    /// Someone whose name isn't known.
    fn default() -> Self {
        Self("someone".to_owned())
    }
}

impl From<&str> for Actor {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_one_line_and_someone_without_a_name() {
        assert_eq!(Actor::named(" aoife\n").as_str(), "aoife");
        assert_eq!(Actor::named(" \t"), Actor::default());
        assert_eq!(Actor::named("aoife@example.com").as_str(), "aoife");
        assert_eq!(Actor::named("@example.com"), Actor::default());
    }
}
