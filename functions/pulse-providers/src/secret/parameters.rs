//! Parameter Store of AWS Systems Manager: three calls, by the runtime that the SDK's clients are made of.
//!
//! The SDK's own client for Systems Manager knows a hundred and fifty calls: it is larger than any other that Pulse
//! is built with, and takes longer to compile. Here are the three that are needed (AWS Systems Manager API Reference:
//! `GetParameter`, `GetParameterHistory`, `PutParameter`), signed, tried again and timed out as the SDK does.

use std::fmt;

use aws_config::SdkConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::{
    auth::{
        SigV4OperationSigningConfig, SigningOptions,
        sigv4::{SCHEME_ID, SigV4AuthScheme},
    },
    retries::classifiers::AwsErrorCodeClassifier,
};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        auth::{
            AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
            static_resolver::StaticAuthSchemeOptionResolver,
        },
        identity::SharedIdentityResolver,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput},
        result::SdkError,
        runtime_components::RuntimeComponentsBuilder,
        runtime_plugin::StaticRuntimePlugin,
    },
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::Layer,
    error::{ErrorMetadata, metadata::ProvideErrorMetadata},
};
use aws_types::{SigningName, region::SigningRegion, service_config::ServiceConfigKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

/// The most that a standard parameter holds, in bytes (AWS Systems Manager User Guide, "Managing parameter tiers").
pub const LONGEST_PARAMETER: usize = 4_096;

/// How many versions of a parameter one page of its history has at most (`GetParameterHistory`: `MaxResults`).
const PAGE: u8 = 50;

/// Parameters in Parameter Store, by their names or ARNs.
#[derive(Debug, Clone)]
pub struct ParameterStore {
    config: SdkConfig,
}

/// A parameter as it was read. `Debug` doesn't show its value.
#[derive(Debug)]
pub struct Parameter {
    /// What it holds.
    pub value: SecretString,
    /// The number of this version. Each that is written has the next one.
    pub version: u64,
    /// `SecureString`, or `String` or `StringList`, which aren't encrypted.
    pub kind: String,
}

/// How a version of a parameter is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// The key that it is encrypted with. None for the account's own, `alias/aws/ssm`.
    pub key: Option<String>,
    /// Its tier, as in `Standard`. None for the account's default.
    pub tier: Option<String>,
}

/// A parameter that is to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewValue<'a> {
    /// What it is to hold.
    pub value: &'a SecretString,
    /// What it is for. None leaves the description that it has.
    pub description: Option<&'a str>,
    /// How it is to be kept.
    pub kept: &'a Kept,
    /// Whether it takes the place of a value that is there.
    pub overwrite: bool,
}

/// Why a call wasn't carried out. It shows no value.
#[derive(Debug, thiserror::Error)]
pub enum ParameterError {
    /// It isn't sent: no standard parameter holds so much.
    #[error("it has {0} bytes, and a standard parameter holds {LONGEST_PARAMETER}: keep it in Secrets Manager")]
    TooLong(usize),
    /// Parameter Store refuses it, by this code, or gave no answer that could be read.
    #[error("{}", .code.as_deref().unwrap_or("no answer"))]
    Refused {
        /// As the API Reference has it, as in `ParameterNotFound`.
        code: Option<String>,
    },
}

impl ParameterError {
    /// The error code of Parameter Store, if it gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::TooLong(_) => None,
            Self::Refused { code } => code.as_deref(),
        }
    }
}

