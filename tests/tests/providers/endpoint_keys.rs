//! What Secrets Manager and Parameter Store refuse of endpoints' keys, and what no emulator refuses.

use aws_config::retry::RetryConfig;
use pulse_aws::sdk::for_emulator;
use pulse_core::{
    delivery::SignatureScheme,
    ports::{EndpointKeys as _, EndpointKeysError},
};
use pulse_endpoints::AwsEndpointKeys;
use pulse_providers::secret::SecretStores;
use pulse_tests::providers::aws_server::{AwsAnswer, AwsServer};
use serde_json::{Value, json};

const SECRET: &str = "pulse/endpoints/crm";
const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn server() -> (AwsServer, AwsEndpointKeys) {
    let server = AwsServer::start().await.unwrap();
    let aws = for_emulator(server.url()).to_builder().retry_config(RetryConfig::disabled()).build();
    let keys = AwsEndpointKeys::of_stack(SecretStores::new(&aws), "pulse", Box::new(|| Ok([7; 32])));
    (server, keys)
}

fn version(id: &str, text: &str) -> AwsAnswer {
    AwsAnswer::Json(json!({ "SecretString": text, "VersionId": id }))
}

fn written() -> AwsAnswer {
    AwsAnswer::Json(json!({ "Name": SECRET }))
}

/// What was put into the secret, with the tokens of the versions.
fn puts(server: &AwsServer) -> Vec<(String, String)> {
    let text = |body: &Value, name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let puts = server.done().into_iter().filter(|body| !body["SecretString"].is_null());
    puts.map(|body| (text(&body, "SecretString"), text(&body, "ClientRequestToken"))).collect()
}

/// AWS refuses a token that a version has, unless it is of the same content (AWS Secrets Manager API Reference,
/// `PutSecretValue`: `ClientRequestToken`): so the second of two who write over one version is refused.
#[tokio::test]
async fn whoever_writes_over_what_someone_else_has_written_over_is_refused() {
    let (server, keys) = server().await;
    server.answer_next([version("v-1", OLD), written()]);
    assert!(keys.rotate(SECRET).await.unwrap().is_rotating);
    let [(pair, token)] = &puts(&server)[..] else { panic!("{:?}", server.done()) };
    let new = SignatureScheme::HmacSha256.new_key([7; 32]);
    let expected = json!({ "current": secrecy::ExposeSecret::expose_secret(&new), "previous": OLD });
    assert_eq!(serde_json::from_str::<Value>(pair).unwrap(), expected);
    assert_eq!(token.len(), 64);

    let refused = AwsAnswer::Error(400, "ResourceExistsException", "A version has this token.");
    server.answer_next([version("v-1", OLD), refused, version("v-2", pair), written()]);
    assert_eq!(keys.rotate(SECRET).await, Err(EndpointKeysError::ChangedMeanwhile(SECRET.into())));
    assert!(!keys.finish(SECRET).await.unwrap().is_rotating);
    let [_, (alone, other)] = &puts(&server)[..] else { panic!("{:?}", server.done()) };
    assert_eq!((alone.as_str(), other == token), (expected["current"].as_str().unwrap(), false));
}

