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

    /// The actor whose credentials are of this name, and who may say beside it what they are called.
    #[must_use]
    pub fn of_credentials(name: &str, says: Option<&Self>) -> Self {
        let credentials = Self::named(name);
        match says.filter(|says| **says != Self::default() && **says != credentials) {
            Some(says) => Self(format!("{credentials} ({says})")),
            None => credentials,
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
    use crate::ports::Caller;

    #[test]
    fn an_actor_is_one_line_and_someone_without_a_name() {
        assert_eq!(Actor::named(" aoife\n").as_str(), "aoife");
        assert_eq!(Actor::named(" \t"), Actor::default());
        assert_eq!(Actor::named("aoife@example.com").as_str(), "aoife");
        assert_eq!(Actor::named("@example.com"), Actor::default());
    }

    #[test]
    fn whose_credentials_they_are_stands_first_and_what_they_say_beside_it() {
        let caller = |arn: &str| Caller { account: String::new(), arn: arn.to_owned(), at: None };
        for (arn, name) in [
            ("arn:aws:iam::123456789012:user/aoife", "aoife"),
            ("arn:aws:iam::123456789012:user/division/aoife", "aoife"),
            ("arn:aws:sts::123456789012:assumed-role/Operators/aoife@example.com", "Operators/aoife"),
            ("arn:aws:iam::123456789012:root", "root"),
            ("", "someone"),
        ] {
            let actor = Actor::of_credentials(caller(arn).name(), None);
            assert_eq!(actor.as_str(), name);
            assert!(!actor.as_str().contains("123456789012"));
        }
        let said = |says: &str| Actor::of_credentials("root", Some(&says.into()));
        assert_eq!(said("aoife").as_str(), "root (aoife)");
        assert_eq!((said("root").as_str(), said("").as_str()), ("root", "root"));
    }
}