impl ParameterStore {
    /// Parameters of an account and a Region.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { config: config.clone() }
    }

    /// Reads a parameter, decrypted. Needs `ssm:GetParameter`.
    ///
    /// # Errors
    /// When there is none, or it may not be read.
    pub async fn get(&self, name: &str) -> Result<Parameter, ParameterError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Found {
            parameter: Fields,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Fields {
            value: String,
            version: u64,
            r#type: String,
        }
        let found = self.call("GetParameter", json!({ "Name": name, "WithDecryption": true })).await?;
        let Found { parameter } = read(&found)?;
        Ok(Parameter { value: parameter.value.into(), version: parameter.version, kind: parameter.r#type })
    }

    /// How a version of a parameter is kept. Needs `ssm:GetParameterHistory`.
    ///
    /// # Errors
    /// When there is no such version, or its history may not be read.
    pub async fn kept(&self, name: &str, version: u64) -> Result<Kept, ParameterError> {
        let of_version = self.of_history(name, version, false).await?;
        Ok(Kept { key: of_version.key_id.filter(|key| key != "alias/aws/ssm"), tier: of_version.tier })
    }

    /// What an earlier version of a parameter holds, decrypted. Needs `ssm:GetParameterHistory`.
    ///
    /// # Errors
    /// When there is no such version, or its history may not be read.
    pub async fn earlier(&self, name: &str, version: u64) -> Result<SecretString, ParameterError> {
        Ok(self.of_history(name, version, true).await?.value.into())
    }

    async fn of_history(&self, name: &str, version: u64, decrypted: bool) -> Result<OfHistory, ParameterError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Page {
            parameters: Vec<OfHistory>,
            next_token: Option<String>,
        }
        let mut token = None;
        loop {
            let mut input = json!({ "Name": name, "WithDecryption": decrypted, "MaxResults": PAGE });
            if let Some(token) = token {
                input["NextToken"] = Value::String(token);
            }
            let page: Page = read(&self.call("GetParameterHistory", input).await?)?;
            if let Some(found) = page.parameters.into_iter().find(|one| one.version == version) {
                return Ok(found);
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Err(ParameterError::Refused { code: Some("ParameterVersionNotFound".to_owned()) });
            }
        }
    }

    /// Writes a `SecureString`, and says which version that is. Needs `ssm:PutParameter`.
    ///
    /// There is no condition on the version that is written over: whoever overwrites looks at the number of theirs.
    ///
    /// # Errors
    /// When it doesn't fit, there is one already that isn't to be overwritten, or it may not be written.
    pub async fn put(&self, name: &str, new: NewValue<'_>) -> Result<u64, ParameterError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Done {
            version: u64,
        }
        let value = new.value.expose_secret();
        if value.len() > LONGEST_PARAMETER {
            return Err(ParameterError::TooLong(value.len()));
        }
        let mut input = json!({ "Name": name, "Value": value, "Type": "SecureString", "Overwrite": new.overwrite });
        let more = [("KeyId", &new.kept.key), ("Tier", &new.kept.tier)];
        for (field, text) in more.into_iter().filter_map(|(field, text)| Some((field, text.as_deref()?))) {
            input[field] = text.into();
        }
        if let Some(description) = new.description {
            input["Description"] = description.into();
        }
        let Done { version } = read(&self.call("PutParameter", input).await?)?;
        Ok(version)
    }

    async fn call(&self, action: &'static str, input: Value) -> Result<Answer, ParameterError> {
        let answer = self.operation(action).invoke(Input { action, body: input.to_string() }).await;
        answer.map_err(|error: SdkError<Refusal, HttpResponse>| ParameterError::Refused {
            code: error.code().map(str::to_owned),
        })
    }

    fn operation(&self, action: &'static str) -> Operation<Input, Answer, Refusal> {
        let config = &self.config;
        let mut operation = Operation::builder()
            .service_name("SSM")
            .operation_name(action)
            .endpoint_url(&endpoint(config))
            .with_connection_poisoning()
            .retry_classifier(TransientErrorClassifier::<Refusal>::new())
            .retry_classifier(AwsErrorCodeClassifier::<Refusal>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .runtime_plugin(signing(config));
        if let Some(version) = config.behavior_version() {
            operation = operation.behavior_version(version);
        }
        if let Some(client) = config.http_client() {
            operation = operation.http_client(client);
        }
        if let Some(retries) = config.retry_config() {
            operation = operation.standard_retry(retries);
        }
        if let Some(timeouts) = config.timeout_config() {
            operation = operation.timeout_config(timeouts.clone());
        }
        if let Some(sleep) = config.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        if let Some(time) = config.time_source() {
            operation = operation.time_source(time);
        }
        operation.serializer(request).deserializer(answer).build()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfHistory {
    #[serde(default)]
    value: String,
    version: u64,
    key_id: Option<String>,
    tier: Option<String>,
}

/// A call. What it carries is a secret, perhaps.
struct Input {
    action: &'static str,
    body: String,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(..)", self.action)
    }
}

/// What was answered: a secret, perhaps.
struct Answer(Vec<u8>);

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer(..)")
    }
}

/// An answer that says no.
#[derive(Debug)]
struct Refusal(ErrorMetadata);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code().unwrap_or("a refusal without a code"))
    }
}

impl std::error::Error for Refusal {}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

fn read<T: for<'a> Deserialize<'a>>(answer: &Answer) -> Result<T, ParameterError> {
    serde_json::from_slice(&answer.0).map_err(|_| ParameterError::Refused { code: None })
}

