//! Where a secret is kept, as its name tells.

use std::fmt;

/// The services that keep secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretStore {
    /// AWS Secrets Manager, which charges for each secret.
    SecretsManager,
    /// Parameter Store of AWS Systems Manager, whose standard parameters cost nothing.
    ParameterStore,
}

impl SecretStore {
    /// The store of a secret of this name, or ARN. A name that begins with `/` is a parameter's, as is an ARN of Systems Manager;
    /// any other is a secret's. (A Secrets Manager secret whose name begins with `/` is named by its ARN.)
    #[must_use]
    pub fn of(name: &str) -> Self {
        let service = name.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(1));
        if name.starts_with('/') || service == Some("ssm") { Self::ParameterStore } else { Self::SecretsManager }
    }

    /// What the store calls what it keeps.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::SecretsManager => "secret",
            Self::ParameterStore => "parameter",
        }
    }

    /// The command of the AWS CLI that prints a secret of this store.
    #[must_use]
    pub fn reading(self, name: &str) -> String {
        match self {
            Self::SecretsManager => {
                format!("aws secretsmanager get-secret-value --secret-id {name} --query SecretString --output text")
            }
            Self::ParameterStore => {
                format!("aws ssm get-parameter --name {name} --with-decryption --query Parameter.Value --output text")
            }
        }
    }

    /// The command of the AWS CLI that deletes a secret of this store.
    #[must_use]
    pub fn deleting(self, name: &str) -> String {
        match self {
            Self::SecretsManager => format!("aws secretsmanager delete-secret --secret-id {name}"),
            Self::ParameterStore => format!("aws ssm delete-parameter --name {name}"),
        }
    }
}

impl fmt::Display for SecretStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecretsManager => "Secrets Manager",
            Self::ParameterStore => "Parameter Store",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        SecretStore,
        SecretStore::{ParameterStore, SecretsManager},
    };

    #[test]
    fn a_name_tells_where_a_secret_is_kept() {
        for (name, store) in [
            ("pulse/scoring", SecretsManager),
            ("pulse", SecretsManager),
            ("ssm/pulse", SecretsManager),
            ("", SecretsManager),
            ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:/pulse/scoring-AbCdEf", SecretsManager),
            ("arn:ssm", SecretsManager),
            ("/pulse/scoring", ParameterStore),
            ("/pulse", ParameterStore),
            ("arn:aws:ssm:eu-west-1:123456789012:parameter/pulse/scoring", ParameterStore),
            ("arn:aws-cn:ssm:cn-north-1:123456789012:parameter/pulse", ParameterStore),
        ] {
            assert_eq!(SecretStore::of(name), store, "{name}");
        }
    }

    #[test]
    fn the_commands_name_the_secret() {
        for store in [SecretsManager, ParameterStore] {
            for command in [store.reading("NAME"), store.deleting("NAME")] {
                assert!(command.starts_with("aws ") && command.contains(" NAME"), "{store}: {command}");
            }
        }
    }
}
