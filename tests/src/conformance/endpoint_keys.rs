//! The suite of [`EndpointKeys`].
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use pulse_core::{
    delivery::SignatureScheme::{Ed25519, HmacSha256},
    ports::{EndpointKeys, EndpointKeysError, KeysSeen},
    secret_store::SecretStore,
};

const STORES: [SecretStore; 2] = [SecretStore::SecretsManager, SecretStore::ParameterStore];

fn secrets(keys: &impl EndpointKeys) -> [String; 2] {
    STORES.map(|store| format!("{}crm", keys.folder(store)))
}

pub async fn a_secret_s_folder_tells_its_store(keys: &impl EndpointKeys) {
    for store in STORES {
        assert_eq!(SecretStore::of(keys.folder(store)), store);
    }
    let [secret, parameter] = secrets(keys);
    let of_secret = keys.make(&secret, HmacSha256).await.unwrap();
    assert_eq!(keys.look(&parameter).await, Err(EndpointKeysError::Missing(parameter.clone())));
    keys.make(&parameter, Ed25519).await.unwrap();
    assert_eq!(keys.look(&secret).await, Ok(of_secret));
}

pub async fn a_new_key_is_seen_by_its_scheme_and_public_half_alone(keys: &impl EndpointKeys) {
    for secret in secrets(keys) {
        let shared = keys.make(&secret, HmacSha256).await.unwrap();
        assert_eq!(shared, KeysSeen { scheme: HmacSha256, public_keys: vec![], is_rotating: false });
        let other = format!("{secret}-warehouse");
        let pair = keys.make(&other, Ed25519).await.unwrap();
        assert_eq!((pair.scheme, pair.public_keys.len(), pair.is_rotating), (Ed25519, 1, false));
        assert!(pair.public_keys[0].starts_with("whpk_"), "{pair:?}");
        assert_eq!(keys.look(&other).await, Ok(pair));
    }
}

pub async fn a_name_that_is_taken_is_not_written_over(keys: &impl EndpointKeys) {
    for secret in secrets(keys) {
        let before = keys.make(&secret, Ed25519).await.unwrap();
        assert_eq!(keys.make(&secret, HmacSha256).await, Err(EndpointKeysError::Exists(secret.clone())));
        assert_eq!(keys.look(&secret).await, Ok(before));
    }
}

pub async fn a_key_is_exchanged_for_another_in_two_steps(keys: &impl EndpointKeys) {
    for secret in secrets(keys) {
        let first = keys.make(&secret, Ed25519).await.unwrap().public_keys;
        let both = keys.rotate(&secret).await.unwrap();
        assert_eq!((both.scheme, both.public_keys.len(), both.is_rotating), (Ed25519, 2, true));
        assert_eq!(both.public_keys[1..], first[..]);
        assert_eq!(keys.rotate(&secret).await, Err(EndpointKeysError::Rotating(secret.clone())));
        assert_eq!(keys.look(&secret).await, Ok(both.clone()));
        let finished = keys.finish(&secret).await.unwrap();
        assert_eq!((&finished.public_keys[..], finished.is_rotating), (&both.public_keys[..1], false));
        assert_eq!(keys.finish(&secret).await, Err(EndpointKeysError::NotRotating(secret.clone())));
        assert!(keys.rotate(&secret).await.unwrap().is_rotating, "again, from the newest");
    }
}

pub async fn a_secret_that_is_not_there_is_named(keys: &impl EndpointKeys) {
    for secret in secrets(keys) {
        let missing = || Err(EndpointKeysError::Missing(secret.clone()));
        assert_eq!(keys.look(&secret).await, missing());
        assert_eq!(keys.rotate(&secret).await, missing());
        assert_eq!(keys.finish(&secret).await, missing());
    }
}

pub async fn of_two_who_rotate_at_once_one_does(keys: &impl EndpointKeys) {
    let [secret, _] = secrets(keys);
    rotated_at_once(keys, &secret).await;
}

pub async fn of_two_who_rotate_a_parameter_at_once_one_does(keys: &impl EndpointKeys) {
    let [_, parameter] = secrets(keys);
    rotated_at_once(keys, &parameter).await;
}

async fn rotated_at_once(keys: &impl EndpointKeys, secret: &str) {
    keys.make(secret, Ed25519).await.unwrap();
    let (one, other) = futures::join!(keys.rotate(secret), keys.rotate(secret));
    let (done, refused) = if one.is_ok() { (one, other) } else { (other, one) };
    let refused = refused.unwrap_err();
    assert!(matches!(refused, EndpointKeysError::ChangedMeanwhile(_) | EndpointKeysError::Rotating(_)), "{refused}");
    assert_eq!(keys.look(secret).await, done);
}