/// The protocol of Systems Manager is JSON 1.1 (Smithy, "AWS JSON 1.1 protocol").
fn request(input: Input) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(input.body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().try_insert("content-type", "application/x-amz-json-1.1")?;
    request.headers_mut().try_insert("x-amz-target", format!("AmazonSSM.{}", input.action))?;
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<Answer, OrchestratorError<Refusal>> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "__type")]
        name: String,
    }
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(Answer(body.to_vec()));
    }
    let in_body = || serde_json::from_slice::<Named>(body).ok().map(|named| named.name);
    let code = response.headers().get("x-amzn-errortype").map(str::to_owned).or_else(in_body);
    // As in com.amazonaws.ssm#ParameterNotFound:http://internal.amazon.com/coral/...
    let code = code.as_deref().and_then(|code| code.split(':').next()?.rsplit('#').next());
    let mut refusal = ErrorMetadata::builder();
    if let Some(code) = code {
        refusal = refusal.code(code);
    }
    Err(OrchestratorError::operation(Refusal(refusal.build())))
}

/// Who signs, and as what.
fn signing(config: &SdkConfig) -> StaticRuntimePlugin {
    let mut options = SigningOptions::default();
    options.double_uri_encode = true;
    options.normalize_uri_path = true;
    let mut layer = Layer::new("ssm signing");
    layer.store_put(SigV4OperationSigningConfig {
        region: config.region().cloned().map(SigningRegion::from),
        name: Some(SigningName::from_static("ssm")),
        signing_options: options,
        ..SigV4OperationSigningConfig::default()
    });
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SensitiveOutput);
    let schemes = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
    let mut components = RuntimeComponentsBuilder::new("ssm signing")
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(schemes)));
    if let Some(cache) = config.identity_cache() {
        components = components.with_identity_cache(Some(cache));
    }
    if let Some(credentials) = config.credentials_provider() {
        let resolver: SharedCredentialsProvider = credentials;
        components = components.with_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(resolver));
    }
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

/// Where Systems Manager is: at an endpoint that the configuration names, for it alone (`AWS_ENDPOINT_URL_SSM`) or for all
/// services, or at the Region's own (AWS General Reference, "AWS Systems Manager endpoints and quotas").
fn endpoint(config: &SdkConfig) -> String {
    let key = ServiceConfigKey::builder().service_id("SSM").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let of_service = key.ok().and_then(|key| config.service_config()?.load_config(key));
    let named = of_service.or_else(|| config.endpoint_url().map(str::to_owned));
    named.unwrap_or_else(|| {
        let region = config.region().map_or("us-east-1", |region| region.as_ref());
        of_region(region, config.use_fips().unwrap_or_default())
    })
}

/// By the partition that a Region belongs to. In those of the US government all endpoints are FIPS endpoints.
fn of_region(region: &str, fips: bool) -> String {
    let domain = match region.split('-').next().unwrap_or_default() {
        "cn" => "amazonaws.com.cn",
        "eusc" => "amazonaws.eu",
        _ if region.starts_with("us-isof-") => "csp.hci.ic.gov",
        _ if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        _ if region.starts_with("us-iso-") => "c2s.ic.gov",
        _ if region.starts_with("eu-isoe-") => "cloud.adc-e.uk",
        _ => "amazonaws.com",
    };
    let service = if fips && !region.starts_with("us-gov-") { "ssm-fips" } else { "ssm" };
    format!("https://{service}.{region}.{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_manager_is_found_where_the_region_is() {
        assert_eq!(of_region("eu-west-1", false), "https://ssm.eu-west-1.amazonaws.com");
        assert_eq!(of_region("us-east-1", true), "https://ssm-fips.us-east-1.amazonaws.com");
        assert_eq!(of_region("us-gov-west-1", true), "https://ssm.us-gov-west-1.amazonaws.com");
        assert_eq!(of_region("cn-north-1", false), "https://ssm.cn-north-1.amazonaws.com.cn");
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_before_it_is_sent() {
        let store = ParameterStore::new(&SdkConfig::builder().build());
        let value: SecretString = "s3cret".repeat(683).into();
        let new = NewValue { value: &value, description: None, kept: &Kept::default(), overwrite: false };
        let refused = store.put("/pulse/endpoints/crm", new).await.unwrap_err().to_string();
        assert!(
            refused.contains("4098 bytes") && refused.contains("holds 4096: keep it in Secrets Manager"),
            "{refused}"
        );
        assert!(!refused.contains("s3cret"), "{refused}");
    }

    #[test]
    fn what_is_sent_and_answered_is_not_shown() {
        let input = Input { action: "PutParameter", body: "s3cret".to_owned() };
        let answer = Answer(b"s3cret".to_vec());
        assert_eq!(format!("{input:?} {answer:?}"), "PutParameter(..) Answer(..)");
    }
}
