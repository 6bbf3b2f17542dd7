use std::num::NonZeroU32;

use pulse_core::{
    advice::Advice,
    delivery::{EndpointName, HoldingError},
    ports::{AccountError, EndpointKeysError, LaneError, LedgerError},
    secret_store::SecretStore,
};

use crate::SettingsError;

/// Why nothing was done about an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It can't be asked how many invocations share an endpoint's lanes.
    #[error(transparent)]
    Lanes(#[from] LaneError),
    /// It can't be read what the functions go by.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Its keys can't be used so.
    #[error(transparent)]
    Keys(#[from] EndpointKeysError),
    /// The deliver function can't be asked.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// There is none.
    #[error("there is no endpoint {0}")]
    Unknown(EndpointName),
    /// There is one already.
    #[error("there is an endpoint {0} already")]
    Taken(EndpointName),
    /// It was removed, and what waits for it is being dropped.
    #[error("endpoint {0} is being removed: it is gone within minutes, and its name is free then")]
    BeingRemoved(EndpointName),
    /// No more fit into the transactions that word is written in.
    #[error(
        "there are {0} endpoints, and no more fit into what is written at once: remove one that is of no use any more"
    )]
    TooMany(usize),
    /// Others keep changing it.
    #[error("endpoint {0} is being changed by others: try again")]
    Contended(EndpointName),
    /// It is to be told of nothing.
    #[error("an endpoint is told of one kind of facts at least")]
    NoFacts,
    /// Of so few lanes no invocation has one.
    #[error(
        "with {lanes} lanes nothing would be sent: up to {invocations} invocations of the deliver function share them, each \
         gets as many whole lanes as any other, and of {lanes} that is none. Give it {invocations} or a multiple of that, or \
         have fewer invocations (the parameter DeliverMaximumConcurrency, or `pulse lanes deliver`)"
    )]
    TooFewLanes {
        /// How many there were to be.
        lanes: NonZeroU32,
        /// How many invocations there may be at once.
        invocations: NonZeroU32,
    },
    /// Keys are one endpoint's alone.
    #[error(
        "the {noun} {0} signs another endpoint's word: a rotation of its key would be one for both. Leave --secret out, or name another",
        noun = SecretStore::of(.0).noun()
    )]
    SharedSecret(String),
    /// The deliver function may read no such secret.
    #[error("the deliver function reads {}s whose names begin with {folder}, and {secret}'s doesn't", SecretStore::of(.secret).noun())]
    OutsideFolder {
        /// The secret.
        secret: String,
        /// Where it would have to be.
        folder: String,
    },
    /// It isn't signed.
    #[error("endpoint {endpoint} is an {kind} target, which AWS itself vouches for: nothing is signed with a key")]
    NotSigned {
        /// By the name that an operator gave it.
        endpoint: EndpointName,
        /// What it is.
        kind: &'static str,
    },
    /// Keys are a webhook's alone.
    #[error(
        "endpoint {endpoint} is of the kind {kind}, and stays that: add another, and remove this one once it has been told all"
    )]
    OtherKind {
        /// By the name that an operator gave it.
        endpoint: EndpointName,
        /// What it is.
        kind: &'static str,
    },
    /// A rotation of its keys isn't finished.
    #[error(
        "the rotation of endpoint {0}'s key isn't finished: two keys sign its word, and a third would replace one that its receiver may need"
    )]
    Rotating(EndpointName),
}

impl EndpointError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Unknown(_) | Self::Taken(_) | Self::TooMany(_) => Some(Advice::LookAtEndpoints),
            Self::Rotating(endpoint) => Some(Advice::FinishRotation { endpoint: endpoint.clone() }),
            Self::Keys(EndpointKeysError::Exists(secret)) => Some(Advice::SignWith { secret: secret.clone() }),
            Self::Keys(EndpointKeysError::BeingDeleted(secret)) => {
                Some(Advice::RestoreSecret { secret: secret.clone() })
            }
            _ => None,
        }
    }
}

impl From<HoldingError> for EndpointError {
    fn from(error: HoldingError) -> Self {
        match error {
            HoldingError::Ledger(error) => Self::Ledger(error),
            HoldingError::Contended(name) => Self::Contended(name),
        }
    }
}