#[tokio::test]
async fn a_refusal_says_what_it_takes_and_shows_no_key() {
    let (server, keys) = server().await;
    let denied = |what| AwsAnswer::Error(400, "AccessDeniedException", what);
    server.answer_next([denied("User: arn:aws:iam::1:user/ada is not authorized")]);
    let error = keys.make(SECRET, SignatureScheme::Ed25519).await.unwrap_err().to_string();
    assert!(error.contains("KeepEndpointKeys of EndpointPolicy in template.yaml") && !error.contains("ada"), "{error}");

    let deleted = "You can't create this secret because a secret with this name is already scheduled for deletion.";
    server.answer_next([AwsAnswer::Error(400, "InvalidRequestException", deleted)]);
    let being_deleted = EndpointKeysError::BeingDeleted(SECRET.into());
    assert_eq!(keys.make(SECRET, SignatureScheme::Ed25519).await, Err(being_deleted));

    for (text, why) in [("hunter2", "is neither a key"), (r#"{"current": "whsec_c2hvcnQ="}"#, "isn't the Base64")] {
        server.answer_next([version("v-1", text)]);
        let error = keys.look(SECRET).await.unwrap_err();
        assert!(matches!(error, EndpointKeysError::Malformed { .. }) && error.to_string().contains(why), "{error}");
        assert!(!format!("{error} {error:?}").contains(text), "{error}");
    }
    server.answer_next([AwsAnswer::Error(500, "InternalServiceError", "later")]);
    assert!(matches!(keys.look(SECRET).await, Err(EndpointKeysError::Unusable(_))));
}

const PARAMETER: &str = "/pulse/endpoints/crm";

fn parameter(version: u64, text: &str) -> AwsAnswer {
    let fields = json!({ "Name": PARAMETER, "Type": "SecureString", "Value": text, "Version": version });
    AwsAnswer::Json(json!({ "Parameter": fields }))
}

fn history(versions: &[(u64, &str)], next: Option<&str>) -> AwsAnswer {
    let of = |(version, text): &(u64, &str)| json!({ "Version": version, "Value": text, "KeyId": "alias/ours", "Tier": "Standard" });
    let versions: Vec<_> = versions.iter().map(of).collect();
    AwsAnswer::Json(json!({ "Parameters": versions, "NextToken": next }))
}

fn put(version: u64) -> AwsAnswer {
    AwsAnswer::Json(json!({ "Version": version, "Tier": "Standard" }))
}

/// What a value that is written over an encrypted one isn't given, Parameter Store takes from the account (AWS Systems Manager API
/// Reference, `PutParameter`: `KeyId`).
#[tokio::test]
async fn a_parameter_stays_under_the_key_and_in_the_tier_that_it_has() {
    let (server, keys) = server().await;
    server.answer_next([parameter(51, OLD), history(&[(1, "x")], Some("more")), history(&[(51, "x")], None), put(52)]);
    assert!(keys.rotate(PARAMETER).await.unwrap().is_rotating);
    assert_eq!(server.operations(), ["GetParameter", "GetParameterHistory", "GetParameterHistory", "PutParameter"]);
    let done = server.done();
    assert_eq!((&done[0]["WithDecryption"], &done[1]["WithDecryption"]), (&json!(true), &json!(false)));
    assert_eq!(done[2]["NextToken"], "more");
    let wanted = json!({ "Type": "SecureString", "Overwrite": true, "KeyId": "alias/ours", "Tier": "Standard" });
    for (field, value) in wanted.as_object().unwrap() {
        assert_eq!(&done[3][field], value, "{field}");
    }
    assert!(done[3]["Value"].as_str().unwrap().contains(OLD), "the key before signs too");
}

#[tokio::test]
async fn a_new_parameter_is_a_standard_one_and_writes_over_none() {
    let (server, keys) = server().await;
    server.answer_next([put(1)]);
    keys.make(PARAMETER, SignatureScheme::HmacSha256).await.unwrap();
    let put = server.done().remove(0);
    assert_eq!(
        (&put["Type"], &put["Tier"], &put["Overwrite"]),
        (&json!("SecureString"), &json!("Standard"), &json!(false))
    );
    assert!(put["KeyId"].is_null(), "the account's own");
}

#[tokio::test]
async fn whoever_has_written_over_what_someone_else_wrote_meanwhile_puts_it_back() {
    let (server, keys) = server().await;
    let theirs = r#"{"current":"whsec_theirs","previous":"whsec_old"}"#;
    let versions = [(4, OLD), (5, theirs), (6, "ours")];
    server.answer_next([parameter(4, OLD), history(&versions[..1], None), put(6), history(&versions, None), put(7)]);
    assert_eq!(keys.rotate(PARAMETER).await, Err(EndpointKeysError::ChangedMeanwhile(PARAMETER.into())));
    let done = server.done();
    assert_eq!((&done[3]["WithDecryption"], &done[4]["Value"]), (&json!(true), &json!(theirs)));

    let denied = AwsAnswer::Error(400, "AccessDeniedException", "whsec_theirs");
    server.answer_next([parameter(7, theirs.replace("whsec_theirs", OLD).replace("whsec_old", OLD).as_str())]);
    server.answer_next([history(&[(7, theirs)], None), put(9), denied]);
    let error = keys.finish(PARAMETER).await.unwrap_err().to_string();
    assert!(error.contains("version 8, was written over") && error.contains("get-parameter-history"), "{error}");
    assert!(!error.contains("whsec_"), "{error}");
}

#[tokio::test]
async fn a_refused_parameter_says_what_it_takes_and_shows_no_key() {
    let (server, keys) = server().await;
    server.answer_next([AwsAnswer::Error(
        400,
        "AccessDeniedException",
        "User: arn:aws:iam::1:user/ada is not authorized",
    )]);
    let error = keys.make(PARAMETER, SignatureScheme::Ed25519).await.unwrap_err().to_string();
    assert!(error.contains("The parameter /pulse/endpoints/crm can't be made (AccessDeniedException)"), "{error}");
    assert!(error.contains("KeepEndpointParameters of EndpointPolicy") && !error.contains("ada"), "{error}");

    server.answer_next([AwsAnswer::Error(400, "com.amazonaws.ssm#ParameterAlreadyExists:http://x", "There is.")]);
    let exists = Err(EndpointKeysError::Exists(PARAMETER.into()));
    assert_eq!(keys.make(PARAMETER, SignatureScheme::Ed25519).await, exists);

    let plain = json!({ "Name": PARAMETER, "Type": "String", "Value": OLD, "Version": 1 });
    server.answer_next([AwsAnswer::Json(json!({ "Parameter": plain })), AwsAnswer::Garbage]);
    let error = keys.look(PARAMETER).await.unwrap_err().to_string();
    assert!(error.contains("isn't encrypted") && error.contains("correct it in Parameter Store"), "{error}");
    assert!(!error.contains(OLD), "{error}");
    assert!(matches!(keys.look(PARAMETER).await, Err(EndpointKeysError::Unusable(_))));
}
