//! Plain HTTP to an emulator, for what the SDK has no client.

use std::time::Duration;

use anyhow::Result;
use reqwest::Client;

/// A client whose calls take at most `patience` each. An emulator is near: no proxy is asked.
pub(crate) fn client(patience: Duration) -> Result<Client> {
    // Refused where the program has installed it already, which does no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Client::builder().no_proxy().timeout(patience).build()?)
}
