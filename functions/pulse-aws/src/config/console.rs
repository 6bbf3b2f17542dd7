use super::{ConfigError, Environment};

/// The `console` function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleConfig {
    /// The stack's name: `STACK_NAME`.
    pub stack: String,
    /// `CONSOLE_ISSUER`: by whose word people come in.
    pub issuer: String,
    /// `CONSOLE_CLIENT_ID`: who the console is to it.
    pub client_id: String,
    /// `CONSOLE_CLIENT_SECRET`: the name of the secret by which it shows that, if there is one.
    pub client_secret: Option<String>,
    /// `CONSOLE_KEYS_SECRET`: the secret with the keys that cookies are sealed with.
    pub keys_secret: String,
    /// `CONSOLE_VIEWERS`: the group of those who look.
    pub viewers: String,
    /// `CONSOLE_OPERATORS`: the group of those who do things.
    pub operators: String,
    /// `CONSOLE_GROUPS_CLAIM`: the claim with someone's groups, if it isn't one of the usual ones.
    pub groups_claim: Option<String>,
    /// `CONSOLE_OPERATOR_ROLE`: the ARN of the role that may do what operators do.
    pub operator_role: String,
}

impl ConsoleConfig {
    /// Reads it from the environment of the function.
    ///
    /// # Errors
    /// With the name of the first variable that is missing.
    pub fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            stack: env.text("STACK_NAME")?,
            issuer: env.text("CONSOLE_ISSUER")?,
            client_id: env.text("CONSOLE_CLIENT_ID")?,
            client_secret: env.optional("CONSOLE_CLIENT_SECRET"),
            keys_secret: env.text("CONSOLE_KEYS_SECRET")?,
            viewers: env.text("CONSOLE_VIEWERS")?,
            operators: env.text("CONSOLE_OPERATORS")?,
            groups_claim: env.optional("CONSOLE_GROUPS_CLAIM"),
            operator_role: env.text("CONSOLE_OPERATOR_ROLE")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_client_s_secret_and_the_claim_have_to_be_there() {
        let all = [
            ("STACK_NAME", "pulse"),
            ("CONSOLE_ISSUER", "https://issuer.example"),
            ("CONSOLE_CLIENT_ID", "c"),
            ("CONSOLE_KEYS_SECRET", "k"),
            ("CONSOLE_VIEWERS", "v"),
            ("CONSOLE_OPERATORS", "o"),
            ("CONSOLE_OPERATOR_ROLE", "r"),
        ];
        let read = |without: &str| {
            let lookup = |name: &str| {
                all.iter().find(|(key, _)| *key == name && *key != without).map(|(_, value)| (*value).to_owned())
            };
            ConsoleConfig::read(Environment::new(&lookup))
        };
        let config = read("").unwrap();
        assert_eq!((config.client_secret, config.groups_claim), (None, None));
        for (name, _) in all {
            assert_eq!(read(name), Err(ConfigError::Missing(name.into())));
        }
    }
}
