use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use axum::http::{Request, Response};
use pulse_console::{IssuerClient, IssuerUnreachable};
use reqwest::{Client, redirect};

/// Someone waits for their page meanwhile, and an issuer answers in a fraction of this.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest body that is read. What issuers say of themselves, their keys and tokens are far below.
const LONGEST_BODY: usize = 256 * 1024;

/// An issuer over HTTP.
#[derive(Debug, Clone)]
pub struct HttpIssuer(Client);

impl HttpIssuer {
    /// A client that follows no redirects and gives up in time.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new() -> Result<Self> {
        // The AWS SDK uses ring too. Installing it a second time is refused and does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("pulse/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            // Between two sign-ins the function was frozen, as likely as not, and its connections are dead.
            .pool_max_idle_per_host(0)
            .build();
        Ok(Self(client.context("the issuer's client can't be built")?))
    }

    async fn read(&self, request: Request<String>) -> Result<Response<Vec<u8>>, reqwest::Error> {
        let (parts, body) = request.into_parts();
        let request = self.0.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
        let mut answer = request.send().await?;
        let mut read = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            // What is cut off can't be read as what it should be.
            if read.len() + chunk.len() > LONGEST_BODY {
                break;
            }
            read.extend_from_slice(&chunk);
        }
        let mut response = Response::new(read);
        *response.status_mut() = answer.status();
        Ok(response)
    }
}

#[async_trait]
impl IssuerClient for HttpIssuer {
    async fn call(&self, request: Request<String>) -> Result<Response<Vec<u8>>, IssuerUnreachable> {
        self.read(request).await.map_err(|error| {
            // An address of the issuer's may have a code in it.
            tracing::warn!(error = %error.without_url(), "the issuer doesn't answer");
            IssuerUnreachable
        })
    }
}
