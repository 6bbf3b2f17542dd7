//! The console function: the console's pages behind a function URL, for whoever an issuer of `OpenID` Connect knows.
//!
//! The function's own role only reads, and what viewers ask for is asked with it. For operators it takes on a second role, which
//! may do what the pages do: a page that forgets to ask who somebody is can't have a viewer's request change anything. Whoever has
//! the function's credentials themselves can take on either role.

mod issuer;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use aws_config::{identity::IdentityCache, sts::AssumeRoleProvider};
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::{Router, body::Body, http::Response};
use lambda_http::{Request, RequestExt as _, request::RequestContext};
use pulse_aws::{
    config::{ConsoleConfig, Environment, process_variable},
    sdk::{self, SdkConfig},
    stack::{Stack, outputs},
    telemetry,
};
use pulse_console::{Access, Console, Oidc, OidcSettings, ServedAs};
use pulse_core::{control::Actor, secret_store::SecretStore};
use pulse_deployed::app;
use pulse_letters::MinijinjaRenderer;
use pulse_providers::secret::{self, SecretStores};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tower::ServiceExt as _;

pub use self::issuer::HttpIssuer;

/// How AWS calls the operators' role when the function has it. Who the operator is, the orders say.
const SESSION: &str = "pulse-console";

/// The function, with its clients built once.
pub struct Function {
    pages: Router,
}

#[derive(Deserialize)]
struct ClientSecret {
    client_secret: String,
}

impl Function {
    /// Reads the configuration and builds the clients.
    ///
    /// # Errors
    /// When a variable is missing or wrong, a secret can't be read, or the stack doesn't say what is in it.
    pub async fn start() -> Result<Self> {
        let env = Environment::new(&process_variable);
        telemetry::start(env.optional("LOG_LEVEL").as_deref());
        let config = ConsoleConfig::read(env)?;
        let aws = sdk::load().await?;
        let secrets = SecretStores::new(&aws);
        let keys = secret::keys(&secrets, &config.keys_secret).await?;
        let settings = OidcSettings {
            client_secret: match &config.client_secret {
                Some(name) => Some(client_secret(name, &secrets.read(name).await?)?),
                None => None,
            },
            issuer: config.issuer,
            client_id: config.client_id,
            viewers: config.viewers,
            operators: config.operators,
            groups_claim: config.groups_claim,
        };
        let outputs = outputs(&aws, &config.stack).await?;
        let operators = Stack { aws: as_operator(&aws, config.operator_role).await, outputs: outputs.clone() };
        let operators = app(&operators, Actor::default())?;
        let viewers = app(&Stack { aws, outputs }, Actor::default())?;
        let oidc = Oidc::new(settings, keys, Arc::new(HttpIssuer::new()?), operators);
        let console = Console::new(viewers, &config.stack, Access::Oidc(Arc::new(oidc)))
            .with_letters(Arc::new(MinijinjaRenderer::new()?));
        Ok(Self { pages: console.router() })
    }

    /// Answers a request that came by the function URL.
    pub async fn answer(&self, mut request: Request) -> Response<Body> {
        // The URL's own name, by the word of Lambda (AWS Lambda Developer Guide, "Invoking Lambda function URLs").
        let served_as = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.domain_name.clone(),
            _ => None,
        };
        if let Some(name) = served_as {
            request.extensions_mut().insert(ServedAs(name));
        }
        let Ok(response) = self.pages.clone().oneshot(request).await;
        response
    }
}

/// The same with the operators' role, which is taken on when it is first needed, and again before it ends.
async fn as_operator(aws: &SdkConfig, role: String) -> SdkConfig {
    let provider = AssumeRoleProvider::builder(role).session_name(SESSION).configure(aws).build().await;
    aws.to_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .identity_cache(IdentityCache::lazy().build())
        .build()
}

fn client_secret(name: &str, json: &SecretString) -> Result<SecretString> {
    let read = serde_json::from_str::<ClientSecret>(json.expose_secret());
    let store = SecretStore::of(name);
    // What can't be read isn't shown: the cause may quote it.
    read.ok().map(|read| read.client_secret.into()).with_context(|| {
        format!(
            r#"the {} {name} is not JSON of the form {{"client_secret": "..."}}: correct it in {store}"#,
            store.noun()
        )
    })
}
