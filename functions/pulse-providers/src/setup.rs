use aws_config::SdkConfig;

/// Why a provider can't be set up. It shows no secret.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// An address that isn't one.
    #[error("the {what} is not an http or https URL: correct it in the configuration")]
    Url {
        /// What the address is of.
        what: &'static str,
    },
    /// A setting that can't be used.
    #[error("the {what} {problem}")]
    Setting {
        /// The setting's name.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// TLS can't be set up, for want of the system's root certificates perhaps.
    #[error("no HTTP client can be built: see whether this machine has root certificates")]
    Http(#[from] reqwest::Error),
    /// The same, before there is a client.
    #[error("TLS can't be set up: see whether this machine has root certificates")]
    Tls(#[from] rustls::Error),
}

/// A client for the providers' secrets.
#[must_use]
pub fn secrets_client(config: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(config)
}

/// A client for SES.
#[must_use]
pub fn ses_client(config: &SdkConfig) -> aws_sdk_sesv2::Client {
    aws_sdk_sesv2::Client::new(config)
}
