use std::sync::Arc;

use rustls::{ClientConfig, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::SetupError;

/// TLS with servers that this system trusts, for clients that are made anew in each invocation: reading the system's root
/// certificates takes longer than all else that an invocation begins with, so that is done once.
///
/// # Errors
/// When the system has no root certificates.
pub fn system_trust() -> Result<ClientConfig, SetupError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_platform_verifier()?;
    let mut tls = builder.with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}
