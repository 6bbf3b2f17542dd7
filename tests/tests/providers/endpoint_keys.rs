//! What Secrets Manager refuses of endpoints' keys, and what no emulator refuses.

use aws_config::retry::RetryConfig;
use pulse_aws::sdk::for_emulator;
use pulse_core::{
    delivery::SignatureScheme,
    ports::{EndpointKeys as _, EndpointKeysError},
};
use pulse_endpoints::SecretsManagerKeys;
use pulse_providers::secrets_client;
use pulse_tests::providers::aws_server::{AwsAnswer, AwsServer};
use serde_json::{Value, json};

const SECRET: &str = "pulse/endpoints/crm";
const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn server() -> (AwsServer, SecretsManagerKeys) {
    let server = AwsServer::start().await.unwrap();
    let aws = for_emulator(server.url()).to_builder().retry_config(RetryConfig::disabled()).build();
    let keys = SecretsManagerKeys::of_stack(secrets_client(&aws), "pulse", Box::new(|| Ok([7; 32])));
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
